"""From float layers to the scorer's integers, with the quantisation that loses least on given rows.

Three things keep the loss small. Every hidden neuron has its own scale, since a ReLU neuron that is `a` times
larger can be undone in the next layer. The weights of a layer are rounded one input after another, and the
rounding error of each is carried over to the inputs that are still to come, in the way that changes the
layer's sums on the calibration rows least (Frantar et al., "OPTQ", ICLR 2023). The scores of classes are
centred first, because only their differences matter.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from offchain.canonical import parameters_hash
from offchain.learning import trees
from offchain.learning.convert_trees import from_trees, is_trees
from offchain.learning.errors import EstimatorError
from offchain.learning.estimators import Parameters
from offchain.learning.lanes import bias_limit
from offchain.learning.model import MAX_HIDDEN_SHIFT, MAX_VALUE_SHIFT, DenseLayer, DenseModel, encode
from offchain.learning.network import Affine, Floats, Network, from_estimator
from offchain.learning.scoring import output_sums

_WEIGHT_LIMIT: Final = 127
_OUTPUT_STRETCHES: Final = (1.0, 1.2, 1.5, 2.0, 2.7, 3.6, 5.0, 7.0, 10.0)
"""How far the output layer's scale goes beyond the one at which no weight saturates."""
_HIDDEN_SHIFTS: Final = range(0, 17)


def convert(
    estimator: Any,
    class_count: int,
    calibration: NDArray[np.uint8],
    parameters: Parameters,
) -> bytes:
    """Model bytes of a fitted scikit-learn estimator for a task's target.

    Parameters
    ----------
    class_count
        Classes of the target; 0 for a regression.
    calibration : ndarray of uint8, shape (n, f)
        The rows on which the loss of quantisation is measured, mapped where the task has a secure mapping.
    parameters
        What the ledger will print; its hash goes into the model's header.

    Raises
    ------
    EstimatorError
        Where the estimator has no exact form on chain, or is for other rows.
    ModelError
        Where it exceeds a bound of the format.
    """
    feature_count = calibration.shape[1]
    if is_trees(estimator):
        return trees.encode(from_trees(estimator, feature_count, class_count, parameters_hash(parameters)))
    network = from_estimator(estimator, class_count)
    inputs = len(network.layers[0].weights)
    if inputs != feature_count:
        raise EstimatorError(f"the estimator takes {inputs} features, rows have {feature_count}")
    return encode(quantise(network, calibration, parameters_hash(parameters)))


def quantise(network: Network, calibration: NDArray[np.uint8], header_hash: bytes) -> DenseModel:
    """The integer model that comes closest to a float network.

    Parameters
    ----------
    network
        Float layers over the rows' bytes.
    calibration : ndarray of uint8, shape (n, f)
        The rows on which loss is measured.
    header_hash
        SHA-256 of the training parameters, for the header.
    """
    layers: list[DenseLayer] = []
    activations = calibration.astype(np.float64)
    levels = np.ones(activations.shape[1])
    floats = activations
    for layer, following in zip(network.layers[:-1], network.layers[1:], strict=True):
        over_levels = Affine(layer.weights / levels[:, None], layer.biases)
        floats = np.maximum(floats @ layer.weights + layer.biases, 0)
        quantised, levels = _quantise_hidden(over_levels, activations, floats, following)
        activations = _activate(quantised, activations)
        layers.append(quantised)

    last = network.layers[-1]
    output = Affine(last.weights / levels[:, None], last.biases)
    is_classifier = output.weights.shape[1] > 1
    wanted = _margins(network.scores(calibration))

    def loss(model: DenseModel) -> float:
        """How far the model's scores are from the float ones, in the scale that suits them best."""
        found = _margins(output_sums(model, calibration).astype(np.float64))
        scale = np.sum(found * wanted) / max(float(np.sum(found * found)), 1e-12)
        return float(np.mean((scale * found - wanted) ** 2))

    return min(
        (
            DenseModel(header_hash, (*layers, quantised), multiplier)
            for quantised, multiplier in _output_candidates(output, activations, is_classifier=is_classifier)
        ),
        key=loss,
    )


def _margins(scores: Floats) -> Floats:
    """What matters of the scores: those of classes against each other, a value against the others' mean."""
    axis = 1 if scores.shape[1] > 1 else 0
    margins: Floats = scores - scores.mean(axis=axis, keepdims=True)
    return margins


def _quantise_hidden(
    layer: Affine, activations: Floats, floats: Floats, following: Affine
) -> tuple[DenseLayer, Floats]:
    """The layer with the shift that keeps most, and how many steps of a byte make 1.0 of each neuron."""
    fan_in = len(layer.weights)
    limit = bias_limit(fan_in, is_output=False)
    peaks = np.maximum(floats.max(axis=0), 1e-12)
    largest = np.maximum(np.abs(layer.weights).max(axis=0), 1e-12)
    importance = np.linalg.norm(following.weights, axis=1)
    best: tuple[float, DenseLayer, Floats] | None = None
    for shift in _HIDDEN_SHIFTS:
        half = (1 << shift) >> 1
        scales = np.minimum(_WEIGHT_LIMIT / largest, 255 * 2.0**shift / peaks)
        scales = np.minimum(scales, (limit - half - 1) / np.maximum(np.abs(layer.biases), 1e-12) * 0.98)
        weights, biases = _round(layer.weights * scales, layer.biases * scales, activations)
        biases = np.clip(biases + half, -limit, limit)
        candidate = DenseLayer(weights, biases.astype(np.int32), shift)
        levels = scales / 2.0**shift
        error = (_activate(candidate, activations) / levels - floats) * importance
        loss = float(np.mean(error**2))
        if best is None or loss < best[0]:
            best = loss, candidate, levels
    assert best is not None and best[1].shift <= MAX_HIDDEN_SHIFT
    return best[1], best[2]


def _output_candidates(
    layer: Affine, activations: Floats, *, is_classifier: bool
) -> list[tuple[DenseLayer, int]]:
    if is_classifier:
        layer = Affine(_centred(layer.weights), _centred(layer.biases[None, :])[0])
    limit = bias_limit(len(layer.weights), is_output=True)
    room = 0.98 * limit / max(float(np.abs(layer.biases).max()), 1e-12)
    fitting = _WEIGHT_LIMIT / max(float(np.abs(layer.weights).max()), 1e-12)
    found = []
    for scale in sorted({min(fitting * stretch, room) for stretch in _OUTPUT_STRETCHES}):
        weights, biases = _round(layer.weights * scale, layer.biases * scale, activations)
        shift, multiplier = (0, 0) if is_classifier else _ratio(1 / scale)
        quantised = DenseLayer(weights, np.clip(biases, -limit, limit).astype(np.int32), shift)
        found.append((quantised, multiplier))
    return found


def _round(weights: Floats, biases: Floats, activations: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Integer weights and whole biases whose sums over the activations stay closest to the given ones."""
    centred = activations - activations.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    covariance += np.eye(len(weights)) * (0.01 * np.trace(covariance) / len(weights) + 1e-9)
    spread = np.linalg.cholesky(np.linalg.inv(covariance)).T
    pending = weights.copy()
    rounded = np.empty_like(weights)
    for index in range(len(weights)):
        rounded[index] = np.clip(np.rint(pending[index]), -_WEIGHT_LIMIT - 1, _WEIGHT_LIMIT)
        error = (pending[index] - rounded[index]) / spread[index, index]
        pending[index + 1 :] -= np.outer(spread[index, index + 1 :], error)
    mean_shift = activations.mean(axis=0) @ (weights - rounded)
    return rounded.astype(np.int8), np.rint(biases + mean_shift)


def _centred(rows: Floats) -> Floats:
    """Each row moved so that its largest and smallest entries are equally far from zero."""
    middle: Floats = rows - (rows.max(axis=1, keepdims=True) + rows.min(axis=1, keepdims=True)) / 2
    return middle


def _ratio(value: float) -> tuple[int, int]:
    """Shift and multiplier with `multiplier / 2^shift` nearest to a positive value."""
    for shift in range(MAX_VALUE_SHIFT, -1, -1):
        multiplier = round(value * 2.0**shift)
        if multiplier < 2**31:
            return shift, multiplier
    return 0, 2**31 - 1


def _activate(layer: DenseLayer, activations: Floats) -> Floats:
    """What the scorer computes for a hidden layer; exact, since all the numbers are whole and below 2^53."""
    sums = activations @ layer.weights.astype(np.float64) + layer.biases
    clipped: Floats = np.clip(np.floor(sums / 2.0**layer.shift), 0, 255)
    return clipped
