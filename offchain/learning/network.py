"""A fitted linear estimator or multilayer perceptron as float layers over the rows' bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from offchain.learning.errors import EstimatorError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Affine:
    """`x @ weights + biases`; weights of shape (inputs, outputs)."""

    weights: Floats
    biases: Floats


@dataclass(frozen=True, slots=True)
class Network:
    """Affine layers with ReLU between them; one output is a value, more are the scores of classes."""

    layers: tuple[Affine, ...]

    def scores(self, features: NDArray[np.uint8]) -> Floats:
        """What the last layer gives, shape (n, outputs)."""
        activations = features.astype(np.float64)
        for layer in self.layers[:-1]:
            activations = np.maximum(activations @ layer.weights + layer.biases, 0)
        return activations @ self.layers[-1].weights + self.layers[-1].biases


def from_estimator(estimator: Any, class_count: int) -> Network:
    """The network that predicts what a fitted scikit-learn estimator predicts.

    A classifier that has seen only some of the classes gets outputs that never win for the others.

    Raises
    ------
    EstimatorError
        Where the estimator is of no known kind, or predicts classes outside of `class_count`.
    """
    output_scale, output_offset = 1.0, 0.0
    if isinstance(estimator, TransformedTargetRegressor):
        scaler = estimator.transformer_
        output_scale, output_offset = float(scaler.scale_[0]), float(scaler.mean_[0])
        estimator = estimator.regressor_
    standardisation: StandardScaler | None = None
    if isinstance(estimator, Pipeline):
        if len(estimator) != 2 or not isinstance(estimator[0], StandardScaler):
            raise EstimatorError("a pipeline may only standardise before it estimates")
        standardisation, estimator = estimator[0], estimator[1]
    layers = _layers(estimator)
    if standardisation is not None:
        layers[0] = _fold(standardisation, layers[0])
    last = layers[-1]
    if class_count == 0:
        layers[-1] = Affine(last.weights * output_scale, last.biases * output_scale + output_offset)
    else:
        layers[-1] = _spread_over_classes(last, np.asarray(estimator.classes_), class_count)
    return Network(tuple(layers))


def _layers(estimator: Any) -> list[Affine]:
    if isinstance(estimator, MLPClassifier | MLPRegressor):
        if estimator.activation != "relu":
            raise EstimatorError(f"activation {estimator.activation!r} has no exact form on chain")
        return [
            Affine(np.asarray(weights, np.float64), np.asarray(biases, np.float64))
            for weights, biases in zip(estimator.coefs_, estimator.intercepts_, strict=True)
        ]
    if not hasattr(estimator, "coef_") or not hasattr(estimator, "intercept_"):
        raise EstimatorError(
            f"{type(estimator).__name__} is neither linear nor a perceptron, or is not fitted"
        )
    weights = np.atleast_2d(np.asarray(estimator.coef_, np.float64)).T
    biases = np.broadcast_to(np.asarray(estimator.intercept_, np.float64), weights.shape[1:])
    return [Affine(weights, biases)]


def _fold(scaler: StandardScaler, layer: Affine) -> Affine:
    """`((x - mean) / scale) @ w + b` as one affine map of `x`."""
    weights = layer.weights / np.asarray(scaler.scale_)[:, None]
    return Affine(weights, layer.biases - np.asarray(scaler.mean_) @ weights)


def _spread_over_classes(layer: Affine, classes: NDArray[Any], class_count: int) -> Affine:
    if classes.min() < 0 or classes.max() >= class_count:
        raise EstimatorError(f"the estimator knows class {int(classes.max())}, the task has {class_count}")
    weights, biases = layer.weights, layer.biases
    if len(classes) == 2 and weights.shape[1] == 1:
        # One log-odds: the second class wins where it is above zero.
        weights = np.hstack([np.zeros_like(weights), weights])
        biases = np.hstack([0.0, biases])
    if weights.shape[1] == class_count:
        return Affine(weights, biases)
    lowest = int(np.argmin(biases))
    spread = Affine(np.empty((len(weights), class_count)), np.empty(class_count))
    for index in range(class_count):
        known = np.flatnonzero(classes == index)
        source = int(known[0]) if len(known) else lowest
        spread.weights[:, index] = weights[:, source]
        # An unseen class copies a seen one, a little lower.
        spread.biases[index] = biases[source] - (0.0 if len(known) else 1.0 + abs(biases).max())
    return spread
