import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from offchain.canonical import parameters_hash
from offchain.learning import datasets, estimators
from offchain.learning.convert import convert
from offchain.learning.datasets import EncodedDataset
from offchain.learning.errors import EstimatorError, UnknownEstimator
from offchain.learning.scoring import decode, predict_bytes
from offchain.learning.training import train_candidate

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
    fitted = estimators.fit(
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
        estimators.fit(estimator, class_count, candidate, encoded.features[some], encoded.targets[some], 0)
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
    fitted = estimators.fit(
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
    candidate = train_candidate(
        encoded.features[training], encoded.targets[training], encoded.manifest, estimator, 0
    )

    assert candidate.quantised_score == pytest.approx(candidate.float_score, abs=0.01)
    assert predict_bytes(candidate.model, encoded.features[test]).std() > 0


@pytest.mark.parametrize("estimator", ["logistic", "mlp", "forest"])
def test_same_seed_gives_the_same_bytes(estimator: str) -> None:
    encoded, training, _ = split_of("iris", 0.3)

    first, second = (
        train_candidate(encoded.features[training], encoded.targets[training], encoded.manifest, estimator, 7)
        for _ in range(2)
    )

    assert first == second
    assert decode(first.model).parameters_hash == parameters_hash(first.parameters)


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
    fitted = estimators.fit("svm", 3, {"max_iter": 2000}, encoded.features[seen], encoded.targets[seen], 0)

    model = convert(fitted, encoded.manifest.class_count, encoded.features[seen], {})

    assert unseen not in predict_bytes(model, encoded.features[test])


def test_a_class_of_a_single_row_is_no_obstacle() -> None:
    encoded, _, _ = split_of("iris", 0.3)  # fifty rows of a class, one class after the other

    candidate = train_candidate(
        encoded.features[:101], encoded.targets[:101], encoded.manifest, "logistic", 0
    )

    assert candidate.quantised_score > 0.9  # the first two are told apart by a line (Fisher 1936)


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
