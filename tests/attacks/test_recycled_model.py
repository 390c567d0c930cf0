"""Attack: commit again to a model that another miner has revealed, with one bit changed.

A revealed model is public. One changed bit gives it another hash, so nothing that looks for equal hashes finds it.

Defence in the same task: no model is revealed before the commitments are closed.
Limit: in a later task over the same data an old model is as good as a new one, and its bytes are free. The secure
mapping is what makes it worthless there: the seed binds the miner and the newest learning block
(`test_stolen_model.py`).
"""

import pytest

from offchain.chain import errors
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
