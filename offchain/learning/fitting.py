"""Training an estimator.

An estimator is a scikit-learn object fitted on the rows' bytes as they are. Those that need features of one
size standardise them inside a pipeline; `convert` folds that into the model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier, SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from offchain.learning import estimators
from offchain.learning.errors import EstimatorError
from offchain.learning.estimators import Parameters
from offchain.learning.model import KIND_DENSE

_CLASSES: Final[dict[str, Callable[..., Any]]] = {
    each.__name__: each
    for each in (
        *(LogisticRegression, Ridge, RidgeClassifier, SGDClassifier, SGDRegressor),
        *(MLPClassifier, MLPRegressor, LinearSVC, LinearSVR),
        *(DecisionTreeClassifier, DecisionTreeRegressor, RandomForestClassifier, RandomForestRegressor),
        *(ExtraTreesClassifier, ExtraTreesRegressor, GradientBoostingClassifier, GradientBoostingRegressor),
    )
}


def fit(
    name: str,
    class_count: int,
    parameters: Parameters,
    features: NDArray[np.uint8],
    targets: NDArray[Any],
    seed: int,
) -> Any:
    """A fitted scikit-learn estimator; one thread, so that one machine gives the same fit for the same seed.

    Raises
    ------
    EstimatorError
        Where scikit-learn rejects the rows.
    """
    if (own := estimators.own()) and name == own.name:
        return own.fit(class_count, parameters, features, targets, seed)
    options = {key: value for key, value in parameters.items() if key != "estimator"}
    make = _CLASSES[estimators.title(name, class_count)]
    estimator = make(**options, **_seed_option(make, seed))
    if estimators.kind(name, class_count) == KIND_DENSE:
        estimator = make_pipeline(StandardScaler(), estimator)
    if class_count == 0:
        estimator = TransformedTargetRegressor(regressor=estimator, transformer=StandardScaler())
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return estimator.fit(features.astype(np.float64), targets)
        except ValueError as error:
            raise EstimatorError(f"{name} cannot be trained on these rows: {error}") from error


def _seed_option(make: Callable[..., Any], seed: int) -> dict[str, int]:
    return {"random_state": seed} if "random_state" in make().get_params() else {}
