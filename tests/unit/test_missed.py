"""What workers say of missed deadlines; amounts of the tasks and epochs of the tests' world."""

from dataclasses import replace

import pytest

from offchain import metrics
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.chain.registry import Task
from offchain.workers.missed import (
    Missed,
    missed_acceptance,
    missed_by_data_node,
    missed_by_miner,
    missed_by_provider,
    missed_order,
    missed_use,
    tell,
)
from tests.market_world import bought, delivered, opened
from tests.world import World, toy_rows


@pytest.fixture
def task(world: World) -> Task:
    drawn = world.drawn(world.spec(toy_rows()))
    return replace(drawn, commit_ends_at=1_000_000_000)  # 2001-09-09 01:46:40 UTC


@pytest.mark.parametrize(
    ("phase", "has_model", "committed", "revealed"),
    [
        (Phase.SETTLED, True, True, True),
        (Phase.ABORTED, True, True, False),  # the data node's fault, and the bond is back
        (Phase.SETTLED, False, False, False),
    ],
)
def test_a_miner_that_missed_nothing_says_nothing(
    task: Task, phase: Phase, has_model: bool, committed: bool, revealed: bool
) -> None:
    assert missed_by_miner(task, phase, has_model=has_model, committed=committed, revealed=revealed) is None


def test_a_miner_that_did_not_commit_lost_no_bond(task: Task) -> None:
    said = missed_by_miner(task, Phase.DISCLOSE, has_model=True, committed=False, revealed=False)

    assert said == Missed(
        "there is a model, but it was not committed to before 2001-09-09 01:46:40 UTC:"
        " this costs the chance of the reward of 100,000,000,000,000,000,000, and no bond",
        cost=0,
    )


def test_a_data_node_that_did_not_disclose_lost_its_bond(task: Task) -> None:
    said = missed_by_data_node(task, Phase.ABORT, commitments=2)

    assert (
        said
        == Missed(
            "the test rows were not disclosed before 2001-09-09 01:48:20 UTC: this costs the bond of"  # 100 s later
            " 30,000,000,000,000,000,000, which goes to the 2 that committed;"
            " the reward of 100,000,000,000,000,000,000 comes back",
            cost=30 * 10**18,
        )
    )


def test_a_data_node_lost_nothing_when_nobody_committed(task: Task) -> None:
    assert missed_by_data_node(task, Phase.ABORT, commitments=0) is None


def test_a_provider_that_did_not_deliver_lost_the_payment_and_a_share_of_its_bond(world: World) -> None:
    epoch_id, purchase_id = bought(world)  # one unit of ten at a price of 2
    market = world.data_node.market

    said = missed_by_provider(market.epoch(epoch_id), market.purchases(epoch_id)[purchase_id - 1])

    assert f"payment of {2 * 10**18:,}" in said.words
    assert f"{2 * 10**18:,} of the bond" in said.words  # a tenth of 20
    assert said.cost == 4 * 10**18


def test_a_consumer_that_did_not_declare_in_time_lost_no_money(world: World, task: Task) -> None:
    epoch = replace(world.data_node.market.epoch(opened(world)), declare_ends_at=1_000_000_000)

    said = missed_order(task, epoch, EpochPhase.PRICE, declared=False)

    assert said == Missed(
        "nothing was declared before 2001-09-09 01:46:40 UTC: this costs the chance to compete for the reward of"
        " 100,000,000,000,000,000,000 with what this epoch sells, and no money",
        cost=0,
    )


@pytest.mark.parametrize(
    "phase", [EpochPhase.LEFTOVER, EpochPhase.DELIVER, EpochPhase.ACCEPT, EpochPhase.OVER]
)
def test_a_consumer_that_did_not_buy_in_time_has_its_lock_back(
    world: World, task: Task, phase: EpochPhase
) -> None:
    epoch = world.data_node.market.epoch(opened(world))

    said = missed_order(task, epoch, phase, declared=True, lock=3 * 10**18)

    assert said is not None
    assert "the lock of 3,000,000,000,000,000,000 comes back" in said.words
    assert said.cost == 0


@pytest.mark.parametrize("phase", [EpochPhase.BUY, EpochPhase.UNPRICED])
def test_a_consumer_missed_nothing_where_it_can_buy_or_there_was_no_price(
    world: World, task: Task, phase: EpochPhase
) -> None:
    epoch = world.data_node.market.epoch(opened(world))

    assert missed_order(task, epoch, phase, declared=True, lock=1) is None


def test_a_consumer_that_looked_at_a_delivery_too_late_pays_what_it_would_have(world: World) -> None:
    epoch_id, purchase_id = delivered(world)  # one unit at a price of 2
    market = world.data_node.market
    epoch, purchase = market.epoch(epoch_id), market.purchase(epoch_id, purchase_id)

    said = missed_acceptance(epoch, EpochPhase.OVER, purchase)

    assert said is not None
    assert f"payment of {2 * 10**18:,} goes to the provider" in said.words
    assert said.cost == 0
    assert missed_acceptance(epoch, EpochPhase.ACCEPT, purchase) is None
    refunded = replace(purchase, status=PurchaseStatus.REFUNDED)
    assert missed_acceptance(epoch, EpochPhase.OVER, refunded) is None


def test_a_consumer_that_did_not_commit_to_what_it_bought_lost_what_it_paid(task: Task) -> None:
    said = missed_use(task, Phase.DISCLOSE, 2 * 10**18, committed=False)

    assert said == Missed(
        "the model that was bought for 2,000,000,000,000,000,000 was not committed to before 2001-09-09 01:46:40 UTC:"
        " this costs what was paid and the chance of the reward of 100,000,000,000,000,000,000, and no bond",
        cost=2 * 10**18,
    )


@pytest.mark.parametrize(("phase", "committed"), [(Phase.COMMIT, False), (Phase.SETTLED, True)])
def test_a_consumer_that_committed_or_still_can_missed_nothing(
    task: Task, phase: Phase, committed: bool
) -> None:
    assert missed_use(task, phase, 1, committed=committed) is None


def counted(name: str) -> float:
    value = metrics.REGISTRY.get_sample_value(f"pole_deadlines_missed{name}_total")
    assert value is not None
    return value


def test_what_was_missed_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    count, cost = counted(""), counted("_cost_token_units")

    tell("task 7", Missed("it was too late", 5))
    tell("task 7", None)

    assert caplog.messages == ["task 7: it was too late"]
    assert counted("") == count + 1
    assert counted("_cost_token_units") == cost + 5
