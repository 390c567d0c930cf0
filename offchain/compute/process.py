"""One piece of work in one process of its own, with a clock and a limit on memory.

What goes in and comes out are bytes of the formats of `work` and `trained`; nothing is pickled. Neither a crash nor
a hanging solver reaches whoever runs it, and all memory goes back with the process, a fork of one that has imported
scikit-learn (see `forkserver` and `performing`), which ends when who began it does.

How it ended is bytes too, so that they mean the same when they come from another machine: the seconds it took (a
float), the peak of memory in bytes (8), one byte of `Ending`, and what belongs to that, all big-endian.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from offchain.compute.errors import (
    JobAnswerInvalid,
    JobCrashed,
    JobFailure,
    JobOutOfMemory,
    JobRefused,
    JobTimedOut,
)
from offchain.compute.forkserver import ForkServer
from offchain.compute.trained import Trained

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
HEAD: Final = struct.Struct(">dQB")
_SECONDS: Final = struct.Struct(">d")
BYTES: Final = struct.Struct(">Q")
_STATUS: Final = struct.Struct(">i")
_SERVER: Final = ForkServer("offchain.compute.performing", ONE_THREAD)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may take: seconds from its start to its end, and memory beyond the interpreter's own."""

    seconds: float
    memory_bytes: int


class Ending(IntEnum):
    """How a job ended, as its bytes name it."""

    TRAINED = 0
    """With a result and a model, `Trained`."""
    REFUSED = 1
    """With a reason in UTF-8."""
    OUT_OF_MEMORY = 2
    """At a limit in bytes (8)."""
    TIMED_OUT = 3
    """At a limit in seconds (a float)."""
    CRASHED = 4
    """With a status (4, signed) and its last words in UTF-8."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: with a model or with a failure, after so many seconds.

    peak_bytes : the most memory that the process held, itself included; 0 where it left no word
    """

    ended: Trained | JobFailure
    seconds: float
    peak_bytes: int = 0

    def trained(self) -> Trained:
        """The model and its result; raises the JobFailure where there is none."""
        if isinstance(self.ended, JobFailure):
            raise self.ended
        return self.ended

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `run_isolated` gave, here or on another machine."""
        try:
            seconds, peak, ending = HEAD.unpack_from(data)
            return cls(_ended(Ending(ending), data[HEAD.size :]), seconds, peak)
        except (struct.error, TypeError, ValueError) as error:
            return cls(JobAnswerInvalid(str(error)), 0.0)


def _ended(ending: Ending, data: bytes) -> Trained | JobFailure:
    match ending:
        case Ending.TRAINED:
            return Trained.from_bytes(data)
        case Ending.REFUSED:
            return JobRefused(data.decode())
        case Ending.OUT_OF_MEMORY:
            return JobOutOfMemory(*BYTES.unpack(data))
        case Ending.TIMED_OUT:
            return JobTimedOut(*_SECONDS.unpack(data))
        case Ending.CRASHED:
            (status,) = _STATUS.unpack_from(data)
            return JobCrashed(status, data[_STATUS.size :].decode(errors="replace"))


def run_isolated(work: bytes, limits: Limits) -> bytes:
    """Do some work in a process of its own; what goes wrong there is in the bytes, for `Outcome.from_bytes`."""
    started = time.monotonic()
    peak, ending, told = _converse(work, limits)
    return HEAD.pack(time.monotonic() - started, peak, ending) + told


def _converse(work: bytes, limits: Limits) -> tuple[int, int, bytes]:
    """Have it done, and read the peak of memory, how it ended, and what belongs to that."""
    with _SERVER.fork(limits.memory_bytes) as fork:
        try:
            written = fork.converse(work, limits.seconds)
        except TimeoutError:
            return 0, Ending.TIMED_OUT, _SECONDS.pack(limits.seconds)
        status = fork.status()
        if status != 0 or len(written) <= BYTES.size:
            return 0, Ending.CRASHED, _STATUS.pack(status) + fork.last_words()[:300].encode()
    return int.from_bytes(written[:8], "big"), written[8], written[9:]


def kill_all() -> None:
    """End the processes of all jobs that run here; each is a crash to who waits for it."""
    _SERVER.kill()
