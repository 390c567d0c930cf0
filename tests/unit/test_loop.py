"""The loops: no task can stop the others, and what failed is tried again."""

import logging
import time
from collections.abc import Callable
from itertools import count, pairwise

import pytest

from offchain import metrics
from offchain.chain.errors import (
    EndpointUnreachable,
    FeeTooHigh,
    TransactionRejected,
    TransactionTimeout,
    UnknownEpoch,
    UnknownRevert,
    UnknownTask,
)
from offchain.cid import Cid, Codec
from offchain.storage import BlobTooLarge, StorageAway
from offchain.workers import loop
from offchain.workers.errors import FundsTooLow, StateUnreadable
from offchain.workers.miner import Move

FOREIGN_FAILURES = [
    FundsTooLow("0x00", 0, 2**96 - 1, str),  # a bond that nobody has
    BlobTooLarge(Cid(Codec.RAW, bytes(32)), "a place", 1),
    UnknownRevert(b""),
    KeyError("what the step did not think of"),
]


class Ended(BaseException):
    """Ends a loop that has no end."""


class Clock:
    """Time that passes in sleep alone."""

    def __init__(self, ends_at: float) -> None:
        self.now, self._ends_at = 0.0, ends_at

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self._ends_at:
            raise Ended


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(ends_at=100)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def steps(*outcomes: Move | Exception) -> Callable[[], Move]:
    """One outcome after the other, the last for ever."""
    numbers = count()

    def step() -> Move:
        outcome = outcomes[min(next(numbers), len(outcomes) - 1)]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return step


@pytest.mark.parametrize("error", FOREIGN_FAILURES, ids=lambda error: type(error).__name__)
def test_watch_serves_the_other_tasks_when_one_fails(clock: Clock, error: Exception) -> None:
    made: list[Move] = []
    tasks = {1: steps(error), 2: steps(Move.COMMIT, Move.REVEAL, Move.DONE)}

    def step(task_id: int) -> Move:
        move = tasks[task_id]()
        made.append(move)
        return move

    with pytest.raises(Ended):
        loop.watch(step, lambda: tasks)

    assert made[:3] == [Move.COMMIT, Move.REVEAL, Move.DONE]
    assert set(made[3:]) == {Move.DONE}


def test_watch_tries_a_failed_task_again_and_ever_less_often(clock: Clock) -> None:
    tried: list[float] = []

    def step(task_id: int) -> Move:
        tried.append(clock.now)
        raise UnknownRevert(b"")

    with pytest.raises(Ended):
        loop.watch(step, lambda: [1])

    assert tried == [0, 1, 3, 7, 15, 31, 63, 95]  # pauses of 1, 2, 4, ... and then of 32 seconds


def test_watch_goes_on_when_the_node_is_away(clock: Clock) -> None:
    failures = [ConnectionError("refused")]
    stepped: list[int] = []

    def tasks() -> list[int]:
        if failures:
            raise failures.pop()
        return [1]

    def step(task_id: int) -> Move:
        stepped.append(task_id)
        return Move.DONE

    with pytest.raises(Ended):
        loop.watch(step, tasks)

    assert set(stepped) == {1}


@pytest.mark.parametrize("gone", [UnknownTask(taskId=2), UnknownEpoch(epochId=2)], ids=["task", "epoch"])
def test_watch_goes_on_when_a_block_goes_whose_task_it_looks_up(clock: Clock, gone: Exception) -> None:
    failures = [gone]
    stepped: list[int] = []

    def tasks() -> list[int]:
        if failures:
            raise failures.pop()
        return [1]

    def step(task_id: int) -> Move:
        stepped.append(task_id)
        return Move.WAIT

    with pytest.raises(Ended):
        loop.watch(step, tasks)

    assert stepped


def test_watch_looks_again_at_what_is_done_and_ever_less_often(clock: Clock) -> None:
    looked: list[float] = []

    def step(task_id: int) -> Move:
        looked.append(clock.now)
        return Move.DONE

    with pytest.raises(Ended):
        loop.watch(step, lambda: [1])

    assert looked == [0, 5, 25]  # pauses of 5, 20, 80 seconds and so on, and a hundred seconds in all


def test_what_waits_is_looked_at_every_two_seconds_and_soon_after_it_went_on(clock: Clock) -> None:
    made: list[float] = []
    step = steps(*[Move.WAIT] * 5, Move.REVEAL, Move.WAIT)

    def noted(task_id: int) -> Move:
        made.append(clock.now)
        return step()

    with pytest.raises(Ended):
        loop.watch(noted, lambda: [1])

    assert made[:10] == [0, 0.5, 1.5, 3.5, 5.5, 7.5, 8, 8.5, 9.5, 11.5]


def test_watch_takes_up_again_what_a_reorganisation_undid(clock: Clock) -> None:
    made: list[tuple[float, Move]] = []
    step = steps(Move.DONE, Move.SETTLE, Move.WAIT, Move.DONE)

    def noted(task_id: int) -> Move:
        made.append((clock.now, step()))
        return made[-1][1]

    with pytest.raises(Ended):
        loop.watch(noted, lambda: [1])

    assert made[:4] == [(0, Move.DONE), (5, Move.SETTLE), (5.5, Move.WAIT), (6, Move.DONE)]


def test_watch_takes_up_a_task_that_has_the_number_of_one_on_a_chain_that_is_gone(clock: Clock) -> None:
    """A local node that is started anew and deployed to again: there is no task at first, then another task 1."""
    stepped: list[float] = []

    def tasks() -> list[int]:
        return [] if 50 < clock.now < 52 else [1]

    def step(task_id: int) -> Move:
        stepped.append(clock.now)
        return Move.DONE

    with pytest.raises(Ended):
        loop.watch(step, tasks)

    assert [at for at in stepped if at > 30] == [52, 57, 77]


@pytest.mark.parametrize("away", [ConnectionError("refused"), StorageAway("s3://bucket", "refused")])
def test_carry_waits_for_a_node_or_a_storage_that_is_away(clock: Clock, away: Exception) -> None:
    step = steps(away, away, Move.DONE)

    loop.carry(lambda task_id: step(), [1])

    assert clock.now == 2  # a second after each failure


@pytest.mark.parametrize(
    "error",
    [TransactionTimeout("0x00", 120), TransactionRejected("busy"), FeeTooHigh(2, 1)],
    ids=lambda error: type(error).__name__,
)
def test_carry_goes_on_after_what_passes(clock: Clock, error: Exception) -> None:
    step = steps(error, error, error, Move.DONE)

    loop.carry(lambda task_id: step(), [1])

    assert clock.now == 7  # pauses of 1, 2 and 4 seconds


def test_a_node_that_is_away_is_told_of_at_once_and_then_after_pauses_that_double(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever asked it: the list of tasks, or a step for any of them."""
    clock = Clock(ends_at=300)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    away, told = EndpointUnreachable("http://127.0.0.1:8545", "connection refused"), list[float]()
    caplog.set_level(logging.WARNING)

    def tasks() -> list[int]:
        told.extend([clock.now] * (len(caplog.records) - len(told)))
        if clock.now % 2 < 1:
            raise away
        return [1, 2, 3]

    with pytest.raises(Ended):
        loop.watch(lambda _: steps(away)(), tasks)

    assert set(caplog.messages) == {
        "no node answers at http://127.0.0.1:8545: connection refused: trying again"
    }
    assert told == [0.5, 60.5, 180.5]


def test_a_damaged_state_is_an_error_once_and_not_a_warning_for_each_task(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(ends_at=50)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    damaged = StateUnreadable("state.db", "file is not a database")

    with pytest.raises(Ended):
        loop.watch(lambda _: steps(damaged)(), lambda: [1, 2, 3])

    (said,) = caplog.records
    assert (said.levelname, said.getMessage()) == ("ERROR", str(damaged))


@pytest.mark.parametrize(
    ("away", "who"),
    [
        (EndpointUnreachable("http://127.0.0.1:8545", "connection refused"), "the node"),
        (StorageAway("s3://bucket", "refused"), "s3://bucket"),
    ],
    ids=["node", "storage"],
)
def test_who_answers_again_is_told_of_once_and_how_long_that_took(
    clock: Clock, caplog: pytest.LogCaptureFixture, away: Exception, who: str
) -> None:
    caplog.set_level(logging.INFO)
    step = steps(away, away, away, Move.WAIT)

    with pytest.raises(Ended):
        loop.watch(lambda _: step(), lambda: [1])

    assert caplog.messages == [f"{away}: trying again", f"{who} answers again, after 3 s"]


def test_a_list_of_tasks_that_can_be_had_again_is_told_of(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def tasks() -> list[int]:
        if clock.now < 20:
            raise ConnectionError("refused")
        return []

    with pytest.raises(Ended):
        loop.watch(lambda _: Move.DONE, tasks)

    assert caplog.messages == ["refused: trying again", "the node answers again, after 20 s"]


def test_carry_leaves_what_it_raises_to_be_told_by_its_caller(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnknownTask):
        loop.carry(lambda task_id: steps(UnknownTask(taskId=task_id))(), [99])

    assert caplog.messages == []


def test_carry_raises_what_fails_a_task_after_the_others_are_done(clock: Clock) -> None:
    made: list[Move] = []
    good = steps(Move.WAIT, Move.REVEAL, Move.DONE)

    def step(task_id: int) -> Move:
        if task_id == 1:
            raise FundsTooLow("0x00", 0, 1, str)
        made.append(good())
        return made[-1]

    with pytest.raises(FundsTooLow):
        loop.carry(step, [1, 2])

    assert made == [Move.WAIT, Move.REVEAL, Move.DONE]


def test_watch_looks_at_what_waits_after_every_long_step(clock: Clock) -> None:
    """The newest task is due at ten seconds, while the one before trains for 20 and the others wait to."""
    made: list[tuple[float, int, Move]] = []

    def step(task_id: int) -> Move:
        began = clock.now
        if task_id < 4:
            clock.sleep(20)
        move = Move.TRAIN if task_id < 4 else Move.REVEAL if clock.now >= 10 else Move.WAIT
        made.append((began, task_id, move))
        return move

    with pytest.raises(Ended):
        loop.watch(step, lambda: [1, 2, 3, 4])

    assert made[:3] == [(0, 4, Move.WAIT), (0, 3, Move.TRAIN), (20, 4, Move.REVEAL)]


def test_a_long_step_has_only_that_looked_at_which_is_due(clock: Clock) -> None:
    """Otherwise a machine that is slow makes every step long, and itself slower by looking at all after each."""
    looked: list[float] = []

    def step(task_id: int) -> Move:
        if task_id == 1:
            looked.append(clock.now)
            return Move.WAIT
        clock.sleep(1.25)
        return Move.TRAIN

    with pytest.raises(Ended):
        loop.watch(step, lambda: [1, 2, 3, 4])

    assert all(later - earlier >= 2 for earlier, later in pairwise(looked[3:]))


def test_watch_until_ends_once_all_tasks_have_come_and_are_finished(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The second task comes after four seconds, and takes two steps; at one second the node is away."""
    second = steps(Move.WAIT, Move.DONE)
    made: list[tuple[float, int]] = []

    def tasks() -> list[int]:
        if clock.now == 1:
            raise ConnectionError("refused")
        return [1] if clock.now < 4 else [1, 2]

    def step(task_id: int) -> Move:
        made.append((clock.now, task_id))
        return Move.DONE if task_id == 1 else second()

    loop.watch_until(step, tasks, lambda known: len(known) == 2)

    assert made == [(0, 1), (4, 2), (4.5, 2)]
    assert clock.now == 4.5
    assert caplog.messages == ["refused: trying again"]


def test_a_worker_that_is_started_again_looks_at_the_newest_of_ten_thousand_tasks_first(clock: Clock) -> None:
    stepped: list[int] = []

    def step(task_id: int) -> Move:
        stepped.append(task_id)
        return Move.DONE

    with pytest.raises(Ended):
        loop.watch(step, lambda: range(1, 10_001))

    assert stepped[:10_000] == list(range(10_000, 0, -1))


def test_the_gauges_tell_how_many_tasks_are_open_fail_and_are_finished() -> None:
    tasks = {1: steps(Move.WAIT), 2: steps(Move.DONE), 3: steps(UnknownRevert(b"")), 4: steps(Move.WAIT)}

    loop.Rounds(lambda task_id: tasks[task_id]()).run(tasks)

    told = {
        state: metrics.REGISTRY.get_sample_value("pole_tasks", {"state": state})
        for state in ("open", "failing", "finished")
    }
    assert told == {"open": 2, "failing": 1, "finished": 1}
