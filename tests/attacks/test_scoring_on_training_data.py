"""Known bug: scoring on the training data when the owner does not reveal the test data.

The DanKu protocol falls back to it: an overfitted model wins, and an owner who dislikes the result can choose it by
staying silent. Source: Kurtulmus and Daniel, "Trustless Machine Learning Contracts" (2018).

Here: without disclosure nobody is scored, nobody wins, no block is made, and the owner's bond is gone.
"""

import pytest

from offchain.chain import errors
from offchain.chain.phase import Phase
from tests.stories import RIGHT, SALT, commit
from tests.world import FUNDS, UNIT, World, toy_rows


def test_without_test_rows_nobody_is_scored(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))
    miner = world.miners[0]
    commit(miner, task, RIGHT)
    world.chain.set_time(task.commit_ends_at + task.disclose_seconds)

    with pytest.raises(errors.RevealWindowClosed):
        miner.proof.reveal(task.task_id, SALT, RIGHT)
    with pytest.raises(errors.WrongPhase):
        miner.proof.settle(task.task_id)
    miner.proof.abort(task.task_id)

    assert miner.proof.phase_of(task.task_id) == Phase.ABORTED
    assert miner.proof.leader_of(task.task_id) is None
    assert len(miner.ledger.blocks()) == 1
    assert world.data_node.balance() == FUNDS - 30 * UNIT
