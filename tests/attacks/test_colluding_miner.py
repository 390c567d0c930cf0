"""Attack: a data node that tells the test rows to a miner of its own.

It knows all rows, so an address of its own commits to a model that has learned the test rows by heart. It gets the
reward back, keeps the honest miners' models for nothing, and writes the learning block.

Source: the class's usual names are insider trading and shill bidding. That an address of one's own cannot be told from
a stranger's is Douceur's result ("The Sybil Attack", 2002).
Defence: none is possible while the data node owns the rows; honest miners lose no bond by it.
Limit, measured: the whole cost is the gas of a task from its posting to its settlement. It loses to an honest model
only where nobody can be better. If it stays silent instead, its bond goes to those who committed, its own addresses
among them: with k of n commitments it loses (n - k) / n of the bond.
"""

import numpy as np
import pytest

from offchain.learning.model import DenseLayer, DenseModel, encode
from offchain.learning.rows import SaltedRows
from tests.stories import RIGHT, SALT, WRONG, commit
from tests.world import FUNDS, UNIT, Person, World, toy_rows


def test_the_reward_comes_back_through_an_address_of_its_own(world: World) -> None:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    accomplice, honest = world.miners[:2]
    commit(honest, task, WRONG)
    commit(accomplice, task, RIGHT)  # right on every test row, because it knows them
    world.disclose(task, rows)

    honest.proof.reveal(task.task_id, SALT, WRONG)
    accomplice.proof.reveal(task.task_id, SALT, RIGHT)
    honest.proof.settle(task.task_id)

    assert world.data_node.balance() + accomplice.balance() == 2 * FUNDS
    assert honest.balance() == FUNDS
    assert world.data_node.ledger.blocks()[-1].header.winner == accomplice.address


def test_the_whole_cost_is_the_gas_of_a_task(world: World) -> None:
    """Measured on a task like Iris: 150 rows of four features and three classes, 45 of them tested."""
    table = np.random.default_rng(5).integers(0, 256, (150, 5), np.uint8)
    table[:, -1] %= 3
    rows = SaltedRows(tuple(row.tobytes() for row in table), b"\x07" * 32)
    spec = world.spec(rows, feature_count=4, class_count=3, test_count=45, min_score_wad=0)
    layer = DenseLayer(np.zeros((4, 3), np.int8), np.array([1, 0, 0], np.int32), 0)
    owner, accomplice, model = world.data_node, world.miners[0], encode(DenseModel(bytes(32), (layer,)))
    first = world.chain.w3.eth.block_number + 1

    task = world.drawn(spec)
    owner.registry.publish(task.task_id, bytes(32))
    commit(accomplice, task, model)
    task = world.disclose(task, rows)
    accomplice.proof.reveal(task.task_id, SALT, model)
    owner.proof.settle(task.task_id)

    blocks = range(first, world.chain.w3.eth.block_number + 1)
    spent = sum(world.chain.w3.eth.get_block(number)["gasUsed"] for number in blocks)
    print(f"{spent:,} gas")
    assert 1_050_000 < spent < 1_150_000
    assert world.data_node.ledger.blocks()[-1].header.winner == accomplice.address


@pytest.mark.parametrize(("own", "others"), [(0, 1), (1, 1), (3, 1), (1, 3)])
def test_silence_costs_what_the_others_share_of_the_commitments_is(
    world: World, own: int, others: int
) -> None:
    task = world.drawn(world.spec(toy_rows()))
    people = world.miners[: own + others]
    for person in people:
        commit(person, task, RIGHT)
    world.chain.set_time(task.commit_ends_at + task.disclose_seconds)

    people[0].proof.abort(task.task_id)
    for person in people:
        person.proof.claim(task.task_id)

    gang = [world.data_node, *people[:own]]
    assert _lost(gang) == 30 * UNIT * others // (own + others)
    assert _lost(people[own:]) == -30 * UNIT * others // (own + others)


def _lost(people: list[Person]) -> int:
    return sum(FUNDS - person.balance() for person in people)
