"""Trains a job or a trial: rows and a spec in, model bytes and a result document out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from offchain.canonical import parameters_hash
from offchain.cid import Cid
from offchain.compute.errors import JobRefused, JobSpecInvalid
from offchain.compute.spec import JobResult, JobSpec
from offchain.compute.trained import Trained
from offchain.compute.trial import TrialResult, TrialSpec
from offchain.learning.convert import convert
from offchain.learning.errors import LearningError
from offchain.learning.fitting import fit
from offchain.learning.metrics import Metric, score_wad
from offchain.learning.scoring import predict_bytes, split_rows
from offchain.learning.training import run_trial as cross_validate


def run_job(spec: JobSpec, rows: bytes) -> Trained:
    """Train for as many iterations as were bought.

    Warning: on one machine the same job gives the same bytes, for the threads are pinned to one. Between
    processors float training differs (L-BFGS, Adam and SGD with the BLAS kernel), and so may the bytes.

    Raises
    ------
    JobSpecInvalid
        Where the rows are not those of the spec.
    JobRefused
        Where they cannot be trained on, or the model exceeds what a scorer takes.
    """
    return train(spec, *open_rows(spec, rows))


def run_trial(spec: TrialSpec, rows: bytes) -> Trained:
    """Try the hyperparameters.

    Raises
    ------
    JobSpecInvalid
        Where the rows are not those of the spec.
    JobRefused
        Where they cannot be trained on, or the model exceeds what a scorer takes.
    """
    if str(Cid.of(rows)) != spec.rows:
        raise JobSpecInvalid("the rows have another name")
    try:
        features, targets = split_rows(rows, spec.feature_count, spec.class_count)
        found = cross_validate(
            *(features, targets, spec.class_count, Metric(spec.metric)),
            *(spec.estimator, spec.parameters, spec.seed),
        )
    except LearningError as error:
        raise JobRefused(str(error)) from error
    result = TrialResult(spec=spec.name().hex(), model=str(Cid.of(found.model)), score_wad=found.score_wad)
    return Trained(found.model, result.to_bytes())


def open_rows(spec: JobSpec, rows: bytes) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Features and targets of the rows of a job; raises JobSpecInvalid, JobRefused."""
    spec.check_rows(rows)
    features, targets = split_rows(rows, spec.feature_count, spec.class_count)
    if spec.class_count and targets.max() >= spec.class_count:
        raise JobRefused(f"a row is of a class beyond the {spec.class_count} that there are")
    return features, targets


def train(spec: JobSpec, features: NDArray[np.uint8], targets: NDArray[Any]) -> Trained:
    """Train on a matrix of row bytes, shape (n, f), whatever mapping made them."""
    parameters = spec.parameters()
    try:
        fitted = fit(spec.estimator, spec.class_count, parameters, features, targets, spec.seed)
        model = convert(fitted, spec.class_count, features, parameters)
    except LearningError as error:
        raise JobRefused(str(error)) from error
    metric = Metric.ACCURACY if spec.class_count else Metric.R2
    result = JobResult(
        spec=spec.name().hex(),
        model=str(Cid.of(model)),
        parameters=parameters_hash(parameters).hex(),
        iterations=_iterations(fitted),
        training_score_wad=score_wad(metric, spec.class_count, targets, predict_bytes(model, features)),
    )
    return Trained(model, result.to_bytes())


def _iterations(fitted: Any) -> int:
    """How many iterations a fitted estimator has behind it."""
    inner = getattr(fitted, "regressor_", fitted)
    if isinstance(inner, Pipeline):
        inner = inner[-1]
    if hasattr(inner, "estimators_"):
        return len(inner.estimators_)
    return int(np.max(inner.n_iter_))
