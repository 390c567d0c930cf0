"""What workers do when blocks that they have acted upon are no more: their actions count by what the chain has now."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import eth_tester_chain
from offchain.chain.phase import EpochPhase, PurchaseStatus
from offchain.compute.executor import JobExecutor
from offchain.workers import consumer, data_node
from offchain.workers.data_node import DataNode
from offchain.workers.home import Home
from tests.integration.test_market_story import LIMITS, Cast
from tests.world import World, deploy_world, toy_rows


@pytest.fixture(scope="module")
def deployed(artifacts: dict[str, Artifact]) -> World:
    return deploy_world(eth_tester_chain(), artifacts)


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    go_back = deployed.chain.snapshot()
    yield deployed
    go_back()


@pytest.fixture(scope="module")
def executor() -> Iterator[JobExecutor]:
    with JobExecutor.local(2, LIMITS) as running:
        yield running


@pytest.fixture
def cast(world: World, tmp_path: Path, executor: JobExecutor) -> Cast:
    return Cast(world, tmp_path, executor)


def test_a_data_node_serves_a_task_whose_number_was_anothers_before(world: World, tmp_path: Path) -> None:
    ours, theirs = world.people[:2]
    home = Home.of(tmp_path, world.connection, ours.address)
    node = DataNode(ours.sender, home)
    go_back = world.chain.snapshot()
    foreign = theirs.registry.post(world.spec(toy_rows()))
    assert node.tasks() == []

    go_back()
    own = ours.registry.post(world.spec(toy_rows()))

    assert own == foreign
    assert node.tasks() == [own]


def test_a_data_node_serves_a_task_that_was_drawn_as_anothers_before(world: World, tmp_path: Path) -> None:
    ours, theirs = world.people[:2]
    node = DataNode(ours.sender, Home.of(tmp_path, world.connection, ours.address))
    go_back = world.chain.snapshot()
    foreign = theirs.registry.post(world.spec(toy_rows()))
    world.chain.mine(3)
    theirs.registry.draw(foreign)
    assert node.tasks() == []

    go_back()
    assert node.tasks() == []
    own = ours.registry.post(world.spec(toy_rows()))

    assert node.tasks() == [own]


def test_a_data_node_publishes_again_when_other_rows_are_drawn(world: World, tmp_path: Path) -> None:
    ours = world.data_node
    home = Home.of(tmp_path, world.connection, ours.address)
    rows = toy_rows(24)
    home.save_rows(rows)
    task_id = ours.registry.post(world.spec(rows))
    world.chain.mine(3)
    ours.registry.draw(task_id)
    ours.registry.publish(task_id, b"\x01" * 32)  # by a transaction of before the reorganisation, as it were
    node = DataNode(ours.sender, home)

    assert node.step(task_id) == data_node.Move.PUBLISH

    blob = rows.training_blob(ours.registry.test_rows_of(task_id))
    assert ours.registry.published_training_rows(task_id) == home.blobs.put(blob).digest
    assert node.step(task_id) == data_node.Move.WAIT


def test_a_provider_delivers_to_each_what_it_ordered_when_purchases_change_places(cast: Cast) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    first, second = cast.consumers[:2]
    go_back = cast.world.chain.snapshot()
    cast.until(first.step, task_id, consumer.Move.BUY)
    cast.provider.step(epoch_id)  # begins the job

    go_back()
    cast.until(second.step, task_id, consumer.Move.BUY)
    cast.deliver(cast.provider, epoch_id)
    cast.until(second.step, task_id, consumer.Move.CHECK)

    assert cast.market.purchase(epoch_id, 1).consumer == second.address
    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.PAID


def test_a_consumer_takes_its_lock_back_again_when_that_is_undone(cast: Cast) -> None:
    task_id = cast.post()
    buyer, person = cast.consumers[0], cast.people[0]
    (epoch_id,) = cast.provider.epochs()
    cast.until(buyer.step, task_id, consumer.Move.DECLARE)
    locked = person.balance()
    cast.end_phase(epoch_id)
    assert cast.end_phase(epoch_id) == EpochPhase.UNPRICED
    go_back = cast.world.chain.snapshot()
    assert [buyer.step(task_id) for _ in range(2)] == [consumer.Move.RETURN, consumer.Move.CLOSE]

    go_back()
    assert person.balance() == locked

    assert buyer.step(task_id) == consumer.Move.RETURN
    assert person.balance() > locked
