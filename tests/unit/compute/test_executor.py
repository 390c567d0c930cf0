"""Jobs in real processes: a local pool, and a Dask cluster of processes on this machine."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from offchain.compute.errors import (
    ClusterUnreachable,
    JobAnswerInvalid,
    JobCrashed,
    JobOutOfMemory,
    JobRefused,
    JobTimedOut,
)
from offchain.compute.executor import JobExecutor, RunningJob
from offchain.compute.process import HEAD, Ending, Limits, Outcome, run_isolated
from offchain.compute.trained import Trained
from offchain.compute.training import run_job
from offchain.compute.trial import TrialSpec
from offchain.compute.work import Kind, Work
from offchain.learning import estimators
from offchain.learning.metrics import Metric
from tests.clusters import WAIT, children_at_work, cluster, wait_for_child
from tests.unit.compute.jobs import Job, endless_job, large_job, make_job

GENEROUS = Limits(seconds=120.0, memory_bytes=1 << 30)


def submit(executor: JobExecutor, job: Job) -> RunningJob:
    return executor.submit(job.work)


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
    with JobExecutor.local(1, Limits(10.0, 1 << 30)) as executor:
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


@pytest.mark.parametrize(("named", "outcome"), [(True, Trained), (False, JobRefused)])
def test_own_estimators_are_trained_where_the_environment_names_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local: JobExecutor, named: bool, outcome: type
) -> None:
    path, job = tmp_path / "mine.py", make_job()
    path.write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "def make(class_count, seed):\n"
        "    return LogisticRegression(fit_intercept=False, class_weight='balanced')\n"
    )
    monkeypatch.setenv(estimators.FACTORY, "")  # to be as it was afterwards
    name = estimators.named(f"{path}:make")
    (parameters,) = estimators.candidates(name, 3)
    spec = TrialSpec.make(
        estimator=name,
        parameters=dict(parameters),
        rows=job.spec.rows,
        feature_count=4,
        class_count=3,
        metric=int(Metric.ACCURACY),
        seed=0,
    )
    if not named:
        monkeypatch.delenv(estimators.FACTORY)

    ended = local.submit(Work(Kind.TRIAL, spec.to_bytes(), job.rows)).outcome(WAIT).ended

    assert parameters == {
        "estimator": "LogisticRegression",
        "class_weight": "balanced",
        "fit_intercept": False,
    }
    assert isinstance(ended, outcome)


@pytest.mark.parametrize("spec", [b"", b"{}", b"\x80\x04cos\nsystem\n."], ids=["none", "empty", "a pickle"])
def test_a_spec_that_is_none_is_refused_in_the_jobs_own_process(local: JobExecutor, spec: bytes) -> None:
    assert isinstance(local.submit(Work(Kind.JOB, spec, b"rows")).outcome(WAIT).ended, JobRefused)


def test_why_a_job_is_refused_is_said_once(local: JobExecutor) -> None:
    ended = local.submit(make_job("digits", "forest", 2000).work).outcome(WAIT).ended

    assert isinstance(ended, JobRefused)
    assert str(ended).count("the job cannot be trained") == 1


def test_a_cluster_gives_the_bytes_that_this_machine_gives(local: JobExecutor) -> None:
    from distributed import LocalCluster

    jobs = [make_job("digits", "mlp", 4), make_job("wine", "boosting", 3)]
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=1,
            threads_per_worker=2,
            processes=True,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as machines,
        JobExecutor.dask(machines.scheduler_address, 1, GENEROUS) as executor,
    ):
        far = [job.outcome(WAIT).trained() for job in [submit(executor, job) for job in jobs]]

    near = [submit(local, job).outcome(WAIT).trained() for job in jobs]
    assert far == near


def test_a_cluster_outlives_its_jobs_and_its_workers() -> None:
    with (
        cluster(2) as there,
        JobExecutor.dask(there.address, 1, Limits(30.0, 1 << 30)) as executor,
    ):
        assert isinstance(submit(executor, endless_job()).outcome(WAIT).ended, JobTimedOut)

        doomed = submit(executor, endless_job())
        worker = there.at_work()
        children_at_work(worker.pid)[0].kill()
        assert isinstance(doomed.outcome(WAIT).ended, JobCrashed)

        # A worker that is gone for good: its job is begun again by the other.
        orphan = submit(executor, endless_job())
        there.kill_with_its_nanny(there.at_work())
        wait_for_child(there.workers[0].pid).kill()
        assert isinstance(orphan.outcome(WAIT).ended, JobCrashed)


def test_what_has_ended_is_not_done_again_when_the_machine_that_did_it_goes() -> None:
    with (
        cluster(1) as there,
        JobExecutor.dask(there.address, 1, Limits(30.0, 1 << 30)) as executor,
    ):
        done = submit(executor, make_job())
        assert done.outcome(WAIT).trained()
        there.add_worker()
        there.wait_for(2)

        there.kill_with_its_nanny(there.workers[0])
        new = submit(executor, endless_job())
        wait_for_child(there.workers[0].pid).kill()

        assert isinstance(new.outcome(WAIT).ended, JobCrashed)


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


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04cos\nsystem\n.",
        HEAD.pack(1.0, 0, 77),
        HEAD.pack(1.0, 0, Ending.OUT_OF_MEMORY) + b"much",
        HEAD.pack(1.0, 0, Ending.REFUSED) + b"\xff",
        HEAD.pack(1.0, 0, Ending.TRAINED) + b"\xff\xff\xff\xff{}",
    ],
    ids=["nothing", "a pickle", "no such ending", "a short limit", "no text", "a length beyond the end"],
)
def test_bytes_that_are_no_answer_are_a_failure(data: bytes) -> None:
    assert isinstance(came_back(make_job(), data).ended, JobAnswerInvalid)


def test_an_answer_to_another_job_is_a_failure() -> None:
    other = run_isolated(make_job("iris", "sgd", 3).work.to_bytes(), GENEROUS)

    assert isinstance(came_back(make_job("iris", "sgd", 3), other).ended, Trained)
    assert isinstance(came_back(make_job("iris", "sgd", 2), other).ended, JobAnswerInvalid)


def came_back(job: Job, data: bytes) -> Outcome:
    """What a job is that any bytes came back for."""
    future: Future[bytes] = Future()
    future.set_result(data)
    return RunningJob(job.work, future).outcome()
