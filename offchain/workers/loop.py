"""The thin loops around every worker's step."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from offchain import metrics
from offchain.chain.errors import UnknownEpoch, UnknownTask
from offchain.workers.errors import AWAY, PASSING, StateUnreadable, who_is_away
from offchain.workers.saying import Absences, Sparingly

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 32.0  # the shortest windows that a deployment allows are not much longer
LONGEST_WAIT_SECONDS = 2.0  # the shortest windows on a local chain are five seconds
LOOK_AGAIN_SECONDS = (5.0, 20.0, 80.0, 320.0, 1280.0)  # in all about twice as long as until a block is final
LONG_STEP_SECONDS = 1.0
GONE = (UnknownTask, UnknownEpoch)
"""The block that had it is no more: a list is made from where the chain is now."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The last failure of a task's step, how many came in a row, and when to try again."""

    error: Exception
    times: int
    resume_at: float


@dataclass(frozen=True, slots=True)
class Rest:
    """How often there was nothing to do for a task in a row, and when to look at it again."""

    times: int
    look_at: float


class Rounds:
    """Steps through tasks so that none can stop the others.

    Tasks, their data and their terms come from strangers, so no list of what a step may raise is complete. A
    task whose step fails is tried again after a pause that doubles each time, up to half a minute, or at once when
    the node answers again. It is not given up, for a bond may be at stake.

    The block by which a task is done may be reorganised away, so the task is looked at again a few times. What waits
    is looked at less often than what goes on, for each look asks the node several things; but it has a bond at stake
    and a deadline, so it is looked at after each step that took long, as training does.
    """

    def __init__(self, step: Callable[[int], Enum]) -> None:
        self._step = step
        self._finished: dict[int, Rest] = {}
        self._waiting: dict[int, Rest] = {}
        self._sparingly = Sparingly()
        self._absences = Absences()
        self._untold: list[tuple[int, Exception]] = []
        self.failures: dict[int, Failure] = {}

    def run(self, task_ids: Iterable[int]) -> list[int]:
        """Step once through the tasks, the newest first, but for those that are paused; gives the unfinished ones.

        A worker that is started again has to look at all that ever were: bonds with deadlines are in the newer ones.
        """
        left = []
        for task_id in sorted(task_ids, reverse=True):
            if _rests(self._finished.get(task_id)):
                continue
            started = time.monotonic()
            if _rests(self._waiting.get(task_id)) or not self._finishes(task_id):
                left.append(task_id)
            if time.monotonic() - started > LONG_STEP_SECONDS:
                for waiting in sorted(self._waiting.keys() - {task_id}, reverse=True):
                    if not _rests(self._waiting[waiting]):
                        self._finishes(waiting)
        metrics.TASKS.labels("open").set(len(left) - len(self.failures))
        metrics.TASKS.labels("failing").set(len(self.failures))
        metrics.TASKS.labels("finished").set(len(self._finished))
        return left

    def forget_all_but(self, task_ids: Iterable[int]) -> None:
        """Forget the tasks that are no more: on a chain that was started anew others come to have their numbers."""
        here = set(task_ids)
        for known in (self._finished, self._waiting, self.failures):
            for gone in known.keys() - here:
                del known[gone]

    def tell(self) -> None:
        """Say what has failed since this was last asked for."""
        for task_id, error in self._untold:
            if isinstance(error, AWAY):
                self.tell_away(error)
            elif isinstance(error, StateUnreadable):
                # It keeps from every task alike, and does not pass by itself.
                self._sparingly.say(logging.ERROR, str(error))
            else:
                log.warning("task %d: %s", task_id, error if str(error) else repr(error))
        self._untold.clear()

    def tell_away(self, error: Exception) -> None:
        """Say what keeps from every task alike, but not each time."""
        is_told = self._sparingly.say(logging.WARNING, f"{error}: trying again")
        if (who := who_is_away(error)) is not None:
            self._absences.note(who, is_told)

    def tell_back(self) -> None:
        """Say who answers again, after a round in which the tasks could be listed."""
        away = {who_is_away(failure.error) for failure in self.failures.values()}
        self._absences.end({who for who in away if who is not None})

    def _finishes(self, task_id: int) -> bool:
        before = self.failures.get(task_id)
        if before is not None and time.monotonic() < before.resume_at:
            return False
        try:
            move = self._step(task_id).name
        except Exception as error:
            times = before.times + 1 if before and not isinstance(error, AWAY) else 1
            resume_at = time.monotonic() + min(POLL_SECONDS * 2**times, LONGEST_PAUSE_SECONDS)
            self.failures[task_id] = Failure(error, times, resume_at)
            self._untold.append((task_id, error))
            return False
        metrics.STEPPED_AT.set_to_current_time()
        self.failures.pop(task_id, None)
        finish, wait = self._finished.pop(task_id, None), self._waiting.pop(task_id, None)
        if move == "WAIT":
            times = wait.times if wait else 0
            pause = min(POLL_SECONDS * 2**times, LONGEST_WAIT_SECONDS)
            self._waiting[task_id] = Rest(times + 1, time.monotonic() + pause)
        elif move == "DONE":
            times = finish.times if finish else 0
            pause = LOOK_AGAIN_SECONDS[times] if times < len(LOOK_AGAIN_SECONDS) else math.inf
            self._finished[task_id] = Rest(times + 1, time.monotonic() + pause)
        return move == "DONE"


def _rests(rest: Rest | None) -> bool:
    return rest is not None and time.monotonic() < rest.look_at


def carry(step: Callable[[int], Enum], task_ids: Iterable[int]) -> None:
    """Step until no task needs more of this worker; raises what fails a task once no other can go on."""
    rounds, unfinished = Rounds(step), list(task_ids)
    while unfinished := rounds.run(unfinished):
        rounds.tell_back()
        errors = [rounds.failures[task_id].error for task_id in unfinished if task_id in rounds.failures]
        lasting = [error for error in errors if not isinstance(error, PASSING)]
        if len(lasting) == len(unfinished):
            raise lasting[0]
        rounds.tell()
        time.sleep(POLL_SECONDS)


def watch(step: Callable[[int], Enum], tasks: Callable[[], Iterable[int]]) -> None:
    """Step through all tasks as they come, for good."""
    rounds = Rounds(step)
    while True:
        try:
            known = list(tasks())
            rounds.forget_all_but(known)
            rounds.run(known)
        except (*PASSING, *GONE) as error:
            rounds.tell_away(error)
        else:
            rounds.tell_back()
        rounds.tell()
        time.sleep(POLL_SECONDS)


def watch_until(
    step: Callable[[int], Enum], tasks: Callable[[], Iterable[int]], are_all: Callable[[Sequence[int]], bool]
) -> None:
    """Step through tasks as they come, until those that have come are all, and finished."""
    rounds = Rounds(step)
    while True:
        try:
            known = list(tasks())
            rounds.forget_all_but(known)
            unfinished = rounds.run(known)
        except (*PASSING, *GONE) as error:
            rounds.tell_away(error)
        else:
            rounds.tell_back()
            if not unfinished and are_all(known):
                return
        rounds.tell()
        time.sleep(POLL_SECONDS)
