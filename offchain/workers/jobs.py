"""What an account has trained: each job once, whenever the worker that wants it ends and is started again."""

from __future__ import annotations

import logging

from offchain.compute.executor import JobExecutor, RunningJob
from offchain.compute.trained import Trained
from offchain.compute.work import Work
from offchain.workers.home import Home

log = logging.getLogger(__name__)


class Jobs:
    """The jobs of one account: what is under way, and on its disk what has ended."""

    def __init__(self, home: Home, executor: JobExecutor) -> None:
        self._home, self._executor = home, executor
        self._running: dict[bytes, RunningJob] = {}

    def answer(self, work: Work, about: str, most_seconds: float = float("inf")) -> Trained | None:
        """What the work came to; None while it is under way, where it is begun by the first question.

        about : what it is for, as the log begins a line
        most_seconds : how long it may take, where it is begun now

        Raises
        ------
        JobFailure
            Where it came to nothing. It is not begun again before `forget`, or a new start of the worker.
        """
        name = work.name()
        kept = self._home.load_answer(name)
        if kept is not None:
            return Trained.from_bytes(kept)
        if name not in self._running:
            self._running[name] = self._executor.submit(work, most_seconds)
        running = self._running[name]
        if not running.ended:
            return None
        outcome = running.outcome()
        trained = outcome.trained()
        self._home.save_answer(name, trained.to_bytes())
        del self._running[name]
        log.info("%s: a job took %.1f s and at most %d MB", about, outcome.seconds, outcome.peak_bytes >> 20)
        return trained

    def forget(self, work: Work) -> None:
        """Keep nothing of it, and have it not begin, if it has not."""
        name = work.name()
        if running := self._running.pop(name, None):
            running.give_up()
        self._home.forget_answer(name)
