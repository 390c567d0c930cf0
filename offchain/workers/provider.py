"""The provider: opens epochs, posts the price that is best and proved, trains what was bought, delivers."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from offchain.canonical import to_canonical_json
from offchain.chain.market import WAD, ComputeMarketClient, EpochSpec, Purchase
from offchain.chain.phase import EpochPhase, PurchaseStatus
from offchain.chain.transactions import Sender
from offchain.cid import Cid
from offchain.compute.errors import JobFailure, JobRefused, JobSpecInvalid
from offchain.compute.executor import JobExecutor
from offchain.compute.spec import MAX_DOCUMENT_BYTES, MAX_ROWS_BYTES, JobSpec
from offchain.compute.work import Kind, Work
from offchain.storage import StorageAway, StorageError
from offchain.workers.epochs import Epochs
from offchain.workers.errors import OVERTAKEN
from offchain.workers.funds import make_available
from offchain.workers.home import Home
from offchain.workers.jobs import Jobs
from offchain.workers.missed import missed_by_provider, tell
from offchain.workers.moves import Moves
from offchain.workers.pricing import provable_price
from offchain.workers.saying import Sparingly

log = logging.getLogger(__name__)

JobKey: TypeAlias = tuple[int, int, bytes]

MAX_OPEN = 16  # orders at a time, for each keeps its rows in memory, and what trains them its own
MAX_ASKED = 3  # blobs, to learn whether a storage answers


class Move(Enum):
    """What a provider does next for one of its epochs."""

    WAIT = "wait"
    PRICE = "post the best price"
    SERVE = "train and deliver"
    SETTLE = "settle what is over"
    DONE = "done"


MOVES = Moves({
    # phase                 to do
    (EpochPhase.DECLARE,    False): Move.WAIT,
    (EpochPhase.PRICE,      False): Move.WAIT,    # nobody has declared
    (EpochPhase.PRICE,      True):  Move.PRICE,
    (EpochPhase.BUY,        False): Move.WAIT,
    (EpochPhase.BUY,        True):  Move.SERVE,   # a purchase has no result yet
    (EpochPhase.LEFTOVER,   False): Move.WAIT,
    (EpochPhase.LEFTOVER,   True):  Move.SERVE,
    (EpochPhase.DELIVER,    False): Move.WAIT,
    (EpochPhase.DELIVER,    True):  Move.SERVE,
    (EpochPhase.ACCEPT,     False): Move.WAIT,
    (EpochPhase.ACCEPT,     True):  Move.SETTLE,  # refunds are due, or the bond of unsold units is free
    (EpochPhase.OVER,       False): Move.DONE,
    (EpochPhase.OVER,       True):  Move.SETTLE,  # payments are due
    (EpochPhase.UNPRICED,   False): Move.DONE,
    (EpochPhase.UNPRICED,   True):  Move.SETTLE,  # the bond is free
})  # fmt: skip


def decide(phase: EpochPhase, *, to_do: bool) -> Move:
    """The next move for an epoch in `phase`, where what that phase is for is to do, or is not."""
    return MOVES[phase, to_do]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a provider offers: the first epoch, and what is added to the unsold units for each later one.

    epochs : how many to open; None for no end
    """

    first: EpochSpec
    replenishment: int
    epochs: int | None


class Provider:
    """One account's epochs."""

    def __init__(self, sender: Sender, home: Home, plan: Plan, executor: JobExecutor) -> None:
        self.address = sender.address
        self.market = ComputeMarketClient(sender.connection, sender)
        self._epochs = Epochs(sender.connection)
        self._sender, self._home, self._plan = sender, home, plan
        self._jobs = Jobs(home, executor)
        self._orders: dict[JobKey, Work] = {}
        self._read: Cid | None = None  # what the storage gave last
        self._sparingly = Sparingly()
        self.failed: dict[JobKey, JobFailure] = {}
        self._is_sold_out = False

    def epochs(self) -> list[int]:
        """The ids of this account's epochs, after opening the next one where it is time."""
        own = self._epochs.of(self.address)
        if self._plan.epochs is None or len(own) < self._plan.epochs:
            try:
                own += self._open_next(own)
            except Exception as error:
                if not own:
                    raise
                # What is sold must be delivered, whatever keeps the next epoch from opening.
                self._sparingly.say(logging.WARNING, f"no new epoch: {error}")
        return own

    def opens_no_more(self, own: Sequence[int]) -> bool:
        """Whether these are all epochs of the plan, or nothing is left for another and nothing will be added."""
        return self._is_sold_out or (self._plan.epochs is not None and len(own) >= self._plan.epochs)

    def step(self, epoch_id: int) -> Move:
        """Make the next move for an epoch, if there is one, and tell which."""
        phase = self.market.phase_of(epoch_id)
        move = decide(phase, to_do=self._has_to_do(epoch_id, phase))
        if move is not Move.SERVE:
            self._give_up(epoch_id)
        try:
            match move:
                case Move.PRICE:
                    self._price(epoch_id)
                case Move.SERVE:
                    self._serve_all(epoch_id, is_last_call=phase == EpochPhase.DELIVER)
                case Move.SETTLE:
                    self._settle(epoch_id, phase)
        except OVERTAKEN as error:
            log.info("epoch %d: it has moved on (%s)", epoch_id, error)
        return move

    def _open_next(self, own: list[int]) -> Iterator[int]:
        """Open an epoch once nothing more is sold in the last one, with what that has left.

        Where nobody has declared while that could be done, there is no price, and nothing is sold.
        """
        spec, stock = self._plan.first, ""
        if own:
            phase, last = self.market.phase_of(own[-1]), self.market.epoch(own[-1])
            is_vain = phase == EpochPhase.PRICE and last.consumer_count == 0
            if phase < EpochPhase.DELIVER and not is_vain:
                return
            left = last.units_left
            spec = replace(spec, capacity=left + self._plan.replenishment)
            stock = f", {left / WAD:.4f} of them left of epoch {own[-1]}"
        self._is_sold_out = spec.capacity == 0
        if self._is_sold_out:
            self._sparingly.say(logging.INFO, "nothing is left to sell")
            return
        make_available(self._sender, spec.bond, self.market.address)
        epoch_id = self.market.open(spec)
        log.info("epoch %d: opened with %.4f units%s", epoch_id, spec.capacity / WAD, stock)
        yield epoch_id

    def _has_to_do(self, epoch_id: int, phase: EpochPhase) -> bool:
        match phase:
            case EpochPhase.PRICE:
                return self.market.epoch(epoch_id).consumer_count > 0
            case EpochPhase.BUY | EpochPhase.LEFTOVER | EpochPhase.DELIVER:
                return bool(self._unanswered(epoch_id))
            case EpochPhase.ACCEPT | EpochPhase.OVER | EpochPhase.UNPRICED:
                return self.market.epoch(epoch_id).free_bond > 0 or bool(self._due(epoch_id, phase))
        return False

    def _unanswered(self, epoch_id: int) -> list[Purchase]:
        """The purchases that have no result yet, but for those whose job has failed."""
        return [
            purchase
            for purchase in self.market.purchases(epoch_id)
            if purchase.status == PurchaseStatus.BOUGHT and _key_of(purchase) not in self.failed
        ]

    def _due(self, epoch_id: int, phase: EpochPhase) -> list[Purchase]:
        """The purchases that can be ended: from ACCEPT on those without a result, from OVER on all."""
        ended = {PurchaseStatus.BOUGHT}
        if phase == EpochPhase.OVER:
            ended.add(PurchaseStatus.DELIVERED)
        return [purchase for purchase in self.market.purchases(epoch_id) if purchase.status in ended]

    def _price(self, epoch_id: int) -> None:
        """Post the best price, or continue the proof of what is posted."""
        epoch = self.market.epoch(epoch_id)
        walk = self.market.walk_of(epoch_id)
        price = walk.price or provable_price(epoch, self.market.declarations(epoch_id))
        receipts = self.market.prove_price(epoch_id, price)
        log.info("epoch %d: price %.6f, proved in %d transaction(s)", epoch_id, price / WAD, len(receipts))

    def _give_up(self, epoch_id: int) -> None:
        """Keep no order of an epoch in which none is to be answered any more."""
        for key in [key for key in self._orders if key[0] == epoch_id]:
            self._jobs.forget(self._orders.pop(key))

    def _serve_all(self, epoch_id: int, *, is_last_call: bool) -> None:
        """Go on with every purchase, whatever keeps from another; raises the first error after that.

        Those whose jobs are under way come first: a storage that does not give one blob may take its time.
        """
        errors: list[Exception] = []
        hidden: list[tuple[Purchase, StorageAway]] = []
        unanswered = self._unanswered(epoch_id)
        for purchase in sorted(unanswered, key=lambda each: _key_of(each) not in self._orders):
            try:
                self._serve(purchase, is_last_call=is_last_call)
            except StorageAway as error:
                hidden.append((purchase, error))
                errors.append(error)
            except Exception as error:
                errors.append(error)
        if hidden and is_last_call and self._storage_answers(epoch_id):
            for purchase, away in hidden:
                errors.remove(away)
                self._refuse(purchase, f"the job spec or its rows cannot be had: {away}")
        if errors:
            raise errors[0]

    def _serve(self, purchase: Purchase, *, is_last_call: bool) -> None:
        key = _key_of(purchase)
        if key not in self._orders:
            if len(self._orders) >= MAX_OPEN:
                return
            try:
                self._orders[key] = self._open(purchase)
            except StorageAway:
                raise  # no fault of the order's, as far as this can tell
            except JobSpecInvalid as error:
                self._refuse(purchase, str(error))
                return
            except StorageError as error:
                # Where there is nothing, or something else, the right bytes may still come.
                if is_last_call:
                    self._refuse(purchase, f"the job spec or its rows cannot be had: {error}")
                else:
                    self._sparingly.say(logging.INFO, f"{_name(purchase)}: {error}")
                return
        if self._answer(purchase, self._orders[key]):
            self._jobs.forget(self._orders.pop(key))  # only now: a delivery that fails is tried again

    def _storage_answers(self, epoch_id: int) -> bool:
        """Whether a storage that does not give an order's blob is well otherwise: it answers about another one.

        Who orders may be the only one who can read its blob, and would gain the bond. A gateway may never tell that
        nothing is there: so it is asked for what was read before, and for what was ordered and is answered.
        """
        known = [] if self._read is None else [self._read]
        for each in self.market.purchases(epoch_id):
            if each.status in (PurchaseStatus.DELIVERED, PurchaseStatus.PAID):
                known.append(Cid.on_chain(each.job_hash, MAX_DOCUMENT_BYTES))
        nobodys = Cid.of(secrets.token_bytes(32))
        return any(self._answers(name) for name in [*known[:MAX_ASKED], nobodys])

    def _answers(self, name: Cid) -> bool:
        try:
            self._home.blobs.get(name, MAX_DOCUMENT_BYTES)
        except StorageAway:
            return False
        except StorageError:
            pass
        return True

    def _open(self, purchase: Purchase) -> Work:
        name = Cid.on_chain(purchase.job_hash, MAX_DOCUMENT_BYTES)
        data = self._home.blobs.get(name, MAX_DOCUMENT_BYTES)
        self._read = name
        spec = JobSpec.from_bytes(data)
        if spec.iterations * WAD > purchase.units:
            raise JobSpecInvalid(f"{spec.iterations} iterations for {purchase.units / WAD:g} units")
        rows = self._home.blobs.get(Cid.parse(spec.rows), MAX_ROWS_BYTES)
        log.info("%s: %d iterations of %s", _name(purchase), spec.iterations, spec.estimator)
        return Work(Kind.JOB, data, rows)

    def _answer(self, purchase: Purchase, order: Work) -> bool:
        """Deliver what the order came to, once that is there; tells whether it is."""
        try:
            trained = self._jobs.answer(order, _name(purchase))
        except JobRefused as failure:
            self._refuse(purchase, str(failure))
            return True
        except JobFailure as failure:
            # Not delivered, so the contract refunds it; the bond's share is the price of the failure.
            self.failed[_key_of(purchase)] = failure
            log.warning("%s will be refunded: %s", _name(purchase), failure)
            return True
        if trained is None:
            return False
        self._home.blobs.put(trained.model)
        result_hash = self._home.blobs.put(trained.result).digest
        self.market.deliver(purchase.epoch_id, purchase.purchase_id, result_hash)
        log.info("%s: delivered", _name(purchase))
        return True

    def _refuse(self, purchase: Purchase, reason: str) -> None:
        """Deliver why there is no model, where the order is at fault: else who orders nonsense gains the bond."""
        log.warning("%s: refused: %s", _name(purchase), reason)
        refusal = to_canonical_json({"refused": reason[:1000], "spec": purchase.job_hash.hex()})
        self.market.deliver(purchase.epoch_id, purchase.purchase_id, self._home.blobs.put(refusal).digest)

    def _settle(self, epoch_id: int, phase: EpochPhase) -> None:
        for purchase in self._due(epoch_id, phase):
            self.market.settle(epoch_id, purchase.purchase_id)
            if purchase.status == PurchaseStatus.BOUGHT:
                tell(f"epoch {epoch_id}", missed_by_provider(self.market.epoch(epoch_id), purchase))
        epoch = self.market.epoch(epoch_id)
        if phase == EpochPhase.UNPRICED:
            why = "no price was posted in time" if epoch.consumer_count else "nobody declared"
            log.info("epoch %d: it ended without a price: %s", epoch_id, why)
        if epoch.free_bond > 0:
            self.market.release_bond(epoch_id)


def _key_of(purchase: Purchase) -> JobKey:
    """The job of a purchase: after a reorganisation its number may stand for another's."""
    return purchase.epoch_id, purchase.purchase_id, purchase.job_hash


def _name(purchase: Purchase) -> str:
    return f"purchase {purchase.purchase_id} of epoch {purchase.epoch_id}"
