"""A deployed protocol with people in it, for tests on any local chain."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection
from offchain.chain.deploying import Bounds, MarketBounds, Web3Deployer, deploy
from offchain.chain.ledger import LearningLedgerClient
from offchain.chain.local import LocalChain
from offchain.chain.market import ComputeMarketClient
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import Task, TaskRegistryClient, TaskSpec
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient
from offchain.learning.metrics import Metric
from offchain.learning.rows import SaltedRows

UNIT = 10**18
BOUNDS = Bounds(
    min_window_seconds=10, max_window_seconds=7 * 86_400, min_data_node_bond=UNIT, min_miner_bond=UNIT
)
MARKET_BOUNDS = MarketBounds(
    min_window_seconds=10,
    max_window_seconds=7 * 86_400,
    min_tolerance_wad=UNIT // 1000,
    max_tolerance_wad=UNIT // 20,
    min_bond=UNIT,
    min_lock=UNIT // 1000,
)
FUNDS = 1_000 * UNIT
BURNED = "0x000000000000000000000000000000000000dEaD"


class Person:
    """An account with its clients."""

    def __init__(self, connection: Connection, index: int) -> None:
        self.sender = Sender(connection, dev_account(index))
        self.address = self.sender.address
        self.token = TokenClient(connection, self.sender)
        self.vault = VaultClient(connection, self.sender)
        self.registry = TaskRegistryClient(connection, self.sender)
        self.proof = ProofOfLearningClient(connection, self.sender)
        self.ledger = LearningLedgerClient(connection, self.sender)
        self.market = ComputeMarketClient(connection, self.sender)

    def fund(self, amount: int = FUNDS) -> None:
        """Mint, deposit and let the protocol move it."""
        self.token.mint(self.address, amount)
        self.vault.deposit_with_permit(amount)
        for operator in (self.registry, self.proof, self.market):
            self.vault.set_operator(operator.address, True)

    def balance(self) -> int:
        """What the vault keeps for this person."""
        return self.vault.balance_of(self.address)


@dataclass(frozen=True)
class World:
    """A chain, a deployment and its people, of whom the first is the data node and the others mine."""

    chain: LocalChain
    connection: Connection
    people: list[Person] = field(default_factory=list)

    @property
    def data_node(self) -> Person:
        """Who posts tasks."""
        return self.people[0]

    @property
    def miners(self) -> list[Person]:
        """Who trains."""
        return self.people[1:]

    def contract(self, name: str) -> Any:
        """A raw web3 contract of the deployment."""
        described = getattr(self.connection.deployment, name)
        return self.connection.w3.eth.contract(described.address, abi=described.abi)

    def spec(self, rows: SaltedRows, **changes: object) -> TaskSpec:
        """A task over rows of two features and two classes, four of them hidden."""
        spec = TaskSpec(
            data_root=rows.root(),
            manifest_hash=bytes.fromhex("aa" * 32),
            scorer=self.connection.deployment.scorers["DenseScorer"].address,
            metric=Metric.ACCURACY,
            feature_count=2,
            class_count=2,
            mapping_width=0,
            row_count=len(rows.rows),
            test_count=4,
            reward=100 * UNIT,
            data_node_bond=30 * UNIT,
            miner_bond=5 * UNIT,
            min_score_wad=UNIT // 2,
            commit_seconds=100,
            disclose_seconds=100,
            reveal_seconds=100,
        )
        return replace(spec, **changes)  # type: ignore[arg-type]

    def drawn(self, spec: TaskSpec) -> Task:
        """Post a task and draw its test rows."""
        task_id = self.data_node.registry.post(spec)
        self.chain.mine(3)
        self.data_node.registry.draw(task_id)
        return self.data_node.registry.task(task_id)

    def close_commits(self, task: Task) -> None:
        """Let time pass to the end of commits."""
        self.chain.set_time(task.commit_ends_at)

    def disclose(self, task: Task, rows: SaltedRows) -> Task:
        """Let commits end and disclose the test rows."""
        self.close_commits(task)
        while indices := self.data_node.registry.next_part(task.task_id):
            self.data_node.registry.disclose(task.task_id, *rows.disclosure(indices))
        return self.data_node.registry.task(task.task_id)


def toy_rows(count: int = 12) -> SaltedRows:
    """Rows (x, y, class) whose class is 1 where y > x; every second row each."""
    low = [bytes([200, 10 + i, 0]) for i in range(count // 2)]
    high = [bytes([10 + i, 200, 1]) for i in range(count - count // 2)]
    rows = low + high
    shuffled = tuple(rows[index] for index in np.random.default_rng(0).permutation(count))
    return SaltedRows(shuffled, b"\x07" * 32)


def deploy_world(
    chain: LocalChain, artifacts: dict[str, Artifact], people: int = 5, token: str | None = None
) -> World:
    """Deploy on a local chain, for a token or a new one, and fund its people; the last account deploys."""
    deployment = deploy(Web3Deployer(chain.w3, dev_account(9), artifacts), BOUNDS, MARKET_BOUNDS, token)
    connection = Connection.over(chain.w3, deployment)
    world = World(chain, connection, [Person(connection, index) for index in range(people)])
    for person in world.people:
        person.fund()
    return world
