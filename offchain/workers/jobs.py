"""What an account has trained: each job once, whenever the worker that wants it ends and is started again."""

from __future__ import annotations

import logging

from offchain import metrics
from offchain.compute.errors import JobFailure
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
        self._failed: dict[bytes, JobFailure] = {}

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
        if name in self._failed:
            raise self._failed[name]
        kept = self._home.load_answer(name)
        if kept is not None:
            return Trained.from_bytes(kept)
        if name not in self._running:
            self._running[name] = self._executor.submit(work, most_seconds)
        if not self._running[name].ended:
            return None
        outcome = self._running[name].outcome()
        if isinstance(outcome.ended, Trained):
            self._home.save_answer(name, outcome.ended.to_bytes())
        else:
            self._failed[name] = outcome.ended
        del self._running[name]
        metrics.JOBS.labels("trained" if isinstance(outcome.ended, Trained) else "failed").inc()
        metrics.TRAINING_SECONDS.inc(outcome.seconds)
        log.info("%s: a job took %.1f s and at most %d MB", about, outcome.seconds, outcome.peak_bytes >> 20)
        return outcome.trained()

    def forget(self, work: Work) -> None:
        """Keep nothing of it, and have it not begin, if it has not."""
        name = work.name()
        if running := self._running.pop(name, None):
            running.give_up()
        self._failed.pop(name, None)
        self._home.forget_answer(name)
