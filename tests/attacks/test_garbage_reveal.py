"""Attack: commit to bytes that are no model, and reveal them to waste gas or to break the scorer.

A scorer that loops over what a header claims, or that reads beyond the model, would burn the gas of whoever calls it,
or score what is not there.

Source: the class's usual names are uncontrolled resource consumption (CWE-400), a denial of service by the block's gas
limit (SWC-128), and the buffer over-read (CWE-126).
Defence: the model is read by a strict decoder, which refuses by name before it scores a row, and the sender pays for
its own transaction. What cannot be scored counts as never revealed: the bond is burned when the window ends, and
nobody else is touched.
Measured: a refusal takes under 60,000 gas and what the bytes take as calldata, whatever the header claims.
"""

from typing import Any

import pytest

from offchain.chain import errors
from offchain.chain.proof import ALL_ROWS
from offchain.chain.transactions import MAX_TRANSACTION_GAS
from tests.attacks.test_model_sizes import leaves
from tests.stories import RIGHT, SALT, disclosed, held
from tests.world import FUNDS, UNIT, World

REFUSAL_GAS = 60_000
GAS_PER_BYTE = 40  # the most that a byte of calldata takes (EIP-7623)

HEADER = RIGHT[:34]
# Four layers of 255 outputs and one of 2: it announces 200,235 bytes and has 52.
HUGE = HEADER + b"\x05" + b"\x00\x02" + b"\x00\xff\x00" * 4 + b"\x00\x02\x00"

GARBAGE: dict[str, tuple[bytes, type[errors.ContractError]]] = {
    "nothing": (b"", errors.ModelTruncated),
    "a header alone": (RIGHT[:40], errors.ModelTruncated),
    "one byte short": (RIGHT[:-1], errors.ModelTruncated),
    "one byte long": (RIGHT + b"\x00", errors.ModelTooLong),
    "255 layers": (HEADER + b"\xff" + RIGHT[35:], errors.LayerCountOutOfRange),
    "65,535 features": (RIGHT[:35] + b"\xff\xff" + RIGHT[37:], errors.LayerWidthOutOfRange),
    "the largest layers, and none of their weights": (HUGE, errors.ModelTruncated),
    "trees": (leaves(2, 1), errors.ModelKindMismatch),
    "noise": (bytes(range(256)) * 8, errors.ModelVersionUnsupported),
    "noise behind a header": (HEADER + b"\x01" + bytes(range(256)) * 8, errors.ModelFeaturesMismatch),
    "24 KiB of zeros": (bytes(24_576), errors.ModelVersionUnsupported),
}


@pytest.mark.parametrize(("model", "error"), GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused_by_name_and_costs_its_sender_alone(
    world: World, model: bytes, error: type[errors.ContractError]
) -> None:
    task, _ = disclosed(world, [RIGHT, model])
    honest, vandal = world.miners[:2]

    with pytest.raises(error):
        vandal.proof.reveal(task.task_id, SALT, model)
    honest.proof.reveal(task.task_id, SALT, RIGHT)
    world.chain.set_time(task.reveal_ends_at)
    honest.proof.settle(task.task_id)

    assert honest.balance() == FUNDS + 100 * UNIT
    assert vandal.balance() == FUNDS - 5 * UNIT
    assert held(world) == 0


@pytest.mark.parametrize("name", ["a header alone", "the largest layers, and none of their weights", "noise"])
def test_the_gas_of_a_refusal_is_bounded_and_its_senders(world: World, name: str) -> None:
    """With all the gas that a transaction may have, as a vandal sends it, and not as a client that estimates."""
    model, _ = GARBAGE[name]
    task, _ = disclosed(world, [RIGHT, model])
    honest, vandal = world.miners[:2]
    eth: Any = world.chain.w3.eth
    go_back = world.chain.snapshot()
    undisturbed = honest.proof.reveal(task.task_id, SALT, RIGHT)["gasUsed"]
    go_back()
    people = {person.address: eth.get_balance(person.address) for person in world.people}

    call = world.contract("proof").functions.reveal(task.task_id, SALT, model, (0, ()), ALL_ROWS)
    sent = call.transact({"from": vandal.address, "gas": MAX_TRANSACTION_GAS})
    receipt = eth.wait_for_transaction_receipt(sent)

    paid = {address: before - eth.get_balance(address) for address, before in people.items()}
    spent = receipt["gasUsed"] * receipt["effectiveGasPrice"]
    assert receipt["status"] == 0
    assert receipt["gasUsed"] < REFUSAL_GAS + GAS_PER_BYTE * len(model)
    assert {address: wei for address, wei in paid.items() if wei} == {vandal.address: spent}
    assert honest.proof.reveal(task.task_id, SALT, RIGHT)["gasUsed"] == undisturbed
    print(f"{len(model):,} bytes, {receipt['gasUsed']:,} gas")
