"""Bought training as one story, on eth-tester in this process and on Anvil: a provider, three consumers, real jobs."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offchain.chain import market
from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain, eth_tester_chain
from offchain.chain.market import EpochSpec, cost_of
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.cid import Cid
from offchain.compute.errors import JobTimedOut
from offchain.compute.executor import JobExecutor, RunningJob
from offchain.compute.process import Limits
from offchain.compute.spec import JobResult, JobSpec
from offchain.compute.work import Work
from offchain.learning import datasets
from offchain.learning.metrics import Metric
from offchain.learning.scoring import decode
from offchain.storage import BlobStore, StorageAway
from offchain.workers import consumer, data_node, miner, provider
from offchain.workers.consumer import Consumer
from offchain.workers.data_node import DataNode
from offchain.workers.errors import FundsTooLow
from offchain.workers.home import Home
from offchain.workers.missed import utc
from offchain.workers.pricing import provable_price
from offchain.workers.provider import Plan, Provider
from tests.cast import TERMS as MINING_TERMS
from tests.market_world import declare
from tests.world import UNIT, Person, World, deploy_world

TERMS = replace(MINING_TERMS, commit_seconds=100_000)
EPOCH = EpochSpec(
    capacity=300 * UNIT,
    unit_cost=UNIT // 10,
    price_floor=UNIT // 10,
    price_cap=2 * UNIT,
    bond=10 * UNIT,
    tolerance_wad=UNIT // 100,
    max_consumers=10,
    declare_seconds=1000,
    price_seconds=1000,
    buy_seconds=1000,
    leftover_seconds=100,
    deliver_seconds=1000,
    accept_seconds=1000,
)
LIMITS = Limits(seconds=60.0, memory_bytes=1 << 30)
ESTIMATORS = ("logistic", "mlp", "sgd")


@pytest.fixture(scope="module")
def deployed(request: pytest.FixtureRequest, artifacts: dict[str, Artifact]) -> Iterator[World]:
    if getattr(request, "param", "eth-tester") == "eth-tester":
        yield deploy_world(eth_tester_chain(), artifacts)
    else:
        with anvil_chain() as chain:
            yield deploy_world(chain, artifacts)


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    go_back = deployed.chain.snapshot()
    yield deployed
    go_back()


@pytest.fixture(scope="module")
def executor() -> Iterator[JobExecutor]:
    with JobExecutor.local(2, LIMITS) as running:
        yield running


class Cast:
    """A data node, a provider and three consumers, each with its own data directory over shared blobs."""

    def __init__(self, world: World, root: Path, executor: JobExecutor, **changes: Any) -> None:
        self.world, self.root = world, root
        self.data_node = DataNode(world.data_node.sender, self.home(world.data_node))
        self.seller = world.people[4]
        self.plan = Plan(replace(EPOCH, **changes), replenishment=20 * UNIT, epochs=2)
        self.executor = executor
        self.provider = self.provide(executor)
        self.people = world.miners[:3]
        self.consumers = [
            self.consume(person, name) for person, name in zip(self.people, ESTIMATORS, strict=True)
        ]
        self.market = world.data_node.market

    def home(self, person: Person) -> Home:
        return Home.of(self.root, self.world.connection, person.address)

    def provide(self, executor: JobExecutor) -> Provider:
        return Provider(self.seller.sender, self.home(self.seller), self.plan, executor)

    def consume(self, person: Person, estimator: str) -> Consumer:
        return Consumer(person.sender, self.home(person), estimator, 0, self.executor)

    def post(self) -> int:
        """Post a task over iris and publish its training rows."""
        encoded = datasets.encode(datasets.load("iris"))
        scorer = self.world.connection.deployment.scorers["DenseScorer"].address
        task_id = self.data_node.post(encoded, scorer, Metric.ACCURACY, 45, TERMS)
        self.until(self.data_node.step, task_id, data_node.Move.DRAW)
        self.until(self.data_node.step, task_id, data_node.Move.PUBLISH)
        return task_id

    def until(self, step: Callable[[int], Any], number: int, move: Any) -> None:
        """Let a worker step until it has made a move, mining a block for each step."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if step(number) == move:
                return
            self.world.chain.mine(1)
            time.sleep(0.1)  # what trains needs the processor more
        raise AssertionError(f"it did not come to {move}")

    def end_phase(self, epoch_id: int) -> EpochPhase:
        """Let time pass to the end of an epoch's phase, and tell the next."""
        ends_at = self.market.phase_ends_at(epoch_id)
        assert ends_at is not None
        self.world.chain.set_time(ends_at)
        return self.market.phase_of(epoch_id)

    def deliver(self, seller: Provider, epoch_id: int) -> None:
        """Let a provider work until nothing is owed."""
        while any(p.status == PurchaseStatus.BOUGHT for p in self.market.purchases(epoch_id)):
            seller.step(epoch_id)
            time.sleep(0.5)  # the jobs need the processor more

    def lose(self, digest: bytes) -> None:
        """Take a document from the blobs that all share, as anybody can who may write there."""
        (self.root / "blobs" / str(Cid.on_chain(digest, 10_000))).unlink()

    def to_sales(self, task_id: int) -> int:
        """An epoch in which every consumer has declared, with an accepted price."""
        (epoch_id,) = self.provider.epochs()
        for buyer in self.consumers:
            self.until(buyer.step, task_id, consumer.Move.ORDER)
            self.until(buyer.step, task_id, consumer.Move.DECLARE)
        assert self.end_phase(epoch_id) == EpochPhase.PRICE
        assert self.provider.step(epoch_id) == provider.Move.PRICE
        return epoch_id


@pytest.fixture
def cast(world: World, tmp_path: Path, executor: JobExecutor) -> Cast:
    return Cast(world, tmp_path, executor)


@pytest.mark.parametrize("deployed", ["eth-tester", "anvil"], indirect=True)
def test_bought_training_ends_in_a_paid_reward(world: World, cast: Cast) -> None:
    before = {person.address: person.balance() for person in world.people}
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    for buyer in cast.consumers:
        cast.until(buyer.step, task_id, consumer.Move.BUY)
    purchases = cast.market.purchases(epoch_id)
    cast.deliver(cast.provider, epoch_id)
    for buyer in cast.consumers:
        cast.until(buyer.step, task_id, consumer.Move.CHECK)
        cast.until(buyer.step, task_id, consumer.Move.MINE)
    world.close_commits(world.data_node.registry.task(task_id))
    cast.until(cast.data_node.step, task_id, data_node.Move.DISCLOSE)
    for buyer in cast.consumers:
        cast.until(buyer.step, task_id, consumer.Move.MINE)
    leader = world.data_node.proof.leader_of(task_id)
    (winner,) = [buyer for buyer in cast.consumers if buyer.address == leader]
    cast.until(winner.step, task_id, consumer.Move.MINE)  # settles
    for buyer in cast.consumers:
        cast.until(buyer.step, task_id, consumer.Move.DONE)
    while cast.market.phase_of(epoch_id) != EpochPhase.OVER:
        cast.end_phase(epoch_id)
    cast.until(cast.provider.step, epoch_id, provider.Move.DONE)

    assert world.data_node.proof.phase_of(task_id) == Phase.SETTLED
    epoch = cast.market.epoch(epoch_id)
    board = world.data_node.proof.revealed_models(task_id)
    assert {model.miner for model in board} == {buyer.address for buyer in cast.consumers}
    assert board[0].score_wad > 0.6 * UNIT  # of three classes alike, after a few iterations
    costs = {p.consumer: cost_of(epoch.price, p.units) for p in purchases}
    gains = {person.address: person.balance() - before[person.address] for person in world.people}
    for person in cast.people:
        reward = 100 * UNIT if person.address == board[0].miner else 0
        assert gains[person.address] == reward - costs[person.address]
    assert gains[cast.seller.address] == sum(costs.values())


def test_a_purchase_trains_the_iterations_it_paid_for(world: World, cast: Cast) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    buyer = cast.consumers[2]  # epochs of gradient descent, which never converge
    cast.until(buyer.step, task_id, consumer.Move.BUY)
    cast.until(buyer.step, task_id, consumer.Move.WAIT)
    cast.deliver(cast.provider, epoch_id)

    bought = cast.market.purchase(epoch_id, 1)
    blobs = cast.home(cast.seller).blobs
    spec = JobSpec.from_bytes(blobs.get(Cid.on_chain(bought.job_hash, 10_000), 10_000))
    result = JobResult.from_bytes(blobs.get(Cid.on_chain(bought.result_hash, 10_000), 10_000))
    model = decode(blobs.get(Cid.parse(result.model), 25_000))
    assert spec.miner == buyer.address.lower()
    assert spec.iterations * UNIT == bought.units > 0
    assert result.iterations == spec.iterations
    assert model.parameters_hash.hex() == result.parameters


def test_what_is_not_sold_is_carried_over_and_replenished(
    cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    assert cast.provider.epochs() == [epoch_id]  # something is on sale still
    for _ in range(2):
        cast.end_phase(epoch_id)
    left = cast.market.epoch(epoch_id).units_left

    caplog.set_level(logging.INFO)
    first, second = cast.provider.epochs()

    assert first == epoch_id
    assert (
        f"epoch {second}: opened with {left / UNIT + 20:.4f} units, {left / UNIT:.4f} of them left of epoch {first}"
        in caplog.messages
    )
    assert cast.market.epoch(second).capacity == left + 20 * UNIT < EPOCH.capacity + 20 * UNIT
    assert not cast.provider.opens_no_more([first])
    assert cast.provider.epochs() == [first, second]  # two, as planned
    assert cast.provider.opens_no_more([first, second])


def test_a_provider_that_has_sold_all_and_adds_nothing_opens_no_more(
    world: World, tmp_path: Path, executor: JobExecutor
) -> None:
    """Two epochs were planned, of which the second will never come."""
    cast = Cast(world, tmp_path, executor, capacity=2 * UNIT, price_cap=UNIT)
    cast.plan = replace(cast.plan, replenishment=0)
    cast.provider = cast.provide(executor)
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    assert cast.market.epoch(epoch_id).units_left == 0
    for _ in range(2):
        cast.end_phase(epoch_id)
    assert not cast.provider.opens_no_more([epoch_id])

    assert cast.provider.epochs() == [epoch_id]

    assert cast.provider.opens_no_more([epoch_id])


def test_a_consumer_that_comes_too_late_gets_nothing_and_its_money_back(
    world: World, tmp_path: Path, executor: JobExecutor
) -> None:
    cast = Cast(world, tmp_path, executor, capacity=2 * UNIT, price_cap=UNIT)
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    late = cast.people[1]
    locked = late.balance()

    cast.until(cast.consumers[1].step, task_id, consumer.Move.CLOSE)

    epoch = cast.market.epoch(epoch_id)
    assert (epoch.price, epoch.units_left) == (UNIT, 0)  # the bound price, and nothing left
    assert late.balance() > locked
    assert cast.market.purchases(epoch_id)[0].consumer == cast.consumers[0].address


def test_a_job_that_times_out_is_refunded_with_a_share_of_the_bond(cast: Cast) -> None:
    with JobExecutor.local(1, replace(LIMITS, seconds=0.05)) as hasty:
        cast.provider = cast.provide(hasty)
        task_id = cast.post()
        before = cast.people[0].balance()
        epoch_id = cast.to_sales(task_id)
        cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
        while not cast.provider.failed:
            cast.provider.step(epoch_id)
            time.sleep(0.1)
        for _ in range(3):
            cast.end_phase(epoch_id)
        cast.until(cast.consumers[0].step, task_id, consumer.Move.REFUND)

    (failure,) = cast.provider.failed.values()
    units = cast.market.purchase(epoch_id, 1).units
    assert isinstance(failure, JobTimedOut)
    assert cast.people[0].balance() == before + EPOCH.bond * units // EPOCH.capacity
    cast.until(cast.consumers[0].step, task_id, consumer.Move.CLOSE)


def test_a_purchase_is_refunded_though_its_job_is_nowhere_to_be_found(cast: Cast) -> None:
    task_id, person = cast.post(), cast.people[0]
    before = person.balance()
    cast.consumers = cast.consumers[:1]
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    cast.lose(cast.market.purchase(epoch_id, 1).job_hash)
    for _ in range(3):
        cast.end_phase(epoch_id)

    cast.until(cast.consume(person, ESTIMATORS[0]).step, task_id, consumer.Move.REFUND)

    units = cast.market.purchase(epoch_id, 1).units
    assert person.balance() == before + EPOCH.bond * units // EPOCH.capacity


def test_a_purchase_that_was_not_waited_for_is_refunded_as_well(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id, person = cast.post(), cast.people[0]
    cast.consumers = cast.consumers[:1]
    epoch_id = cast.to_sales(task_id)
    sent: list[tuple[int, int, int, bytes]] = []

    def cut_off(*purchase: Any) -> None:
        sent.append(purchase)
        raise ConnectionError("the node is away")

    for seed in (0, 1):  # started again with another seed, it orders another job
        buyer = Consumer(person.sender, cast.home(person), ESTIMATORS[0], seed, cast.executor)
        monkeypatch.setattr(buyer.market, "buy", cut_off)
        with pytest.raises(ConnectionError):
            buyer.step(task_id)
    first, second = sent
    assert first[3] != second[3]
    person.market.buy(*first)  # it comes into a block after all
    for _ in range(3):
        cast.end_phase(epoch_id)

    cast.until(cast.consumers[0].step, task_id, consumer.Move.REFUND)

    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.REFUNDED


def test_a_purchase_for_an_order_of_state_version_2_is_known_by_its_blob(world: World, cast: Cast) -> None:
    task_id, person = cast.post(), cast.people[0]
    cast.consumers = cast.consumers[:1]
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    home, task = cast.home(person), world.data_node.registry.task(task_id)
    order = home.load_order(task)
    assert order is not None
    home.save_order(task, replace(order, jobs=None))
    for _ in range(3):
        cast.end_phase(epoch_id)

    cast.until(cast.consumers[0].step, task_id, consumer.Move.REFUND)

    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.REFUNDED


def test_a_delivery_is_checked_and_used_though_its_job_is_nowhere_to_be_found(
    world: World, cast: Cast
) -> None:
    task_id, person = cast.post(), cast.people[0]
    cast.consumers = cast.consumers[:1]
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    cast.deliver(cast.provider, epoch_id)
    cast.lose(cast.market.purchase(epoch_id, 1).job_hash)

    cast.until(cast.consume(person, ESTIMATORS[0]).step, task_id, consumer.Move.CHECK)
    cast.until(cast.consume(person, ESTIMATORS[0]).step, task_id, consumer.Move.MINE)

    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.PAID
    assert world.data_node.proof.commitment_of(task_id, person.address).order == 1


def test_an_order_that_cannot_be_trained_is_refused_and_not_refunded(world: World, cast: Cast) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    blobs = cast.home(cast.seller).blobs
    declared = cast.market.declarations(epoch_id)[0]
    cast.people[0].market.buy(epoch_id, declared.index, UNIT, blobs.put(b'{"code":"import os"}').digest)

    cast.provider.step(epoch_id)

    answered = cast.market.purchase(epoch_id, 1)
    assert answered.status == PurchaseStatus.DELIVERED
    assert b'"refused":"not a job' in blobs.get(Cid.on_chain(answered.result_hash, 10_000), 10_000)


def test_an_order_that_nobody_can_read_is_refused_at_the_last_call(world: World, cast: Cast) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    declared = cast.market.declarations(epoch_id)[0]
    cast.people[0].market.buy(epoch_id, declared.index, UNIT, bytes(32))
    cast.provider.step(epoch_id)
    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.BOUGHT  # it may still come
    for _ in range(2):
        cast.end_phase(epoch_id)

    cast.provider.step(epoch_id)

    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.DELIVERED


def test_an_order_is_not_refused_because_the_providers_storage_is_away(world: World, cast: Cast) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    for _ in range(2):
        cast.end_phase(epoch_id)
    blobs = BlobStore("http://127.0.0.1:9/ipfs")  # where nobody listens
    home = replace(cast.home(cast.seller), blobs=blobs)

    with pytest.raises(StorageAway):
        Provider(cast.seller.sender, home, cast.plan, cast.executor).step(epoch_id)

    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.BOUGHT


def test_a_delivery_is_not_rejected_because_the_consumers_storage_is_away(cast: Cast) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    buyer, person = cast.consumers[0], cast.people[0]
    cast.until(buyer.step, task_id, consumer.Move.BUY)
    cast.deliver(cast.provider, epoch_id)
    home = replace(cast.home(person), blobs=BlobStore("http://127.0.0.1:9/ipfs"))  # where nobody listens

    with pytest.raises(StorageAway):
        Consumer(person.sender, home, ESTIMATORS[0], 0, cast.executor).step(task_id)

    cast.until(buyer.step, task_id, consumer.Move.CHECK)
    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.PAID


def test_a_commitment_is_revealed_though_the_storage_of_an_open_order_is_away(
    world: World, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id, person = cast.post(), cast.people[0]
    cast.consumers = cast.consumers[:1]
    epoch_id, buyer = cast.to_sales(task_id), cast.consumers[0]
    cast.until(buyer.step, task_id, consumer.Move.BUY)
    cast.deliver(cast.provider, epoch_id)

    def away(*_: object) -> None:
        raise ConnectionError("the node is away")

    with monkeypatch.context() as cut, pytest.raises(ConnectionError):
        cut.setattr(buyer.market, "accept", away)
        buyer.step(task_id)  # keeps the model, and the order stays open
    assert buyer.miner.step(task_id) == miner.Move.COMMIT
    world.close_commits(world.data_node.registry.task(task_id))
    cast.until(cast.data_node.step, task_id, data_node.Move.DISCLOSE)
    home = replace(cast.home(person), blobs=BlobStore("http://127.0.0.1:9/ipfs"))  # where nobody listens

    with pytest.raises(StorageAway):
        Consumer(person.sender, home, ESTIMATORS[0], 0, cast.executor).step(task_id)

    assert world.data_node.proof.commitment_of(task_id, person.address).revealed


def test_a_useless_model_is_not_accepted(world: World, cast: Cast) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    buyer = cast.consumers[0]
    cast.until(buyer.step, task_id, consumer.Move.BUY)
    cast.seller.market.deliver(epoch_id, 1, cast.home(cast.seller).blobs.put(b"nothing of worth").digest)

    cast.until(buyer.step, task_id, consumer.Move.CHECK)

    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.DELIVERED
    assert cast.home(cast.people[0]).load_model(world.data_node.registry.task(task_id)) is None


def test_workers_that_were_killed_go_on_from_what_is_on_disk_and_on_chain(
    world: World, cast: Cast, executor: JobExecutor
) -> None:
    task_id = cast.post()
    (epoch_id,) = cast.provider.epochs()
    person = cast.people[0]
    cast.until(cast.consume(person, "logistic").step, task_id, consumer.Move.ORDER)
    cast.until(cast.consume(person, "logistic").step, task_id, consumer.Move.DECLARE)
    cast.end_phase(epoch_id)
    assert cast.provide(executor).step(epoch_id) == provider.Move.PRICE
    cast.until(cast.consume(person, "logistic").step, task_id, consumer.Move.BUY)
    cast.provide(executor).step(epoch_id)  # began the job, and died
    restarted = cast.provide(executor)
    cast.deliver(restarted, epoch_id)
    cast.until(cast.consume(person, "logistic").step, task_id, consumer.Move.CHECK)
    cast.until(cast.consume(person, "logistic").step, task_id, consumer.Move.MINE)

    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.PAID
    assert len(cast.market.declarations(epoch_id)) == 1
    assert world.data_node.proof.commitment_of(task_id, person.address).order == 1


def test_a_provider_that_was_killed_goes_on_with_a_proof_that_is_half_done(
    cast: Cast, executor: JobExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if a transaction had gas for twenty points of one consumer.
    monkeypatch.setattr(market, "WALK_GAS", market.LOAD_GAS + 20 * market.POINT_GAS)
    (epoch_id,) = cast.provider.epochs()
    declare(cast.people[0], epoch_id)
    cast.end_phase(epoch_id)
    price = provable_price(cast.market.epoch(epoch_id), cast.market.declarations(epoch_id))
    cast.seller.market.post_price(epoch_id, price, 20)
    half_done = cast.market.walk_of(epoch_id)

    assert cast.provide(executor).step(epoch_id) == provider.Move.PRICE

    walked = cast.world.contract("market").events.PriceWalked().get_logs(from_block=0)
    points = [each["args"]["point"] for each in walked if each["args"]["epochId"] == epoch_id]
    assert points[0] == half_done.point
    assert points == sorted(set(points))  # it never went back
    assert cast.market.epoch(epoch_id).price == price


def test_an_epoch_without_a_price_gives_everything_back(
    world: World, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = cast.post()
    buyer, person = cast.consumers[0], cast.people[0]
    before = (person.balance(), cast.seller.balance())
    (epoch_id,) = cast.provider.epochs()
    cast.until(buyer.step, task_id, consumer.Move.DECLARE)
    cast.end_phase(epoch_id)
    assert cast.end_phase(epoch_id) == EpochPhase.UNPRICED

    cast.until(buyer.step, task_id, consumer.Move.RETURN)
    caplog.set_level(logging.INFO)
    cast.until(cast.provider.step, epoch_id, provider.Move.SETTLE)

    assert f"epoch {epoch_id}: it ended without a price: no price was posted in time" in caplog.messages
    assert (person.balance(), cast.seller.balance()) == before
    assert cast.provider.step(epoch_id) == provider.Move.DONE


def test_a_provider_without_money_for_another_epoch_serves_those_it_has(world: World, cast: Cast) -> None:
    (epoch_id,) = cast.provider.epochs()
    while cast.market.phase_of(epoch_id) != EpochPhase.UNPRICED:
        cast.end_phase(epoch_id)
    cast.seller.vault.withdraw(cast.seller.balance(), world.data_node.address)

    assert cast.provider.epochs() == [epoch_id]
    cast.until(cast.provider.step, epoch_id, provider.Move.SETTLE)

    assert cast.seller.balance() == EPOCH.bond


def test_a_provider_without_money_for_its_first_epoch_says_so(world: World, cast: Cast) -> None:
    cast.seller.vault.withdraw(cast.seller.balance(), world.data_node.address)

    with pytest.raises(FundsTooLow):
        cast.provider.epochs()


def test_a_consumer_says_why_it_buys_nothing(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    task_id, buyer = cast.post(), cast.consumers[0]
    caplog.set_level(logging.INFO)
    caplog.clear()

    assert buyer.step(task_id) == consumer.Move.WAIT
    over = cast.seller.market.open(EPOCH)
    cast.end_phase(over)
    ends_at = cast.market.phase_ends_at(over)
    assert ends_at is not None
    for _ in range(2):
        assert buyer.step(task_id) == consumer.Move.WAIT
    cast.seller.market.open(replace(EPOCH, deliver_seconds=500_000))
    for _ in range(2):
        assert buyer.step(task_id) == consumer.Move.WAIT

    nothing, closed, late = caplog.messages
    assert nothing == "no provider has opened an epoch"
    assert closed == f"epoch {over} takes no declarations (PRICE until {utc(ends_at)}): waiting for the next"
    assert f"task {task_id}: no epoch that takes declarations delivers before commitments end, " in late


def test_a_consumer_declares_in_no_full_epoch(world: World, cast: Cast) -> None:
    task_id = cast.post()
    older = cast.seller.market.open(EPOCH)
    full = cast.seller.market.open(replace(EPOCH, max_consumers=1))
    declare(cast.people[1], full)

    cast.until(cast.consumers[0].step, task_id, consumer.Move.DECLARE)

    assert len(cast.market.declarations(older)) == 1
    assert len(cast.market.declarations(full)) == 1


def test_a_consumer_declares_once_in_an_epoch(world: World, cast: Cast) -> None:
    task_id = cast.post()
    buyer, home = cast.consumers[0], cast.home(cast.people[0])
    task = world.data_node.registry.task(task_id)
    first = cast.seller.market.open(EPOCH)
    cast.until(buyer.step, task_id, consumer.Move.ORDER)
    order = home.load_order(task)
    assert order is not None
    home.save_order(task, replace(order, closed=True))  # as where it is not worth its price
    assert buyer.step(task_id) == consumer.Move.WAIT
    second = cast.seller.market.open(EPOCH)

    cast.until(buyer.step, task_id, consumer.Move.DECLARE)

    assert [len(cast.market.declarations(epoch_id)) for epoch_id in (first, second)] == [0, 1]


def test_a_delivery_that_fails_is_tried_again_without_training_again(
    cast: Cast, executor: JobExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = cast.post()
    epoch_id = cast.to_sales(task_id)
    cast.until(cast.consumers[0].step, task_id, consumer.Move.BUY)
    trained: list[Work] = []
    submit = executor.submit

    def noted(work: Work, most_seconds: float) -> RunningJob:
        trained.append(work)
        return submit(work, most_seconds)

    monkeypatch.setattr(executor, "submit", noted)

    def away(*_: object) -> None:
        raise ConnectionError("the node is away")

    with monkeypatch.context() as cut, pytest.raises(ConnectionError):
        cut.setattr(cast.provider.market, "deliver", away)
        cast.deliver(cast.provider, epoch_id)
    cast.deliver(cast.provider, epoch_id)

    assert len(trained) == 1
    assert cast.market.purchase(epoch_id, 1).status == PurchaseStatus.DELIVERED
