"""The learning ledger: append, verify, and who may write."""

from dataclasses import replace
from typing import Any

import pytest

from offchain.canonical import parameters_hash
from offchain.chain import errors
from offchain.chain import ledger as ledger_module
from offchain.chain.connection import Connection
from offchain.chain.ledger import Block, LearningLedgerClient
from tests.stories import settle_one
from tests.world import World


def tampered(block: Block, **changes: Any) -> Block:
    """What a forger would show: another header under the old hash."""
    return Block(replace(block.header, **changes), block.hash)


def test_genesis_records_the_initialization_parameters(world: World) -> None:
    (genesis,) = world.data_node.ledger.blocks()

    assert genesis.header.index == 0
    assert genesis.header.parameters_hash == parameters_hash(world.connection.deployment.initialization)
    assert genesis.header.previous_hash == bytes(32)


def test_append_reverts_when_the_caller_is_not_the_writer(world: World) -> None:
    mallory = world.miners[0]
    ledger = world.contract("ledger")

    with pytest.raises(errors.NotWriter) as caught:
        mallory.sender.send(ledger.functions.append(1, mallory.address, bytes(32), bytes(32), 10**18))

    assert caught.value.writer == world.data_node.proof.address


def test_verify_accepts_every_run_of_the_chain(world: World) -> None:
    settle_one(world)
    settle_one(world)
    blocks = world.data_node.ledger.blocks()

    bad = [world.data_node.ledger.first_bad(blocks[i:j]) for i in range(3) for j in range(i, 4)]

    assert [block.header.index for block in blocks] == [0, 1, 2]
    assert bad == [None] * len(bad)


@pytest.mark.parametrize(
    "change",
    [
        {"index": 2},
        {"timestamp": 1},
        {"task_id": 9},
        {"winner": "0x000000000000000000000000000000000000dEaD"},
        {"model_hash": b"\x01" * 32},
        {"parameters_hash": b"\x01" * 32},
        {"score_wad": 0},
        {"previous_hash": b"\x01" * 32},
    ],
)
def test_verify_names_the_first_block_with_a_changed_field(world: World, change: dict[str, Any]) -> None:
    settle_one(world)
    genesis, block = world.data_node.ledger.blocks()

    assert world.data_node.ledger.first_bad([genesis, tampered(block, **change)]) == 1


def test_the_contract_itself_knows_a_forged_header(world: World) -> None:
    settle_one(world)
    genesis, block = (block.header for block in world.data_node.ledger.blocks())
    verify = world.contract("ledger").functions.verify

    # Of so many other hashes some are above and some below the true one.
    forged = [replace(block, score_wad=score) for score in range(20)]
    answers = [verify([genesis.as_tuple(), header.as_tuple()]).call() for header in forged]

    assert answers == [[False, 1]] * 20
    assert verify([genesis.as_tuple(), block.as_tuple()]).call() == [True, 2]


def test_verify_names_the_block_that_came_with_another_hash(world: World) -> None:
    (genesis,) = world.data_node.ledger.blocks()

    assert world.data_node.ledger.first_bad([Block(genesis.header, bytes(32))]) == 0


def test_verify_names_a_block_out_of_order(world: World) -> None:
    settle_one(world)
    genesis, block = world.data_node.ledger.blocks()

    assert world.data_node.ledger.first_bad([block, genesis]) == 1


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_verify_asks_for_a_long_ledger_in_several_calls(
    world: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    for _ in range(3):
        settle_one(world)
    monkeypatch.setattr(ledger_module, "_CHECKED_AT_ONCE", at_once)
    client, blocks = world.data_node.ledger, world.data_node.ledger.blocks()

    bad = [
        client.first_bad([*blocks[:i], tampered(blocks[i], task_id=9), *blocks[i + 1 :]]) for i in range(4)
    ]

    assert client.first_bad(blocks) is None
    assert bad == [0, 1, 2, 3]
    assert [client.first_bad([*blocks[:i], *blocks[i + 1 :]]) for i in (1, 2)] == [1, 2]


def test_the_whole_ledger_is_valid(world: World) -> None:
    settle_one(world)
    settle_one(world)

    assert world.data_node.ledger.first_invalid() is None


@pytest.mark.parametrize("blocks_after", [0, 1], ids=["the first", "all"])
def test_a_ledger_is_not_valid_when_blocks_are_missing(world: World, blocks_after: int) -> None:
    settle_one(world)
    late = world.chain.w3.eth.block_number + blocks_after
    world.chain.mine(blocks_after)
    deployment = world.connection.deployment.model_copy(update={"block": late})

    client = LearningLedgerClient(Connection.over(world.chain.w3, deployment))

    assert len(client.blocks()) == 1 - blocks_after
    assert client.first_invalid() == 0


def test_tip_is_the_hash_of_the_newest_block(world: World) -> None:
    settle_one(world)
    ledger = world.contract("ledger")

    assert ledger.functions.tip().call() == world.data_node.ledger.blocks()[-1].hash
    assert ledger.functions.length().call() == 2
