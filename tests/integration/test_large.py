"""Test sets and models larger than one transaction: 2,000 rows of 64 features, an MLP 64-64-10, in front of it the
secure mapping or not."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.gas import transactions
from offchain.chain.local import anvil_chain
from offchain.chain.phase import Phase
from offchain.chain.transactions import MAX_TRANSACTION_GAS
from offchain.learning.metrics import Metric
from offchain.learning.model import DenseLayer, DenseModel, encode
from offchain.learning.rows import SaltedRows
from offchain.learning.scoring import score
from offchain.workers import miner
from offchain.workers.data_node import DataNode
from offchain.workers.home import Home, ModelSecret
from offchain.workers.miner import Miner
from tests.stories import SALT, commit
from tests.training import EXECUTOR
from tests.world import World, deploy_world

FEATURES, CLASSES, TEST_ROWS = 64, 10, 2000


@pytest.fixture(scope="module")
def world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts, people=2)


def mlp(widths: tuple[int, ...]) -> bytes:
    """Random layers of the given widths."""
    rng = np.random.default_rng(11)
    layers = [
        DenseLayer(
            rng.integers(-60, 60, shape).astype(np.int8),
            rng.integers(-900, 900, shape[1]).astype(np.int32),
            9,
        )
        for shape in pairwise(widths)
    ]
    layers[-1] = DenseLayer(layers[-1].weights, layers[-1].biases, 0)
    return encode(DenseModel(bytes(32), tuple(layers)))


def rows_of_the_task() -> SaltedRows:
    """2,500 rows, in which the classes are as the generator has it."""
    rng = np.random.default_rng(12)
    features = rng.integers(0, 256, (2500, FEATURES), np.uint8)
    targets = rng.integers(0, CLASSES, (2500, 1), np.uint8)
    return SaltedRows(tuple(row.tobytes() for row in np.hstack([features, targets])), b"\x07" * 32)


@pytest.mark.parametrize("mapping_width", [0, 128])
@pytest.mark.parametrize("metric", [Metric.ACCURACY, Metric.MACRO_F1])
def test_a_large_task_is_disclosed_and_scored_over_several_transactions(
    world: World, tmp_path: Path, mapping_width: int, metric: Metric
) -> None:
    rows, model = rows_of_the_task(), mlp((mapping_width or FEATURES, 64, CLASSES))
    data_home = Home.of(tmp_path, world.connection, world.data_node.address)
    miner_home = Home.of(tmp_path, world.connection, world.miners[0].address)
    data_home.save_rows(rows)
    posted_in = world.chain.w3.eth.block_number
    shape = {"feature_count": FEATURES, "class_count": CLASSES, "test_count": TEST_ROWS}
    task = world.drawn(world.spec(rows, mapping_width=mapping_width, metric=metric, **shape))
    miner_home.save_model(task, ModelSecret(model, SALT))
    commit(world.miners[0], task, model)
    world.close_commits(task)

    DataNode(world.data_node.sender, data_home).step(task.task_id)
    task = world.data_node.registry.task(task.task_id)
    # One transaction is enough to begin; a miner that was stopped goes on from there.
    world.miners[0].proof.reveal(task.task_id, SALT, model, row_count=100)
    move = Miner(world.miners[0].sender, miner_home, "mlp", 0, EXECUTOR).step(task.task_id)

    assert move == miner.Move.REVEAL
    assert world.data_node.proof.phase_of(task.task_id) == Phase.SETTLE
    (revealed,) = world.data_node.proof.revealed_models(task.task_id)
    seed = world.miners[0].proof.mapping_seed(task.task_id, world.miners[0].address)
    disclosed = world.data_node.registry.disclosed_rows(task)
    assert revealed.score_wad == score(metric, FEATURES, CLASSES, disclosed, model, mapping_width, seed)
    spent: dict[str, list[int]] = {act: [] for act in ("disclose", "reveal")}
    for sent in transactions(world.connection):
        if sent.function in spent and sent.block > posted_in:
            spent[sent.function].append(sent.gas)
    assert all(len(costs) > 2 and max(costs) < MAX_TRANSACTION_GAS for costs in spent.values())
    assert sum(spent["reveal"]) > MAX_TRANSACTION_GAS
