"""A miner's own estimator: a factory in the miner's own Python, for what `estimators` does not have.

Warning: the factory is executed. It is named by who runs the miner, and never comes from another party.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from offchain.canonical import Json, to_canonical_json
from offchain.learning.convert_trees import grows_trees
from offchain.learning.errors import EstimatorError
from offchain.learning.model import KIND_DENSE, KIND_TREES

MAX_PARAMETERS: Final = 8
MAX_PARAMETERS_BYTES: Final = 4096
"""Of what the learning ledger prints of an estimator."""


@dataclass(frozen=True, slots=True)
class OwnEstimators:
    """The scikit-learn estimators that a factory makes, tried one after the other.

    place : FILE.py:FACTORY or MODULE:FACTORY, as messages name it
    name : of the file's content, so that machines with another one do not train it
    make : takes the number of classes, 0 for a value to predict, and a seed; gives one unfitted estimator, or a list
    """

    place: str
    name: str
    make: Callable[[int, int], Any]

    def kind(self, class_count: int) -> int:
        """The kind of model that they become; raises EstimatorError where they become several."""
        kinds = {KIND_TREES if grows_trees(each) else KIND_DENSE for each in self._made(class_count, 0)}
        if len(kinds) > 1:
            raise EstimatorError(f"{self.place} makes trees and others, and a task takes one of both")
        return kinds.pop()

    def candidates(self, class_count: int) -> tuple[Mapping[str, Json], ...]:
        """What the learning ledger prints of each; raises EstimatorError where two cannot be told apart."""
        found = tuple(parameters_of(each) for each in self._made(class_count, 0))
        if len({to_canonical_json(each) for each in found}) < len(found):
            raise EstimatorError(f"{self.place} makes two estimators with the same parameters")
        return found

    def fit(
        self,
        class_count: int,
        parameters: Mapping[str, Json],
        features: NDArray[np.uint8],
        targets: NDArray[Any],
        seed: int,
    ) -> Any:
        """Fit the one with these parameters; raises EstimatorError with whatever goes wrong in it."""
        place = self.candidates(class_count).index(parameters)
        estimator = clone(self._made(class_count, seed)[place])
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                return estimator.fit(features.astype(np.float64), targets)
            except Exception as error:
                raise EstimatorError(f"{self.place} cannot be trained: {error!r}") from error

    def _made(self, class_count: int, seed: int) -> Sequence[Any]:
        try:
            made = self.make(class_count, seed)
        except (Exception, SystemExit) as error:
            raise EstimatorError(f"{self.place} failed: {error!r}") from error
        estimators = list(made) if isinstance(made, list | tuple) else [made]
        if not estimators or not all(isinstance(each, BaseEstimator) for each in estimators):
            raise EstimatorError(f"{self.place} has to give a scikit-learn estimator, or a list of them")
        return estimators


def own_estimators(name: str) -> OwnEstimators:
    """The factory that FILE.py:FACTORY or MODULE:FACTORY names; executes the file or module.

    Raises
    ------
    EstimatorError
        Where there is none, or it cannot be imported.
    """
    place, _, attribute = name.rpartition(":")
    try:
        module = _module_of(place)
    except (Exception, SystemExit) as error:
        if isinstance(error, FileNotFoundError) and not Path(place).exists() and place.endswith(".py"):
            raise EstimatorError(f"{place}: no such file") from error
        raise EstimatorError(f"{place} cannot be imported: {error!r}") from error
    make = getattr(module, attribute, None)
    if not callable(make):
        raise EstimatorError(f"{place} has no function {attribute!r}")
    source = Path(str(module.__file__)).read_bytes() if getattr(module, "__file__", None) else place.encode()
    return OwnEstimators(name, f"own:{hashlib.sha256(source).hexdigest()[:16]}", make)


def parameters_of(estimator: Any) -> dict[str, Json]:
    """An estimator's class and its plain parameters that are not the usual ones; of a pipeline, the last step's."""
    inner = getattr(estimator, "regressor", estimator)
    inner = inner[-1] if isinstance(inner, Pipeline) else inner
    usual = {name: each.default for name, each in signature(type(inner)).parameters.items()}
    chosen: dict[str, Json] = {"estimator": type(inner).__name__}
    for name, value in sorted(inner.get_params(deep=False).items()):
        plain = list(value) if isinstance(value, tuple) else value
        if name != "random_state" and value != usual.get(name) and _is_plain(plain):
            chosen[name] = plain
    if len(chosen) > MAX_PARAMETERS or len(to_canonical_json(chosen)) > MAX_PARAMETERS_BYTES:
        raise EstimatorError(f"{chosen['estimator']} has more chosen parameters than a ledger prints")
    return chosen


def _module_of(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    spec = importlib.util.spec_from_file_location(Path(place).stem, place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(type(each) in (bool, int, float, str) and _is_plain(each) for each in value)
    return value is None or type(value) in (bool, int, str) or (type(value) is float and np.isfinite(value))
