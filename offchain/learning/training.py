"""From a task's rows to the bytes of a model worth committing to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from offchain.learning import estimators
from offchain.learning.convert import convert
from offchain.learning.errors import EstimatorError
from offchain.learning.estimators import Parameters
from offchain.learning.manifest import Manifest
from offchain.learning.scoring import predict_bytes

_VALIDATION_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model ready to commit to.

    The scores are of the chosen parameters trained without the validation rows: accuracy, or R² for a
    regression, of the scikit-learn estimator and of its integer form. The model itself is trained on all
    rows.
    """

    model: bytes
    parameters: Parameters
    float_score: float
    quantised_score: float


def train_candidate(
    features: NDArray[np.uint8], targets: NDArray[Any], manifest: Manifest, estimator: str, seed: int
) -> Candidate:
    """The estimator's best hyperparameters on a validation split, refitted on every row, as model bytes.

    Parameters
    ----------
    features : ndarray of uint8, shape (n, f)
        Mapped, where the task has a secure mapping.
    targets : ndarray of integers, shape (n,)
    estimator
        One of `estimators.names(manifest.class_count)`.
    seed
        Fixes the split and the training; on one machine the same seed gives the same bytes.

    Raises
    ------
    EstimatorError
        Where the estimator is unknown, or the rows are too few or of a single class.
    """
    fitting, validation = _split(targets, manifest.class_count, seed)
    chosen: tuple[float, float, Parameters] | None = None
    for parameters in estimators.candidates(estimator, manifest.class_count):
        fitted = estimators.fit(
            estimator, manifest.class_count, parameters, features[fitting], targets[fitting], seed
        )
        float_score = _score(targets[validation], fitted.predict(features[validation]), manifest.class_count)
        if chosen is None or float_score > chosen[0]:
            model = convert(fitted, manifest.class_count, features[fitting], parameters)
            predictions = predict_bytes(model, features[validation])
            quantised_score = _score(targets[validation], predictions, manifest.class_count)
            chosen = float_score, quantised_score, parameters
    assert chosen is not None
    float_score, quantised_score, parameters = chosen
    refitted = estimators.fit(estimator, manifest.class_count, parameters, features, targets, seed)
    model = convert(refitted, manifest.class_count, features, parameters)
    return Candidate(model, parameters, float_score, quantised_score)


def _split(targets: NDArray[Any], class_count: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows = np.arange(len(targets))
    smallest = min(np.unique(targets, return_counts=True)[1], default=0)
    enough = class_count > 0 and smallest * _VALIDATION_SHARE >= 1
    try:
        fitting, validation = train_test_split(
            rows, test_size=_VALIDATION_SHARE, random_state=seed, stratify=targets if enough else None
        )
    except ValueError as error:
        raise EstimatorError(f"{len(rows)} rows cannot be split for validation: {error}") from error
    return fitting, validation


def _score(targets: NDArray[Any], predictions: NDArray[Any], class_count: int) -> float:
    if class_count:
        return float(np.mean(targets == predictions))
    actual = targets.astype(np.float64)
    return float(1 - np.sum((actual - predictions) ** 2) / np.sum((actual - actual.mean()) ** 2))
