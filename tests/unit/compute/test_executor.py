"""Jobs in real processes: a local pool, and a Dask cluster of processes on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from offchain.compute.errors import ClusterUnreachable, JobCrashed, JobOutOfMemory, JobRefused, JobTimedOut
from offchain.compute.executor import JobExecutor, RunningJob
from offchain.compute.process import Limits
from offchain.compute.training import run_job
from offchain.compute.work import Kind, Work
from tests.unit.compute.jobs import Job, endless_job, large_job, make_job

GENEROUS = Limits(seconds=120.0, memory_bytes=1 << 30)
ROOT = Path(__file__).resolve().parents[3]
WAIT = 240.0


@contextmanager
def cluster(workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and its workers, each a process of its own, as on machines of their own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + command[0], *command[1:]],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    try:
        start("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        for _ in range(workers):
            start("dask_worker", address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
        yield address, started[1:]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def submit(executor: JobExecutor, job: Job) -> RunningJob:
    return executor.submit(job.work)


def children_at_work(parent: int) -> list[psutil.Process]:
    """The processes of jobs below a process, however deep."""
    found = []
    for process in psutil.Process(parent).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that has just ended, too
            if "offchain.compute.process" in process.cmdline():
                found.append(process)
    return found


def wait_for_child(parent: int) -> psutil.Process:
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if found := children_at_work(parent):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no job is at work")


@pytest.fixture
def local() -> Iterator[JobExecutor]:
    with JobExecutor.local(2, GENEROUS) as executor:
        yield executor


def test_a_job_gives_what_training_here_gives(local: JobExecutor) -> None:
    job = make_job("iris", "mlp", 5)

    running = submit(local, job)
    outcome = running.outcome(WAIT)

    assert outcome.trained() == run_job(job.spec, job.rows)
    assert outcome.peak_bytes > 10_000_000  # no Python with scikit-learn is smaller
    assert 0 < outcome.seconds < WAIT
    assert running.ended


def test_a_job_that_takes_too_long_is_ended_and_blocks_nobody() -> None:
    with JobExecutor.local(1, Limits(40.0, 1 << 30)) as executor:
        endless, next_one = submit(executor, endless_job()), submit(executor, make_job())
        assert not endless.ended

        assert isinstance(endless.outcome(WAIT).ended, JobTimedOut)
        assert next_one.outcome(WAIT).trained()
        assert children_at_work(os.getpid()) == []


def test_a_job_that_wants_too_much_memory_is_told_so() -> None:
    with JobExecutor.local(1, Limits(60.0, 96 << 20)) as executor:
        large, small = submit(executor, large_job()), submit(executor, make_job())

        assert isinstance(large.outcome(WAIT).ended, JobOutOfMemory)
        assert small.outcome(WAIT).trained()


def test_a_job_that_is_killed_has_crashed(local: JobExecutor) -> None:
    doomed = submit(local, endless_job())
    wait_for_child(os.getpid()).kill()

    ended = doomed.outcome(WAIT).ended

    assert isinstance(ended, JobCrashed)
    assert ended.status == -signal.SIGKILL


@pytest.mark.parametrize("spec", [b"", b"{}", b"\x80\x04cos\nsystem\n."], ids=["none", "empty", "a pickle"])
def test_a_spec_that_is_none_is_refused_in_the_jobs_own_process(local: JobExecutor, spec: bytes) -> None:
    assert isinstance(local.submit(Work(Kind.JOB, spec, b"rows")).outcome(WAIT).ended, JobRefused)


def test_a_cluster_gives_the_bytes_that_this_machine_gives(local: JobExecutor) -> None:
    from distributed import LocalCluster

    jobs = [make_job("digits", "mlp", 4), make_job("wine", "boosting", 3)]
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None
        ) as machines,
        JobExecutor.dask(machines.scheduler_address, 1, GENEROUS) as executor,
    ):
        far = [job.outcome(WAIT).trained() for job in [submit(executor, job) for job in jobs]]

    near = [submit(local, job).outcome(WAIT).trained() for job in jobs]
    assert far == near


def test_a_cluster_outlives_its_jobs_and_its_workers() -> None:
    with (
        cluster(2) as (address, workers),
        JobExecutor.dask(address, 1, Limits(40.0, 1 << 30)) as executor,
    ):
        assert isinstance(submit(executor, endless_job()).outcome(WAIT).ended, JobTimedOut)

        doomed = submit(executor, endless_job())
        at_work = [worker for worker in workers if children_or_wait(worker, workers)]
        children_at_work(at_work[0].pid)[0].kill()
        assert isinstance(doomed.outcome(WAIT).ended, JobCrashed)

        # A worker that is gone for good: its job is begun again by the other.
        orphan = submit(executor, endless_job())
        at_work = [worker for worker in workers if children_or_wait(worker, workers)]
        for process in [*psutil.Process(at_work[0].pid).children(recursive=True), at_work[0]]:
            process.kill()
        (survivor,) = [worker for worker in workers if worker is not at_work[0]]
        wait_for_child(survivor.pid).kill()
        assert isinstance(orphan.outcome(WAIT).ended, JobCrashed)


def children_or_wait(worker: subprocess.Popen[bytes], workers: list[subprocess.Popen[bytes]]) -> bool:
    """Whether a worker is at work, once any of them is."""
    deadline = time.monotonic() + WAIT
    while not any(children_at_work(one.pid) for one in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return bool(children_at_work(worker.pid))


def test_no_scheduler_is_an_error_at_once() -> None:
    with pytest.raises(ClusterUnreachable, match=r"127\.0\.0\.1:9"):
        JobExecutor.dask("tcp://127.0.0.1:9", 1, GENEROUS)


def test_an_executor_that_an_error_leaves_does_not_wait_for_its_jobs() -> None:
    started = time.monotonic()

    with pytest.raises(KeyboardInterrupt), JobExecutor.local(1, GENEROUS) as executor:
        running, waiting = submit(executor, endless_job()), submit(executor, endless_job())
        while not children_at_work(os.getpid()):
            time.sleep(0.05)
        raise KeyboardInterrupt

    assert time.monotonic() - started < GENEROUS.seconds / 2
    assert children_at_work(os.getpid()) == []
    assert isinstance(running.outcome().ended, JobCrashed)
    assert waiting.ended  # it was cancelled
