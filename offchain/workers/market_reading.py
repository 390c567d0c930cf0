"""What people want to know of an epoch of the compute market."""

from dataclasses import asdict, dataclass
from typing import Any

from offchain.chain.connection import Connection
from offchain.chain.errors import UnknownEpoch
from offchain.chain.market import ComputeMarketClient, Declaration, Epoch, Purchase
from offchain.chain.phase import EpochPhase
from offchain.index.queries import Index, all_of
from offchain.workers.plain import plain


@dataclass(frozen=True, slots=True)
class Follower:
    """A declared consumer and what it wants at the accepted price."""

    declaration: Declaration
    best_response: int | None  # where there is a price
    locked: int


@dataclass(frozen=True, slots=True)
class EpochReport:
    """An epoch and how it stands."""

    epoch: Epoch
    phase: EpochPhase
    seconds_left: int | None  # to the end of the phase, where a deadline ends it
    followers: list[Follower]
    purchases: list[Purchase]

    @property
    def demand(self) -> int | None:
        """What all declared consumers want at the price, if there is one."""
        wanted = [follower.best_response for follower in self.followers]
        return sum(units or 0 for units in wanted) if self.epoch.price else None

    @property
    def is_scarce(self) -> bool:
        """Whether somebody cannot get what it wants."""
        return (self.demand or 0) > self.epoch.capacity

    def as_json(self) -> dict[str, Any]:
        """The report for a script to read."""
        consumers = [
            {
                **asdict(follower.declaration),
                "utility": follower.declaration.utility.name,
                "best_response": follower.best_response,
                "locked": follower.locked,
            }
            for follower in self.followers
        ]
        purchases = [{**asdict(purchase), "status": purchase.status.name} for purchase in self.purchases]
        return plain(
            {
                **asdict(self.epoch),
                "phase": self.phase.name,
                "seconds_left": self.seconds_left,
                "demand": self.demand,
                "scarce": self.is_scarce,
                "consumers": [plain(consumer) for consumer in consumers],
                "purchases": [plain(purchase) for purchase in purchases],
            }
        )


def epoch_report(connection: Connection, index: Index, epoch_id: int) -> EpochReport:
    """Everything about an epoch; raises UnknownEpoch. What consumers want at the price, the contract computes."""
    found, status = index.epoch(epoch_id), index.status()
    if found is None or status is None:
        raise UnknownEpoch(epochId=epoch_id)
    market, price = ComputeMarketClient(connection), found.epoch.price
    followers = [
        Follower(
            each.declaration,
            market.best_response(epoch_id, each.declaration.index, price) if price else None,
            each.locked,
        )
        for each in all_of(index.declarations, lambda each: each.declaration.index, epoch_id)
    ]
    purchases = [
        each.purchase for each in all_of(index.purchases, lambda each: each.purchase.purchase_id, epoch_id)
    ]
    ends_at = found.phase_ends_at(status.timestamp)
    left = None if ends_at is None else max(0, ends_at - status.timestamp)
    return EpochReport(found.epoch, found.phase(status.timestamp), left, followers, purchases)
