"""The main job as one story, on eth-tester in this process and on Anvil: real data, real models, real workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.local import LocalChain, anvil_chain, eth_tester_chain
from offchain.chain.phase import Phase
from offchain.learning.metrics import Metric
from offchain.learning.scoring import score
from offchain.workers import data_node, miner
from offchain.workers.errors import FundsTooLow, SecretsLost
from offchain.workers.home import Home
from offchain.workers.miner import Miner
from tests.cast import Cast
from tests.stories import printed_ledger
from tests.training import EXECUTOR
from tests.world import FUNDS, UNIT, Person, World, deploy_world


@pytest.fixture(scope="module", params=["eth-tester", "anvil"])
def world(request: pytest.FixtureRequest, artifacts: dict[str, Artifact]) -> Iterator[World]:
    if request.param == "eth-tester":
        yield deploy_world(eth_tester_chain(), artifacts)
    else:
        with anvil_chain() as chain:
            yield deploy_world(chain, artifacts)


@pytest.fixture
def chain(world: World) -> LocalChain:
    return world.chain


@pytest.fixture
def cast(world: World, tmp_path: Path) -> Cast:
    return Cast(world, tmp_path)


def test_a_task_becomes_a_learning_block(world: World, cast: Cast) -> None:
    before = [person.balance() for person in world.people]
    task_id = cast.post("iris")
    cast.to_commits(task_id)
    for worker in cast.miners:
        cast.train(worker, task_id)
        cast.until(worker, task_id, miner.Move.COMMIT)
    world.close_commits(world.data_node.registry.task(task_id))
    cast.until(cast.data_node, task_id, data_node.Move.DISCLOSE)
    for worker in cast.miners:
        cast.until(worker, task_id, miner.Move.REVEAL)
    (winner,) = [worker for worker in cast.miners if worker.address == worker.proof.leader_of(task_id)]
    cast.until(winner, task_id, miner.Move.SETTLE)

    board = world.data_node.proof.revealed_models(task_id)
    task = world.data_node.registry.task(task_id)
    rows = world.data_node.registry.disclosed_rows(task)
    for entry in board:  # the contract's scores are those of the NumPy twin
        secret = cast.home(next(p for p in world.people if p.address == entry.miner)).load_model(task)
        assert secret is not None
        seed = world.data_node.proof.mapping_seed(task_id, entry.miner)
        assert entry.score_wad == score(Metric.ACCURACY, 4, 3, rows, secret.model, 64, seed)
    assert len(board) == 3
    assert board[0].score_wad > 0.85 * 10**18

    gains = {
        person.address: person.balance() - start for person, start in zip(world.people, before, strict=True)
    }
    assert gains[board[0].miner] == 100 * UNIT
    assert gains[board[1].miner] == 0
    assert gains[board[2].miner] == 0
    assert gains[world.data_node.address] == -100 * UNIT

    ledger = world.data_node.ledger
    assert ledger.first_bad(ledger.blocks()) is None
    printed = printed_ledger(world.connection, cast.root)[-1]
    assert set(printed) == {"index", "timestamp", "data", "previous_hash", "hash"}
    assert printed["data"]["accuracy"] == board[0].score_wad / 10**18
    assert "estimator" in printed["data"]["parameters"]


def test_a_miner_killed_after_its_commitment_still_reveals(world: World, cast: Cast) -> None:
    task_id = cast.post("iris")
    cast.to_commits(task_id)
    cast.until(cast.miners[0], task_id, miner.Move.COMMIT)
    world.close_commits(world.data_node.registry.task(task_id))
    cast.until(cast.data_node, task_id, data_node.Move.DISCLOSE)

    restarted = cast.miner(world.miners[0], "logistic")  # all that is left of it is on disk
    cast.until(restarted, task_id, miner.Move.REVEAL)
    cast.until(restarted, task_id, miner.Move.SETTLE)

    assert world.data_node.proof.phase_of(task_id) == Phase.SETTLED


def test_a_miner_killed_before_its_commitment_commits_to_the_model_on_disk(world: World, cast: Cast) -> None:
    task_id = cast.post("iris")
    cast.to_commits(task_id)
    cast.train(cast.miners[0], task_id)
    task = world.data_node.registry.task(task_id)
    trained = cast.home(world.miners[0]).load_model(task)

    cast.until(cast.miner(world.miners[0], "svm"), task_id, miner.Move.COMMIT)

    assert cast.home(world.miners[0]).load_model(task) == trained


def test_a_miner_without_its_secrets_says_so(world: World, cast: Cast, tmp_path: Path) -> None:
    task_id = cast.post("iris")
    cast.to_commits(task_id)
    cast.until(cast.miners[0], task_id, miner.Move.COMMIT)

    elsewhere = Home.of(tmp_path / "elsewhere", world.connection, world.miners[0].address)
    with pytest.raises(SecretsLost):
        Miner(world.miners[0].sender, elsewhere, "logistic", 0, EXECUTOR).step(task_id)


def test_an_aborted_task_gives_miners_their_bonds_and_the_data_nodes(world: World, cast: Cast) -> None:
    task_id = cast.post("iris")
    cast.to_commits(task_id)
    before = world.miners[0].balance()
    cast.until(cast.miners[0], task_id, miner.Move.COMMIT)
    task = world.data_node.registry.task(task_id)
    world.chain.set_time(task.commit_ends_at + task.disclose_seconds)

    cast.until(cast.miners[0], task_id, miner.Move.ABORT)
    cast.until(cast.miners[0], task_id, miner.Move.CLAIM)
    cast.until(cast.miners[0], task_id, miner.Move.DONE)

    assert world.miners[0].balance() == before + 30 * UNIT


def test_a_poor_miner_is_told_what_it_lacks_before_it_trains(world: World, cast: Cast) -> None:
    task_id = cast.post("iris")
    cast.to_commits(task_id)
    poor = cast.miner(Person(world.connection, 8), "logistic")

    with pytest.raises(FundsTooLow) as caught:
        cast.until(poor, task_id, miner.Move.COMMIT)

    assert (caught.value.account, caught.value.needed) == (dev_account(8).address, 5 * UNIT)
    assert FUNDS > caught.value.available == 0
