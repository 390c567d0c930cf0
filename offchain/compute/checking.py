"""What a consumer checks before it accepts, and so pays for, a delivered model.

The trees of an ensemble can be counted; how long a linear model or a perceptron was trained cannot be read from
its weights, and training again to compare bytes costs what was to be bought and holds on one kind of processor
only. So the score on rows that the provider never saw decides: it must not be below the consumer's own learning
curve, nor below what its own longest trial reached, by more than chance allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from offchain.canonical import parameters_hash
from offchain.cid import Cid
from offchain.compute.errors import OtherThanOrdered, ResultInvalid, ScoreBelowCurve
from offchain.compute.rows import JobRows
from offchain.compute.spec import JobResult, JobSpec
from offchain.compute.trained import Trained
from offchain.compute.trial import TrialResult, TrialSpec
from offchain.economics.curve import LearningCurve
from offchain.learning import estimators
from offchain.learning.errors import ModelError
from offchain.learning.estimators import Parameters
from offchain.learning.metrics import WAD, Metric, score_wad
from offchain.learning.model import KIND_DENSE, KIND_TREES, DenseModel
from offchain.learning.scoring import decode, predict
from offchain.learning.trees import TreeModel

_DEVIATIONS: Final = 3.0
_LEAST_MARGIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Accepted:
    """A model that may be accepted, its score on the consumer's own rows, and what was to be expected."""

    model: bytes
    score: float
    expected: float
    least: float


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a model must be: of which estimator, for which rows, made with which parameters.

    widths : of a dense model's layers from the inputs to the outputs; None where any are well
    """

    estimator: str
    feature_count: int
    class_count: int
    parameters: Parameters
    widths: list[int] | None = None


def check_delivery(
    spec: JobSpec, result: bytes, model: bytes, own: JobRows, curve: LearningCurve
) -> Accepted:
    """Check a delivery against the order and the consumer's own rows.

    Raises
    ------
    ResultInvalid
        Where the result is malformed, or another job's, or names another model than these bytes.
    OtherThanOrdered
        Where the model is of another kind, shape or recipe, or of fewer trees.
    ScoreBelowCurve
        Where it scores less than `least_score`.
    """
    check_result(spec, Trained(model, result))
    score = _score(spec, model, own)
    expected = curve.score(spec.iterations)
    least = least_score(curve, spec.iterations, len(own.targets))
    if score < least:
        raise ScoreBelowCurve(score, expected, least)
    return Accepted(model, score, expected, least)


def check_result(spec: JobSpec, trained: Trained) -> None:
    """Check that a result and its model are an answer to a job; raises ResultInvalid, OtherThanOrdered."""
    document = JobResult.from_bytes(trained.result)
    _check_names(spec.name().hex(), document.spec, document.model, trained.model)
    recipe = spec.estimator, spec.feature_count, spec.class_count, spec.parameters()
    shape = _Shape(*recipe, spec.widths())
    decoded = _open_model(shape, trained.model)
    facts: list[tuple[str, object, object]] = [
        ("parameters", parameters_hash(spec.parameters()).hex(), document.parameters)
    ]
    if isinstance(decoded, TreeModel):
        per_stage = spec.class_count if spec.estimator == "boosting" and spec.class_count > 2 else 1
        facts.append(("trees", spec.iterations * per_stage, len(decoded.trees)))
    _compare(facts)


def check_trial(spec: TrialSpec, trained: Trained) -> None:
    """Check that a result and its model are an answer to a trial; raises ResultInvalid, OtherThanOrdered."""
    document = TrialResult.from_bytes(trained.result)
    _check_names(spec.name().hex(), document.spec, document.model, trained.model)
    _open_model(_Shape(spec.estimator, spec.feature_count, spec.class_count, spec.parameters), trained.model)


def _check_names(job: str, answered: str, named: str, model: bytes) -> None:
    """Check that a result is a job's, and about these bytes; raises ResultInvalid."""
    if answered != job:
        raise ResultInvalid(f"it answers job {answered[:16]}")
    if named != str(Cid.of(model)):
        raise ResultInvalid("it names another model")


def least_score(curve: LearningCurve, iterations: int, row_count: int) -> float:
    """The score below which a model of so many iterations is refused.

    Three deviations below the curve, whose residual counts as one, and where the model was trained for longer than
    any trial, three deviations below the longest trial, which was sampled itself; at least 0.05 each. The variance
    of a share p of n rows is q (1 - q) / n with q = (p n + 2) / (n + 4) (Agresti and Coull, 1998), for a share of
    one is not certain either; for R² the same is a rule of thumb.
    """
    expected = curve.score(iterations)
    below_curve = expected - _margin(_variance(expected, row_count) + curve.residual**2)
    if iterations < curve.tried:
        return below_curve
    return max(below_curve, curve.tried_score - _margin(2 * _variance(curve.tried_score, row_count)))


def _variance(share: float, row_count: int) -> float:
    inside = (min(max(share, 0.0), 1.0) * row_count + 2) / (row_count + 4)
    return inside * (1 - inside) / row_count


def _margin(variance: float) -> float:
    return max(_DEVIATIONS * sqrt(variance), _LEAST_MARGIN)


def _open_model(shape: _Shape, model: bytes) -> DenseModel | TreeModel:
    """The model in bytes, where it is one of this shape; raises ResultInvalid, OtherThanOrdered."""
    try:
        decoded = decode(model)
    except ModelError as error:
        raise ResultInvalid(f"the model does not decode: {error}") from error
    kind = KIND_TREES if isinstance(decoded, TreeModel) else KIND_DENSE
    _compare(
        [
            ("kind", estimators.kind(shape.estimator, shape.class_count), kind),
            ("features", shape.feature_count, decoded.feature_count),
            ("classes", shape.class_count, decoded.class_count),
            ("parameters", parameters_hash(shape.parameters).hex(), decoded.parameters_hash.hex()),
        ]
    )
    if isinstance(decoded, DenseModel) and shape.widths is not None:
        outputs = [int(layer.weights.shape[1]) for layer in decoded.layers]
        _compare([("widths", shape.widths, [decoded.feature_count, *outputs])])
    return decoded


def _compare(facts: Sequence[tuple[str, object, object]]) -> None:
    for field, ordered, delivered in facts:
        if ordered != delivered:
            raise OtherThanOrdered(field, ordered, delivered)


def _score(spec: JobSpec, model: bytes, own: JobRows) -> float:
    metric = Metric.ACCURACY if spec.class_count else Metric.R2
    predictions = predict(decode(model), own.features)
    return score_wad(metric, spec.class_count, own.targets, predictions) / WAD
