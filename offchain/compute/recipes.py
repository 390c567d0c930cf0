"""The allow-list: what can be trained by the iteration, and which numbers an order may choose.

One compute unit is one training iteration of the estimator:

===========  =====================================================================================
logistic     an L-BFGS iteration
mlp          an L-BFGS iteration, or with the solver ``adam`` an epoch
sgd          an epoch
forest       a tree
extra_trees  a tree
boosting     a stage: one tree, and with more than two classes one tree for each class
===========  =====================================================================================

Ridge has a closed form, a single tree is grown at once, and the linear SVM's solver counts no iterations that
mean the same twice: they are not sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from offchain.canonical import Json
from offchain.learning import estimators
from offchain.learning.limits import MAX_CLASSES, MAX_DENSE_LAYERS

MAX_ITERATIONS: Final = 10_000


class Allowed(Protocol):
    """A set of values that one hyperparameter may have."""

    def __contains__(self, value: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class Real:
    """A float between bounds, which are allowed."""

    low: float
    high: float

    def __contains__(self, value: object) -> bool:
        return isinstance(value, float) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer between bounds, which are allowed."""

    low: int
    high: int

    def __contains__(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and value in self.words


@dataclass(frozen=True, slots=True)
class Widths:
    """The hidden layers' widths, as a scorer takes them."""

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, list)
            and 1 <= len(value) < MAX_DENSE_LAYERS
            and all(width in Whole(1, MAX_CLASSES) for width in value)
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an order becomes scikit-learn's parameters.

    unit : the parameter that counts iterations
    fixed : what no order may change
    free : what an order has to choose, all of it
    usual : a choice to start from
    """

    unit: str
    fixed: Mapping[str, Json]
    free: Mapping[str, Allowed]
    usual: Mapping[str, Json]


_LEAVES: Final = Whole(2, 1024)
_TREES: Final = Recipe("n_estimators", {}, {"max_leaf_nodes": _LEAVES}, {"max_leaf_nodes": 16})
RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {
        "logistic": Recipe("max_iter", {"solver": "lbfgs"}, {"C": Real(1e-6, 1e6)}, {"C": 1.0}),
        "mlp": Recipe(
            "max_iter",
            # Adam must not stop before its last epoch; L-BFGS does not read this.
            {"n_iter_no_change": MAX_ITERATIONS},
            {
                "hidden_layer_sizes": Widths(),
                "alpha": Real(0.0, 1e6),
                "solver": Choice(("lbfgs", "adam")),
            },
            {"hidden_layer_sizes": [16], "alpha": 0.01, "solver": "lbfgs"},
        ),
        "sgd": Recipe("max_iter", {"tol": None}, {"alpha": Real(1e-9, 1e3)}, {"alpha": 1e-3}),
        "forest": _TREES,
        "extra_trees": _TREES,
        "boosting": Recipe(
            "n_estimators",
            {"init": "zero"},
            {"max_leaf_nodes": _LEAVES, "learning_rate": Real(1e-4, 1.0)},
            {"max_leaf_nodes": 8, "learning_rate": 0.4},
        ),
    }
)


def training_parameters(
    name: str, class_count: int, hyperparameters: Mapping[str, Json], iterations: int
) -> dict[str, Json]:
    """What `fit` takes and the learning ledger prints.

    Raises
    ------
    ValueError
        Where the estimator is not sold, or not for this kind of target, or a hyperparameter is missing, unknown
        or out of its range.
    """
    if name not in RECIPES:
        raise ValueError(f"{name!r} is not sold by the iteration: known are {', '.join(RECIPES)}")
    if name not in estimators.names(class_count):
        raise ValueError(f"{name} does not apply to {class_count} classes")
    recipe = RECIPES[name]
    if set(hyperparameters) != set(recipe.free):
        raise ValueError(f"{name} takes exactly {', '.join(recipe.free)}")
    for key, value in hyperparameters.items():
        if value not in recipe.free[key]:
            raise ValueError(f"{key} of {name} is {value!r}, which is not allowed")
    if iterations not in Whole(1, MAX_ITERATIONS):
        raise ValueError(f"{iterations} iterations, allowed are 1 to {MAX_ITERATIONS:,}")
    title = estimators.title(name, class_count)
    loss = {"loss": "log_loss"} if name == "sgd" and class_count else {}
    return {"estimator": title, **recipe.fixed, **loss, **hyperparameters, recipe.unit: iterations}
