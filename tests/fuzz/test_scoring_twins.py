"""Solidity and NumPy score the same bytes the same, or both reject them.

Hypothesis draws the shapes, which it can make smaller when they fail, and a seed for the numbers in them. Each run
draws others; `POLE_FUZZ_CASES` tries many more than the few that keep the suite short.
"""

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray

from offchain.learning import model as dense
from offchain.learning import trees
from offchain.learning.errors import LearningError, MappingError
from offchain.learning.lanes import bias_limit
from offchain.learning.metrics import Metric
from offchain.learning.model import KIND_DENSE, KIND_TREES
from offchain.learning.scoring import score
from offchain.learning.scoring_gas import GAS_PER_PART, reveal_gas_bound
from tests.scoring_chain import Rejected, ScoringChain

CASES = int(os.environ.get("POLE_FUZZ_CASES", "40"))
HASH = bytes(32)
fuzz = settings(max_examples=CASES, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def row_size(features: int, classes: int) -> int:
    return features + (1 if classes else 4)


def random_weights(rng: Generator, shape: tuple[int, int], extreme: bool) -> NDArray[np.int8]:
    if extreme:
        return rng.choice(np.array([-128, 127], np.int8), size=shape)
    return rng.integers(-128, 128, size=shape).astype(np.int8)


def random_model(rng: Generator, features: int, classes: int) -> dense.DenseModel:
    """Any valid model, often with nothing but extreme numbers in it."""
    hidden = [int(rng.choice([1, 3, 10, 11, 12, 23])) for _ in range(int(rng.integers(0, 5)))]
    widths = [features, *hidden, classes or 1]
    layers = []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        is_output = index == len(widths) - 2
        limit = bias_limit(inputs, is_output=is_output)
        span = limit if rng.random() < 0.3 else min(limit, 20_000)
        biases = rng.choice([-span, span, 0, int(rng.integers(-span, span + 1))], size=outputs)
        shift = int(rng.integers(0, 15)) if not is_output else (0 if classes else int(rng.integers(0, 63)))
        weights = random_weights(rng, (inputs, outputs), rng.random() < 0.3)
        layers.append(dense.DenseLayer(weights, biases.astype(np.int32), shift))
    return dense.DenseModel(HASH, tuple(layers), 0 if classes else int(rng.integers(0, 2**31)))


def random_rows(rng: Generator, features: int, classes: int, count: int) -> bytes:
    values = (
        rng.choice([0, 255], size=(count, features))
        if rng.random() < 0.3
        else rng.integers(0, 256, (count, features))
    )
    if classes:
        targets = rng.integers(0, classes, count).astype(np.uint8)
        targets[rng.random(count) < 0.05] = 255
    else:
        targets = rng.integers(-(2**31), 2**31, count).astype(">i4")
    return b"".join(
        row.tobytes() + target.tobytes() for row, target in zip(values.astype(np.uint8), targets, strict=True)
    )


def random_tree(rng: Generator, features: int, classes: int, aggregation: int) -> trees.Tree:
    """Any valid tree: branches that point forward, more leaves towards the end."""
    count = int(rng.integers(1, trees.MAX_DEPTH + 1))  # of more the last may be too deep
    nodes = np.arange(count)
    is_leaf = (nodes >= count - 2) | (rng.random(count) < 0.3)
    rights = np.array(
        [0 if leaf else rng.integers(n + 2, count) for n, leaf in zip(nodes, is_leaf, strict=True)]
    )
    limit = 2**24 if aggregation == trees.VOTES else 2**31
    lowest = 0 if aggregation == trees.VOTES else -limit
    values = rng.choice([lowest, limit - 1, 0, int(rng.integers(lowest, limit))], size=count)
    return trees.Tree(
        np.where(is_leaf, -1, rng.integers(0, features, count)),
        np.where(is_leaf, 0, rng.integers(0, 256, count)),
        rights,
        np.where(is_leaf & (aggregation == trees.VOTES), rng.integers(0, max(classes, 1), count), 0),
        np.where(is_leaf, values, 0),
    )


def random_forest(rng: Generator, features: int, classes: int) -> trees.TreeModel:
    aggregation = int(rng.integers(0, 2)) if classes else trees.SUMS
    outputs = 0 if aggregation == trees.VOTES else classes if classes > 2 else 1
    base = tuple(int(value) for value in rng.integers(-(2**31), 2**31, outputs))
    grown = tuple(random_tree(rng, features, classes, aggregation) for _ in range(int(rng.integers(1, 9))))
    return trees.TreeModel(HASH, aggregation, features, classes, base, grown)


def random_encoded(rng: Generator, kind: int, features: int, classes: int) -> bytes:
    """Any valid model of a kind, as it is revealed."""
    if kind == KIND_DENSE:
        return dense.encode(random_model(rng, features, classes))
    return trees.encode(random_forest(rng, features, classes))


def metrics_of(classes: int) -> list[Metric]:
    return [metric for metric in Metric if (metric is Metric.R2) == (classes == 0)]


def assert_twins_agree(
    scorers: ScoringChain,
    rng: Generator,
    features: int,
    classes: int,
    count: int,
    model: bytes,
    mapping: tuple[int, bytes] = (0, bytes(32)),
) -> None:
    """In one go or in two, from one contract or from several, under every metric."""
    rows = random_rows(rng, features, classes, count)
    head = int(rng.integers(0, count)) if rng.random() < 0.5 else 0
    size = row_size(features, classes)
    parts = [size * int(rng.integers(1, 3))] * int(rng.integers(0, 3)) if count > 6 else []
    for metric in metrics_of(classes):
        on_chain, gas = scorers.measure(
            metric, features, classes, rows, model, model[1], mapping, head, parts
        )

        # The last parts hold the first rows that are scored, but a score does not depend on their order.
        assert on_chain == score(metric, features, classes, rows, model, *mapping)
        goes = [count] if head == 0 else [head, count - head]
        mapped_from = features if mapping[0] else 0
        bound = sum(reveal_gas_bound(model, rows_, metric, mapped_from, count) for rows_ in goes)
        assert gas + 40 * len(model) < bound + GAS_PER_PART * len(parts) * len(goes)


@fuzz
@given(
    features=st.sampled_from([1, 2, 4, 5, 13, 30, 36, 64, 65, 97, 130, 200]),
    classes=st.sampled_from([0, 2, 3, 8, 9, 10, 11, 21]),
    count=st.sampled_from([1, 2, 7, 45, 129]),
    seed=seeds,
)
def test_dense_scorer_equals_its_twin(
    scorers: ScoringChain, features: int, classes: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    model = dense.encode(random_model(rng, features, classes))

    assert_twins_agree(scorers, rng, features, classes, count, model)


@fuzz
@given(
    features=st.sampled_from([1, 4, 30, 300]),
    classes=st.sampled_from([0, 2, 3, 10]),
    count=st.sampled_from([1, 2, 45]),
    seed=seeds,
)
def test_tree_scorer_equals_its_twin(
    scorers: ScoringChain, features: int, classes: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    model = trees.encode(random_forest(rng, features, classes))

    assert_twins_agree(scorers, rng, features, classes, count, model)


@fuzz
@given(
    features=st.sampled_from([1, 2, 3, 4, 5, 13, 16, 17, 30, 64, 65, 95, 96]),
    width=st.sampled_from([32, 64, 96, 256]),
    classes=st.sampled_from([0, 2, 3, 10]),
    count=st.sampled_from([1, 2, 45, 129]),
    kind=st.sampled_from([KIND_DENSE, KIND_DENSE, KIND_TREES]),
    mapping_seed=st.binary(min_size=32, max_size=32),
    seed=seeds,
)
def test_mapped_rows_are_scored_as_the_twin_scores_them(
    scorers: ScoringChain,
    features: int,
    width: int,
    classes: int,
    count: int,
    kind: int,
    mapping_seed: bytes,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    model = random_encoded(rng, kind, width, classes)

    assert_twins_agree(scorers, rng, features, classes, count, model, (width, mapping_seed))


def test_the_gas_bound_counts_the_parts_that_are_left_out(scorers: ScoringChain) -> None:
    # 310 rows of 785 bytes in 10 parts: the last row lies behind 9 that are walked and not scored.
    rng = np.random.default_rng(6)
    leaf = trees.Tree(*(np.array([value]) for value in (-1, 0, 0, 1, 1)))
    model = trees.encode(trees.TreeModel(HASH, trees.VOTES, 784, 2, (), (leaf,)))
    rows = random_rows(rng, 784, 2, 310)

    _, gas = scorers.measure(Metric.ACCURACY, 784, 2, rows, model, model[1], parts=[31 * 785] * 9, skip=309)

    assert gas > 10 * 2_600  # a cold access each
    assert gas < reveal_gas_bound(model, 1, Metric.ACCURACY, 0, 310)


@pytest.mark.parametrize(("features", "width"), [(97, 32), (4, 16), (4, 33), (4, 288)])
def test_mapping_out_of_range_is_rejected_by_both(scorers: ScoringChain, features: int, width: int) -> None:
    rng = np.random.default_rng(5)
    model = dense.encode(random_model(rng, width, 2))
    rows = random_rows(rng, features, 2, 3)

    with pytest.raises(Rejected, match="MappingOutOfRange"):
        scorers.measure(Metric.ACCURACY, features, 2, rows, model, mapping=(width, bytes(32)))
    with pytest.raises(MappingError):
        score(Metric.ACCURACY, features, 2, rows, model, width)


# What is changed in a model: a place, as a number that is taken modulo its length, and the byte there.
changes = st.lists(
    st.tuples(st.one_of(st.integers(0, 49), st.integers(0, 49), st.integers(0, 2**20)), st.integers(0, 255)),
    min_size=1,
    max_size=3,
)
# Where it is cut, as a share of its length, and how many zeros follow.
cuts = st.one_of(st.none(), st.none(), st.tuples(st.floats(0, 1), st.integers(0, 2)))


@fuzz
@given(
    features=st.sampled_from([1, 5, 33]),
    classes=st.sampled_from([0, 2, 3, 11]),
    kind=st.sampled_from([KIND_DENSE, KIND_TREES]),
    changed=changes,
    cut=cuts,
    seed=seeds,
)
def test_mutated_model_is_scored_alike_or_rejected_by_both(
    scorers: ScoringChain,
    features: int,
    classes: int,
    kind: int,
    changed: list[tuple[int, int]],
    cut: tuple[float, int] | None,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(random_encoded(rng, kind, features, classes))
    for place, byte in changed:
        data[place % len(data)] = byte
    if cut is not None:
        share, zeros = cut
        data = data[: int(share * len(data))] + bytes(zeros)
    rows = random_rows(rng, features, classes, 3)
    metric = Metric.R2 if classes == 0 else Metric.ACCURACY

    try:
        # Each scorer reads one kind: what has become another kind is rejected there.
        is_kind = len(data) < 2 or data[1] == kind
        expected = score(metric, features, classes, rows, bytes(data)) if is_kind else None
    except LearningError:
        expected = None
    try:
        on_chain, _ = scorers.measure(metric, features, classes, rows, bytes(data), kind)
    except Rejected as error:
        assert str(error) != "UnknownRevert"
        on_chain = None

    assert on_chain == expected
