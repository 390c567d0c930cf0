"""The exact twin of the scorers: the same bytes give the same score as on chain."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from offchain.learning import model as dense
from offchain.learning import trees
from offchain.learning.errors import ModelShapeMismatch, RowsError
from offchain.learning.mapping import map_rows
from offchain.learning.metrics import Metric, score_wad

_INT32: Final = np.iinfo(np.int32)


def score(
    metric: Metric,
    feature_count: int,
    class_count: int,
    rows: bytes,
    model: bytes,
    width: int = 0,
    seed: bytes = bytes(32),
) -> int:
    """What a model scores on chain, in WAD.

    Parameters
    ----------
    feature_count, class_count
        The `RowShape`.
    rows
        The concatenated rows.
    model
        Model bytes from anybody.
    width, seed
        Of the secure mapping; width 0 is none.

    Raises
    ------
    ModelError, RowsError, MetricError, MappingError
        Where the contract reverts.
    """
    decoded = decode(model)
    if decoded.feature_count != (width or feature_count):
        raise ModelShapeMismatch("number of features", width or feature_count, decoded.feature_count)
    if decoded.class_count != class_count:
        raise ModelShapeMismatch("number of classes", class_count, decoded.class_count)
    features, targets = split_rows(rows, feature_count, class_count)
    predictions = predict(decoded, map_rows(features, width, seed))
    return score_wad(metric, class_count, targets, predictions)


def decode(model: bytes) -> dense.DenseModel | trees.TreeModel:
    """The model in bytes from anybody, whatever its kind."""
    is_trees = len(model) > 1 and model[1] == dense.KIND_TREES
    return trees.decode(model) if is_trees else dense.decode(model)


def predict_bytes(model: bytes, features: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What the model in these bytes predicts for each row, shape (n,)."""
    return predict(decode(model), features)


def split_rows(rows: bytes, feature_count: int, class_count: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Features, shape (n, f), and targets, shape (n,), of concatenated rows.

    Every class at or above `class_count` becomes `class_count`: one more class, which nothing predicts.
    """
    row_length = feature_count + (1 if class_count else 4)
    if not rows or len(rows) % row_length:
        raise RowsError(row_length, len(rows))
    table = np.frombuffer(rows, np.uint8).reshape(-1, row_length)
    targets = np.ascontiguousarray(table[:, feature_count:])
    if class_count:
        return table[:, :feature_count], np.minimum(targets[:, 0], class_count).astype(np.int64)
    return table[:, :feature_count], targets.view(">i4")[:, 0].astype(np.int64)


def predict(model: dense.DenseModel | trees.TreeModel, features: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Class indices, or values where the model is a regressor; shape (n,)."""
    if isinstance(model, trees.TreeModel):
        return trees.predict(model, features)
    sums = output_sums(model, features)
    if model.class_count:
        classes: NDArray[np.int64] = np.argmax(sums, axis=1)
        return classes
    values = (sums[:, 0] * model.multiplier) >> model.layers[-1].shift
    clipped: NDArray[np.int64] = np.clip(values, _INT32.min, _INT32.max)
    return clipped


def output_sums(model: dense.DenseModel, features: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The sums of the output layer, shape (n, outputs)."""
    activations = features.astype(np.int64)
    for layer in model.layers[:-1]:
        sums = activations @ layer.weights.astype(np.int64) + layer.biases
        activations = np.clip(sums >> layer.shift, 0, 255)
    last = model.layers[-1]
    return activations @ last.weights.astype(np.int64) + last.biases
