"""Solidity and NumPy score the same bytes the same, or both reject them."""

import os

import numpy as np
import pytest

from offchain.learning import model as dense
from offchain.learning.errors import LearningError
from offchain.learning.lanes import bias_limit
from offchain.learning.metrics import Metric
from offchain.learning.scoring import score
from tests.fuzz.scoring_chain import Rejected

CASES = int(os.environ.get("POLE_FUZZ_CASES", "40"))
HASH = bytes(32)


def random_weights(rng, shape, extreme):
    if extreme:
        return rng.choice(np.array([-128, 127], np.int8), size=shape)
    return rng.integers(-128, 128, size=shape).astype(np.int8)


def random_model(rng, features, classes):
    """Any valid model, often with nothing but extreme numbers in it."""
    hidden = [int(rng.choice([1, 3, 10, 11, 12, 23])) for _ in range(int(rng.integers(0, 5)))]
    widths = [features, *hidden, classes or 1]
    layers = []
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
        is_output = index == len(widths) - 2
        limit = bias_limit(inputs, is_output=is_output)
        span = limit if rng.random() < 0.3 else min(limit, 20_000)
        biases = rng.choice([-span, span, 0, int(rng.integers(-span, span + 1))], size=outputs)
        shift = int(rng.integers(0, 15)) if not is_output else (0 if classes else int(rng.integers(0, 63)))
        weights = random_weights(rng, (inputs, outputs), rng.random() < 0.3)
        layers.append(dense.DenseLayer(weights, biases.astype(np.int32), shift))
    return dense.DenseModel(HASH, tuple(layers), 0 if classes else int(rng.integers(0, 2**31)))


def random_rows(rng, features, classes, count):
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


def metrics_of(classes):
    return [metric for metric in Metric if (metric is Metric.R2) == (classes == 0)]


@pytest.mark.parametrize("seed", range(CASES))
def test_dense_scorer_equals_its_twin(scorers, seed):
    rng = np.random.default_rng(seed)
    features = int(rng.choice([1, 2, 4, 5, 13, 30, 36, 64, 65, 97, 130, 200]))
    classes = int(rng.choice([0, 2, 3, 8, 9, 10, 11, 21]))
    count = int(rng.choice([1, 2, 7, 45, 129]))
    model = dense.encode(random_model(rng, features, classes))
    rows = random_rows(rng, features, classes, count)

    for metric in metrics_of(classes):
        on_chain, _ = scorers.measure(metric, features, classes, rows, model)
        assert on_chain == score(metric, features, classes, rows, model)


@pytest.mark.parametrize("seed", range(CASES))
def test_mutated_model_is_scored_alike_or_rejected_by_both(scorers, seed):
    rng = np.random.default_rng(1_000_000 + seed)
    features, classes = 5, int(rng.choice([0, 3]))
    data = bytearray(dense.encode(random_model(rng, features, classes)))
    for _ in range(int(rng.integers(1, 4))):
        near_start = rng.random() < 0.7
        data[int(rng.integers(0, 50 if near_start else len(data))) % len(data)] = int(rng.integers(0, 256))
    if rng.random() < 0.3:
        data = data[: int(rng.integers(0, len(data) + 1))] + bytes(int(rng.integers(0, 3)))
    rows = random_rows(rng, features, classes, 3)
    metric = Metric.R2 if classes == 0 else Metric.ACCURACY

    try:
        expected = score(metric, features, classes, rows, bytes(data))
    except LearningError:
        expected = None
    try:
        on_chain, _ = scorers.measure(metric, features, classes, rows, bytes(data))
    except Rejected as error:
        assert not str(error).startswith("unnamed")
        on_chain = None

    assert on_chain == expected
