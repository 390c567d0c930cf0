"""Attack: look at the test rows first, and reveal only if the model is good on them.

A commitment without a price is an option: a gang commits to many models and shows the best alone, so that nobody sees
the others' weights; or it stays silent to hold up the settlement.

Source: the last-revealer problem of commit-reveal, as in RANDAO.
Defence: who does not reveal loses the bond, and nobody gains by it: it is burned. Silence ends by the deadline.
Limit, measured: one silent miner delays the settlement to the end of the reveal window, for one bond.
"""

import pytest

from offchain.chain import errors
from tests.stories import RIGHT, SALT, WRONG, disclosed, held
from tests.world import BURNED, FUNDS, UNIT, World


def test_silence_costs_the_bond_and_moves_nothing_but_the_hour(world: World) -> None:
    task, _ = disclosed(world, [RIGHT, WRONG, WRONG])
    honest, silent = world.miners[0], world.miners[1:3]
    honest.proof.reveal(task.task_id, SALT, RIGHT)

    world.chain.set_time(task.reveal_ends_at - 2)
    with pytest.raises(errors.WrongPhase):
        honest.proof.settle(task.task_id)
    world.chain.set_time(task.reveal_ends_at)
    honest.proof.settle(task.task_id)

    assert honest.balance() == FUNDS + 100 * UNIT
    assert [miner.balance() for miner in silent] == [FUNDS - 5 * UNIT] * 2
    assert world.data_node.balance() == FUNDS - 100 * UNIT
    assert (world.data_node.vault.balance_of(BURNED), held(world)) == (10 * UNIT, 0)
