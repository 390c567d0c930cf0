import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from offchain.canonical import parameters_hash
from offchain.learning import datasets, estimators
from offchain.learning.convert import convert
from offchain.learning.datasets import EncodedDataset
from offchain.learning.errors import EstimatorError, UnknownEstimator
from offchain.learning.fitting import fit
from offchain.learning.metrics import WAD, Metric, ranked
from offchain.learning.scoring import decode, predict_bytes
from offchain.learning.training import run_trial, train_candidate

Indices = NDArray[np.int64]


def split_of(name: str, test_rows: float, seed: int = 0) -> tuple[EncodedDataset, Indices, Indices]:
    encoded = datasets.encode(datasets.load(name))
    training, test = train_test_split(np.arange(len(encoded.targets)), test_size=test_rows, random_state=seed)
    return encoded, training, test


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("estimator", ["logistic", "mlp", "svm"])
def test_quantised_model_loses_at_most_one_test_row(name: str, estimator: str) -> None:
    encoded, training, test = split_of(name, 0.3)
    features, targets = encoded.features, encoded.targets
    candidate = train_candidate(features[training], targets[training], encoded.manifest, estimator, 0)
    fitted = fit(
        estimator,
        encoded.manifest.class_count,
        candidate.parameters,
        features[training],
        targets[training],
        0,
    )

    float_hits = np.sum(fitted.predict(features[test].astype(np.float64)) == targets[test])
    quantised_hits = np.sum(predict_bytes(candidate.model, features[test]) == targets[test])

    assert quantised_hits >= float_hits - 1


@pytest.mark.parametrize(
    ("name", "estimator"),
    [
        (name, estimator)
        for name, class_count in (("iris", 3), ("diabetes", 0))
        for estimator in estimators.names(class_count)
    ],
)
def test_every_candidate_is_what_scikit_learn_is_given(name: str, estimator: str) -> None:
    encoded = datasets.encode(datasets.load(name))
    class_count, some = encoded.manifest.class_count, slice(None, None, 5)
    candidates = estimators.candidates(estimator, class_count)

    fitted = [
        fit(estimator, class_count, candidate, encoded.features[some], encoded.targets[some], 0)
        for candidate in candidates
    ]

    assert len(candidates) > 1
    for model, candidate in zip(fitted, candidates, strict=True):
        given = {key.rpartition("__")[2]: value for key, value in model.get_params().items()}
        wanted = {key: value for key, value in candidate.items() if key != "estimator"}
        assert {key: given[key] for key in wanted} == wanted


@pytest.mark.parametrize("estimator", ["tree", "boosting"])
@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
def test_tree_model_predicts_what_scikit_learn_predicts(name: str, estimator: str) -> None:
    encoded, training, test = split_of(name, 0.3)
    parameters = estimators.candidates(estimator, encoded.manifest.class_count)[-1]
    fitted = fit(
        estimator,
        encoded.manifest.class_count,
        parameters,
        encoded.features[training],
        encoded.targets[training],
        0,
    )

    model = convert(fitted, encoded.manifest.class_count, encoded.features[training], parameters)

    expected = fitted.predict(encoded.features[test].astype(np.float64))
    assert predict_bytes(model, encoded.features[test]).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "estimator", ["mlp", "svm", "sgd", "ridge", "tree", "forest", "extra_trees", "boosting"]
)
def test_quantised_regressor_stays_close_to_the_float_one(estimator: str) -> None:
    encoded, training, test = split_of("diabetes", 0.3)
    rows = encoded.features[training], encoded.targets[training]
    candidate = train_candidate(*rows, encoded.manifest, estimator, 0)
    fitted = fit(estimator, 0, candidate.parameters, *rows, 0)

    quantised = predict_bytes(candidate.model, encoded.features[test])

    floats = fitted.predict(encoded.features[test].astype(np.float64))
    actual = encoded.targets[test]
    assert r2_score(actual, quantised) == pytest.approx(r2_score(actual, floats), abs=0.01)
    assert quantised.std() > 0


@pytest.mark.parametrize("estimator", ["logistic", "mlp", "forest"])
def test_same_seed_gives_the_same_bytes(estimator: str) -> None:
    encoded, training, _ = split_of("iris", 0.3)

    first, second = (
        train_candidate(encoded.features[training], encoded.targets[training], encoded.manifest, estimator, 7)
        for _ in range(2)
    )

    assert first == second
    assert decode(first.model).parameters_hash == parameters_hash(first.parameters)


@pytest.mark.parametrize(("name", "metric"), [("wine", Metric.BALANCED_ACCURACY), ("diabetes", Metric.R2)])
def test_a_trial_scores_each_row_by_a_model_that_did_not_see_it(name: str, metric: Metric) -> None:
    encoded = datasets.encode(datasets.load(name))
    classes = encoded.manifest.class_count
    parameters = estimators.candidates("ridge", classes)[1]
    model = RidgeClassifier(alpha=1.0) if classes else Ridge(alpha=1.0)
    splitter = (StratifiedKFold if classes else KFold)(3, shuffle=True, random_state=5)

    trial = run_trial(encoded.features, encoded.targets, classes, metric, "ridge", parameters, seed=5)

    # scikit-learn's own cross-validation, whose weights are not quantised
    floats = cross_val_predict(
        make_pipeline(StandardScaler(), model), encoded.features.astype(float), encoded.targets, cv=splitter
    )
    theirs = (balanced_accuracy_score if classes else r2_score)(encoded.targets, floats)
    assert trial.score_wad / WAD == pytest.approx(theirs, abs=0.012)  # two of wine's 178 rows
    assert decode(trial.model).parameters_hash == parameters_hash(parameters)


def test_a_search_prefers_what_generalises() -> None:
    # Noise with a single true feature: a tree of 8 leaves overfits less than one of 128 (scikit-learn's).
    rng = np.random.default_rng(3)
    features = rng.integers(0, 256, (300, 20), np.uint8)
    targets = (features[:, 0] > 127).astype(np.int64) ^ (rng.random(300) < 0.25)
    trials = [
        run_trial(features, targets, 2, Metric.ACCURACY, "tree", parameters, 0)
        for parameters in estimators.candidates("tree", 2)
    ]
    on_training = [np.mean(predict_bytes(trial.model, features) == targets) for trial in trials]

    assert ranked([trial.score_wad for trial in trials])[0] == 0
    assert np.argmax(on_training) == 2


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_rows_for_folds_are_rejected(rows: int) -> None:
    with pytest.raises(EstimatorError, match="3 folds"):
        run_trial(
            *(np.zeros((rows, 2), np.uint8), np.arange(rows) % 2, 2, Metric.ACCURACY),
            *("tree", estimators.candidates("tree", 2)[0], 0),
        )


def test_parameters_are_those_of_the_paper() -> None:
    assert estimators.candidates("logistic", 3)[0] == {
        "estimator": "LogisticRegression",
        "max_iter": 100,
        "solver": "lbfgs",
        "C": 1.0,
    }


@pytest.mark.parametrize(("name", "class_count"), [("perceptron", 3), ("logistic", 0)])
def test_unknown_estimator_is_named(name: str, class_count: int) -> None:
    with pytest.raises(UnknownEstimator):
        estimators.candidates(name, class_count)


@pytest.mark.parametrize("unseen", [0, 1, 2])
def test_class_that_was_never_seen_is_never_predicted(unseen: int) -> None:
    encoded, training, test = split_of("iris", 0.3)
    seen = training[encoded.targets[training] != unseen]
    fitted = fit("svm", 3, {"max_iter": 2000}, encoded.features[seen], encoded.targets[seen], 0)

    model = convert(fitted, encoded.manifest.class_count, encoded.features[seen], {})

    assert unseen not in predict_bytes(model, encoded.features[test])


def test_a_class_of_a_single_row_is_no_obstacle() -> None:
    encoded, _, _ = split_of("iris", 0.3)  # fifty rows of a class, one class after the other

    candidate = train_candidate(
        encoded.features[:101], encoded.targets[:101], encoded.manifest, "logistic", 0
    )

    assert candidate.score_wad > 0.9 * WAD  # the first two are told apart by a line (Fisher 1936)


def test_training_on_a_single_class_is_rejected() -> None:
    encoded, _, _ = split_of("iris", 0.3)

    with pytest.raises(EstimatorError):
        train_candidate(encoded.features[:50], encoded.targets[:50], encoded.manifest, "logistic", 0)


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_activation_without_an_exact_form_is_rejected(activation: str) -> None:
    encoded, _, _ = split_of("iris", 0.3)
    fitted = MLPClassifier((4,), activation=activation, max_iter=5).fit(encoded.features, encoded.targets)

    with pytest.raises(EstimatorError, match=activation):
        convert(fitted, encoded.manifest.class_count, encoded.features, {})


def test_estimator_for_other_rows_is_rejected() -> None:
    encoded, _, _ = split_of("iris", 0.3)
    fitted = LogisticRegression().fit(encoded.features[:, :3], encoded.targets)

    with pytest.raises(EstimatorError, match="3 features"):
        convert(fitted, encoded.manifest.class_count, encoded.features, {})


def test_unfitted_estimator_is_rejected() -> None:
    encoded, _, _ = split_of("iris", 0.3)

    with pytest.raises(EstimatorError, match="not fitted"):
        convert(LogisticRegression(), encoded.manifest.class_count, encoded.features, {})
