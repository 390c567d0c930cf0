"""Attack: model bytes that make who reads them allocate, loop or fail without a word.

A provider delivers model bytes to a consumer, and anybody can ask another to score some. Hostile bytes would gain:

- by declared sizes (CWE-789, allocation by a size from outside): the memory of the consumer's process;
- by branches that lead back, or ever deeper (CWE-835): a consumer that never accepts nor rejects;
- by any failure that is not expected: a worker that stops while its bonds are at stake.

Defence: the decoder knows the length of the only model that the header allows before it reads on, branches lead
forward and 32 deep at most. What decodes is scored alike on chain, which `tests/fuzz/test_scoring_twins.py` holds.
"""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from offchain.learning import model as dense
from offchain.learning.errors import ModelError, ModelFieldOutOfRange, ModelTooLong, ModelTooShort
from offchain.learning.limits import MAX_CLASSES, MAX_FEATURES, MAX_MODEL_BYTES
from offchain.learning.scoring import decode, predict

MEMORY = 24 << 20  # 64-bit numbers for the bytes of the largest model, some times over
SECONDS = 5.0


def dense_head(layers: int, inputs: int, *shape: tuple[int, int]) -> bytes:
    table = b"".join(outputs.to_bytes(2, "big") + bytes((shift,)) for outputs, shift in shape)
    return b"\x01\x01" + bytes(32) + bytes((layers,)) + inputs.to_bytes(2, "big") + table


def trees_head(aggregation: int, features: int, classes: int, count: int) -> bytes:
    body = bytes((aggregation,)) + features.to_bytes(2, "big") + bytes((classes,)) + count.to_bytes(2, "big")
    return b"\x01\x02" + bytes(32) + body


def branch(feature: int, right: int, threshold: int = 127) -> bytes:
    return feature.to_bytes(2, "big") + bytes((threshold,)) + right.to_bytes(2, "big")


LEAF = b"\x80\x00\x00\x00\x01"


def tree_of(*nodes: bytes, declared: int | None = None) -> bytes:
    return (len(nodes) if declared is None else declared).to_bytes(2, "big") + b"".join(nodes)


# A model of each kind with every part that the format knows.
DENSE = dense_head(2, 3, (4, 7), (2, 0)) + bytes(12) + bytes(16) + bytes(8) + bytes(8)
VALUE = dense_head(1, 3, (1, 62)) + bytes(3) + bytes(4) + b"\x00\x00\x00\x09"
VOTES = trees_head(0, 3, 2, 2) + tree_of(branch(2, 2), LEAF, LEAF) + tree_of(LEAF)
SUMS = trees_head(1, 3, 3, 3) + bytes(12) + tree_of(LEAF) * 3
MODELS = {"dense": DENSE, "value": VALUE, "votes": VOTES, "sums": SUMS}

ROWS = np.array([[0, 0, 0], [255, 255, 255], [1, 128, 7]], np.uint8)


def outcome(data: bytes) -> object:
    """What becomes of bytes: predictions, or a typed error, in bounded memory."""
    tracemalloc.start()
    try:
        decoded = decode(data)
        if decoded.feature_count != 3:
            return "another shape"
        return predict(decoded, ROWS).tolist()
    except ModelError as error:
        return error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY


@pytest.mark.parametrize("data", MODELS.values(), ids=MODELS)
def test_every_truncation_is_too_short(data: bytes) -> None:
    assert isinstance(outcome(data), list)

    for length in range(len(data)):
        assert isinstance(outcome(data[:length]), ModelTooShort), length


@pytest.mark.parametrize("data", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("tail", [b"\x00", b"\xff" * 5, bytes(MAX_MODEL_BYTES)])
def test_anything_behind_the_end_is_too_long(data: bytes, tail: bytes) -> None:
    assert isinstance(outcome(data + tail), ModelTooLong)


@pytest.mark.parametrize("data", MODELS.values(), ids=MODELS)
def test_every_flipped_bit_is_a_prediction_or_a_typed_error(data: bytes) -> None:
    outcomes = []
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        outcomes.append(outcome(bytes(flipped)))

    # The 32 bytes of the parameters' hash are free; of the others the first two never are.
    assert all(isinstance(one, list) for one in outcomes[16 : 8 * 34])
    assert all(isinstance(one, ModelError) for one in outcomes[:8])


@pytest.mark.parametrize("data", MODELS.values(), ids=MODELS)
def test_every_byte_at_its_extremes_is_a_prediction_or_a_typed_error(data: bytes) -> None:
    for index in range(len(data)):
        for value in (0x00, 0x7F, 0x80, 0xFF):
            outcome(data[:index] + bytes((value,)) + data[index + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        dense_head(5, 1024, *[(255, 22)] * 4, (255, 0)),
        dense_head(255, 65_535, *[(65_535, 255)] * 255),
        dense_head(1, 1024, (255, 0)),
        trees_head(0, 1024, 255, 1024) + b"\xff\xff",
        trees_head(1, 1024, 255, 65_535),
        trees_head(1, 1024, 255, 1024) + bytes(4 * 255) + b"\xff\xff",
    ],
    ids=["the largest dense", "beyond it", "one wide layer", "large trees", "too many trees", "large sums"],
)
def test_declared_sizes_allocate_nothing(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((ModelTooShort, ModelFieldOutOfRange)):
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20


@pytest.mark.parametrize("head", [b"", b"\x01\x01", b"\x01\x02"], ids=["nothing", "dense", "trees"])
def test_bytes_beyond_the_limit_are_refused_whatever_they_say(head: bytes) -> None:
    with pytest.raises(ModelTooLong):
        decode(head + bytes(MAX_MODEL_BYTES + 1))


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (dense_head(0, 1), "number of layers"),
        (dense_head(6, 1), "number of layers"),
        (dense_head(1, 0, (2, 0)), "number of inputs"),
        (dense_head(1, MAX_FEATURES + 1, (2, 0)), "number of inputs"),
        (dense_head(1, 1, (0, 0)), "width of layer 0"),
        (dense_head(1, 1, (MAX_CLASSES + 1, 0)), "width of layer 0"),
        (dense_head(1, 1, (2, 1)), "shift of layer 0"),
        (dense_head(1, 1, (1, 63)), "shift of layer 0"),
        (dense_head(2, 1, (1, 23), (2, 0)), "shift of layer 0"),
        (trees_head(2, 1, 2, 1), "aggregation"),
        (trees_head(0, 0, 2, 1), "number of features"),
        (trees_head(0, MAX_FEATURES + 1, 2, 1), "number of features"),
        (trees_head(0, 1, 0, 1), "number of classes"),
        (trees_head(0, 1, 1, 1), "number of classes"),
        (trees_head(1, 1, 1, 1), "number of classes"),
        (trees_head(0, 1, 2, 0), "number of trees"),
        (trees_head(0, 1, 2, 1025), "number of trees"),
        (trees_head(0, 1, 2, 1) + tree_of(), "number of nodes of tree 0"),
        (trees_head(0, 1, 2, 1) + tree_of(b"\x81\x00\x00\x00\x01"), "mark of node 0 of tree 0"),
        (trees_head(0, 1, 2, 1) + tree_of(b"\x80\x02\x00\x00\x01"), "class of node 0 of tree 0"),
        (trees_head(0, 1, 2, 1) + tree_of(branch(1, 2), LEAF, LEAF), "feature of node 0 of tree 0"),
    ],
)
def test_every_limit_is_named(data: bytes, field: str) -> None:
    with pytest.raises(ModelFieldOutOfRange) as caught:
        decode(data)

    assert caught.value.field == field


@pytest.mark.parametrize("right", [0, 1, 3, 65_535], ids=["itself", "the left one", "beyond", "far beyond"])
def test_a_branch_that_leads_nowhere_or_back_is_refused(right: int) -> None:
    with pytest.raises(ModelFieldOutOfRange, match="right child of node 0"):
        decode(trees_head(0, 1, 2, 1) + tree_of(branch(0, right), LEAF, LEAF))


def chain_of(depth: int) -> bytes:
    """A tree whose every branch has a leaf to its right, as deep as it is long."""
    nodes = [branch(0, 2 * depth - index) for index in range(depth)]
    return trees_head(0, 1, 2, 1) + tree_of(*nodes, *[LEAF] * (depth + 1))


def test_a_tree_deeper_than_32_is_refused() -> None:
    assert predict(decode(chain_of(32)), np.zeros((1, 1), np.uint8)).tolist() == [0]

    with pytest.raises(ModelFieldOutOfRange, match="depth of node 32"):
        decode(chain_of(33))


def shared_children(depth: int) -> bytes:
    """Every branch leads to the next two nodes: Fibonacci-many paths through few nodes."""
    nodes = [branch(0, index + 2, 255) for index in range(depth)]
    return trees_head(0, 1, 2, 1) + tree_of(*nodes, LEAF, LEAF)


@pytest.mark.parametrize(
    "make",
    [
        lambda: trees_head(0, 1, 2, 1024) + tree_of(LEAF) * 1024,
        lambda: trees_head(0, 1, 2, 1) + tree_of(*[LEAF] * ((MAX_MODEL_BYTES - 42) // 5)),
        lambda: trees_head(0, 1, 2, 1) + tree_of(*[branch(0, i + 2) for i in range(19_000)], LEAF, LEAF),
        lambda: shared_children(32),
        lambda: (
            dense_head(5, 255, *[(170, 0)] * 4, (2, 0)) + b"\x7f" * (255 * 170 + 3 * 170 * 170 + 4 * 4 * 170)
        ),
    ],
    ids=["most trees", "most nodes", "deepest", "shared children", "largest layers"],
)
def test_the_slowest_models_take_bounded_time(make: Callable[[], bytes]) -> None:
    data = make()
    started = time.process_time()

    try:
        decoded = decode(data)
        predict(decoded, np.full((377, decoded.feature_count), 255, np.uint8))
    except ModelError:
        pass

    assert time.process_time() - started < SECONDS


def test_bytes_of_any_other_kind_are_refused() -> None:
    for kind in range(256):
        if kind in (dense.KIND_DENSE, dense.KIND_TREES):
            continue
        with pytest.raises(ModelFieldOutOfRange, match="kind"):
            decode(b"\x01" + bytes((kind,)) + bytes(100))
