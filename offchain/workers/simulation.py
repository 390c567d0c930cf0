"""The paper's experiment on a chain: every step is an epoch of the market, and what is bought is trained.

The consumers' utilities are the scenario's, so that a run without a chain gives the same numbers. What they buy
trains candidates for a task of that step, in which the best one becomes a learning block.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection
from offchain.chain.deploying import Bounds, MarketBounds, Web3Deployer, deploy
from offchain.chain.local import LocalChain
from offchain.chain.market import WAD, ComputeMarketClient, EpochSpec, Utility
from offchain.chain.phase import EpochPhase
from offchain.chain.registry import Task
from offchain.chain.transactions import MAX_TRANSACTION_GAS, Sender
from offchain.chain.vault import TokenClient
from offchain.compute.checking import check_delivery
from offchain.compute.executor import JobExecutor
from offchain.compute.process import Limits
from offchain.compute.training import run_job
from offchain.economics.curve import LearningCurve
from offchain.economics.epochs import Declared, Integers, Offer, served
from offchain.learning import datasets
from offchain.learning.metrics import Metric
from offchain.workers.consumer import Consumer
from offchain.workers.data_node import DataNode, Terms, default_test_count
from offchain.workers.data_node import Move as DataMove
from offchain.workers.funds import make_available
from offchain.workers.home import Home

BOUNDS = Bounds(min_window_seconds=10, max_window_seconds=86_400, min_data_node_bond=WAD, min_miner_bond=WAD)
MARKET_BOUNDS = MarketBounds(
    min_window_seconds=10,
    max_window_seconds=86_400,
    min_tolerance_wad=WAD // 1000,
    max_tolerance_wad=WAD // 10,
    min_bond=WAD,
    min_lock=1,
)
TERMS = Terms(
    reward=10 * WAD,
    data_node_bond=WAD,
    miner_bond=WAD,
    min_score_wad=0,
    commit_seconds=5000,
    disclose_seconds=1000,
    reveal_seconds=1000,
    mapping_width=64,
)
FUNDS = 10**9 * WAD
WINDOW_SECONDS = 1000
_WINDOWS = ("declare", "price", "buy", "leftover", "deliver", "accept")
ESTIMATORS = ("logistic", "mlp", "sgd")
# A simulated consumer has no pilot: it accepts what it ordered, whatever that scores.
_NO_EXPECTATION = LearningCurve(-np.inf, 0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a consumer had trained in a step, and its score on the rows that it kept back."""

    consumer: int
    estimator: str
    iterations: int
    score: float


class ChainMarket:
    """Epochs of the compute market on a local chain, and a task for what they train; see `epochs.Market`.

    Account 0 is the data node, 1 the provider, the consumers follow.
    """

    def __init__(
        self,
        chain: LocalChain,
        connection: Connection,
        root: Path,
        consumers: int,
        dataset: str,
        seed: int,
    ) -> None:
        self.connection = connection
        self._chain = chain
        senders = [
            Sender(connection, dev_account(index), MAX_TRANSACTION_GAS) for index in range(consumers + 2)
        ]
        homes = [Home.of(root, connection, sender.address) for sender in senders]
        self._data = datasets.encode(datasets.load(dataset))
        secrets = np.random.default_rng(seed).bytes  # nobody but this process plays here
        self._data_node = DataNode(senders[0], homes[0], secrets)
        self._market = ComputeMarketClient(connection, senders[1])
        self._blobs = homes[1].blobs
        idle = JobExecutor.local(1, Limits(seconds=0, memory_bytes=0))  # this process trains by itself
        self.consumers = [
            Consumer(sender, home, ESTIMATORS[index % len(ESTIMATORS)], index, idle, secrets)
            for index, (sender, home) in enumerate(zip(senders[2:], homes[2:], strict=True))
        ]
        bank = TokenClient(connection, senders[0])
        for sender in senders:
            bank.mint(sender.address, FUNDS)
            for contract in ("registry", "proof", "market"):
                make_available(sender, FUNDS, getattr(connection.deployment, contract).address)
        self.trained: list[Trained] = []

    def trade(self, offer: Offer, declared: Declared, price: int, demands: Integers) -> Integers:
        """Open an epoch, let all declare, prove the price, let all buy; train and mine what was bought."""
        self.trained = []
        epoch_id = self._market.open(_epoch_of(offer, declared.size))
        for consumer, numbers in zip(self.consumers, zip(*declared, strict=True), strict=True):
            consumer.market.declare(epoch_id, Utility.LOG, *map(int, numbers))
        self._chain.set_time(self._market.epoch(epoch_id).declare_ends_at)
        self._market.prove_price(epoch_id, price)
        task = self._post() if (served(demands, offer.capacity) >= WAD).any() else None
        units = np.array(
            [self._buy(epoch_id, index, price, task) for index in range(declared.size)], dtype=object
        )
        while self._market.phase_of(epoch_id) < EpochPhase.ACCEPT:
            ends_at = self._market.phase_ends_at(epoch_id)
            assert ends_at is not None
            self._chain.set_time(ends_at)
        if self._market.epoch(epoch_id).free_bond:
            self._market.release_bond(epoch_id)
        if task is not None:
            self._mine(task)
        return units

    def _post(self) -> Task:
        """A task for this step, with its training rows published."""
        manifest = self._data.manifest
        metric = Metric.ACCURACY if manifest.class_count else Metric.R2
        scorer = self.connection.deployment.scorers["DenseScorer"].address
        count = default_test_count(manifest.row_count, manifest.row_length)
        task_id = self._data_node.post(self._data, scorer, metric, count, TERMS)
        self._carry(task_id, DataMove.PUBLISH)
        return self._data_node.registry.task(task_id)

    def _carry(self, task_id: int, last: DataMove) -> None:
        while self._data_node.step(task_id) is not last:
            self._chain.mine(1)

    def _buy(self, epoch_id: int, index: int, price: int, task: Task | None) -> int:
        """Let a consumer buy what it wants, or what is left of it; gives the units."""
        consumer = self.consumers[index]
        wanted = consumer.market.best_response(epoch_id, index, price)
        units = min(wanted, consumer.market.epoch(epoch_id).units_left)
        if units == 0:
            consumer.market.return_lock(epoch_id, index)
            return 0
        rows = consumer.rows(task) if task is not None and units >= WAD else None
        if task is None or rows is None:
            # Less than one iteration: it is paid for, and there is nothing that it could train.
            purchase_id = consumer.market.buy(epoch_id, index, units, bytes(32))
            self._market.deliver(epoch_id, purchase_id, hashlib.sha256(b"").digest())
            consumer.market.accept(epoch_id, purchase_id)
            return units
        spec = consumer.spec(task, rows[0], units // WAD)
        self._blobs.put(rows[0].to_bytes(task.class_count))
        purchase_id = consumer.market.buy(epoch_id, index, units, self._blobs.put(spec.to_bytes()).digest)
        delivered = run_job(spec, rows[0].to_bytes(task.class_count))
        self._blobs.put(delivered.model)
        self._market.deliver(epoch_id, purchase_id, self._blobs.put(delivered.result).digest)
        accepted = check_delivery(spec, delivered.result, delivered.model, rows[1], _NO_EXPECTATION)
        consumer.market.accept(epoch_id, purchase_id)
        consumer.miner.keep(task, accepted.model, spec.parameters())
        self.trained.append(Trained(index, spec.estimator, spec.iterations, accepted.score))
        consumer.miner.step(task.task_id)  # commits
        return units

    def _mine(self, task: Task) -> None:
        """Disclose, let all that trained reveal, settle."""
        self._chain.set_time(task.commit_ends_at)
        self._carry(task.task_id, DataMove.DISCLOSE)
        for _ in range(2):  # reveals, and then the one that leads settles
            for trained in self.trained:
                self.consumers[trained.consumer].miner.step(task.task_id)
        self._carry(task.task_id, DataMove.DONE)


def _epoch_of(offer: Offer, consumers: int) -> EpochSpec:
    return EpochSpec(
        capacity=offer.capacity,
        unit_cost=offer.unit_cost,
        price_floor=offer.price_floor,
        price_cap=offer.price_cap,
        bond=WAD,
        tolerance_wad=WAD // 100,
        max_consumers=consumers,
        **{f"{phase}_seconds": WINDOW_SECONDS for phase in _WINDOWS},
    )


def open_market(
    chain: LocalChain, artifacts: dict[str, Artifact], root: Path, consumers: int, dataset: str, seed: int
) -> ChainMarket:
    """Deploy the protocol on a local chain and fund everybody."""
    deployer = Web3Deployer(chain.w3, dev_account(0), artifacts)
    connection = Connection.over(chain.w3, deploy(deployer, BOUNDS, MARKET_BOUNDS))
    return ChainMarket(chain, connection, root, consumers, dataset, seed)
