"""Attack: commit to bytes that are no model, and reveal them to waste gas or to break the scorer.

A scorer that loops over what a header claims, or that reads beyond the model, would burn the gas of whoever calls it,
or score what is not there.

Defence: the model is read by a strict decoder and the sender pays for its own transaction. What cannot be scored
counts as never revealed: the bond is burned when the window ends, and nobody else is touched.
"""

import pytest

from offchain.chain import errors
from tests.stories import RIGHT, SALT, disclosed, held
from tests.world import FUNDS, UNIT, World

GARBAGE = {
    "nothing": b"",
    "a header alone": RIGHT[:40],
    "one byte short": RIGHT[:-1],
    "one byte long": RIGHT + b"\x00",
    "a million features": RIGHT[:34] + b"\xff\xff" + RIGHT[36:],
    "noise": bytes(range(256)) * 8,
    "24 KiB of zeros": bytes(24_576),
}


@pytest.mark.parametrize("model", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_costs_its_sender_alone(world: World, model: bytes) -> None:
    task, _ = disclosed(world, [RIGHT, model])
    honest, vandal = world.miners[:2]

    with pytest.raises(errors.ContractError):
        vandal.proof.reveal(task.task_id, SALT, model)
    honest.proof.reveal(task.task_id, SALT, RIGHT)
    world.chain.set_time(task.reveal_ends_at)
    honest.proof.settle(task.task_id)

    assert honest.balance() == FUNDS + 100 * UNIT
    assert vandal.balance() == FUNDS - 5 * UNIT
    assert held(world) == 0
