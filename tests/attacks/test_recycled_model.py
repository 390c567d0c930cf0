"""Attack: commit again to a model that another miner has revealed, with one bit changed.

A revealed model is public. One changed bit gives it another hash, so nothing that looks for equal hashes finds it.

Source: the class's usual names are replay and free riding.
Defence in the same task: no model is revealed before the commitments are closed. In a later task: the secure mapping,
whose seed binds the task, the newest learning block and the miner, so that an old model does not fit even its owner's
new rows (another miner's: `test_stolen_model.py`).
Limit: without the mapping an old model is as good as a new one in a later task over the same data, and its bytes are
free.
"""

from pathlib import Path

import pytest

from offchain.chain import errors
from offchain.workers import data_node, miner
from tests.cast import Cast
from tests.stories import RIGHT, SALT, commit, disclosed, settle_one, toy_model
from tests.world import FUNDS, UNIT, World, toy_rows

# RIGHT with the lowest bit of a bias changed: another hash, the same decisions on the toy rows.
RECYCLED = toy_model([[1, 0], [0, 1]], [1, 0])


def test_a_revealed_model_comes_too_late_for_its_task(world: World) -> None:
    task, _ = disclosed(world, [RIGHT])
    world.miners[0].proof.reveal(task.task_id, SALT, RIGHT)

    with pytest.raises(errors.CommitWindowClosed):
        commit(world.miners[1], task, RECYCLED)


def test_a_revealed_model_wins_the_next_task_over_the_same_rows_without_mapping(world: World) -> None:
    """The limit, measured: the whole reward, for no training."""
    settle_one(world)
    thief = world.miners[2]

    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    commit(thief, task, RECYCLED)
    world.disclose(task, rows)
    thief.proof.reveal(task.task_id, SALT, RECYCLED)
    thief.proof.settle(task.task_id)

    assert thief.balance() == FUNDS + 100 * UNIT


def test_an_owners_own_model_is_worth_what_guessing_is_in_the_next_task_with_mapping(
    world: World, tmp_path: Path
) -> None:
    cast, owner = Cast(world, tmp_path), world.miners[0]
    first_id = cast.post("digits", mapping_width=64)
    cast.to_commits(first_id)
    cast.until(cast.miners[0], first_id, miner.Move.COMMIT)
    first = world.data_node.registry.task(first_id)
    world.close_commits(first)
    cast.until(cast.data_node, first_id, data_node.Move.DISCLOSE)
    cast.until(cast.miners[0], first_id, miner.Move.REVEAL)
    secret = cast.home(owner).load_model(first)
    assert secret is not None
    owner.proof.settle(first_id)

    second_id = cast.post("digits", mapping_width=64)
    cast.to_commits(second_id)
    second = world.data_node.registry.task(second_id)
    commit(owner, second, secret.model)
    world.close_commits(second)
    cast.until(cast.data_node, second_id, data_node.Move.DISCLOSE)
    owner.proof.reveal(second_id, SALT, secret.model)

    ((fresh,), (recycled,)) = (owner.proof.revealed_models(task_id) for task_id in (first_id, second_id))
    assert fresh.score_wad > 0.85 * UNIT
    assert recycled.score_wad < 0.5 * UNIT  # ten classes, about a tenth of the rows each
