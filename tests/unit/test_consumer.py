"""The consumer among more tasks than it has memory for, and with a storage that gives other bytes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from offchain.chain.market import Purchase
from offchain.chain.phase import PurchaseStatus
from offchain.chain.registry import Task
from offchain.cid import Cid
from offchain.compute.errors import JobFailure, JobSpecInvalid, JobTimedOut
from offchain.compute.rows import JobRows, keep_back
from offchain.compute.trained import Trained
from offchain.compute.work import Work
from offchain.economics.curve import LearningCurve
from offchain.storage import BlobCorrupt, BlobTooLarge, StorageError
from offchain.workers.consumer import LOOKS_AT_PAID, MAX_PILOTS, Consumer, Move
from offchain.workers.home import Home, Order
from tests.training import EXECUTOR
from tests.world import World, toy_rows

CURVE = LearningCurve(0.5, 0.1, 1.0, 0.0)
NAME = Cid.of(b"result")


@pytest.fixture
def home(world: World, tmp_path: Path) -> Home:
    return Home.of(tmp_path, world.connection, world.miners[0].address)


@pytest.fixture
def consumer(world: World, home: Home) -> Consumer:
    return Consumer(world.miners[0].sender, home, "logistic", 0, EXECUTOR)


@pytest.fixture
def task(world: World) -> Task:
    return world.drawn(world.spec(toy_rows(24)))


@dataclass
class Pilots:
    """Jobs that are under way until they are told to end, and the rows that were read for them."""

    ending: Trained | JobFailure | None = None
    read: int = 0

    def answer(self, work: Work, about: str) -> Trained | None:
        if isinstance(self.ending, JobFailure):
            raise self.ending
        return self.ending

    def forget(self, work: Work) -> None:
        """Nothing is kept."""

    def rows(self, count: int) -> Callable[[Task], tuple[JobRows, JobRows]]:
        rows = JobRows(np.zeros((count, 1), np.uint8), np.arange(count) % 2)

        def read(_: Task) -> tuple[JobRows, JobRows]:
            self.read += 1
            return keep_back(rows, 2, 0)

        return read


def held(consumer: Consumer) -> int:
    return len(consumer._pilots)


def piloting(consumer: Consumer, monkeypatch: pytest.MonkeyPatch, count: int = 100) -> Pilots:
    pilots = Pilots()
    monkeypatch.setattr(consumer, "_jobs", pilots)
    monkeypatch.setattr(consumer, "rows", pilots.rows(count))
    return pilots


def test_no_more_pilots_are_begun_than_their_rows_have_room(
    consumer: Consumer, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilots = piloting(consumer, monkeypatch)

    for number in range(1, MAX_PILOTS + 3):
        assert consumer._curve(replace(task, task_id=number)) is None

    assert (held(consumer), pilots.read) == (MAX_PILOTS, MAX_PILOTS)


def test_a_pilot_that_has_ended_makes_room_and_its_rows_are_not_read_again(
    consumer: Consumer, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilots = piloting(consumer, monkeypatch)
    for number in range(1, MAX_PILOTS + 1):
        consumer._curve(replace(task, task_id=number))
    pilots.ending = JobTimedOut(1.0)

    for _ in range(3):
        with pytest.raises(JobTimedOut):
            consumer._curve(replace(task, task_id=99))

    assert (held(consumer), pilots.read) == (0, MAX_PILOTS + 1)


def test_rows_that_no_job_may_have_are_read_once(
    consumer: Consumer, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilots = piloting(consumer, monkeypatch, count=5_700_000)

    for _ in range(3):
        with pytest.raises(JobSpecInvalid):
            consumer._curve(task)

    assert (held(consumer), pilots.read) == (0, 1)


def test_a_pilot_is_dropped_with_the_last_commitments(
    world: World, consumer: Consumer, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    piloting(consumer, monkeypatch)
    consumer._curve(task)
    assert held(consumer) == 1

    world.close_commits(task)
    consumer.step(task.task_id)

    assert held(consumer) == 0


@pytest.mark.parametrize("error", [BlobCorrupt(NAME, "gateway"), BlobTooLarge(NAME, "gateway", 16 * 1024)])
def test_wrong_bytes_close_no_order(
    consumer: Consumer, home: Home, task: Task, monkeypatch: pytest.MonkeyPatch, error: StorageError
) -> None:
    """A gateway's page may come with the status 200, once."""

    def collect(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(consumer, "_collect", collect)
    monkeypatch.setattr(consumer, "_spec_of", lambda *_: None)
    order = Order(1, 1, 1, 1, CURVE)
    delivered = Purchase(1, 1, consumer.address, 1, PurchaseStatus.DELIVERED, bytes(32), bytes(32))
    home.save_order(task, order)

    for _ in range(LOOKS_AT_PAID - 1):
        assert consumer._check(task, order, delivered) == Move.WAIT
    assert home.load_order(task) == order

    # Paid, it may be looked for elsewhere now.
    assert consumer._check(task, order, replace(delivered, status=PurchaseStatus.PAID)) == Move.CHECK
    assert home.load_order(task) == replace(order, closed=True)
