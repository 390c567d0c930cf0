"""The pilot: a few short trainings that tell a consumer what compute is worth to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from offchain.compute.rows import JobRows, keep_back
from offchain.compute.spec import JobSpec, PilotResult
from offchain.compute.trained import Trained
from offchain.compute.training import open_rows, train
from offchain.economics.curve import LearningCurve, fit_curve
from offchain.learning.metrics import WAD, Metric, score_wad
from offchain.learning.scoring import predict_bytes

PILOT_ITERATIONS: Final = (1, 2, 4, 8)
PILOT_SPLITS: Final = 2


def answer_pilot(spec: JobSpec, rows: bytes) -> Trained:
    """Run a pilot on the rows of a job; raises JobSpecInvalid, JobRefused."""
    curve = run_pilot(spec, JobRows(*open_rows(spec, rows)))
    numbers = {name: float(value) for name, value in asdict(curve).items()}
    return Trained(b"", PilotResult.model_validate(numbers).to_bytes())


def run_pilot(spec: JobSpec, rows: JobRows) -> LearningCurve:
    """Train the spec's estimator for a few iterations on splits of the rows and fit the validation scores.

    Zero iterations count as guessing: the most frequent class, or the mean. A score below zero, which R² has no bound
    to, counts as zero: who is paid for a model is paid no less than nothing for it.

    Raises
    ------
    JobRefused
        Where the rows cannot be trained on.
    """
    points: list[tuple[float, float]] = []
    for split in range(PILOT_SPLITS):
        given, kept = keep_back(rows, spec.class_count, spec.seed + split)
        points.append((0.0, _guess(spec, given, kept)))
        for iterations in PILOT_ITERATIONS:
            short = spec.model_copy(update={"iterations": iterations, "seed": spec.seed + split})
            model = train(short, given.features, given.targets).model
            points.append((float(iterations), _score(spec, predict_bytes(model, kept.features), kept)))
    return fit_curve(*zip(*points, strict=True))


def _guess(spec: JobSpec, given: JobRows, kept: JobRows) -> float:
    targets = given.targets
    guess = int(np.bincount(targets).argmax()) if spec.class_count else round(float(targets.mean()))
    return _score(spec, np.full(len(kept.targets), guess), kept)


def _score(spec: JobSpec, predictions: NDArray[Any], kept: JobRows) -> float:
    metric = Metric.ACCURACY if spec.class_count else Metric.R2
    return max(score_wad(metric, spec.class_count, kept.targets, predictions) / WAD, 0.0)
