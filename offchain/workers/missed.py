"""What a worker says of a deadline that it missed, and what that cost, in token units."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from offchain import metrics
from offchain.chain.market import Epoch, Purchase, cost_of
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.chain.registry import Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Missed:
    """What was missed, and what that costs for sure; a chance that is gone is in the words alone."""

    words: str
    cost: int


def tell(about: str, missed: Missed | None) -> None:
    """Log and count what was missed, if anything was, in a task or an epoch."""
    if missed is None:
        return
    log.error("%s: %s", about, missed.words)
    metrics.MISSED.inc()
    metrics.MISSED_COST.inc(missed.cost)


def missed_by_miner(
    task: Task, phase: Phase, *, has_model: bool, committed: bool, revealed: bool
) -> Missed | None:
    """What a miner missed in a task that has nothing more to do for it; None where nothing."""
    chance = f"the chance of the reward of {task.reward:,}"
    if committed and not revealed and phase in (Phase.SETTLE, Phase.SETTLED):
        return Missed(
            f"the model was not revealed before {utc(task.reveal_ends_at)}:"
            f" this costs the bond of {task.miner_bond:,} and {chance}",
            task.miner_bond,
        )
    if has_model and not committed:
        return Missed(
            f"there is a model, but it was not committed to before {utc(task.commit_ends_at)}:"
            f" this costs {chance}, and no bond",
            0,
        )
    return None


def missed_by_data_node(task: Task, phase: Phase, commitments: int) -> Missed | None:
    """What a data node missed in a task that is or can be aborted; None where nothing."""
    if phase not in (Phase.ABORT, Phase.ABORTED) or commitments == 0:
        return None
    due = utc(task.commit_ends_at + task.disclose_seconds)
    return Missed(
        f"the test rows were not disclosed before {due}: this costs the bond of {task.data_node_bond:,},"
        f" which goes to the {commitments} that committed; the reward of {task.reward:,} comes back",
        task.data_node_bond,
    )


def missed_by_provider(epoch: Epoch, purchase: Purchase) -> Missed:
    """What it costs a provider that a purchase was not delivered: its price, and its units' share of the bond."""
    share, payment = epoch.bond * purchase.units // epoch.capacity, cost_of(epoch.price, purchase.units)
    return Missed(
        f"purchase {purchase.purchase_id} was not delivered: this costs its payment of {payment:,}, which goes back"
        f" to the consumer, and {share:,} of the bond",
        payment + share,
    )


def missed_order(
    task: Task, epoch: Epoch, phase: EpochPhase, *, declared: bool, lock: int = 0
) -> Missed | None:
    """What a consumer missed that ends an order without a purchase; None where the provider did.

    lock : what was locked when it was declared, and comes back
    """
    chance = f"the chance to compete for the reward of {task.reward:,} with what this epoch sells"
    if not declared:
        due = utc(epoch.declare_ends_at)
        return Missed(f"nothing was declared before {due}: this costs {chance}, and no money", 0)
    if phase in (EpochPhase.BUY, EpochPhase.UNPRICED):
        return None
    return Missed(
        f"nothing was bought while the declaration had its place: this costs {chance}; the lock of {lock:,} comes back",
        0,
    )


def missed_acceptance(epoch: Epoch, phase: EpochPhase, purchase: Purchase) -> Missed | None:
    """What a consumer missed that looks at a delivery when its time to do so is over; None where it is not."""
    if phase != EpochPhase.OVER or purchase.status not in (PurchaseStatus.DELIVERED, PurchaseStatus.PAID):
        return None
    return Missed(
        f"purchase {purchase.purchase_id} was not accepted in its time: its payment of"
        f" {cost_of(epoch.price, purchase.units):,} goes to the provider, as it would have, and nothing more",
        0,
    )


def missed_use(task: Task, phase: Phase, payment: int, *, committed: bool) -> Missed | None:
    """What a consumer missed that has paid for a model and did not commit to it; None where it did, or still can."""
    if committed or phase <= Phase.COMMIT:
        return None
    return Missed(
        f"the model that was bought for {payment:,} was not committed to before {utc(task.commit_ends_at)}: this costs"
        f" what was paid and the chance of the reward of {task.reward:,}, and no bond",
        payment,
    )


def utc(timestamp: int) -> str:
    """A block's time as messages have it."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
