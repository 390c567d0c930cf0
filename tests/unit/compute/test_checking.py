"""What a consumer accepts of a delivery, and what it does not."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from offchain.canonical import parameters_hash
from offchain.cid import Cid
from offchain.compute.checking import check_delivery, least_score
from offchain.compute.errors import OtherThanOrdered, ResultInvalid, ScoreBelowCurve
from offchain.compute.pilot import run_pilot
from offchain.compute.recipes import RECIPES
from offchain.compute.rows import JobRows, keep_back
from offchain.compute.spec import JobResult
from offchain.compute.trained import Trained
from offchain.compute.training import run_job
from offchain.economics.curve import LearningCurve
from offchain.learning.model import DenseLayer, DenseModel, encode
from tests.unit.compute.jobs import Job, make_job, make_spec

HIGH = LearningCurve(0.9, 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def job() -> Job:
    return make_job("digits", "logistic", 15)


@pytest.fixture(scope="module")
def trained(job: Job) -> Trained:
    return run_job(job.spec, job.rows)


def answer(job: Job, model: bytes, **changes: object) -> bytes:
    """A well-formed result for a job that names a model, whoever made it."""
    fields = {
        "spec": job.spec.name().hex(),
        "model": str(Cid.of(model)),
        "parameters": parameters_hash(job.spec.parameters()).hex(),
        "iterations": job.spec.iterations,
        "training_score_wad": 10**18,
        **changes,
    }
    return JobResult.model_validate(fields).to_bytes()


def lazy_model(job: Job, **changes: object) -> DenseModel:
    """A model of the right shape and name that nobody trained."""
    layer = DenseLayer(np.zeros((64, 10), np.int8), np.zeros(10, np.int32), 0)
    return replace(DenseModel(parameters_hash(job.spec.parameters()), (layer,)), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("estimator", list(RECIPES))
def test_what_was_ordered_is_accepted(estimator: str) -> None:
    job = make_job("digits", estimator, 15)
    delivery = run_job(job.spec, job.rows)

    accepted = check_delivery(
        job.spec, delivery.result, delivery.model, job.kept, run_pilot(job.spec, job.given)
    )

    assert accepted.model == delivery.model
    assert accepted.score >= accepted.least > 0.3


def test_a_model_that_nobody_trained_is_below_the_curve(job: Job) -> None:
    model = encode(lazy_model(job))

    with pytest.raises(ScoreBelowCurve) as caught:
        check_delivery(job.spec, answer(job, model), model, job.kept, run_pilot(job.spec, job.given))

    assert caught.value.score == pytest.approx(0.1, abs=0.03)  # always the first of ten classes


def test_a_model_trained_for_a_tenth_is_below_the_curve(job: Job) -> None:
    short = make_job("digits", "mlp", 2)
    ordered = make_job("digits", "mlp", 20)
    model = run_job(short.spec, short.rows).model
    forged = model[:2] + parameters_hash(ordered.spec.parameters()) + model[34:]

    with pytest.raises(ScoreBelowCurve):
        check_delivery(
            ordered.spec,
            answer(ordered, forged),
            forged,
            ordered.kept,
            run_pilot(ordered.spec, ordered.given),
        )


def test_another_jobs_result_is_refused(job: Job, trained: Trained) -> None:
    other = job.spec.model_copy(update={"task_id": 2})

    with pytest.raises(ResultInvalid, match="answers job"):
        check_delivery(other, trained.result, trained.model, job.kept, HIGH)


def test_another_model_than_the_results_is_refused(job: Job, trained: Trained) -> None:
    with pytest.raises(ResultInvalid, match="another model"):
        check_delivery(job.spec, trained.result, trained.model + b"?", job.kept, HIGH)


def test_bytes_that_are_no_model_are_refused(job: Job) -> None:
    with pytest.raises(ResultInvalid, match="does not decode"):
        check_delivery(job.spec, answer(job, b"no model"), b"no model", job.kept, HIGH)


def test_a_model_of_another_kind_is_refused(job: Job) -> None:
    forest = make_job("digits", "forest", 2)
    model = run_job(forest.spec, forest.rows).model

    with pytest.raises(OtherThanOrdered, match="kind 1"):
        check_delivery(job.spec, answer(job, model), model, job.kept, HIGH)


@pytest.mark.parametrize(
    ("shape", "field"), [((63, 10), "features"), ((64, 9), "classes")], ids=["features", "classes"]
)
def test_a_model_of_another_shape_is_refused(job: Job, shape: tuple[int, int], field: str) -> None:
    layer = DenseLayer(np.zeros(shape, np.int8), np.zeros(shape[1], np.int32), 0)
    model = encode(lazy_model(job, layers=(layer,)))

    with pytest.raises(OtherThanOrdered) as caught:
        check_delivery(job.spec, answer(job, model), model, job.kept, HIGH)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("estimator", "widths"),
    [("logistic", (64, 255, 10)), ("mlp", (64, 10)), ("mlp", (64, 15, 10)), ("mlp", (64, 16, 16, 10))],
)
def test_a_model_of_other_layers_than_ordered_is_refused(estimator: str, widths: tuple[int, ...]) -> None:
    """All of its rows and classes, and scored in the consumer's own process."""
    job = make_job("digits", estimator, 15)
    layers = tuple(
        DenseLayer(np.zeros(shape, np.int8), np.zeros(shape[1], np.int32), 0) for shape in pairwise(widths)
    )
    model = encode(DenseModel(parameters_hash(job.spec.parameters()), layers))

    with pytest.raises(OtherThanOrdered) as caught:
        check_delivery(job.spec, answer(job, model), model, job.kept, HIGH)

    assert caught.value.field == "widths"
    assert caught.value.delivered == list(widths)


def test_a_model_of_another_recipe_is_refused(job: Job) -> None:
    model = encode(lazy_model(job, parameters_hash=bytes(32)))

    with pytest.raises(OtherThanOrdered, match="parameters"):
        check_delivery(job.spec, answer(job, model), model, job.kept, HIGH)


def test_too_few_trees_are_refused() -> None:
    few, many = make_job("wine", "forest", 3), make_job("wine", "forest", 9)
    model = run_job(few.spec, few.rows).model
    forged = model[:2] + parameters_hash(many.spec.parameters()) + model[34:]

    with pytest.raises(OtherThanOrdered, match="trees 9, delivered is 3"):
        check_delivery(many.spec, answer(many, forged), forged, many.kept, HIGH)


def test_a_pilot_counts_what_is_worse_than_the_mean_as_the_mean() -> None:
    """On noise in many features R² falls to -0.7 here, and beyond any bound."""
    rng = np.random.default_rng(1)
    rows = JobRows(rng.integers(0, 256, (300, 64), np.uint8), (rng.normal(size=300) * 1e6).astype(np.int64))
    spec = make_spec(rows.to_bytes(0), 64, 0, "mlp", 1)

    curve = run_pilot(spec, rows)

    assert curve.start == pytest.approx(0.0, abs=1e-6)
    assert curve.tried_score == 0.0
    assert curve.utility(100.0, 50.0).value == pytest.approx(0.0, abs=1e-3)


def test_the_least_is_three_deviations_below_the_curve_and_the_longest_trial() -> None:
    # Hand-worked for 100 rows: a share of 0.5 has the deviation 0.05, with a residual of 0.05 it is 0.0707; one of
    # 1 counts as 102 / 104, 0.0137; one of 0.8 as 82 / 104, and twice its variance 0.001668 is 0.05776 squared.
    assert least_score(LearningCurve(0.5, 0, 1, 0.0), 9, 100) == pytest.approx(0.35)
    assert least_score(LearningCurve(0.5, 0, 1, 0.05), 9, 100) == pytest.approx(0.5 - 0.2121, abs=1e-4)
    assert least_score(LearningCurve(1.0, 0, 1, 0.0), 9, 100) == 0.95
    assert least_score(LearningCurve(0.5, 0, 1, 0.0, 8, 0.8), 9, 100) == pytest.approx(0.6267, abs=1e-4)
    assert least_score(LearningCurve(0.5, 0, 1, 0.0, 8, 0.8), 7, 100) == pytest.approx(0.35)


def test_a_quarter_of_the_rows_is_kept_back_and_none_is_in_both() -> None:
    features = np.arange(200, dtype=np.uint8).reshape(100, 2)
    targets = np.arange(100) % 2

    given, kept = keep_back(JobRows(features, targets), 2, seed=0)

    assert (len(given.targets), len(kept.targets)) == (75, 25)
    assert set(map(tuple, given.features)).isdisjoint(map(tuple, kept.features))
