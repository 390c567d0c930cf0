"""The side of `process` that does the work: it has imported scikit-learn, and forks for each piece."""

from __future__ import annotations

import resource
import socket
import sys
from pathlib import Path

from offchain.compute.errors import JobRefused, JobSpecInvalid
from offchain.compute.forkserver import serve
from offchain.compute.pilot import answer_pilot
from offchain.compute.process import BYTES, Ending
from offchain.compute.spec import JobSpec
from offchain.compute.trained import Trained
from offchain.compute.training import run_job, run_trial
from offchain.compute.trial import TrialSpec
from offchain.compute.work import Kind, Work


def perform(work: Work) -> Trained:
    """Do it, in this process; raises JobSpecInvalid, JobRefused."""
    match work.kind:
        case Kind.JOB:
            return run_job(JobSpec.from_bytes(work.spec), work.rows)
        case Kind.PILOT:
            return answer_pilot(JobSpec.from_bytes(work.spec), work.rows)
        case Kind.TRIAL:
            return run_trial(TrialSpec.from_bytes(work.spec), work.rows)


def main(asker: socket.socket, memory_bytes: int) -> None:
    """The process: read some work, do it, write how that ended."""
    with asker.makefile("rwb") as stream:
        work = Work.from_bytes(stream.read())
        _limit_memory(memory_bytes)
        try:
            ending, told = Ending.TRAINED, perform(work).to_bytes()
        except MemoryError:
            ending, told = Ending.OUT_OF_MEMORY, BYTES.pack(memory_bytes)
        except (JobRefused, JobSpecInvalid) as error:
            ending, told = Ending.REFUSED, error.reason.encode()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        stream.write(BYTES.pack(peak) + bytes((ending,)) + told)


def _limit_memory(memory_bytes: int) -> None:
    """Let the process have so much address space beyond what it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory_bytes
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    serve(int(sys.argv[1]), main)
