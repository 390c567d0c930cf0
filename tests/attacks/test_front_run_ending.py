"""Attack: send the transaction that ends a task before its parties do: `settle`, `abort`, or a permit of theirs.

Where ending a task pays whoever ends it, or fails if it was done, a bot takes the payment or stops the owner's
transaction and what depends on it.

Source: front-running, or SWC-114 (transaction order dependence); for permits, the security considerations of EIP-2612.
Defence: who ends a task gets nothing by it, everybody gets the same whoever it is, and no other call depends on it.
"""

import pytest

from offchain.chain import errors
from tests.stories import RIGHT, SALT, commit, disclosed
from tests.world import FUNDS, UNIT, World, toy_rows


def test_a_stranger_who_settles_first_changes_nothing(world: World) -> None:
    task, _ = disclosed(world, [RIGHT])
    miner, stranger = world.miners[0], world.miners[3]
    miner.proof.reveal(task.task_id, SALT, RIGHT)

    stranger.proof.settle(task.task_id)
    with pytest.raises(errors.WrongPhase):
        miner.proof.settle(task.task_id)

    assert (miner.balance(), stranger.balance()) == (FUNDS + 100 * UNIT, FUNDS)


def test_a_stranger_cannot_settle_with_hashes_of_its_own(world: World) -> None:
    task, _ = disclosed(world, [RIGHT])
    world.miners[0].proof.reveal(task.task_id, SALT, RIGHT)
    proof = world.contract("proof")

    with pytest.raises(errors.WinnerMismatch):
        world.miners[3].sender.send(proof.functions.settle(task.task_id, b"\x01" * 32, b"\x02" * 32))


def test_a_stranger_who_aborts_first_changes_nothing(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))
    miner, stranger = world.miners[0], world.miners[3]
    commit(miner, task, RIGHT)
    world.chain.set_time(task.commit_ends_at + task.disclose_seconds)

    stranger.proof.abort(task.task_id)
    with pytest.raises(errors.NotCommitted):
        stranger.proof.claim(task.task_id)
    miner.proof.claim(task.task_id)

    assert (miner.balance(), stranger.balance()) == (FUNDS + 30 * UNIT, FUNDS)


def test_a_permit_that_a_stranger_used_first_serves_its_deposit_all_the_same(world: World) -> None:
    alice, mallory = world.miners[:2]
    alice.token.mint(alice.address, UNIT)
    deadline = world.chain.now() + 3600
    v, r, s = alice.token.sign_permit(alice.vault.address, UNIT, deadline)
    token = world.contract("token")
    mallory.sender.send(token.functions.permit(alice.address, alice.vault.address, UNIT, deadline, v, r, s))

    vault = world.contract("vault")
    alice.sender.send(vault.functions.depositWithPermit(UNIT, deadline, v, r, s))

    assert alice.balance() == FUNDS + UNIT
