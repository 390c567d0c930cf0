"""A Dask cluster as a place for calls, and a pool of this machine in its place while it cannot be had.

Dask begins a call again on another worker when one dies. What Dask does not mend is mended here: the scheduler is
gone, or no worker is left. Then what was handed to it is done on this machine, and so is what comes, until it is back.

Warning: Dask moves pickles between its processes, and whoever reaches its scheduler can run code on its workers and
on whoever waits for them. A scheduler is for machines that trust each other, in a network of their own or over TLS.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread
from typing import Any, Final

from offchain.compute.errors import ClusterUnreachable

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 10.0
GREETING_SECONDS: Final = 2 * CONNECT_SECONDS  # to connect, and to answer
LOOK_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 30.0  # with a scheduler that is there and does not answer, for it may be busy
WORKERLESS_LOOKS: Final = 10  # a worker that is started again is given so long


@dataclass(eq=False, slots=True)
class _Call:
    """A call, what its caller waits for, and what stands for it on the cluster while it is there."""

    function: Callable[..., bytes]
    arguments: tuple[Any, ...]
    answer: Future[bytes] = field(default_factory=Future)
    far: Future[bytes] | None = None


class Cluster(Executor):
    """The workers behind one scheduler; a call for each of their threads at a time."""

    def __init__(self, scheduler: str, near: Executor) -> None:
        """near : where calls are made while the cluster cannot be had. Raises ClusterUnreachable."""
        self._scheduler, self._near = scheduler, near
        self._client = _connect(scheduler)
        self._is_there = True
        self._calls: set[_Call] = set()
        self._lock, self._closed = Lock(), Event()
        Thread(target=self._watch, name="cluster", daemon=True).start()

    def submit(self, function: Callable[..., bytes], /, *arguments: Any, **_: Any) -> Future[bytes]:  # type: ignore[override]
        """Have a call made; gives at once what its answer will be in."""
        call = _Call(function, arguments)
        with self._lock:
            self._calls.add(call)
        call.answer.add_done_callback(lambda _: self._forget(call))
        self._send(call)
        return call.answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give up what is under way there, and leave the cluster."""
        self._closed.set()
        for call in self._pending():
            call.answer.cancel()
        self._client.close(timeout=CONNECT_SECONDS)

    def _send(self, call: _Call) -> None:
        """Make a call on the cluster, or here where there is none."""
        if not self._is_there or self._client.status != "running":
            return self._do_here(call)
        # Two purchases of the same job are two jobs, and a job is no function of its name.
        place = self._client.get_executor(pure=False)
        try:
            call.far = far = place.submit(call.function, *call.arguments)
        except Exception as error:  # of a client that was closed between two looks
            log.debug("%s: %r", self._scheduler, error)
            return self._do_here(call)
        far.add_done_callback(partial(self._arrive, call))
        return None

    def _arrive(self, call: _Call, far: Future[bytes]) -> None:
        # What somebody holds, Dask makes again when the machine goes that has it in memory.
        call.far = None
        if call.answer.done():
            return
        try:
            call.answer.set_result(far.result())
        except CancelledError:  # by the client, which has lost the scheduler, or by `_look`
            self._do_here(call)
        except Exception as error:
            call.answer.set_exception(error)

    def _do_here(self, call: _Call) -> None:
        if self._closed.is_set():
            return
        near = self._near.submit(call.function, *call.arguments)
        call.answer.add_done_callback(lambda answer: near.cancel() if answer.cancelled() else None)
        near.add_done_callback(lambda _: _pass_on(near, call.answer))

    def _forget(self, call: _Call) -> None:
        if call.answer.cancelled() and (far := call.far) is not None:
            far.cancel()
        with self._lock:
            self._calls.discard(call)

    def _pending(self) -> list[_Call]:
        with self._lock:
            return list(self._calls)

    def _watch(self) -> None:
        """Look at the cluster now and then, and say when it goes and when it comes back."""
        workerless = 0
        while not self._closed.wait(LOOK_SECONDS):
            count = self._count_workers()
            workerless = 0 if count else workerless + 1
            if count and not self._is_there:
                log.info("the Dask cluster at %s is back", self._scheduler)
                self._is_there = True
            elif count is None or workerless >= WORKERLESS_LOOKS:
                self._leave("does not answer" if count is None else "has no worker")

    def _leave(self, reason: str) -> None:
        if self._is_there:
            log.warning("the Dask cluster at %s %s: jobs run on this machine", self._scheduler, reason)
        self._is_there = False
        for call in self._pending():
            if (far := call.far) is not None:
                far.cancel()  # and so `_arrive` has it done here

    def _count_workers(self) -> int | None:
        """How many workers the scheduler has; None where it does not answer."""
        try:
            if self._client.status == "closed":
                self._client = _connect(self._scheduler)
            identity = self._client.sync(self._client.scheduler.identity, callback_timeout=PATIENCE_SECONDS)
            return len(identity["workers"])
        except Exception as error:  # whatever a client that is being closed or connected raises
            log.debug("%s: %r", self._scheduler, error)
            return None


def _pass_on(near: Future[bytes], answer: Future[bytes]) -> None:
    if answer.done():
        return
    try:
        answer.set_result(near.result())
    except CancelledError:
        answer.cancel()
    except Exception as error:
        answer.set_exception(error)


def _connect(scheduler: str) -> Any:
    """A client of a scheduler; raises ClusterUnreachable.

    The scheduler is greeted before there is a client: one that cannot be connected waits for ever where nothing is
    answered, and long when it is finalised.
    """
    from distributed import Client  # only who has a cluster needs it installed

    connect: Callable[..., Any] = Client
    try:
        asyncio.run(asyncio.wait_for(_greet(scheduler), GREETING_SECONDS))
        return connect(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except TimeoutError as error:
        raise ClusterUnreachable(scheduler, f"no answer within {GREETING_SECONDS:g} s") from error
    except (OSError, TypeError, ValueError) as error:  # the latter of an address or of what TLS lacks
        raise ClusterUnreachable(scheduler, str(error)) from error
    except Exception as error:  # other words than Dask's are taken for lengths for which there is no memory
        log.debug("%s: %r", scheduler, error)
        raise ClusterUnreachable(scheduler, "what listens there is none") from error


async def _greet(scheduler: str) -> None:
    from distributed.comm.core import connect
    from distributed.security import Security

    security: Any = Security()  # type: ignore[no-untyped-call] # as Dask's configuration says
    reach: Callable[..., Any] = connect
    comm = await reach(scheduler, timeout=CONNECT_SECONDS, **security.get_connection_args("client"))
    comm.abort()
