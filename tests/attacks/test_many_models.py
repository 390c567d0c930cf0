"""Attack: commit to many models from one address and reveal the one that the test rows like.

Each commitment would be a free ticket.

Source: the class's usual name is overfitting to a leaderboard (Blum and Hardt, "The Ladder", 2015). DanKu (Kurtulmus
and Daniel, 2018) takes any number of submissions of one address.
Defence: one commitment for each miner and task, which nothing replaces. Under other addresses each ticket costs its
bond if it is not revealed.
"""

import pytest

from offchain.chain import errors
from tests.stories import RIGHT, SALT, WRONG, commit, disclosed
from tests.world import World, toy_rows


def test_a_second_model_is_refused_before_and_after_the_reveal(world: World) -> None:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    miner = world.miners[0]
    commit(miner, task, WRONG)

    with pytest.raises(errors.AlreadyCommitted):
        commit(miner, task, RIGHT)
    world.disclose(task, rows)
    with pytest.raises(errors.CommitmentMismatch):
        miner.proof.reveal(task.task_id, SALT, RIGHT)
    miner.proof.reveal(task.task_id, SALT, WRONG)
    with pytest.raises(errors.AlreadyRevealed):
        miner.proof.reveal(task.task_id, SALT, RIGHT)


def test_another_salt_is_no_second_commitment(world: World) -> None:
    task, _ = disclosed(world, [RIGHT])

    with pytest.raises(errors.CommitmentMismatch):
        world.miners[0].proof.reveal(task.task_id, b"\x06" * 32, RIGHT)
