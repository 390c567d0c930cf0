"""Workers whose training is on other machines, some of which die: a Dask scheduler and its workers, each a process."""

import logging
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from offchain.chain.market import EpochSpec
from offchain.chain.phase import PurchaseStatus
from offchain.cid import Cid
from offchain.compute.executor import JobExecutor
from offchain.compute.spec import JobResult
from offchain.compute.training import run_job
from offchain.workers.home import Home
from offchain.workers.miner import Miner, Move
from offchain.workers.provider import Plan, Provider
from tests.clusters import ROOT, WAIT, Processes, cluster, free_port
from tests.market_world import consumers_of, epoch_spec, priced, provider_of
from tests.reader import blocks
from tests.training import EXECUTOR, LIMITS, after
from tests.unit.compute.jobs import make_job
from tests.unit.test_miner import published
from tests.world import UNIT, World, toy_rows


def searching(world: World, home: Home, executor: JobExecutor) -> tuple[Miner, int]:
    """A miner that has begun its search for a task's model."""
    task = published(world, home, toy_rows(24))
    miner = Miner(world.miners[0].sender, home, "ridge", 0, executor)
    assert miner.step(task.task_id) == Move.TRAIN
    return miner, task.task_id


def models(world: World, root: Path, task_id: int) -> tuple[bytes, bytes]:
    """What was trained, and what a miner trains on this machine alone."""
    task = world.data_node.registry.task(task_id)
    home = Home.of(root, world.connection, world.miners[0].address)
    alone = Home(root, root / "alone", home.blobs)
    kept = home.load_model(task)
    miner = Miner(world.miners[0].sender, alone, "ridge", 0, EXECUTOR)
    trained = None
    while trained is None:
        miner._train(task)  # the chain has its commitment already
        trained = alone.load_model(task)
        time.sleep(0.1)
    assert kept is not None
    return kept.model, trained.model


def test_a_search_ends_with_the_same_model_when_a_worker_dies_in_its_middle(
    world: World, tmp_path: Path
) -> None:
    home = Home.of(tmp_path, world.connection, world.miners[0].address)
    with cluster(2) as there, JobExecutor.dask(there.address, 1, LIMITS) as executor:
        miner, task_id = searching(world, home, executor)
        there.kill_with_its_nanny(there.at_work())

        assert after(Move.TRAIN, miner.step, task_id) == Move.COMMIT

    far, near = models(world, tmp_path, task_id)
    assert far == near


def test_a_provider_delivers_when_a_worker_dies_in_the_middle_of_its_job(
    world: World, tmp_path: Path
) -> None:
    seller, job = provider_of(world), make_job("digits", "mlp", 1)
    home = Home.of(tmp_path, world.connection, seller.address)
    home.blobs.put(job.rows)
    epoch_id = priced(world)
    purchase_id = consumers_of(world)[0].market.buy(
        epoch_id, 0, UNIT, home.blobs.put(job.spec.to_bytes()).digest
    )
    with cluster(2) as there, JobExecutor.dask(there.address, 1, LIMITS) as executor:
        provider = Provider(seller.sender, home, a_plan(epoch_spec()), executor)
        provider.step(epoch_id)
        there.kill_with_its_nanny(there.at_work())
        until_delivered(provider, epoch_id, purchase_id)

    bought = seller.market.purchase(epoch_id, purchase_id)
    result = JobResult.from_bytes(home.blobs.get(Cid.on_chain(bought.result_hash, 10_000), 10_000))
    assert home.blobs.get(Cid.parse(result.model), 100_000) == run_job(job.spec, job.rows).model


def a_plan(spec: EpochSpec) -> Plan:
    return Plan(spec, replenishment=0, epochs=1)


def until_delivered(provider: Provider, epoch_id: int, purchase_id: int) -> None:
    deadline = time.monotonic() + WAIT
    while provider.market.purchase(epoch_id, purchase_id).status == PurchaseStatus.BOUGHT:
        assert time.monotonic() < deadline
        assert provider.failed == {}
        provider.step(epoch_id)
        time.sleep(0.1)


def test_a_search_goes_on_here_while_the_scheduler_is_gone(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home.of(tmp_path, world.connection, world.miners[0].address)
    with (
        caplog.at_level(logging.INFO, "offchain"),
        cluster(1) as there,
        JobExecutor.dask(there.address, 1, LIMITS) as executor,
    ):
        miner, task_id = searching(world, home, executor)
        there.at_work()
        there.scheduler.kill()
        there.scheduler.wait()
        assert after(Move.TRAIN, miner.step, task_id) == Move.COMMIT
        gone = f"the Dask cluster at {there.address} does not answer: jobs run on this machine"
        until_said(caplog, gone)  # the search may end before that is noticed
        come_back(there, caplog)

        second = published(world, home, toy_rows(26))
        assert miner.step(second.task_id) == Move.TRAIN
        there.at_work()

    assert caplog.messages.count(gone) == 1
    far, near = models(world, tmp_path, task_id)
    assert far == near


def come_back(there: Processes, caplog: pytest.LogCaptureFixture) -> None:
    """Start the scheduler and a worker again, and wait until that is noticed."""
    there.restart_scheduler()
    there.add_worker()
    until_said(caplog, f"the Dask cluster at {there.address} is back")


def until_said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    deadline = time.monotonic() + WAIT
    while words not in caplog.messages:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_search_goes_on_here_while_the_cluster_has_no_worker(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = Home.of(tmp_path, world.connection, world.miners[0].address)
    with cluster(0) as there, JobExecutor.dask(there.address, 1, LIMITS) as executor:
        miner, task_id = searching(world, home, executor)

        assert after(Move.TRAIN, miner.step, task_id) == Move.COMMIT

    assert f"the Dask cluster at {there.address} has no worker: jobs run on this machine" in caplog.messages


@contextmanager
def ended(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is ended with the block."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def listening(process: "subprocess.Popen[bytes]") -> set[str]:
    """The addresses at which a process and those below it listen."""
    root = psutil.Process(process.pid)
    return {
        line.laddr.ip
        for each in (root, *root.children(recursive=True))
        for line in each.net_connections("inet")
        if line.status == psutil.CONN_LISTEN
    }


def test_a_cluster_that_is_started_as_the_page_says_listens_on_loopback_alone() -> None:
    page = (ROOT / "docs" / "machines.md").read_text()
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    typed = [line for line in lines if line.startswith("dask ")]
    port = free_port()
    with ExitStack() as stack:
        scheduler, worker = (
            stack.enter_context(ended([str(Path(sys.executable).parent / command[0]), *command[1:]]))
            for command in (shlex.split(line.replace("8786", str(port))) for line in typed)
        )
        Processes(port, scheduler, [worker]).wait_for(workers=1)

        assert [listening(scheduler), listening(worker)] == [{"127.0.0.1"}] * 2
