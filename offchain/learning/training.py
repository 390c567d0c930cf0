"""From a task's rows to the bytes of a model worth committing to."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from offchain.learning import estimators
from offchain.learning.convert import convert
from offchain.learning.errors import EstimatorError
from offchain.learning.estimators import Parameters
from offchain.learning.fitting import fit
from offchain.learning.manifest import Manifest
from offchain.learning.metrics import Metric, ranked, score_wad
from offchain.learning.scoring import predict_bytes

FOLDS: Final = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of hyperparameters: what it scores on rows it was not trained on, and the model of all rows.

    score_wad : of integer models, as a contract would score them, each row by the one that did not see it
    """

    score_wad: int
    model: bytes


def run_trial(
    features: NDArray[np.uint8],
    targets: NDArray[Any],
    class_count: int,
    metric: Metric,
    estimator: str,
    parameters: Parameters,
    seed: int,
) -> Trial:
    """Cross-validate one choice of hyperparameters in so many folds, and train it on every row.

    Parameters
    ----------
    features : ndarray of uint8, shape (n, f)
        Mapped, where the task has a secure mapping.
    targets : ndarray of integers, shape (n,)
    metric
        The task's.
    estimator, parameters
        One of `estimators.names(class_count)` and of `estimators.candidates`.
    seed
        Fixes the folds and the training; on one machine the same seed gives the same bytes.

    Raises
    ------
    EstimatorError
        Where the estimator is unknown or refuses the rows, or they are too few.
    ModelError
        Where the model exceeds a bound of its format.
    """

    def train(rows: NDArray[np.intp] | slice) -> bytes:
        fitted = fit(estimator, class_count, parameters, features[rows], targets[rows], seed)
        return convert(fitted, class_count, features[rows], parameters)

    predictions = np.empty(len(targets), np.int64)
    for fitting, validation in _folds(targets, class_count, seed):
        predictions[validation] = predict_bytes(train(fitting), features[validation])
    return Trial(score_wad(metric, class_count, targets, predictions), train(slice(None)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """The hyperparameters that won a search, and what they gave."""

    parameters: Parameters
    score_wad: int
    model: bytes


def train_candidate(
    features: NDArray[np.uint8], targets: NDArray[Any], manifest: Manifest, estimator: str, seed: int
) -> Candidate:
    """A miner's search in this process, by accuracy or R²; raises what `run_trial` does."""
    classes = manifest.class_count
    metric = Metric.ACCURACY if classes else Metric.R2
    candidates = estimators.candidates(estimator, classes)
    trials = [
        run_trial(features, targets, classes, metric, estimator, parameters, seed)
        for parameters in candidates
    ]
    best = ranked([trial.score_wad for trial in trials])[0]
    return Candidate(candidates[best], trials[best].score_wad, trials[best].model)


def _folds(
    targets: NDArray[Any], class_count: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to train on and rows to score, of each class alike where one has enough of them."""
    if len(targets) < FOLDS:
        raise EstimatorError(f"{len(targets)} rows cannot be split into {FOLDS} folds")
    enough = class_count > 0 and np.unique(targets, return_counts=True)[1].max() >= FOLDS
    splitter = (StratifiedKFold if enough else KFold)(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a class with fewer rows than folds
        yield from splitter.split(targets, targets)
