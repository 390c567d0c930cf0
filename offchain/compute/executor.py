"""Where purchased jobs run: on this machine, or on the workers of a Dask cluster.

Both backends start the same isolated process for each job (see `process`); they differ in whose machine starts
it. So a job ends the same way on either, and a Dask worker survives whatever a job does.

Warning: Dask moves pickles between its processes, and whoever reaches its scheduler can run code on its workers.
A scheduler is for the provider's own network, or for TLS. What consumers send never gets that far: it travels as
bytes and is decoded in the job's own process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from offchain.compute.errors import ClusterUnreachable, JobCrashed
from offchain.compute.process import Limits, Outcome, kill_all, run_isolated

CONNECT_SECONDS = 10.0


class State(Enum):
    """How far a job is."""

    SUBMITTED = "submitted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """A job's state and the seconds since it was submitted."""

    state: State
    seconds: float


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that was handed to a backend."""

    future: Future[Outcome]
    submitted_at: float = field(default_factory=time.monotonic)

    def progress(self) -> Progress:
        """How far the job is."""
        state = State.DONE if self.future.done() else State.SUBMITTED
        return Progress(state, time.monotonic() - self.submitted_at)

    def outcome(self, timeout: float | None = None) -> Outcome:
        """Wait for how the job ends; raises TimeoutError where it takes longer than `timeout` seconds."""
        try:
            return self.future.result(timeout)
        except TimeoutError:
            raise
        except (Exception, CancelledError) as error:
            # The machine that had the job is gone, and its cluster has given up on it.
            return Outcome(JobCrashed(1, repr(error)), time.monotonic() - self.submitted_at)


class JobExecutor(AbstractContextManager["JobExecutor"]):
    """Runs jobs on a backend; close it with the `with` statement, which an error leaves without waiting for jobs."""

    def __init__(
        self,
        backend: Executor,
        limits: Limits,
        close: Callable[[], None],
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        """abandon : gives up the jobs that are left, before `close` waits for them."""
        self._backend, self._limits, self._close, self._abandon = backend, limits, close, abandon

    @classmethod
    def local(cls, processes: int, limits: Limits) -> Self:
        """So many processes at a time on this machine; a thread waits for each."""
        pool = ThreadPoolExecutor(processes, thread_name_prefix="job")

        def abandon() -> None:
            pool.shutdown(wait=False, cancel_futures=True)
            kill_all()

        return cls(pool, limits, lambda: pool.shutdown(cancel_futures=True), abandon)

    @classmethod
    def dask(cls, scheduler: str, limits: Limits) -> Self:
        """The workers of the Dask cluster behind ``tcp://HOST:PORT``; a job for each of their threads.

        A job whose worker dies is started anew on another.

        Raises
        ------
        ClusterUnreachable
            Where no scheduler answers.
        """
        with ExitStack() as opened:
            client = opened.enter_context(_client(scheduler))
            # Two purchases of the same job are two jobs, and a job is no function of its name.
            backend = client.get_executor(pure=False)
            close = opened.pop_all().close
        return cls(backend, limits, close)

    def submit(self, spec: bytes, rows: bytes) -> RunningJob:
        """Hand over a job; gives at once what tells how it goes."""
        return RunningJob(self._backend.submit(run_isolated, spec, rows, self._limits))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._abandon()
        self._close()


def _client(scheduler: str) -> Any:
    from distributed import Client  # only who has a cluster needs it installed

    connect: Callable[..., Any] = Client
    try:
        return connect(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # a ValueError where the address is none
        raise ClusterUnreachable(scheduler, str(error)) from error
