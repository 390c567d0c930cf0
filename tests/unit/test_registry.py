"""The task registry: posting, drawing, publishing, disclosing."""

from typing import Any

import numpy as np
import pytest

from offchain.chain import errors
from offchain.chain.accounts import dev_account
from offchain.chain.phase import Phase
from offchain.learning.metrics import Metric
from offchain.learning.rows import SaltedRows
from offchain.learning.split import drawn_rows
from tests.stories import RIGHT, commit, disclosed, settle_one
from tests.world import FUNDS, UNIT, World, toy_rows

# post


def test_post_moves_reward_and_bond_into_escrow(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))

    assert task_id == 1
    assert world.data_node.balance() == FUNDS - 130 * UNIT
    assert world.data_node.vault.balance_of(world.data_node.proof.address) == 130 * UNIT


def test_post_stores_the_spec(world: World) -> None:
    spec = world.spec(toy_rows(), min_score_wad=-5)

    task = world.data_node.registry.task(world.data_node.registry.post(spec))

    same = [name for name in spec.__slots__ if getattr(task, name) == getattr(spec, name)]
    assert same == list(spec.__slots__)
    assert task.data_node == world.data_node.address
    assert (task.seed, task.commit_ends_at, task.reveal_ends_at) == (bytes(32), 0, 0)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"scorer": "0x000000000000000000000000000000000000dEaD"}, errors.ScorerNotAccepted),
        ({"class_count": 0}, errors.InvalidShape),
        ({"class_count": 1}, errors.InvalidShape),
        ({"metric": Metric.R2}, errors.InvalidShape),
        ({"feature_count": 0}, errors.InvalidShape),
        ({"feature_count": 1025}, errors.InvalidShape),
        ({"test_count": 0}, errors.InvalidTestCount),
        ({"test_count": 12}, errors.InvalidTestCount),
        ({"mapping_width": 31}, errors.MappingOutOfRange),
        ({"mapping_width": 288}, errors.MappingOutOfRange),
        ({"mapping_width": 32, "feature_count": 97}, errors.MappingOutOfRange),
        ({"reward": 0}, errors.RewardMissing),
        ({"min_score_wad": 10**18 + 1}, errors.ScoreOutOfReach),
        ({"data_node_bond": UNIT - 1}, errors.BondTooLow),
        ({"miner_bond": UNIT - 1}, errors.BondTooLow),
        ({"commit_seconds": 9}, errors.WindowOutOfBounds),
        ({"disclose_seconds": 9}, errors.WindowOutOfBounds),
        ({"reveal_seconds": 7 * 86_400 + 1}, errors.WindowOutOfBounds),
        ({"reward": 971 * UNIT}, errors.BalanceTooLow),
    ],
)
def test_post_reverts_when_the_spec_is_not_allowed(
    world: World, change: dict[str, Any], error: type[errors.ContractError]
) -> None:
    with pytest.raises(error):
        world.data_node.registry.post(world.spec(toy_rows(), **change))

    assert world.data_node.registry.task_count() == 0
    assert world.data_node.balance() == FUNDS


def test_check_finds_what_is_not_allowed_for_an_account_without_money(world: World) -> None:
    registry, nobody = world.data_node.registry, dev_account(8).address

    with pytest.raises(errors.WindowOutOfBounds):
        registry.check(world.spec(toy_rows(), commit_seconds=9), nobody)
    registry.check(world.spec(toy_rows()), nobody)

    assert registry.task_count() == 0


def test_post_keeps_the_ledger_tip_of_a_mapped_task(world: World) -> None:
    settle_one(world)
    tip = world.data_node.ledger.blocks()[-1].hash

    task_id = world.data_node.registry.post(world.spec(toy_rows(), mapping_width=32))

    assert world.data_node.registry.task(task_id).ledger_tip == tip
    plain = world.data_node.registry.post(world.spec(toy_rows()))
    assert world.data_node.registry.task(plain).ledger_tip == bytes(32)


def test_post_reverts_when_the_registry_is_no_operator(world: World) -> None:
    world.data_node.vault.set_operator(world.data_node.registry.address, False)

    with pytest.raises(errors.OperatorNotApproved):
        world.data_node.registry.post(world.spec(toy_rows()))


def test_task_reverts_when_it_does_not_exist(world: World) -> None:
    with pytest.raises(errors.UnknownTask):
        world.data_node.registry.task(1)


# draw


def test_draw_takes_the_seed_from_a_block_after_the_posting(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))
    posted_in = world.chain.w3.eth.block_number
    world.chain.mine(3)

    world.miners[0].registry.draw(task_id)

    task = world.data_node.registry.task(task_id)
    assert task.draw_block == posted_in + 2
    assert task.seed != bytes(32)
    assert task.commit_ends_at == world.chain.now() + 100


def test_draw_gives_the_seed_of_the_specification(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))

    block_hash = bytes(world.chain.w3.eth.get_block(task.draw_block)["hash"])
    packed = block_hash + world.connection.deployment.chain_id.to_bytes(32, "big")
    packed += (
        bytes(12) + bytes.fromhex(world.data_node.registry.address[2:]) + task.task_id.to_bytes(32, "big")
    )
    assert task.seed == bytes(world.chain.w3.keccak(packed))


def test_test_rows_are_the_images_of_the_permutation(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))

    assert world.data_node.registry.test_rows_of(task.task_id) == drawn_rows(task.seed, 12, 4)


def test_deadlines_are_none_before_the_draw(world: World) -> None:
    registry = world.data_node.registry
    task_id = registry.post(world.spec(toy_rows()))
    deadlines = world.contract("registry").functions.deadlines

    before = deadlines(task_id).call()
    world.chain.mine(3)
    registry.draw(task_id)

    assert before == [0, 0]
    assert deadlines(task_id).call() == [registry.task(task_id).commit_ends_at + 100, 0]


def test_test_rows_are_none_before_the_draw(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))

    assert world.data_node.registry.test_rows_of(task_id) == []


def test_draw_reverts_when_the_block_has_no_hash_yet(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))

    with pytest.raises(errors.DrawTooEarly):
        world.data_node.registry.draw(task_id)


def test_draw_reverts_when_the_task_is_drawn(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))

    with pytest.raises(errors.AlreadyDrawn):
        world.data_node.registry.draw(task.task_id)


def test_draw_names_a_new_block_when_its_window_was_missed(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))
    world.chain.mine(260)

    world.data_node.registry.draw(task_id)

    rearmed = world.data_node.registry.task(task_id)
    assert rearmed.draw_block == world.chain.w3.eth.block_number + 2
    assert rearmed.commit_ends_at == 0
    world.chain.mine(3)
    world.data_node.registry.draw(task_id)
    assert world.data_node.registry.task(task_id).commit_ends_at > 0


@pytest.mark.parametrize(("blocks_after", "drawn"), [(256, True), (257, False)])
def test_draw_takes_a_hash_for_256_blocks(world: World, blocks_after: int, drawn: bool) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))
    draw_block = world.data_node.registry.task(task_id).draw_block
    world.chain.mine(draw_block + blocks_after - 1 - world.chain.w3.eth.block_number)

    world.data_node.registry.draw(task_id)

    assert world.chain.w3.eth.block_number == draw_block + blocks_after
    assert (world.data_node.registry.task(task_id).commit_ends_at != 0) == drawn


# publish


def test_publish_tells_the_last_blob(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))
    assert world.miners[0].registry.published_training_rows(task.task_id) is None

    world.data_node.registry.publish(task.task_id, b"\x01" * 32)
    world.data_node.registry.publish(task.task_id, b"\x02" * 32)

    assert world.miners[0].registry.published_training_rows(task.task_id) == b"\x02" * 32


def test_publish_reverts_when_the_caller_is_not_the_data_node(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))

    with pytest.raises(errors.NotDataNode):
        world.miners[0].registry.publish(task.task_id, b"\x01" * 32)


def test_publish_reverts_before_the_draw_and_after_commits(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))
    with pytest.raises(errors.PublishWindowClosed):
        world.data_node.registry.publish(task_id, b"\x01" * 32)

    task = world.drawn(world.spec(toy_rows()))
    world.close_commits(task)
    with pytest.raises(errors.PublishWindowClosed):
        world.data_node.registry.publish(task.task_id, b"\x01" * 32)


# disclose


def test_disclose_stores_the_drawn_rows(world: World) -> None:
    task, rows = disclosed(world, [RIGHT])

    drawn = world.data_node.registry.test_rows_of(task.task_id)
    assert world.miners[0].registry.disclosed_rows(task) == b"".join(rows.rows[index] for index in drawn)
    assert task.reveal_ends_at == world.chain.now() + 100


def test_disclose_reverts_outside_its_window(world: World) -> None:
    rows = toy_rows()
    task_id = world.data_node.registry.post(world.spec(rows))
    with pytest.raises(errors.DiscloseWindowClosed):
        world.data_node.registry.disclose(task_id, b"", [], [])

    task = world.drawn(world.spec(rows))
    disclosure = rows.disclosure(drawn_rows(task.seed, 12, 4))
    with pytest.raises(errors.DiscloseWindowClosed):
        world.data_node.registry.disclose(task.task_id, *disclosure)
    world.chain.set_time(task.commit_ends_at + 100)
    with pytest.raises(errors.DiscloseWindowClosed):
        world.data_node.registry.disclose(task.task_id, *disclosure)


def test_disclose_reverts_when_the_caller_is_not_the_data_node(world: World) -> None:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    world.close_commits(task)

    with pytest.raises(errors.NotDataNode):
        world.miners[0].registry.disclose(task.task_id, *rows.disclosure(drawn_rows(task.seed, 12, 4)))


def test_disclose_reverts_the_second_time(world: World) -> None:
    task, rows = disclosed(world, [RIGHT])

    with pytest.raises(errors.AlreadyDisclosed):
        world.data_node.registry.disclose(task.task_id, *rows.disclosure(drawn_rows(task.seed, 12, 4)))


WIDE = {"feature_count": 1023, "test_count": 50}
"""Rows of 1,024 bytes, of which 24,555 bytes of code hold 23: parts of 23, 23 and 4 rows."""


def wide_rows() -> SaltedRows:
    table = np.random.default_rng(3).integers(0, 2, (60, 1024), np.uint8)
    return SaltedRows(tuple(row.tobytes() for row in table), b"\x07" * 32)


def test_disclose_in_parts_opens_reveals_with_the_last(world: World) -> None:
    rows = wide_rows()
    task = world.drawn(world.spec(rows, **WIDE))
    commit(world.miners[0], task, RIGHT)
    world.close_commits(task)
    registry, disclosed_counts = world.data_node.registry, []

    while indices := registry.next_part(task.task_id):
        registry.disclose(task.task_id, *rows.disclosure(indices))
        disclosed_counts.append(registry.task(task.task_id).disclosed_count)
        opened = registry.task(task.task_id).reveal_ends_at != 0
        assert opened == (disclosed_counts[-1] == 50)

    assert disclosed_counts == [23, 46, 50]
    assert world.data_node.proof.phase_of(task.task_id) == Phase.REVEAL
    stored = registry.disclosed_rows(registry.task(task.task_id))
    drawn = b"".join(rows.rows[index] for index in registry.test_rows_of(task.task_id))
    assert sorted(_cut(stored)) == sorted(_cut(drawn))


def _cut(rows: bytes) -> list[bytes]:
    return [rows[start : start + 1024] for start in range(0, len(rows), 1024)]


def test_a_part_has_as_many_rows_as_their_salts_and_proof_fit_a_transaction(world: World) -> None:
    # 24,555 bytes hold all 2,000 rows of three. A row takes its salt and, by the bound, 16 - floor(log2 rows) nodes of
    # 65,536 rows' tree: with 2**8 to 511 rows nine words each, so that 355 are the most in 3,200. An eighth less,
    # rounded up, again and again: 2000, 1750, 1531, 1339, 1171, 1024, 896, 784, 686, 600, 525, 459, 401, 350.
    task = world.drawn(world.spec(toy_rows(), row_count=65_536, test_count=2000))

    part = world.data_node.registry.next_part(task.task_id)

    assert part == drawn_rows(task.seed, 65_536, 350)


def test_a_disclosure_that_stops_half_way_ends_in_an_abort(world: World) -> None:
    rows = wide_rows()
    task = world.drawn(world.spec(rows, **WIDE))
    commit(world.miners[0], task, RIGHT)
    world.close_commits(task)
    first = world.data_node.registry.next_part(task.task_id)
    world.data_node.registry.disclose(task.task_id, *rows.disclosure(first))

    world.chain.set_time(task.commit_ends_at + 100)

    with pytest.raises(errors.DiscloseWindowClosed):
        second = world.data_node.registry.next_part(task.task_id)
        world.data_node.registry.disclose(task.task_id, *rows.disclosure(second))
    world.miners[1].proof.abort(task.task_id)
    world.miners[0].proof.claim(task.task_id)
    assert world.miners[0].balance() == FUNDS + 30 * UNIT


def test_disclose_reverts_when_a_part_is_told_twice(world: World) -> None:
    rows = wide_rows()
    task = world.drawn(world.spec(rows, **WIDE))
    world.close_commits(task)
    first = world.data_node.registry.next_part(task.task_id)
    world.data_node.registry.disclose(task.task_id, *rows.disclosure(first))

    with pytest.raises((errors.DataRootMismatch, errors.ProofLengthMismatch)):
        world.data_node.registry.disclose(task.task_id, *rows.disclosure(first))


def test_next_part_is_none_before_the_draw_and_after_the_disclosure(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))
    assert world.data_node.registry.next_part(task_id) == []

    task, _ = disclosed(world, [RIGHT])
    assert world.data_node.registry.next_part(task.task_id) == []


def _swapped(rows: SaltedRows, drawn: list[int]) -> tuple[bytes, list[bytes], list[bytes]]:
    data, salts, proof = rows.disclosure(drawn)
    return data[3:6] + data[:3] + data[6:], [salts[1], salts[0], *salts[2:]], proof


def _not_drawn(rows: SaltedRows, drawn: list[int]) -> tuple[bytes, list[bytes], list[bytes]]:
    others = [index for index in range(12) if index not in drawn][:4]
    data, salts, _ = rows.disclosure(others)
    return data, salts, rows.disclosure(drawn)[2]


def _foreign_proof(rows: SaltedRows, drawn: list[int]) -> tuple[bytes, list[bytes], list[bytes]]:
    data, salts, _ = rows.disclosure(drawn)
    return data, salts, SaltedRows(rows.rows, b"\x08" * 32).disclosure(drawn)[2]


def _other_label(rows: SaltedRows, drawn: list[int]) -> tuple[bytes, list[bytes], list[bytes]]:
    data, salts, proof = rows.disclosure(drawn)
    return data[:2] + bytes([1 - data[2]]) + data[3:], salts, proof


@pytest.mark.parametrize("forge", [_swapped, _not_drawn, _foreign_proof, _other_label])
def test_disclose_reverts_when_the_rows_are_not_the_drawn_ones(world: World, forge: Any) -> None:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    commit(world.miners[0], task, RIGHT)
    world.close_commits(task)

    with pytest.raises(errors.DataRootMismatch):
        world.data_node.registry.disclose(task.task_id, *forge(rows, drawn_rows(task.seed, 12, 4)))


def test_disclose_reverts_when_a_length_is_wrong(world: World) -> None:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    world.close_commits(task)
    data, salts, proof = rows.disclosure(drawn_rows(task.seed, 12, 4))

    with pytest.raises(errors.DisclosureLengthMismatch):
        world.data_node.registry.disclose(task.task_id, data[:-1], salts, proof)
    with pytest.raises(errors.DisclosureLengthMismatch):
        world.data_node.registry.disclose(task.task_id, data, salts[:-1], proof)
    with pytest.raises(errors.ProofLengthMismatch):
        world.data_node.registry.disclose(task.task_id, data, salts, proof[:-1])
    with pytest.raises(errors.ProofLengthMismatch):
        world.data_node.registry.disclose(task.task_id, data, salts, [*proof, bytes(32)])


def test_a_root_binds_one_row_to_an_index(world: World) -> None:
    # A data node that hides two candidates for each row, in a tree twice as wide, can prove neither.
    rows = toy_rows()
    twice = SaltedRows(rows.rows * 2, rows.secret)
    task = world.drawn(world.spec(rows, data_root=twice.root()))
    world.close_commits(task)
    drawn = drawn_rows(task.seed, 12, 4)
    data, salts, proof = twice.disclosure(drawn)

    with pytest.raises((errors.DataRootMismatch, errors.ProofLengthMismatch)):
        world.data_node.registry.disclose(task.task_id, data, salts, proof)


def test_disclosed_rows_of_a_node_that_makes_up_code_are_refused(world: World) -> None:
    """Code that names itself as the part before it would be read for ever."""
    task, _ = disclosed(world, [RIGHT])
    own = bytes.fromhex(task.test_rows[2:])

    for code in (b"", b"\x00" + own + b"\xff" * 3):
        with (
            pytest.MonkeyPatch.context() as patch,
            pytest.raises(errors.EndpointFaulty),
        ):
            patch.setattr(type(world.chain.w3.eth), "get_code", lambda *_, code=code: code)
            world.miners[0].registry.disclosed_rows(task)
