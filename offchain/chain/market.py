"""The compute market: epochs, declared utilities, the proved price, purchases."""

from dataclasses import dataclass
from enum import IntEnum

from web3.types import BlockIdentifier, TxReceipt

from offchain.chain.client import Client
from offchain.chain.errors import EndpointFaulty
from offchain.chain.phase import EpochPhase, PurchaseStatus

WAD = 10**18
LARGEST_DECLARED = 2**85 - 1
# More points than any walk within the bounds of a deployment has.
ALL_POINTS = 2**32
# What `points_per_transaction` plans with: a little more than `benchmarks.market` measures.
WALK_GAS, LOAD_GAS, POINT_GAS = 14_000_000, 5_000, 130


class Utility(IntEnum):
    """The form of a consumer's utility, as the contract numbers it."""

    LOG = 0
    QUADRATIC = 1


@dataclass(frozen=True, slots=True)
class EpochSpec:
    """What a provider offers, in the order of the Solidity struct; all but seconds and consumers WAD."""

    capacity: int
    unit_cost: int
    price_floor: int
    price_cap: int
    bond: int
    tolerance_wad: int
    max_consumers: int
    declare_seconds: int
    price_seconds: int
    buy_seconds: int
    leftover_seconds: int
    deliver_seconds: int
    accept_seconds: int

    def as_tuple(self) -> tuple[int, ...]:
        """The values as the ABI takes them."""
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch as it is stored; see IComputeMarket.Epoch."""

    epoch_id: int
    price_floor: int
    price_cap: int
    declare_ends_at: int
    consumer_count: int
    max_consumers: int
    provider: str
    unit_cost: int
    capacity: int
    bond: int
    tolerance_wad: int
    price_seconds: int
    buy_seconds: int
    leftover_seconds: int
    deliver_seconds: int
    accept_seconds: int
    free_bond: int
    price: int
    sold_units: int
    priced_at: int
    purchase_count: int

    @property
    def units_left(self) -> int:
        """Units of the capacity that are not sold."""
        return self.capacity - self.sold_units

    @property
    def deliver_ends_at(self) -> int:
        """When the last delivery is due; sooner where the price comes before it has to."""
        selling = self.price_seconds + self.buy_seconds + self.leftover_seconds
        return self.declare_ends_at + selling + self.deliver_seconds


@dataclass(frozen=True, slots=True)
class Declaration:
    """A consumer's declared utility; `shape` is an efficiency or a slope."""

    epoch_id: int
    index: int
    value: int
    shape: int
    utility: Utility
    closed: bool
    consumer: str
    limit: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase; `result_hash` is zeros before the delivery."""

    epoch_id: int
    purchase_id: int
    consumer: str
    units: int
    status: PurchaseStatus
    job_hash: bytes
    result_hash: bytes


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a posted price is proved; price 0 where none is on its way."""

    price: int
    point: int


def cost_of(price: int, units: int) -> int:
    """What units cost, rounded down: the twin of the contract's."""
    return price * units // WAD


def points_per_transaction(consumers: int) -> int:
    """How many points of a cover over so many consumers one transaction can walk."""
    return max(1, (WALK_GAS // max(consumers, 1) - LOAD_GAS) // POINT_GAS)


class ComputeMarketClient(Client):
    """The only module that knows this contract's function names."""

    name = "market"

    def epoch_count(self) -> int:
        """How many epochs were opened; ids count from 1."""
        return self._count(self._contract.functions.epochCount(), self.epoch)

    def epoch(self, epoch_id: int) -> Epoch:
        """Everything about an epoch; raises UnknownEpoch."""
        return Epoch(epoch_id, *self._read(self._contract.functions.epoch(epoch_id)))

    def phase_of(self, epoch_id: int) -> EpochPhase:
        """Where an epoch stands now."""
        return self._read_as(EpochPhase, self._contract.functions.phaseOf(epoch_id))

    def phase_ends_at(self, epoch_id: int) -> int | None:
        """The timestamp at which the epoch's phase ends, if it does."""
        return int(self._read(self._contract.functions.phaseEndsAt(epoch_id))) or None

    def walk_of(self, epoch_id: int) -> Walk:
        """How far a posted price is proved."""
        return Walk(*self._read(self._contract.functions.walkOf(epoch_id)))

    def declarations(self, epoch_id: int, block: BlockIdentifier = "latest") -> list[Declaration]:
        """All declarations of an epoch, in their order; raises UnknownEpoch."""

        def declarations(told: list[tuple[int, int, int, bool, str, int]]) -> list[Declaration]:
            return [
                Declaration(epoch_id, index, value, shape, Utility(utility), closed, consumer, limit)
                for index, (value, shape, utility, closed, consumer, limit) in enumerate(told)
            ]

        return self._read_as(declarations, self._contract.functions.declarations(epoch_id), block)

    def best_response(self, epoch_id: int, index: int, price: int) -> int:
        """The units that a declaration wants at a price; raises UnknownDeclaration."""
        return int(self._read(self._contract.functions.bestResponse(epoch_id, index, price)))

    def lock_of(self, epoch_id: int, index: int, block: BlockIdentifier = "latest") -> int:
        """What a declaration locks while it is not closed; raises UnknownDeclaration."""
        return self._read_as(int, self._contract.functions.lockOf(epoch_id, index), block)

    def purchase(self, epoch_id: int, purchase_id: int) -> Purchase:
        """One purchase; ids count from 1 in each epoch."""

        def purchase(told: tuple[str, int, int, bytes, bytes]) -> Purchase:
            consumer, units, status, job_hash, result_hash = told
            hashes = bytes(job_hash), bytes(result_hash)
            return Purchase(epoch_id, purchase_id, consumer, units, PurchaseStatus(status), *hashes)

        return self._read_as(purchase, self._contract.functions.purchase(epoch_id, purchase_id))

    def purchases(self, epoch_id: int) -> list[Purchase]:
        """All purchases of an epoch, in their order."""
        count = self.epoch(epoch_id).purchase_count
        return [self.purchase(epoch_id, purchase_id) for purchase_id in range(1, count + 1)]

    def open(self, spec: EpochSpec) -> int:
        """Open an epoch and give its id; raises BalanceTooLow and what else the spec does not keep to."""
        receipt = self._write(self._contract.functions.open(spec.as_tuple()))
        return int(self._told(receipt, self._contract.events.EpochOpened())["epochId"])

    def declare(self, epoch_id: int, utility: Utility, value: int, shape: int, limit: int) -> int:
        """Declare a utility and give the declaration's index; raises EpochFull, LockTooLow, BalanceTooLow."""
        functions = self._contract.functions
        function = functions.declareLog if utility is Utility.LOG else functions.declareQuadratic
        self._write(function(epoch_id, value, shape, limit))
        own = (utility, value, shape, limit, self.sender and self.sender.address)
        indices = [
            found.index
            for found in self.declarations(epoch_id)
            if (found.utility, found.value, found.shape, found.limit, found.consumer) == own
        ]
        if not indices:
            raise EndpointFaulty(f"epoch {epoch_id} without what was just declared in it")
        return max(indices)

    def post_price(self, epoch_id: int, price: int, max_points: int = ALL_POINTS) -> TxReceipt:
        """Post a price and walk its cover; raises PriceRefuted, PriceUndecided, TransactionTooLarge."""
        return self._write(self._contract.functions.postPrice(epoch_id, price, max_points))

    def continue_walk(self, epoch_id: int, max_points: int = ALL_POINTS) -> TxReceipt:
        """Continue the walk of the posted price; raises PriceMissing and what `post_price` does."""
        return self._write(self._contract.functions.continueWalk(epoch_id, max_points))

    def prove_price(self, epoch_id: int, price: int) -> list[TxReceipt]:
        """Post a price and walk its whole cover, in as many transactions as that takes; raises PriceRefuted.

        A walk of that price that is on its way goes on from its point: nobody declares any more, so what is proved
        stays proved, and to post again would begin at the floor.
        """
        points = points_per_transaction(self.epoch(epoch_id).consumer_count)
        receipts: list[TxReceipt] = []
        if self.walk_of(epoch_id).price != price:
            receipts.append(self.post_price(epoch_id, price, points))
        while not self.phase_of(epoch_id).has_price:
            receipts.append(self.continue_walk(epoch_id, points))
        return receipts

    def buy(self, epoch_id: int, index: int, units: int, job_hash: bytes) -> int:
        """Buy a declaration's best response or less, and give the purchase's id.

        Raises DemandExceeded, SoldOut, CapacityExceeded, DeclarationClosed, WrongEpochPhase.
        """
        return self._bought(self._write(self._contract.functions.buy(epoch_id, index, units, job_hash)))

    def buy_leftover(self, epoch_id: int, units: int, job_hash: bytes) -> int:
        """Buy of what is left, and give the purchase's id; raises SoldOut, CapacityExceeded, BalanceTooLow."""
        return self._bought(self._write(self._contract.functions.buyLeftover(epoch_id, units, job_hash)))

    def return_lock(self, epoch_id: int, index: int) -> TxReceipt:
        """Give back the lock of a declaration that bought nothing; raises DeclarationClosed, NotConsumer."""
        return self._write(self._contract.functions.returnLock(epoch_id, index))

    def deliver(self, epoch_id: int, purchase_id: int, result_hash: bytes) -> TxReceipt:
        """Deliver a result; raises NotProvider, WrongPurchaseStatus, WrongEpochPhase."""
        return self._write(self._contract.functions.deliver(epoch_id, purchase_id, result_hash))

    def accept(self, epoch_id: int, purchase_id: int) -> TxReceipt:
        """Pay a delivered purchase before its time; raises NotBuyer, WrongPurchaseStatus."""
        return self._write(self._contract.functions.accept(epoch_id, purchase_id))

    def settle(self, epoch_id: int, purchase_id: int) -> TxReceipt:
        """Pay or refund a purchase whose time is up; raises WrongEpochPhase, WrongPurchaseStatus."""
        return self._write(self._contract.functions.settle(epoch_id, purchase_id))

    def release_bond(self, epoch_id: int) -> TxReceipt:
        """Give the provider its bond for unsold units; raises WrongEpochPhase, NothingToRelease."""
        return self._write(self._contract.functions.releaseBond(epoch_id))

    def _bought(self, receipt: TxReceipt) -> int:
        return int(self._told(receipt, self._contract.events.UnitsBought())["purchaseId"])
