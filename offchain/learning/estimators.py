"""The estimators a miner can train, each with the hyperparameters it tries.

Here are their names and what is tried; `fitting` trains them. A worker that leaves training to other processes needs
no more than this, and does not wait for scikit-learn.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from offchain.canonical import Json
from offchain.learning.errors import EstimatorError, UnknownEstimator
from offchain.learning.model import KIND_DENSE, KIND_TREES

if TYPE_CHECKING:
    from offchain.learning.own import OwnEstimators

Parameters = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """A scikit-learn class, by its name, and the hyperparameters to try with it."""

    estimator: str
    candidates: tuple[Parameters, ...]
    standardise: bool = True


def _grid(base: Parameters, name: str, values: Sequence[Json]) -> tuple[Parameters, ...]:
    return tuple({**base, name: value} for value in values)


_CLASSIFIERS: Final = MappingProxyType(
    {
        "logistic": _Recipe(
            "LogisticRegression", _grid({"max_iter": 100, "solver": "lbfgs"}, "C", (1.0, 0.3, 10.0, 0.03))
        ),
        "mlp": _Recipe(
            "MLPClassifier",
            _grid(
                {"hidden_layer_sizes": [32], "max_iter": 200, "solver": "lbfgs"}, "alpha", (0.01, 0.3, 3.0)
            ),
        ),
        "svm": _Recipe("LinearSVC", _grid({"max_iter": 2000}, "C", (1.0, 0.1, 0.01))),
        "sgd": _Recipe(
            "SGDClassifier", _grid({"loss": "log_loss", "max_iter": 200}, "alpha", (1e-4, 1e-3, 1e-2))
        ),
        "ridge": _Recipe("RidgeClassifier", _grid({}, "alpha", (0.1, 1.0, 10.0))),
        "tree": _Recipe(
            "DecisionTreeClassifier", _grid({}, "max_leaf_nodes", (8, 32, 128)), standardise=False
        ),
        "forest": _Recipe(
            "RandomForestClassifier",
            _grid({"n_estimators": 16}, "max_leaf_nodes", (16, 64)),
            standardise=False,
        ),
        "extra_trees": _Recipe(
            "ExtraTreesClassifier", _grid({"n_estimators": 16}, "max_leaf_nodes", (16, 96)), standardise=False
        ),
        "boosting": _Recipe(
            "GradientBoostingClassifier",
            _grid({"n_estimators": 5, "max_leaf_nodes": 8, "init": "zero"}, "learning_rate", (0.4, 0.8)),
            standardise=False,
        ),
    }
)
_REGRESSORS: Final = MappingProxyType(
    {
        "mlp": _Recipe(
            "MLPRegressor",
            _grid(
                {"hidden_layer_sizes": [16], "max_iter": 200, "solver": "lbfgs"}, "alpha", (1.0, 10.0, 100.0)
            ),
        ),
        "svm": _Recipe("LinearSVR", _grid({"max_iter": 5000}, "C", (0.1, 1.0, 10.0))),
        "sgd": _Recipe("SGDRegressor", _grid({"max_iter": 500}, "alpha", (1e-4, 1e-2, 1e-1))),
        "ridge": _Recipe("Ridge", _grid({}, "alpha", (0.1, 1.0, 10.0, 100.0))),
        "tree": _Recipe(
            "DecisionTreeRegressor", _grid({}, "max_leaf_nodes", (8, 32, 128)), standardise=False
        ),
        "forest": _Recipe(
            "RandomForestRegressor",
            _grid({"n_estimators": 16}, "max_leaf_nodes", (16, 64)),
            standardise=False,
        ),
        "extra_trees": _Recipe(
            "ExtraTreesRegressor", _grid({"n_estimators": 16}, "max_leaf_nodes", (16, 96)), standardise=False
        ),
        "boosting": _Recipe(
            "GradientBoostingRegressor",
            _grid({"n_estimators": 5, "max_leaf_nodes": 8, "init": "zero"}, "learning_rate", (0.4, 0.8)),
            standardise=False,
        ),
    }
)


FACTORY: Final = "POLE_OWN_ESTIMATORS"
"""The variable that names the factory of a user's own estimators, for processes that train."""


def named(name: str) -> str:
    """The estimator that a user means: one of these, or with a colon a factory of the user's own.

    That is FILE.py:FUNCTION or MODULE:FUNCTION. It is executed, here and in the processes that this one starts, which
    find it in the environment; another machine has to be told of it by its own.

    Raises
    ------
    UnknownEstimator
        Where none of these has the name, for any kind of target.
    EstimatorError
        Where there is no such factory, or it cannot be imported.
    """
    if ":" not in name:
        if name.endswith(".py"):
            raise EstimatorError(f"{name} is a file: name its function as well, {name}:FUNCTION")
        if name not in (known := _CLASSIFIERS | _REGRESSORS):
            raise UnknownEstimator(name, tuple(known))
        return name
    place, _, attribute = name.rpartition(":")
    factory = f"{Path(place).resolve() if place.endswith('.py') else place}:{attribute}"
    found = _own_of(factory)
    os.environ[FACTORY] = factory
    return found.name


@cache
def _own_of(factory: str) -> OwnEstimators:
    # Whoever has none does not wait for scikit-learn.
    from offchain.learning.own import own_estimators

    return own_estimators(factory)


def own() -> OwnEstimators | None:
    """The user's own estimators, where the environment names a factory."""
    factory = os.environ.get(FACTORY)
    return _own_of(factory) if factory else None


def names(class_count: int) -> tuple[str, ...]:
    """The estimators for this kind of target; `class_count` is 0 for a regression."""
    mine = own()
    return (*_recipes(class_count), *([mine.name] if mine else []))


def kind(name: str, class_count: int) -> int:
    """The kind of model that an estimator becomes, as the header of model bytes names it.

    Raises
    ------
    UnknownEstimator
        Where no estimator has this name for this kind of target.
    EstimatorError
        Where an own one fails.
    """
    if (mine := own()) and name == mine.name:
        return mine.kind(class_count)
    return KIND_DENSE if _recipe(name, class_count).standardise else KIND_TREES


def title(name: str, class_count: int) -> str:
    """The estimator's class in scikit-learn; raises UnknownEstimator, for an own one too."""
    return _recipe(name, class_count).estimator


def candidates(name: str, class_count: int) -> tuple[Parameters, ...]:
    """The parameters to try, in the form the learning ledger prints.

    Raises
    ------
    UnknownEstimator
        Where no estimator has this name for this kind of target.
    EstimatorError
        Where an own one fails.
    """
    if (mine := own()) and name == mine.name:
        return mine.candidates(class_count)
    recipe = _recipe(name, class_count)
    return tuple({"estimator": recipe.estimator, **parameters} for parameters in recipe.candidates)


def _recipes(class_count: int) -> Mapping[str, _Recipe]:
    return _CLASSIFIERS if class_count else _REGRESSORS


def _recipe(name: str, class_count: int) -> _Recipe:
    recipes = _recipes(class_count)
    if name not in recipes:
        raise UnknownEstimator(name, tuple(recipes))
    return recipes[name]
