"""Where training runs: on this machine, or on the workers of a Dask cluster.

Both start the same isolated process for each job (see `process`); they differ in whose machine starts it. So a job
ends the same way on either, with the same bytes where the machines are alike, and a Dask worker survives whatever a
job does. What comes back is bytes from either, and is decoded and checked here.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Self

from offchain.compute.cluster import Cluster
from offchain.compute.errors import DeliveryRejected, JobAnswerInvalid, JobCrashed
from offchain.compute.process import Limits, Outcome, kill_all, run_isolated
from offchain.compute.trained import Trained
from offchain.compute.work import Work, check_answer


@dataclass(frozen=True, slots=True)
class RunningJob:
    """Work that was handed to a backend."""

    work: Work
    future: Future[bytes]
    submitted_at: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> bool:
        """Whether there is an outcome."""
        return self.future.done()

    def outcome(self, timeout: float | None = None) -> Outcome:
        """Wait for how the job ends; raises TimeoutError where it takes longer than `timeout` seconds."""
        try:
            outcome = Outcome.from_bytes(self.future.result(timeout))
        except TimeoutError:
            raise
        except (Exception, CancelledError) as error:
            # The machine that had the job is gone, and its cluster has given up on it.
            return Outcome(JobCrashed(1, repr(error)), time.monotonic() - self.submitted_at)
        try:
            if isinstance(outcome.ended, Trained):
                check_answer(self.work, outcome.ended)
        except DeliveryRejected as error:
            return replace(outcome, ended=JobAnswerInvalid(str(error)))
        return outcome

    def give_up(self) -> None:
        """Have it not begin, if it has not; what is under way goes on until its limit."""
        self.future.cancel()


class JobExecutor(AbstractContextManager["JobExecutor"]):
    """Runs jobs on a backend; close it with the `with` statement, which an error leaves without waiting for jobs."""

    def __init__(self, pool: ThreadPoolExecutor, limits: Limits, cluster: Cluster | None = None) -> None:
        self._pool, self._limits, self._cluster = pool, limits, cluster

    @classmethod
    def local(cls, processes: int, limits: Limits) -> Self:
        """So many processes at a time on this machine; a thread waits for each."""
        return cls(_pool(processes), limits)

    @classmethod
    def dask(cls, scheduler: str, processes: int, limits: Limits) -> Self:
        """The Dask cluster behind ``tcp://HOST:PORT``, and so many processes here while that cannot be had.

        Raises
        ------
        ClusterUnreachable
            Where no scheduler answers to begin with.
        """
        pool = _pool(processes)
        return cls(pool, limits, Cluster(scheduler, pool))

    def submit(self, work: Work, most_seconds: float = float("inf")) -> RunningJob:
        """Hand over some work; gives at once what tells how it goes.

        most_seconds : how long it may take, where that is less than any job may
        """
        limits = replace(self._limits, seconds=min(self._limits.seconds, most_seconds))
        backend: Executor = self._cluster or self._pool
        return RunningJob(work, backend.submit(run_isolated, work.to_bytes(), limits))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            kill_all()
        if self._cluster is not None:
            self._cluster.shutdown()
        self._pool.shutdown(cancel_futures=True)


def _pool(processes: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(processes, thread_name_prefix="job")
