"""The consumer: buys compute where that is worth its price, and mines with what it bought.

Its role in an epoch follows from the resources it holds and from the task: to **train** is to spend units on a
candidate, to **mine** is to commit or reveal the candidate for the task's block, and else it waits.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import TypeAlias

from offchain.chain.market import (
    LARGEST_DECLARED,
    WAD,
    ComputeMarketClient,
    Declaration,
    Epoch,
    Purchase,
    Utility,
    cost_of,
)
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.chain.registry import Task
from offchain.chain.transactions import Sender
from offchain.cid import Cid
from offchain.compute.checking import check_delivery
from offchain.compute.errors import DeliveryRejected, JobFailure, JobSpecInvalid
from offchain.compute.executor import JobExecutor
from offchain.compute.recipes import RECIPES
from offchain.compute.rows import JobRows, keep_back
from offchain.compute.spec import MAX_DOCUMENT_BYTES, JobResult, JobSpec, PilotResult
from offchain.compute.work import Kind, Work
from offchain.economics.curve import LearningCurve
from offchain.economics.wad import to_wad
from offchain.learning.limits import MAX_MODEL_BYTES
from offchain.storage import BlobCorrupt, BlobMissing, BlobTooLarge, StorageAway, StorageError
from offchain.workers.epochs import Epochs
from offchain.workers.errors import OVERTAKEN, RevealTooLarge, TrainingRowsMissing
from offchain.workers.funds import make_available
from offchain.workers.home import Home, Order
from offchain.workers.jobs import Jobs
from offchain.workers.miner import Miner
from offchain.workers.miner import Move as MinerMove
from offchain.workers.missed import missed_acceptance, missed_order, missed_use, tell, utc
from offchain.workers.moves import Moves
from offchain.workers.pricing import most_cost
from offchain.workers.saying import Sparingly
from offchain.workers.task_rows import open_task_rows

log = logging.getLogger(__name__)

MAX_PILOTS = 4  # at a time, for each keeps its task's rows in memory
LOOKS_AT_PAID = 8  # before a model that was paid and is not there is given up, and another may be bought

_MARKS = 10**6

TaskKey: TypeAlias = tuple[int, bytes]


class Role(Enum):
    """What a consumer is in an epoch."""

    TRAIN = "train"
    MINE = "mine"
    WAIT = "wait"


class Units(Enum):
    """The resources of a consumer for a task."""

    NONE = "none, and none to be had in time"
    ON_SALE = "none yet, but an epoch takes declarations and delivers in time"
    HELD = "declared for, bought, or delivered and not looked at"


ROLES = {
    # units         candidate committed
    (Units.NONE,    False, False): Role.WAIT,
    (Units.NONE,    True,  False): Role.MINE,
    (Units.NONE,    True,  True):  Role.MINE,
    (Units.ON_SALE, False, False): Role.TRAIN,
    (Units.ON_SALE, True,  False): Role.MINE,   # a task takes one model: the candidate that there is
    (Units.ON_SALE, True,  True):  Role.MINE,
    (Units.HELD,    False, False): Role.TRAIN,
    (Units.HELD,    True,  False): Role.MINE,
    (Units.HELD,    True,  True):  Role.MINE,
}  # fmt: skip


def choose_role(phase: Phase, units: Units, *, has_candidate: bool, committed: bool) -> Role:
    """The role for a task in `phase`.

    has_candidate : a model is on disk, or was when it was committed to
    committed : what the chain says of this consumer as a miner
    """
    if phase == Phase.COMMIT:
        return ROLES[units, has_candidate, committed]
    return Role.MINE if committed and phase != Phase.SETTLED else Role.WAIT


class Standing(Enum):
    """Where a consumer's order stands."""

    WRITTEN = "written down, and not declared"
    DECLARED = "declared, and nothing bought"
    BOUGHT = "bought, and nothing delivered"
    DELIVERED = "delivered, and not looked at"
    CLOSED = "closed"


class Move(Enum):
    """What a consumer does next for one of its orders or tasks."""

    WAIT = "wait"
    ORDER = "run a pilot and declare what compute is worth"
    DECLARE = "declare"
    BUY = "buy the best response"
    RETURN = "take the lock back"
    CHECK = "check what was delivered"
    REFUND = "take the money back"
    CLOSE = "close the order"
    MINE = "mine"
    DONE = "done"


MOVES = Moves({
    # phase                 standing
    (EpochPhase.DECLARE,    Standing.WRITTEN):   Move.DECLARE,
    (EpochPhase.DECLARE,    Standing.DECLARED):  Move.WAIT,
    (EpochPhase.PRICE,      Standing.WRITTEN):   Move.CLOSE,   # too late
    (EpochPhase.PRICE,      Standing.DECLARED):  Move.WAIT,
    (EpochPhase.BUY,        Standing.WRITTEN):   Move.CLOSE,
    (EpochPhase.BUY,        Standing.DECLARED):  Move.BUY,
    (EpochPhase.BUY,        Standing.BOUGHT):    Move.WAIT,
    (EpochPhase.BUY,        Standing.DELIVERED): Move.CHECK,
    (EpochPhase.LEFTOVER,   Standing.WRITTEN):   Move.CLOSE,
    (EpochPhase.LEFTOVER,   Standing.DECLARED):  Move.RETURN,
    (EpochPhase.LEFTOVER,   Standing.BOUGHT):    Move.WAIT,
    (EpochPhase.LEFTOVER,   Standing.DELIVERED): Move.CHECK,
    (EpochPhase.DELIVER,    Standing.WRITTEN):   Move.CLOSE,
    (EpochPhase.DELIVER,    Standing.DECLARED):  Move.RETURN,
    (EpochPhase.DELIVER,    Standing.BOUGHT):    Move.WAIT,
    (EpochPhase.DELIVER,    Standing.DELIVERED): Move.CHECK,
    (EpochPhase.ACCEPT,     Standing.WRITTEN):   Move.CLOSE,
    (EpochPhase.ACCEPT,     Standing.DECLARED):  Move.RETURN,
    (EpochPhase.ACCEPT,     Standing.BOUGHT):    Move.REFUND,
    (EpochPhase.ACCEPT,     Standing.DELIVERED): Move.CHECK,
    (EpochPhase.OVER,       Standing.WRITTEN):   Move.CLOSE,
    (EpochPhase.OVER,       Standing.DECLARED):  Move.RETURN,
    (EpochPhase.OVER,       Standing.BOUGHT):    Move.REFUND,
    (EpochPhase.OVER,       Standing.DELIVERED): Move.CHECK,   # paid for, looked at or not
    (EpochPhase.UNPRICED,   Standing.WRITTEN):   Move.CLOSE,
    (EpochPhase.UNPRICED,   Standing.DECLARED):  Move.RETURN,
})  # fmt: skip


def decide(phase: EpochPhase, standing: Standing) -> Move:
    """The next move for an order that is not closed, in an epoch in `phase`."""
    return MOVES[phase, standing]


class Consumer:
    """One account that competes for tasks with models that others train for it."""

    def __init__(
        self,
        sender: Sender,
        home: Home,
        estimator: str,
        seed: int,
        executor: JobExecutor,
        token_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.address = sender.address
        self.market = ComputeMarketClient(sender.connection, sender)
        self.miner = Miner(sender, home, estimator, seed, executor, token_bytes)
        self._epochs = Epochs(sender.connection)
        self._sender, self._home, self._estimator, self._seed = sender, home, estimator, seed
        self._jobs = Jobs(home, executor)
        self._pilots: dict[TaskKey, Work] = {}
        self._curves: dict[TaskKey, LearningCurve | JobFailure | JobSpecInvalid] = {}
        self._most: dict[TaskKey, int] = {}  # iterations that a job over a task's rows may have
        self._looks: dict[TaskKey, int] = {}
        # Tasks of which is said what was missed: at their end, and by a delivery that was looked at late.
        self._ended: set[int] = set()
        self._late: set[int] = set()
        self._sparingly = Sparingly()

    def tasks(self) -> range:
        """The ids of all tasks."""
        return self.miner.tasks()

    def step(self, task_id: int) -> Move:
        """Make the next move for a task, if there is one, and tell which."""
        task = self.miner.registry.task(task_id)
        phase = self.miner.proof.phase_of(task_id)
        committed = self.miner.proof.commitment_of(task_id, self.address).order != 0
        if phase <= Phase.COMMIT:
            self.miner.follow(task_id)
        else:
            self._end_pilot(_key_of(task))
        has_candidate = committed or self._home.load_model(task) is not None
        try:
            errand = self._run_errand(task)
        except OVERTAKEN as error:
            log.info("task %d: the epoch has moved on (%s)", task_id, error)
            return Move.WAIT
        except Exception:
            # What is committed to must be revealed, whatever keeps from the market.
            if choose_role(phase, Units.HELD, has_candidate=has_candidate, committed=committed) is Role.MINE:
                self._mine(task_id, None)
            raise
        if errand not in (None, Move.WAIT):
            return errand
        role = choose_role(
            phase,
            Units.HELD if errand is Move.WAIT else self._units(task, phase),
            has_candidate=has_candidate,
            committed=committed,
        )
        if role is Role.MINE or phase == Phase.DRAW:
            return self._mine(task_id, errand)
        if role is Role.TRAIN and errand is None:
            return self._order(task)
        if phase <= Phase.COMMIT or errand is not None:
            if errand is None:
                self._tell_unserved(task)
            return Move.WAIT
        if task_id not in self._ended:
            self._ended.add(task_id)
            self._tell_use(task, phase, committed=committed)
            self.miner.tell_end(task, phase)
        return Move.DONE

    def _tell_use(self, task: Task, phase: Phase, *, committed: bool) -> None:
        order = self._home.load_order(task)
        purchase = self._purchase(task, order) if order is not None and order.collected else None
        if purchase is not None:
            payment = cost_of(self.market.epoch(purchase.epoch_id).price, purchase.units)
            tell(f"task {task.task_id}", missed_use(task, phase, payment, committed=committed))

    def _mine(self, task_id: int, errand: Move | None) -> Move:
        match self.miner.step(task_id):
            case MinerMove.DONE if errand is None:
                return Move.DONE
            case MinerMove.DONE | MinerMove.WAIT:
                return Move.WAIT
        return Move.MINE

    # The market

    def _run_errand(self, task: Task) -> Move | None:
        """Make the next move for the task's order; None where there is no open one."""
        order = self._home.load_order(task)
        if order is None or order.collected:
            return None
        declaration = self._declaration(order)
        purchase = self._purchase(task, order)
        standing = standing_of(declaration, purchase)
        # The block that closed it may be reorganised away: then money is in the market again.
        if order.closed and standing not in (Standing.DECLARED, Standing.BOUGHT):
            return None
        if standing is Standing.CLOSED:
            self._home.save_order(task, replace(order, closed=True))
            return Move.CLOSE
        phase, about = self.market.phase_of(order.epoch_id), f"task {task.task_id}"
        move = decide(phase, standing)
        match move:
            case Move.DECLARE:
                self._declare(task, order)
            case Move.BUY:
                assert declaration is not None
                self._buy(task, order, declaration)
            case Move.RETURN:
                assert declaration is not None
                lock = self.market.lock_of(order.epoch_id, declaration.index)
                self.market.return_lock(order.epoch_id, declaration.index)
                epoch = self.market.epoch(order.epoch_id)
                tell(about, missed_order(task, epoch, phase, declared=True, lock=lock))
            case Move.CHECK:
                assert purchase is not None
                if task.task_id not in self._late:
                    missed = missed_acceptance(self.market.epoch(order.epoch_id), phase, purchase)
                    self._late |= {task.task_id} if missed else set()
                    tell(about, missed)
                return self._check(task, order, purchase)
            case Move.REFUND:
                assert purchase is not None
                self.market.settle(order.epoch_id, purchase.purchase_id)
            case Move.CLOSE:
                self._home.save_order(task, replace(order, closed=True))
                epoch = self.market.epoch(order.epoch_id)
                tell(about, missed_order(task, epoch, phase, declared=False))
        return move

    def _units(self, task: Task, phase: Phase) -> Units:
        return Units.ON_SALE if phase == Phase.COMMIT and self._epoch_for(task) else Units.NONE

    def _epoch_for(self, task: Task) -> Epoch | None:
        """The newest epoch that takes declarations and delivers before the task's commits close."""
        before = self._home.load_order(task)
        for epoch in self._epochs.taking_declarations():
            is_tried = before is not None and before.epoch_id == epoch.epoch_id
            if is_tried or epoch.consumer_count == epoch.max_consumers:
                continue
            if epoch.deliver_ends_at <= task.commit_ends_at:
                return epoch
        return None

    def _tell_unserved(self, task: Task) -> None:
        """Say why nothing can be bought for a task now."""
        on_sale, ends = self._epochs.taking_declarations(), task.commit_ends_at
        if not on_sale:
            self._sparingly.say(logging.INFO, self._next_sale())
            return
        why = f"no epoch that takes declarations delivers before commitments end, {utc(ends)}"
        why += f": the newest delivers until {utc(on_sale[0].deliver_ends_at)}"
        self._sparingly.say(logging.INFO, f"task {task.task_id}: {why}")

    def _next_sale(self) -> str:
        """Why no epoch takes declarations: the same for every task."""
        newest = self.market.epoch_count()
        if newest == 0:
            return "no provider has opened an epoch"
        phase, ends_at = self.market.phase_of(newest), self.market.phase_ends_at(newest)
        when = f" until {utc(ends_at)}" if ends_at else ""
        return f"epoch {newest} takes no declarations ({phase.name}{when}): waiting for the next"

    def _order(self, task: Task) -> Move:
        """Have a pilot run, and write down what to declare where units at the floor are worth it."""
        self.miner.check_scorer(task)
        curve = self._curve(task)
        epoch = self._epoch_for(task)
        if epoch is None:
            self._tell_unserved(task)
        if curve is None or epoch is None:
            return Move.WAIT
        gain = curve.utility(task.reward / WAD, self._most[_key_of(task)])
        value, efficiency, limit = (min(to_wad(number), LARGEST_DECLARED) for number in gain)
        order = Order(epoch.epoch_id, value, efficiency, marked_limit(limit, task.task_id), curve)
        worth = order.value * order.efficiency > WAD * epoch.price_floor
        log.info(
            "task %d: a pilot of %d iterations: worth %.4f ln(1 + %.4f x) up to %.1f units",
            *(task.task_id, curve.tried, gain.value, gain.efficiency, gain.limit),
        )
        self._home.save_order(task, replace(order, closed=not worth))
        return Move.ORDER

    def _curve(self, task: Task) -> LearningCurve | None:
        """What a pilot on the task's rows came to; None while none has ended. Raises what keeps it from that.

        Only those that are under way have their rows in memory, and only so many are.
        """
        for each in list(self._pilots):
            self._look_at_pilot(each)
        key = _key_of(task)
        if key not in self._curves and key not in self._pilots:
            if len(self._pilots) >= MAX_PILOTS or (rows := self.rows(task)) is None:
                return None
            content = rows[0].to_bytes(task.class_count)
            spec = self.spec(task, rows[0], 1)
            try:
                spec.check_rows(content)
            except JobSpecInvalid as error:
                self._curves[key] = error
            else:
                self._most[key] = spec.most_iterations(len(rows[0].targets))
                self._pilots[key] = Work(Kind.PILOT, spec.to_bytes(), content)
                self._look_at_pilot(key)
        curve = self._curves.get(key)
        if isinstance(curve, Exception):
            raise curve
        return curve

    def _look_at_pilot(self, key: TaskKey) -> None:
        """Keep what a pilot came to, if it has ended, and its rows no longer."""
        try:
            answer = self._jobs.answer(self._pilots[key], f"task {key[0]}")
        except JobFailure as failure:
            self._curves[key] = failure
        else:
            if answer is None:
                return
            self._curves[key] = PilotResult.from_bytes(answer.result).curve()
        del self._pilots[key]

    def _end_pilot(self, key: TaskKey) -> None:
        """Keep nothing for orders of a task that nobody commits to any more."""
        if (pilot := self._pilots.pop(key, None)) is not None:
            self._jobs.forget(pilot)
        for kept in (self._curves, self._most, self._looks):
            kept.pop(key, None)

    def _declare(self, task: Task, order: Order) -> None:
        epoch, numbers = self.market.epoch(order.epoch_id), (order.value, order.efficiency, order.limit)
        lock = most_cost(*numbers, epoch.price_floor, epoch.price_cap)
        make_available(self._sender, lock, self.market.address)
        index = self.market.declare(order.epoch_id, Utility.LOG, *numbers)
        log.info("task %d: declared in epoch %d as consumer %d", task.task_id, order.epoch_id, index)

    def _buy(self, task: Task, order: Order, declaration: Declaration) -> None:
        """Buy the whole units of the best response, or of what is left."""
        epoch = self.market.epoch(order.epoch_id)
        wanted = self.market.best_response(order.epoch_id, declaration.index, epoch.price)
        rows = self.rows(task)
        most = 0 if rows is None else self.spec(task, rows[0], 1).most_iterations(len(rows[0].targets))
        iterations = min(min(wanted, epoch.units_left) // WAD, most)
        if iterations == 0 or rows is None:
            why = "could not get resources" if wanted >= WAD else "wants no unit at this price"
            log.info("task %d: %s", task.task_id, why)
            self.market.return_lock(order.epoch_id, declaration.index)
            return
        job = self.spec(task, rows[0], iterations).to_bytes()
        self._home.blobs.put(rows[0].to_bytes(task.class_count))
        job_hash = self._home.blobs.put(job).digest
        # Those before stay: one that was sent and not waited for may yet come into a block.
        self._home.save_order(task, replace(order, jobs={**(order.jobs or {}), job_hash.hex(): job.decode()}))
        self.market.buy(order.epoch_id, declaration.index, iterations * WAD, job_hash)
        log.info("task %d: bought %d units at %.6f", task.task_id, iterations, epoch.price / WAD)

    def _check(self, task: Task, order: Order, purchase: Purchase) -> Move:
        """Keep and pay what is good; leave what is not to the clock, and use it for nothing."""
        spec = self._spec_of(order, purchase)
        try:
            model = self._collect(task, order, purchase, spec)
            self.miner.keep(task, model, spec.parameters())
        except (BlobMissing, BlobCorrupt, BlobTooLarge, TrainingRowsMissing) as error:
            self._sparingly.say(logging.INFO, f"task {task.task_id}: {error}")
            looks = self._looks[_key_of(task)] = self._looks.get(_key_of(task), 0) + 1
            if purchase.status == PurchaseStatus.DELIVERED or looks < LOOKS_AT_PAID:
                return Move.WAIT  # it may still come, or the right bytes
            self._home.save_order(task, replace(order, closed=True))
            return Move.CHECK
        except StorageAway:
            raise  # no fault of the delivery's
        except (DeliveryRejected, StorageError, RevealTooLarge) as error:
            log.warning("task %d: the delivery is rejected: %s", task.task_id, error)
            self._home.save_order(task, replace(order, closed=True))
            return Move.CHECK
        if purchase.status == PurchaseStatus.DELIVERED:
            self.market.accept(order.epoch_id, purchase.purchase_id)
        self._home.save_order(task, replace(order, collected=True))
        return Move.CHECK

    def _collect(self, task: Task, order: Order, purchase: Purchase, spec: JobSpec) -> bytes:
        """The delivered model, if it is as good as the learning curve leads to expect."""
        blobs = self._home.blobs
        result = blobs.get(Cid.on_chain(purchase.result_hash, MAX_DOCUMENT_BYTES), MAX_DOCUMENT_BYTES)
        model = blobs.get(Cid.parse(JobResult.from_bytes(result).model), MAX_MODEL_BYTES)
        rows = self.rows(task)
        if rows is None:
            raise TrainingRowsMissing(task.task_id)
        accepted = check_delivery(spec, result, model, rows[1], order.curve)
        log.info(
            "task %d: the model scores %.4f on own rows: %.4f expected, %.4f the least",
            *(task.task_id, accepted.score, accepted.expected, accepted.least),
        )
        return model

    def _declaration(self, order: Order) -> Declaration | None:
        declared = (order.value, order.efficiency, order.limit)
        for found in self.market.declarations(order.epoch_id):
            if found.consumer == self.address and (found.value, found.shape, found.limit) == declared:
                return found
        return None

    def _purchase(self, task: Task, order: Order) -> Purchase | None:
        """The purchase of an order, by what was written down: money waits in it, and a blob can be taken away."""
        own = [found for found in self.market.purchases(order.epoch_id) if found.consumer == self.address]
        if order.jobs is not None:
            return next((found for found in own if found.job_hash.hex() in order.jobs), None)
        return next((found for found in own if self._spec_of(order, found).task_id == task.task_id), None)

    def _spec_of(self, order: Order, purchase: Purchase) -> JobSpec:
        if order.jobs is not None:
            return JobSpec.from_bytes(order.jobs[purchase.job_hash.hex()].encode())
        name = Cid.on_chain(purchase.job_hash, MAX_DOCUMENT_BYTES)
        return JobSpec.from_bytes(self._home.blobs.get(name, MAX_DOCUMENT_BYTES))

    def rows(self, task: Task) -> tuple[JobRows, JobRows] | None:
        """The rows to hand over and those to keep; None where they are not published yet."""
        published = self.miner.registry.published_training_rows(task.task_id)
        if published is None:
            return None
        try:
            deployment = self._sender.connection.deployment
            rows = open_task_rows(self._home.blobs, task, published, deployment, self.address)
        except BlobMissing as error:
            self._sparingly.say(logging.INFO, f"task {task.task_id}: {error}")
            return None
        return keep_back(JobRows(rows.features, rows.targets), task.class_count, self._seed)

    def spec(self, task: Task, rows: JobRows, iterations: int) -> JobSpec:
        """The job of training this consumer's estimator on rows of a task."""
        return JobSpec.make(
            estimator=self._estimator,
            hyperparameters=dict(RECIPES[self._estimator].usual),
            iterations=iterations,
            rows=str(Cid.of(rows.to_bytes(task.class_count))),
            feature_count=rows.features.shape[1],
            class_count=task.class_count,
            task_id=task.task_id,
            miner=self.address.lower(),
            seed=self._seed,
        )


def standing_of(declaration: Declaration | None, purchase: Purchase | None) -> Standing:
    """Where an order stands by what the chain has of it."""
    if purchase is not None:
        return {
            PurchaseStatus.BOUGHT: Standing.BOUGHT,
            PurchaseStatus.DELIVERED: Standing.DELIVERED,
            PurchaseStatus.PAID: Standing.DELIVERED,
            PurchaseStatus.REFUNDED: Standing.CLOSED,
        }[purchase.status]
    if declaration is None:
        return Standing.WRITTEN
    return Standing.CLOSED if declaration.closed else Standing.DECLARED


def _key_of(task: Task) -> TaskKey:
    """A task: on a chain that is started anew another has its number."""
    return task.task_id, task.data_root


def marked_limit(limit: int, task_id: int) -> int:
    """The limit with the task in its last digits, for an account may declare alike for two tasks."""
    return limit - limit % _MARKS + task_id % _MARKS
