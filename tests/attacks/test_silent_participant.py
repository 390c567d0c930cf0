"""Known bug: one silent participant who locks everybody's money for good.

Bounties that wait for the owner's reveal, or for all submitters', never end if one of them stays away.

Source: the class's usual names are griefing by silence and locked funds; by a call that fails on purpose, in place of
one that does not come, it is SWC-113.
Here: whoever stays silent, and in whatever phase, strangers end the task by the clock, and all money is in somebody's
hands or burned.
"""

import pytest

from offchain.chain.phase import Phase
from tests.stories import RIGHT, SALT, WRONG, commit, held
from tests.world import BURNED, FUNDS, World, toy_rows


@pytest.mark.parametrize("silent_from", ["the draw", "the commitments", "the disclosure", "the reveals"])
def test_strangers_end_what_others_leave(world: World, silent_from: str) -> None:
    rows, stranger = toy_rows(), world.miners[3]
    task_id = world.data_node.registry.post(world.spec(rows))
    world.chain.mine(3)
    stranger.registry.draw(task_id)
    task = stranger.registry.task(task_id)
    if silent_from in ("the disclosure", "the reveals"):
        for miner, model in zip(world.miners, (RIGHT, WRONG), strict=False):
            commit(miner, task, model)
    if silent_from == "the reveals":
        task = world.disclose(task, rows)
        world.miners[1].proof.reveal(task_id, SALT, WRONG)

    world.chain.set_time(stranger.registry.task(task_id).commit_ends_at + 10_000)
    phase = stranger.proof.phase_of(task_id)
    if phase == Phase.SETTLE:
        stranger.proof.settle(task_id)
    else:
        stranger.proof.abort(task_id)
        for miner in world.miners[:2]:
            if stranger.proof.commitment_of(task_id, miner.address).order:
                miner.proof.claim(task_id)

    burned = world.data_node.vault.balance_of(BURNED)
    assert held(world) == 0
    assert sum(person.balance() for person in world.people) + burned == len(world.people) * FUNDS
