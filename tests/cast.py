"""Real workers for stories: a data node and three miners."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from offchain.learning import datasets
from offchain.learning.metrics import Metric
from offchain.workers import data_node
from offchain.workers.data_node import DataNode, Terms
from offchain.workers.home import Home
from offchain.workers.miner import Miner
from offchain.workers.miner import Move as MinerMove
from tests.training import EXECUTOR, PATIENCE
from tests.world import UNIT, Person, World

TERMS = Terms(
    reward=100 * UNIT,
    data_node_bond=30 * UNIT,
    miner_bond=5 * UNIT,
    min_score_wad=UNIT // 2,
    commit_seconds=1000,
    disclose_seconds=1000,
    reveal_seconds=1000,
    mapping_width=64,
)


class Cast:
    """The workers of a story, each with its own data directory over shared blobs."""

    def __init__(self, world: World, root: Path) -> None:
        self.world, self.root = world, root
        self.scorer = world.connection.deployment.scorers["DenseScorer"].address
        self.data_node = DataNode(world.data_node.sender, self.home(world.data_node))
        self.miners = [
            self.miner(person, estimator)
            for person, estimator in zip(world.miners, ("logistic", "mlp", "svm"), strict=False)
        ]

    def home(self, person: Person) -> Home:
        """A person's data directory."""
        return Home.of(self.root, self.world.connection, person.address)

    def miner(self, person: Person, estimator: str) -> Miner:
        """A worker that knows what is on disk."""
        return Miner(person.sender, self.home(person), estimator, 0, EXECUTOR)

    def post(self, dataset: str, test_count: int = 45, **changes: Any) -> int:
        """Post a task over a data set that scikit-learn ships."""
        encoded = datasets.encode(datasets.load(dataset))
        terms = replace(TERMS, **changes)
        return self.data_node.post(encoded, self.scorer, Metric.ACCURACY, test_count, terms)

    def until(self, worker: Any, task_id: int, move: Any) -> None:
        """Let a worker step until it has made a move, mining a block for each step."""
        deadline = time.monotonic() + PATIENCE
        while worker.step(task_id) != move:
            assert time.monotonic() < deadline, f"{worker} did not come to {move}"
            self.world.chain.mine(1)
            time.sleep(0.1)  # what trains needs the processor more

    def train(self, worker: Miner, task_id: int) -> None:
        """Let a miner work until it has a model to commit to."""
        task = self.world.data_node.registry.task(task_id)
        person = next(one for one in self.world.people if one.address == worker.address)
        deadline = time.monotonic() + PATIENCE
        while self.home(person).load_model(task) is None:
            assert worker.step(task_id) == MinerMove.TRAIN
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def to_commits(self, task_id: int) -> None:
        """Draw and publish."""
        self.until(self.data_node, task_id, data_node.Move.DRAW)
        self.until(self.data_node, task_id, data_node.Move.PUBLISH)
