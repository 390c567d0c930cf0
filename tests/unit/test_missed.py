"""What workers say of missed deadlines; amounts of the tasks and epochs of the tests' world."""

from dataclasses import replace

import pytest

from offchain.chain.phase import Phase
from offchain.chain.registry import Task
from offchain.workers.missed import missed_by_data_node, missed_by_miner, missed_by_provider
from tests.market_world import bought
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

    assert said == (
        "there is a model, but it was not committed to before 2001-09-09 01:46:40 UTC:"
        " this costs the chance of the reward of 100,000,000,000,000,000,000, and no bond"
    )


def test_a_data_node_that_did_not_disclose_lost_its_bond(task: Task) -> None:
    said = missed_by_data_node(task, Phase.ABORT, commitments=2)

    assert (
        said
        == (
            "the test rows were not disclosed before 2001-09-09 01:48:20 UTC: this costs the bond of"  # 100 s later
            " 30,000,000,000,000,000,000, which goes to the 2 that committed;"
            " the reward of 100,000,000,000,000,000,000 comes back"
        )
    )


def test_a_data_node_lost_nothing_when_nobody_committed(task: Task) -> None:
    assert missed_by_data_node(task, Phase.ABORT, commitments=0) is None


def test_a_provider_that_did_not_deliver_lost_the_payment_and_a_share_of_its_bond(world: World) -> None:
    epoch_id, purchase_id = bought(world)  # one unit of ten at a price of 2
    market = world.data_node.market

    said = missed_by_provider(market.epoch(epoch_id), market.purchases(epoch_id)[purchase_id - 1])

    assert f"payment of {2 * 10**18:,}" in said
    assert f"{market.epoch(epoch_id).bond // 10:,} of the bond" in said
