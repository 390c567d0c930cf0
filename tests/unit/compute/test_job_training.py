"""Purchased training: as many iterations as were bought, the same bytes for the same job."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from offchain.canonical import Json, parameters_hash
from offchain.compute.errors import JobRefused, JobSpecInvalid
from offchain.compute.recipes import RECIPES
from offchain.compute.spec import JobResult
from offchain.compute.training import run_job
from offchain.learning.metrics import WAD
from offchain.learning.scoring import decode, predict_bytes
from offchain.learning.trees import TreeModel
from tests.unit.compute.jobs import make_job, make_spec


@pytest.mark.parametrize("estimator", list(RECIPES))
@pytest.mark.parametrize("iterations", [1, 7])
def test_a_job_runs_the_iterations_that_were_bought(estimator: str, iterations: int) -> None:
    job = make_job("wine", estimator, iterations)

    trained = run_job(job.spec, job.rows)

    result, model = JobResult.from_bytes(trained.result), decode(trained.model)
    assert result.iterations == iterations
    assert result.spec == job.spec.name().hex()
    assert model.parameters_hash == parameters_hash(job.spec.parameters())
    if isinstance(model, TreeModel):
        assert len(model.trees) == iterations * (3 if estimator == "boosting" else 1)


def test_iterations_are_those_of_scikit_learn() -> None:
    job = make_job("iris", "logistic", 7)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=7))
    with pytest.warns(match="failed to converge"):
        theirs.fit(job.given.features.astype(float), job.given.targets)

    ours = predict_bytes(run_job(job.spec, job.rows).model, job.kept.features)

    assert np.mean(ours == theirs.predict(job.kept.features.astype(float))) > 0.97  # of quantised weights


def test_epochs_do_not_stop_early() -> None:
    hyperparameters: Json = {"hidden_layer_sizes": [4], "alpha": 0.0, "solver": "adam"}
    job = make_job("iris", "mlp", 60, hyperparameters=hyperparameters)
    # scikit-learn by itself, allowed to stop where a single epoch does not help, stops before that.
    with_stop = MLPClassifier([4], alpha=0.0, max_iter=60, n_iter_no_change=1, tol=0.05, random_state=0)
    with_stop.fit(StandardScaler().fit_transform(job.given.features.astype(float)), job.given.targets)

    assert with_stop.n_iter_ < 60
    assert JobResult.from_bytes(run_job(job.spec, job.rows).result).iterations == 60


def test_a_converged_solver_says_how_many_iterations_it_took() -> None:
    job = make_job("iris", "logistic", 5000)

    result = JobResult.from_bytes(run_job(job.spec, job.rows).result)

    assert 0 < result.iterations < 5000


def test_more_iterations_learn_more() -> None:
    few, many = (make_job("digits", "logistic", count) for count in (1, 20))

    scores = [
        JobResult.from_bytes(run_job(job.spec, job.rows).result).training_score_wad / WAD
        for job in (few, many)
    ]

    assert scores[0] + 0.05 < scores[1]


@pytest.mark.parametrize("estimator", ["mlp", "sgd", "forest", "extra_trees", "boosting"])
def test_a_regression_is_trained_too(estimator: str) -> None:
    rng = np.random.default_rng(0)
    features = rng.integers(0, 256, (200, 3), np.uint8)
    targets = (features.astype(np.int64) @ [3, -2, 1]).astype(">i4").reshape(-1, 1).view(np.uint8)
    rows = np.hstack([features, targets]).tobytes()
    spec = make_spec(rows, 3, 0, estimator, 30)

    result = JobResult.from_bytes(run_job(spec, rows).result)

    assert result.training_score_wad > 0.5 * WAD


def test_the_same_job_gives_the_same_bytes() -> None:
    job = make_job("digits", "mlp", 5)

    assert run_job(job.spec, job.rows) == run_job(job.spec, job.rows)


def test_rows_of_another_hash_are_not_trained_on() -> None:
    job = make_job()

    with pytest.raises(JobSpecInvalid):
        run_job(job.spec, job.rows[:-5] + b"other")


@pytest.mark.parametrize(
    ("rows", "classes"),
    [(b"\x01\x02\x00" * 8, 2), (b"\x01\x02\x05" * 4 + b"\x03\x01\x00" * 4, 2)],
    ids=["one class only", "a class beyond the last"],
)
def test_rows_that_cannot_be_trained_on_are_refused(rows: bytes, classes: int) -> None:
    with pytest.raises(JobRefused):
        run_job(make_spec(rows, 2, classes, "logistic", 3), rows)


def test_a_model_that_no_scorer_takes_is_refused() -> None:
    job = make_job("digits", "forest", 1900)

    with pytest.raises(JobRefused, match="98304"):
        run_job(job.spec, job.rows)
