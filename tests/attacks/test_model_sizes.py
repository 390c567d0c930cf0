"""Models at the edge of what can be scored: the smallest, the largest, and one byte beyond, through a real reveal.

Source: the class's usual names are buffer over-read and unbounded input.
Gain: a score for bytes that are no model, or a reveal too heavy for a transaction, with which a data node's reward is
stuck.
Defence: a decoder that takes exactly the bytes that the header announces, and 98,304 at most: a reveal of that many
takes 5.5 million gas (dense) or 6.4 million (trees) with four rows, and more rows go in parts. A refused model leaves
its miner where it was: it counts as never revealed.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from offchain.chain import errors
from offchain.chain.transactions import MAX_TRANSACTION_GAS
from offchain.learning.model import DenseLayer, DenseModel, encode
from offchain.learning.rows import SaltedRows
from tests.stories import SALT, commit
from tests.world import FUNDS, UNIT, World

LARGEST = 98_304


def dense(*widths: int) -> bytes:
    """A model whose outputs are equal but for the first's bias: it says class 0, whatever the row is."""
    layers = [
        DenseLayer(np.ones(shape, np.int8), np.zeros(shape[1], np.int32), 22) for shape in pairwise(widths)
    ]
    layers[-1] = DenseLayer(layers[-1].weights, np.array([1, 0], np.int32), 0)
    return encode(DenseModel(b"\x11" * 32, tuple(layers)))


def zeros(*widths: int) -> bytes:
    """A dense model of nothing but zeros, written by hand: the encoder makes none beyond the limit."""
    table = b"".join(width.to_bytes(2) + b"\x00" for width in widths[1:])
    head = b"\x01\x01" + b"\x11" * 32 + bytes([len(widths) - 1]) + widths[0].to_bytes(2) + table
    return head + bytes(sum((inputs + 4) * outputs for inputs, outputs in pairwise(widths)))


def leaves(features: int, *counts: int) -> bytes:
    """Trees of leaves that vote for class 0; in each but the first leaf is out of reach."""
    head = b"\x01\x02" + b"\x11" * 32 + b"\x00" + features.to_bytes(2) + b"\x02" + len(counts).to_bytes(2)
    return head + b"".join(count.to_bytes(2) + b"\x80\x00\x00\x00\x01" * count for count in counts)


MODELS: dict[str, tuple[str, int, Callable[[], bytes], int]] = {
    "the smallest dense": ("DenseScorer", 1, lambda: dense(1, 2), 50),
    "the largest dense": ("DenseScorer", 955, lambda: dense(955, 102, 4, 2), LARGEST),
    "the smallest trees": ("TreeScorer", 1, lambda: leaves(1, 1), 47),
    "the largest trees": ("TreeScorer", 1, lambda: leaves(1, 9826, 9826), LARGEST),
}


def rows_of(features: int) -> SaltedRows:
    """Twelve rows of two classes."""
    table = np.random.default_rng(3).integers(0, 256, (12, features + 1), np.uint8)
    table[:, -1] %= 2
    return SaltedRows(tuple(row.tobytes() for row in table), b"\x07" * 32)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_at_the_limit_is_scored_and_a_byte_more_or_less_is_not(world: World, name: str) -> None:
    scorer, features, make, size = MODELS[name]
    rows, model = rows_of(features), make()
    assert len(model) == size
    address = world.connection.deployment.scorers[scorer].address
    task = world.drawn(world.spec(rows, scorer=address, feature_count=features, min_score_wad=0))
    tried = (model, model + b"\x00", model[:-1])
    for miner, bytes_ in zip(world.miners, tried, strict=False):
        commit(miner, task, bytes_)
    task = world.disclose(task, rows)

    receipt = world.miners[0].proof.reveal(task.task_id, SALT, model)
    with pytest.raises(errors.ModelTooLong):
        world.miners[1].proof.reveal(task.task_id, SALT, tried[1])
    with pytest.raises((errors.ModelTruncated, errors.ModelTooLong)):
        world.miners[2].proof.reveal(task.task_id, SALT, tried[2])

    # Right are the rows of class 0: their last byte says so.
    hidden = world.data_node.registry.disclosed_rows(task)
    zeros = hidden[features :: features + 1].count(0)
    (revealed,) = world.miners[0].proof.revealed_models(task.task_id)
    assert revealed.score_wad == zeros * UNIT // 4
    assert receipt["gasUsed"] < (5_600_000 if scorer == "DenseScorer" else 6_500_000) < MAX_TRANSACTION_GAS
    print(f"{name}: {size:,} bytes, {receipt['gasUsed']:,} gas")
    assert [miner.balance() for miner in world.miners[:3]] == [
        FUNDS,
        FUNDS - 5 * UNIT,
        FUNDS - 5 * UNIT,
    ]


TOO_LARGE: dict[str, tuple[str, int, Callable[[], bytes]]] = {
    "dense": ("DenseScorer", 956, lambda: zeros(956, 102, 4, 2)),
    "linear": ("DenseScorer", 1024, lambda: zeros(1024, 96)),
    "trees": ("TreeScorer", 1, lambda: leaves(1, 9826, 9826, 1)),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_model_beyond_the_limit_is_refused_however_well_it_is_made(world: World, name: str) -> None:
    scorer, features, make = TOO_LARGE[name]
    rows, model, classes = rows_of(features), make(), 96 if name == "linear" else 2
    assert LARGEST < len(model) < LARGEST + 500
    terms = {"scorer": world.connection.deployment.scorers[scorer].address, "feature_count": features}
    task, miner = world.drawn(world.spec(rows, class_count=classes, **terms)), world.miners[0]
    commit(miner, task, model)
    world.disclose(task, rows)

    with pytest.raises(errors.ModelTooLong) as caught:
        miner.proof.reveal(task.task_id, SALT, model)

    assert (caught.value.maximumLength, caught.value.actualLength) == (LARGEST, len(model))
    assert not miner.proof.commitment_of(task.task_id, miner.address).revealed


@pytest.mark.parametrize("model", [b"", b"\x01\x01", b"\x01\x01" + bytes(32)])
def test_bytes_that_are_hardly_a_header_are_refused(world: World, model: bytes) -> None:
    rows = rows_of(1)
    task = world.drawn(world.spec(rows, feature_count=1))
    miner = world.miners[0]
    commit(miner, task, model)
    task = world.disclose(task, rows)

    with pytest.raises(errors.ModelTruncated):
        miner.proof.reveal(task.task_id, SALT, model)

    assert not miner.proof.commitment_of(task.task_id, miner.address).revealed
