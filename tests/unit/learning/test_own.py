from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from offchain.learning import datasets, estimators
from offchain.learning.errors import EstimatorError, UnknownEstimator
from offchain.learning.model import KIND_DENSE, KIND_TREES
from offchain.learning.scoring import predict_bytes
from offchain.learning.training import train_candidate

Factory = Callable[[str], str]

IMPORTS = """\
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
"""
TWO_LINEAR = """\
def make(class_count, seed):
    return [make_pipeline(StandardScaler(), LogisticRegression(C=c, random_state=seed)) for c in (1e-6, 1.0)]
"""


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Factory]:
    """What writes a file with a function `make` and has it known."""
    monkeypatch.delenv(estimators.FACTORY, raising=False)
    estimators._own_of.cache_clear()

    def write(body: str) -> str:
        path = tmp_path / "mine.py"
        path.write_text(IMPORTS + body)
        monkeypatch.setenv(estimators.FACTORY, "")  # to be gone afterwards
        return estimators.named(f"{path}:make")

    yield write


def test_the_best_of_a_miners_own_estimators_becomes_a_model(factory: Factory) -> None:
    data = datasets.encode(datasets.load("iris"))

    found = train_candidate(data.features, data.targets, data.manifest, factory(TWO_LINEAR), 0)

    assert found.parameters == {"estimator": "LogisticRegression"}  # C = 1 is the usual one
    # scikit-learn's documentation has logistic regression above 0.95 on iris.
    assert np.mean(predict_bytes(found.model, data.features) == data.targets) > 0.95


def test_a_miners_own_estimators_may_depend_on_the_number_of_classes(factory: Factory) -> None:
    data = datasets.encode(datasets.load("iris"))
    body = "return LogisticRegression() if class_count == 3 else GaussianNB()"

    found = train_candidate(
        data.features, data.targets, data.manifest, factory(f"def make(class_count, seed):\n    {body}\n"), 0
    )

    assert found.parameters == {"estimator": "LogisticRegression"}


@pytest.mark.parametrize(
    ("body", "kind"), [("LogisticRegression()", KIND_DENSE), ("DecisionTreeClassifier()", KIND_TREES)]
)
def test_the_kind_of_an_own_estimator_is_known_before_it_is_fitted(
    factory: Factory, body: str, kind: int
) -> None:
    assert estimators.kind(factory(f"def make(class_count, seed):\n    return {body}\n"), 2) == kind


def test_the_ledger_prints_what_was_chosen(factory: Factory) -> None:
    body = "MLPClassifier(hidden_layer_sizes=(8, 4), alpha=0.5, random_state=seed)"

    found = estimators.candidates(factory(f"def make(class_count, seed):\n    return {body}\n"), 2)

    assert found == ({"estimator": "MLPClassifier", "alpha": 0.5, "hidden_layer_sizes": [8, 4]},)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 7", "has to give a scikit-learn estimator"),
        ("return []", "has to give a scikit-learn estimator"),
        ("raise KeyError('k')", "failed: KeyError('k')"),
        ("raise SystemExit(3)", "failed: SystemExit(3)"),
        ("return [LogisticRegression(), DecisionTreeClassifier()]", "makes trees and others"),
        ("return [LogisticRegression(), LogisticRegression()]", "the same parameters"),
        ("return LogisticRegression(C=-1)", "cannot be trained: InvalidParameterError"),
        ("return GaussianNB()", "neither linear nor a perceptron"),
    ],
)
def test_an_own_estimator_that_cannot_be_used_is_one_typed_error(
    factory: Factory, body: str, words: str
) -> None:
    data = datasets.encode(datasets.load("iris"))
    name = factory(f"def make(class_count, seed):\n    {body}\n")

    with pytest.raises(EstimatorError) as caught:
        estimators.kind(name, 3)
        train_candidate(data.features, data.targets, data.manifest, name, 0)

    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.py:make", "no_such_module:make", "os:no_such_function", "os:name"])
def test_a_factory_that_is_not_there_is_one_typed_error(factory: Factory, name: str) -> None:
    with pytest.raises(EstimatorError):
        estimators.named(name)


def test_a_file_that_is_not_there_is_told_plainly() -> None:
    with pytest.raises(EstimatorError) as caught:
        estimators.named("nowhere.py:make")

    assert str(caught.value).endswith("/nowhere.py: no such file")


def test_a_factory_whose_file_ends_the_process_is_one_typed_error(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit(3)\n")

    with pytest.raises(EstimatorError, match=r"cannot be imported: SystemExit\(3\)"):
        estimators.named(f"{tmp_path / 'mine.py'}:make")


def test_a_file_without_its_function_is_told_of() -> None:
    with pytest.raises(EstimatorError, match="name its function as well"):
        estimators.named("mine.py")


def test_a_name_that_no_estimator_has_is_told_of_with_all_that_there_are() -> None:
    with pytest.raises(UnknownEstimator, match="known here are logistic, mlp, svm"):
        estimators.named("foo")


def test_no_name_of_another_party_is_executed() -> None:
    with pytest.raises(UnknownEstimator):
        estimators.candidates("os:getcwd", 2)
