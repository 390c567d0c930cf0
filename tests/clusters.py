"""Dask clusters of processes of their own, as on machines of their own, and what is at work below a process."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from offchain.compute.forkserver import FORK_NAME

ROOT = Path(__file__).resolve().parents[1]
WAIT = 600.0
ON_LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")


@dataclass
class Processes:
    """A scheduler and its workers."""

    port: int
    scheduler: "subprocess.Popen[bytes]"
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def add_worker(self) -> None:
        """Start one, with one thread and a nanny that starts it again."""
        self.workers.append(run("dask_worker", self.address, "--nthreads", "1", *ON_LOOPBACK))

    def restart_scheduler(self) -> None:
        """Start one anew where the first was."""
        self.scheduler = run_scheduler(self.port)

    def wait_for(self, workers: int) -> None:
        """Wait until the scheduler answers, and so many workers have come to it."""
        from distributed import Client

        connect: Callable[..., Any] = Client
        with connect(self.address, timeout=WAIT, set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=WAIT)

    def at_work(self) -> "subprocess.Popen[bytes]":
        """A worker that has a job, once one has."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            for worker in self.workers:
                if children_at_work(worker.pid):
                    return worker
            time.sleep(0.02)
        raise AssertionError("no worker is at work")

    def kill_with_its_nanny(self, worker: "subprocess.Popen[bytes]") -> None:
        """End a worker for good, as when its machine is gone."""
        self.workers.remove(worker)
        below = psutil.Process(worker.pid).children(recursive=True)
        for process in [psutil.Process(worker.pid), *below]:  # the nanny first, which would start another
            with suppress(psutil.NoSuchProcess):
                process.kill()
        worker.wait()


def run(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start one of Dask's programs."""
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def run_scheduler(port: int) -> "subprocess.Popen[bytes]":
    """Start a scheduler on loopback."""
    return run("dask_scheduler", "--port", str(port), *ON_LOOPBACK)


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def cluster(workers: int) -> Iterator[Processes]:
    """A scheduler and so many workers, each a process of its own."""
    port = free_port()
    there = Processes(port, run_scheduler(port))
    started = [there.scheduler]
    try:
        for _ in range(workers):
            there.add_worker()
        started += there.workers
        there.wait_for(workers)
        yield there
    finally:
        started += [one for one in (there.scheduler, *there.workers) if one not in started]
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def children_at_work(parent: int) -> list[psutil.Process]:
    """The processes of jobs below a process, however deep."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(parent).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that has just ended, too
                if process.name() == FORK_NAME and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def wait_for_child(parent: int) -> psutil.Process:
    """The process of a job below a process, once there is one."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if found := children_at_work(parent):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no job is at work")
