"""Attack: copy a reveal from the mempool and bring it to the chain first.

The thief has committed to anything at all, waits until a better model is revealed, and sends the same bytes and salt
with more gas. It would gain the reward without any training.

Source: front-running, or SWC-114 (transaction order dependence).
Defence: a reveal opens its sender's own commitment only, and somebody else's attempt leaves no trace.
"""

import pytest

from offchain.chain import errors
from tests.stories import RIGHT, SALT, WRONG, disclosed
from tests.world import FUNDS, UNIT, World


def test_a_copied_reveal_reverts_and_the_authors_counts(world: World) -> None:
    author, thief = world.miners[:2]
    task, _ = disclosed(world, [RIGHT, WRONG])

    with pytest.raises(errors.CommitmentMismatch):
        thief.proof.reveal(task.task_id, SALT, RIGHT)
    author.proof.reveal(task.task_id, SALT, RIGHT)
    thief.proof.reveal(task.task_id, SALT, WRONG)
    author.proof.settle(task.task_id)

    assert author.balance() == FUNDS + 100 * UNIT
    assert thief.balance() == FUNDS
