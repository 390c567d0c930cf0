"""The gas of every operation of a task, at 1, 10 and 100 miners, on Anvil with the Iris rows."""

from typing import Any

from eth_utils.crypto import keccak
from rich.console import Console
from rich.table import Table
from web3.types import TxReceipt

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import compile_contracts
from offchain.chain.connection import Connection
from offchain.chain.deploying import Bounds, MarketBounds, Web3Deployer, deploy
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import TaskRegistryClient, TaskSpec
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient
from offchain.learning import datasets
from offchain.learning.metrics import Metric
from offchain.learning.rows import SaltedRows
from offchain.learning.training import train_candidate

CROWDS = (1, 10, 100)
TEST_ROWS = 45
UNIT = 10**18
MARKET_BOUNDS = MarketBounds(10, 10_000, 10**15, 5 * 10**16, 1, 10**15)
SALT = b"\x05" * 32
# Published as goals of the project; the market's and the scorers' are in their own tables.
GOALS = {"post": 260_000, "commit": 65_000, "reveal": 150_000, "settle": 160_000}


class Bench:
    """A deployment whose operations are measured."""

    def __init__(self, chain: LocalChain, people: int) -> None:
        artifacts = compile_contracts()
        self.chain = chain
        deployer = Web3Deployer(chain.w3, dev_account(0), artifacts)
        deployment = deploy(deployer, Bounds(10, 10_000, 1, 1), MARKET_BOUNDS)
        self.connection = Connection.over(chain.w3, deployment)
        self.senders = [Sender(self.connection, dev_account(index)) for index in range(people)]
        self.data = datasets.encode(datasets.load("iris"))
        rows = [self.data.row_bytes(index) for index in range(self.data.manifest.row_count)]
        self.rows = SaltedRows(tuple(rows), b"\x07" * 32)
        data = self.data
        self.model = train_candidate(data.features, data.targets, data.manifest, "logistic", 0).model
        for sender in self.senders:
            self._fund(sender)

    def _fund(self, sender: Sender) -> None:
        vault = VaultClient(self.connection, sender)
        TokenClient(self.connection, sender).mint(sender.address, 10_000 * UNIT)
        vault.deposit_with_permit(10_000 * UNIT)
        for operator in (self.connection.deployment.registry, self.connection.deployment.proof):
            vault.set_operator(operator.address, True)

    def registry(self, index: int) -> TaskRegistryClient:
        """The registry for one of the people."""
        return TaskRegistryClient(self.connection, self.senders[index])

    def proof(self, index: int) -> ProofOfLearningClient:
        """The proof of learning for one of the people."""
        return ProofOfLearningClient(self.connection, self.senders[index])

    def spec(self) -> TaskSpec:
        """A task over the Iris rows."""
        manifest = self.data.manifest
        scorer = self.connection.deployment.scorers["DenseScorer"].address
        shape = (manifest.feature_count, manifest.class_count, 0, manifest.row_count, TEST_ROWS)
        money = (100 * UNIT, 30 * UNIT, 5 * UNIT, 0)
        windows = (5_000, 5_000, 5_000)
        head = (self.rows.root(), keccak(b"manifest"), scorer, Metric.ACCURACY)
        return TaskSpec(*head, *shape, *money, *windows)

    def drawn(self, gas: dict[str, list[int]]) -> int:
        """Post and draw, with what they cost."""
        task_id = self.registry(0).post(self.spec())
        (posted,) = self.chain.w3.eth.get_block("latest")["transactions"]
        gas["post"] = [self.chain.w3.eth.get_transaction_receipt(posted)["gasUsed"]]  # type: ignore[arg-type]
        self.chain.mine(3)
        gas["draw"] = [cost(self.registry(0).draw(task_id))]
        return task_id

    def settled(self, miners: int) -> dict[str, list[int]]:
        """A task that ends well."""
        gas: dict[str, list[int]] = {}
        task_id = self.drawn(gas)
        gas["publish"] = [cost(self.registry(0).publish(task_id, SALT))]
        gas["commit"] = [
            cost(self.proof(i).commit(task_id, keccak(self.model), SALT)) for i in range(1, miners + 1)
        ]
        self.chain.advance(5_000)
        disclosure = self.rows.disclosure(self.registry(0).test_rows_of(task_id))
        gas["disclose"] = [cost(self.registry(0).disclose(task_id, *disclosure))]
        gas["reveal"] = [cost(self.proof(i).reveal(task_id, SALT, self.model)) for i in range(1, miners + 1)]
        gas["settle"] = [cost(self.proof(0).settle(task_id))]
        return gas

    def aborted(self, miners: int) -> dict[str, list[int]]:
        """A task whose data node stays silent."""
        gas: dict[str, list[int]] = {}
        task_id = self.drawn({})
        for i in range(1, miners + 1):
            self.proof(i).commit(task_id, keccak(self.model), SALT)
        self.chain.advance(10_000)
        gas["abort"] = [cost(self.proof(0).abort(task_id))]
        gas["claim"] = [cost(self.proof(i).claim(task_id)) for i in range(1, miners + 1)]
        return gas


def cost(receipt: TxReceipt) -> int:
    """Gas used, calldata and intrinsic cost included."""
    return receipt["gasUsed"]


def run() -> dict[str, Any]:
    """Measure and print; the median over miners where there are several."""
    with anvil_chain() as chain:
        bench = Bench(chain, max(CROWDS) + 1)
        bench.settled(1)  # the first task of a deployment writes what later ones overwrite
        gas = {crowd: {**bench.settled(crowd), **bench.aborted(crowd)} for crowd in CROWDS}
    first = {operation: costs[0] for operation, costs in gas[1].items()}
    medians = {
        operation: {
            str(crowd): sorted(gas[crowd][operation])[len(gas[crowd][operation]) // 2] for crowd in CROWDS
        }
        for operation in first
    }
    table = Table("operation", *(f"{crowd} miners" for crowd in CROWDS), "goal", title="Gas of a task (Iris)")
    for operation, row in medians.items():
        goal = GOALS.get(operation)
        table.add_row(operation, *(f"{value:,}" for value in row.values()), f"{goal:,}" if goal else "")
    Console().print(table)
    return {"gas": medians, "goals": GOALS, "test_rows": TEST_ROWS, "model_bytes": len(bench.model)}
