"""What an account has trained: once, whatever becomes of its process."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from offchain.compute.errors import JobRefused
from offchain.compute.executor import JobExecutor, RunningJob
from offchain.compute.trained import Trained
from offchain.compute.training import run_job
from offchain.compute.work import Work
from offchain.storage import BlobStore
from offchain.workers.home import Home
from offchain.workers.jobs import Jobs
from tests.clusters import WAIT, wait_for_child
from tests.training import EXECUTOR
from tests.unit.compute.jobs import make_job

WORKER = """
import sys, time
from pathlib import Path
from offchain.compute.executor import JobExecutor
from offchain.compute.process import Limits
from offchain.storage import BlobStore
from offchain.workers.home import Home
from offchain.workers.jobs import Jobs
from tests.unit.compute.jobs import endless_job, make_job
root = Path(sys.argv[1])
with JobExecutor.local(1, Limits(600.0, 1 << 30)) as executor:
    jobs = Jobs(Home(root, root / "account", BlobStore(root)), executor)
    works = [make_job("iris", "sgd", 3).work, endless_job().work]
    while True:
        for number, work in enumerate(works):
            if jobs.answer(work, "task 1"):
                print(number, flush=True)
        time.sleep(0.1)
"""


class Counted(JobExecutor):
    """An executor that notes what it is handed, and hands it on."""

    def __init__(self) -> None:
        self.submitted: list[Work] = []

    def submit(self, work: Work, most_seconds: float = float("inf")) -> RunningJob:
        self.submitted.append(work)
        return EXECUTOR.submit(work, most_seconds)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, tmp_path / "account", BlobStore(tmp_path))


@pytest.fixture
def executor() -> Counted:
    return Counted()


def wait_for(jobs: Jobs, work: Work) -> Trained:
    deadline = time.monotonic() + WAIT
    while (answer := jobs.answer(work, "task 1")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


def test_a_job_is_trained_once_however_often_its_worker_is_started(home: Home, executor: Counted) -> None:
    job = make_job("iris", "sgd", 3)

    first = wait_for(Jobs(home, executor), job.work)
    again = Jobs(home, executor).answer(job.work, "task 1")

    assert first == again == run_job(job.spec, job.rows)
    assert len(executor.submitted) == 1


def test_a_job_that_is_forgotten_is_trained_again(home: Home, executor: Counted) -> None:
    jobs, work = Jobs(home, executor), make_job("iris", "sgd", 3).work
    wait_for(jobs, work)

    jobs.forget(work)

    assert jobs.answer(work, "task 1") is None
    assert len(executor.submitted) == 2


def test_a_job_that_failed_is_not_begun_again(home: Home, executor: Counted) -> None:
    jobs, work = Jobs(home, executor), Work(make_job().work.kind, b"no spec", b"")
    with pytest.raises(JobRefused):
        wait_for(jobs, work)

    with pytest.raises(JobRefused):
        jobs.answer(work, "task 1")

    assert len(executor.submitted) == 1


def test_a_killed_worker_keeps_what_ended_and_leaves_no_process_behind(home: Home, executor: Counted) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(home.root)], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "0\n"
        endless = wait_for_child(worker.pid)
        worker.send_signal(signal.SIGKILL)

    job = make_job("iris", "sgd", 3)
    assert Jobs(home, executor).answer(job.work, "task 1") == run_job(job.spec, job.rows)
    assert executor.submitted == []
    psutil.wait_procs([endless], timeout=WAIT)
    assert not endless.is_running()
