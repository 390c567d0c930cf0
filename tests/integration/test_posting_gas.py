"""What a task is said to cost its data node, held to what the contracts spend."""

from collections.abc import Iterator

import numpy as np
import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.learning.rows import SaltedRows
from offchain.workers.posting_gas import Spending, posting_gas
from tests.world import Person, World, deploy_world

SLACK = 2.1  # of proof nodes, which the rows' places decide, there are at most so many more than usually


@pytest.fixture(scope="module")
def world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts, people=1)


@pytest.fixture
def newcomer(world: World) -> Iterator[Person]:
    go_back = world.chain.snapshot()
    yield Person(world.connection, 7)
    go_back()


def random_rows(count: int, feature_count: int) -> SaltedRows:
    """Rows without a zero byte, which would cost less, of two classes."""
    numbers = np.random.default_rng(0).integers(1, 256, (count, feature_count + 1), dtype=np.uint8)
    numbers[:, -1] = np.arange(count) % 2 + 1
    return SaltedRows(tuple(row.tobytes() for row in numbers), b"\x07" * 32)


@pytest.mark.parametrize(
    ("row_count", "feature_count", "test_count"),
    [(20, 1, 6), (150, 4, 45), (569, 30, 171), (100, 400, 70)],
)
def test_no_step_of_a_data_node_takes_more_gas_than_was_said(
    world: World, newcomer: Person, row_count: int, feature_count: int, test_count: int
) -> None:
    rows = random_rows(row_count, feature_count)
    data_node, said = (
        world.data_node,
        posting_gas(row_count, feature_count + 1, test_count, deposits=True, approves=True),
    )
    spec = world.spec(rows, feature_count=feature_count, class_count=3, test_count=test_count)

    spent = {"deposit": first_deposit(newcomer)}
    approval = newcomer.vault.set_operator(data_node.registry.address, True)
    spent["approve the registry"] = approval["gasUsed"]
    spent["post"], task_id = posted(world, spec)
    world.chain.mine(3)
    spent["draw"] = data_node.registry.draw(task_id)["gasUsed"]
    spent["publish"] = data_node.registry.publish(task_id, b"\x11" * 32)["gasUsed"]
    world.close_commits(data_node.registry.task(task_id))
    parts = []
    while indices := data_node.registry.next_part(task_id):
        parts.append(data_node.registry.disclose(task_id, *rows.disclosure(indices))["gasUsed"])
    spent["disclose"] = sum(parts)
    world.chain.advance(1000)
    spent["settle, where no winner does"] = data_node.proof.settle(task_id)["gasUsed"]

    assert {each.what for each in said} == set(spent)
    for each in said:
        assert spent[each.what] <= each.gas, each
        # Here nobody has committed, so that nothing is paid and no block is written.
        assert each.gas <= SLACK * spent[each.what] or each.what.startswith("settle"), each
    assert next(each.count for each in said if each.what == "disclose") == len(parts)


def posted(world: World, spec: object) -> tuple[int, int]:
    """The gas of posting a task, and its id."""
    task_id = world.data_node.registry.post(spec)  # type: ignore[arg-type]
    (sent,) = world.chain.w3.eth.get_block("latest")["transactions"]
    receipt = world.chain.w3.eth.get_transaction_receipt(sent)  # type: ignore[arg-type]
    return int(receipt["gasUsed"]), task_id


def first_deposit(newcomer: Person) -> int:
    """The gas of a deposit of somebody who has none yet."""
    newcomer.token.mint(newcomer.address, 2 * 10**18)
    return int(newcomer.vault.deposit_with_permit(10**18)["gasUsed"])


def test_what_is_done_already_costs_nothing() -> None:
    said = posting_gas(150, 5, 45, deposits=False, approves=False)

    # By hand: 180 words (45 salts, and 45 times 8 - 5 nodes), one part.
    disclosure = 82_000 + 1_950 * 180 + (3_000 + 218 * 5) * 45
    assert said[3] == Spending("disclose", 1, disclosure)
    assert [each.what for each in said[:3]] == ["post", "draw", "publish"]
