"""One job in one process of its own, with a clock and a limit on memory.

What goes in and comes out are bytes of the formats of `spec` and of the models; nothing is pickled. Neither a
crash nor a hanging solver of one job reaches whoever runs it, and all memory goes back with the process. Dask's
workers are daemons, which may not have children by `multiprocessing`; so this is a plain subprocess.

The frames: in, the spec's length (4 bytes, big-endian), the spec, the rows; out, one byte of `Ending`, and for a
model the result's length, the peak of memory in bytes (8), the result, the model, else a reason in UTF-8.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from offchain.compute.errors import (
    JobCrashed,
    JobFailure,
    JobOutOfMemory,
    JobRefused,
    JobSpecInvalid,
    JobTimedOut,
)
from offchain.compute.spec import JobSpec
from offchain.compute.training import Trained, run_job

RUNNING: set[subprocess.Popen[bytes]] = set()
"""The processes of this one's jobs."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may take: seconds from its start to its end, and memory beyond the interpreter's own."""

    seconds: float
    memory_bytes: int


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


class Ending(IntEnum):
    """The first byte that a job's process writes."""

    TRAINED = 0
    REFUSED = 1
    OUT_OF_MEMORY = 2


def run_isolated(spec: bytes, rows: bytes, limits: Limits) -> Outcome:
    """Run a job in a process of its own; what goes wrong there is an outcome."""
    started = time.monotonic()
    try:
        written = _converse(spec, rows, limits)
    except JobFailure as failure:
        return Outcome(failure, time.monotonic() - started)
    seconds = time.monotonic() - started
    match written[0]:
        case Ending.TRAINED:
            length, peak = int.from_bytes(written[1:5], "big"), int.from_bytes(written[5:13], "big")
            return Outcome(Trained(written[13 + length :], written[13 : 13 + length]), seconds, peak)
        case Ending.OUT_OF_MEMORY:
            return Outcome(JobOutOfMemory(limits.memory_bytes), seconds)
        case _:
            return Outcome(JobRefused(written[1:].decode()), seconds)


def _converse(spec: bytes, rows: bytes, limits: Limits) -> bytes:
    """Start the process, hand it the job and read what it writes; raises JobTimedOut, JobCrashed."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(limits.memory_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **ONE_THREAD},
        start_new_session=True,
    )
    RUNNING.add(process)
    try:
        written, words = process.communicate(
            len(spec).to_bytes(4, "big") + spec + rows, timeout=limits.seconds
        )
    except subprocess.TimeoutExpired:
        raise JobTimedOut(limits.seconds) from None
    finally:
        RUNNING.discard(process)
        if process.poll() is None:
            _kill(process)
            process.communicate()
    if process.returncode != 0 or not written:
        last = words.decode(errors="replace").strip().splitlines()[-1:]
        raise JobCrashed(process.returncode, "".join(last)[:300])
    return written


def kill_all() -> None:
    """End the processes of all jobs that run here; each is a crash to who waits for it."""
    for process in tuple(RUNNING):
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def main(memory_bytes: int) -> None:
    """The process: read a job, train it, write how it ended."""
    given = sys.stdin.buffer.read()
    length = int.from_bytes(given[:4], "big")
    spec, rows = given[4 : 4 + length], given[4 + length :]
    del given
    _limit_memory(memory_bytes)
    try:
        trained = run_job(JobSpec.from_bytes(spec), rows)
    except MemoryError:
        answer = bytes((Ending.OUT_OF_MEMORY,))
    except (JobRefused, JobSpecInvalid) as error:
        answer = bytes((Ending.REFUSED,)) + str(error).encode()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        head = len(trained.result).to_bytes(4, "big") + peak.to_bytes(8, "big")
        answer = bytes((Ending.TRAINED,)) + head + trained.result + trained.model
    sys.stdout.buffer.write(answer)


def _limit_memory(memory_bytes: int) -> None:
    """Let the process have so much address space beyond what it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory_bytes
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(int(sys.argv[1]))
