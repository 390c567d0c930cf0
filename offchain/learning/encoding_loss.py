"""What a model loses by the rounding of features to bytes, measured with a plain model before a task is posted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from offchain.learning import estimators
from offchain.learning.errors import EstimatorError
from offchain.learning.fitting import fit
from offchain.learning.metrics import WAD, Metric, score_wad
from offchain.learning.model import KIND_DENSE

MAX_ROWS: Final = 4000
"""More are sampled: the loss does not need them, and its owner waits for it."""
_SPLITS: Final = 3
_SHARE: Final = 0.3
_LEAST_ROWS: Final = 4
_LARGEST: Final = 3e38  # of float32, in which trees are trained; squares are beyond float64 from 1e154 on


@dataclass(frozen=True, slots=True)
class EncodingLoss:
    """Mean scores on rows held back, in the task's metric.

    exact : of the estimator trained on the numbers as they are in the table
    encoded : of the same on their bytes
    guessing : of always saying the most frequent class, or the mean
    """

    estimator: str
    exact: float
    encoded: float
    guessing: float


def encoding_loss(
    values: NDArray[np.float64],
    rows: NDArray[np.uint8],
    targets: NDArray[Any],
    class_count: int,
    metric: Metric,
    kind: int,
) -> EncodingLoss | str:
    """Train the plainest estimator on both forms of the same rows; why not, where that cannot be done.

    Parameters
    ----------
    values, rows : ndarray, shape (n, f)
        What the bytes stand for, and the bytes.
    targets : ndarray of integers, shape (n,)
    kind
        Which models the task takes: `KIND_DENSE` or `KIND_TREES`.

    Raises
    ------
    MetricError
        Where the metric is for the other kind of target.
    """
    name = "forest" if kind != KIND_DENSE else "logistic" if class_count else "ridge"
    parameters = estimators.candidates(name, class_count)[0]
    if len(targets) > MAX_ROWS:
        chosen = np.random.default_rng(0).permutation(len(targets))[:MAX_ROWS]
        values, rows, targets = values[chosen], rows[chosen], targets[chosen]
    scores = []
    for seed in range(_SPLITS):
        if len(targets) < _LEAST_ROWS:
            return "there are too few rows to measure it"
        fitting, held = train_test_split(np.arange(len(targets)), test_size=_SHARE, random_state=seed)
        if class_count and len(np.unique(targets[fitting])) < 2:
            return "there are too few rows of all classes but one to measure it"
        guess = np.bincount(targets[fitting]).argmax() if class_count else targets[fitting].mean()
        try:
            with np.errstate(all="ignore"):  # numbers too large to be squared are told of, and not warned of
                fits = [
                    fit(name, class_count, parameters, form[fitting], targets[fitting], seed)
                    for form in (values, rows)
                ]
                predictions = [
                    fits[0].predict(values[held]),
                    fits[1].predict(rows[held].astype(np.float64)),
                    np.full(len(held), guess),
                ]
        except (ValueError, EstimatorError) as error:
            return _reason(values, error)
        scores.append([_score(metric, class_count, targets[held], each) for each in predictions])
    exact, encoded, guessing = np.mean(scores, axis=0)
    return EncodingLoss(name, float(exact), float(encoded), float(guessing))


def _reason(values: NDArray[np.float64], error: Exception) -> str:
    """Why an estimator cannot be trained, in terms of the table where that is what is wrong with it."""
    largest = float(np.abs(values).max())
    if largest > _LARGEST:
        return f"a column has a number as large as {largest:.3g}, and no model can be trained on that"
    return str(error).splitlines()[0]


def _score(metric: Metric, class_count: int, targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    whole = np.rint(predictions).astype(np.int64)
    return score_wad(metric, class_count, targets.astype(np.int64), whole) / WAD
