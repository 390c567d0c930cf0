"""Attack: copy a commitment from the mempool and bring it to the chain first.

Where a commitment is a hash of the model and a salt alone, whoever copies it has the same place as its author, and
waits for the author's reveal to repeat it: the reason why commitments bind their sender (front-running of
commit-reveal schemes, SWC-114).

Defence: the digest binds chain, contract, task and miner, so that a copy can be opened by nobody.
"""

import pytest

from offchain.chain import errors
from offchain.chain.proof import commitment_hash
from tests.stories import RIGHT, SALT, commit, hash_of
from tests.world import FUNDS, UNIT, World, toy_rows


def test_a_copied_commitment_costs_its_bond_and_earns_nothing(world: World) -> None:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    author, thief = world.miners[:2]
    proof = world.contract("proof")
    chain_id = world.connection.deployment.chain_id
    seen = commitment_hash(chain_id, author.proof.address, task.task_id, author.address, hash_of(RIGHT), SALT)

    thief.sender.send(proof.functions.commit(task.task_id, seen))  # overtakes the author
    commit(author, task, RIGHT)
    task = world.disclose(task, rows)
    author.proof.reveal(task.task_id, SALT, RIGHT)
    with pytest.raises(errors.CommitmentMismatch):
        thief.proof.reveal(task.task_id, SALT, RIGHT)
    world.chain.set_time(task.reveal_ends_at)
    world.data_node.proof.settle(task.task_id)

    assert author.balance() == FUNDS + 100 * UNIT
    assert thief.balance() == FUNDS - 5 * UNIT
