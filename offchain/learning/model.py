"""Dense models and their bytes: linear classifiers and regressors, and multilayer perceptrons.

The header that every model's bytes begin with, whatever their kind:

======  ======  ==================================================================
offset  length  content
======  ======  ==================================================================
0       1       format version, 1
1       1       kind: 1 dense, 2 trees
2       32      SHA-256 of the canonical JSON of the training parameters
======  ======  ==================================================================

The body of a dense model; numbers are big-endian:

======  ======  ==================================================================
offset  length  content
======  ======  ==================================================================
34      1       number of layers `m`, 1 to 5; the last one is the output layer
35      2       number of inputs, 1 to 1024
37      3 m     per layer: outputs (uint16, 1 to 255), then shift (uint8)
37+3m   ...     per layer: weights, then biases, `int32[outputs]`
end-4   4       regression only (one output in the last layer): multiplier, int32, not negative
======  ======  ==================================================================

A layer's weights are `int8[inputs][outputs]`, each input's from the last output's to the first's.
A layer's sum for output `j` is `s_j = bias_j + sum_i weight_ij x_i`. A hidden layer gives
`clip(s_j >> shift, 0, 255)`, shift 0 to 22; the shift is arithmetic, so it rounds down. The output layer of a
classifier has at least two outputs and shift 0, and the class is the lowest `j` with the largest `s_j`. The
output layer of a regressor has one output, shift 0 to 62, and gives
`clip((s_0 * multiplier) >> shift, -2^31, 2^31 - 1)`.

A bias is at most `lanes.bias_limit` in magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offchain.learning.errors import ModelFieldOutOfRange, ModelTooLong, ModelTooShort
from offchain.learning.lanes import bias_limit
from offchain.learning.limits import MAX_CLASSES, MAX_DENSE_LAYERS, MAX_FEATURES, MAX_MODEL_BYTES

VERSION: Final = 1
KIND_DENSE: Final = 1
KIND_TREES: Final = 2
HEADER_LENGTH: Final = 34
MAX_HIDDEN_SHIFT: Final = 22
MAX_VALUE_SHIFT: Final = 62


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """A fully connected layer.

    Attributes
    ----------
    weights : ndarray of int8, shape (inputs, outputs)
    biases : ndarray of int32, shape (outputs,)
    shift : int
        Bits by which the sums are shifted to the right.
    """

    weights: NDArray[np.int8]
    biases: NDArray[np.int32]
    shift: int


@dataclass(frozen=True, slots=True)
class DenseModel:
    """Layers from the rows' features to the outputs; `multiplier` is 0 for a classifier."""

    parameters_hash: bytes
    layers: tuple[DenseLayer, ...]
    multiplier: int = 0

    @property
    def feature_count(self) -> int:
        """How many features a row must have."""
        return int(self.layers[0].weights.shape[0])

    @property
    def class_count(self) -> int:
        """How many classes the model tells apart; 0 for a regressor."""
        outputs = int(self.layers[-1].weights.shape[1])
        return 0 if outputs == 1 else outputs


def check_range(field: str, value: int, minimum: int, maximum: int) -> int:
    """The value, where it lies within the bounds.

    Raises
    ------
    ModelFieldOutOfRange
        Where it does not.
    """
    if not minimum <= value <= maximum:
        raise ModelFieldOutOfRange(field, value, minimum, maximum)
    return value


def encode_header(kind: int, parameters_hash: bytes) -> bytes:
    """The 34 bytes that come before a model's body."""
    check_range("length of the parameters' hash", len(parameters_hash), 32, 32)
    return bytes((VERSION, kind)) + parameters_hash


def decode_header(data: bytes, kind: int) -> bytes:
    """The parameters' hash of model bytes of the given kind."""
    if len(data) > MAX_MODEL_BYTES:
        raise ModelTooLong(MAX_MODEL_BYTES, len(data))
    if len(data) < HEADER_LENGTH:
        raise ModelTooShort(HEADER_LENGTH, len(data))
    check_range("version", data[0], VERSION, VERSION)
    check_range("kind", data[1], kind, kind)
    return data[2:HEADER_LENGTH]


def encode(model: DenseModel) -> bytes:
    """The bytes of a model, in the layout of this module's docstring.

    Raises
    ------
    ModelError
        Where the model exceeds a bound of the format.
    """
    table = b"".join(
        layer.weights.shape[1].to_bytes(2, "big") + layer.shift.to_bytes(1, "big") for layer in model.layers
    )
    layers = b"".join(
        layer.weights[:, ::-1].astype(np.int8).tobytes() + layer.biases.astype(">i4").tobytes()
        for layer in model.layers
    )
    data = (
        encode_header(KIND_DENSE, model.parameters_hash)
        + len(model.layers).to_bytes(1, "big")
        + model.feature_count.to_bytes(2, "big")
        + table
        + layers
        + (b"" if model.class_count else model.multiplier.to_bytes(4, "big"))
    )
    decode(data)
    return data


def decode(data: bytes) -> DenseModel:
    """The model in bytes from anybody.

    Raises
    ------
    ModelTooShort, ModelTooLong, ModelFieldOutOfRange
        Where the bytes are not exactly one model within the bounds.
    """
    parameters_hash = decode_header(data, KIND_DENSE)
    widths, shifts, position = _decode_shape(data)
    layer_count = len(shifts)
    length = position + sum(inputs * outputs + 4 * outputs for inputs, outputs in pairwise(widths))
    length += 4 if widths[-1] == 1 else 0
    if len(data) < length:
        raise ModelTooShort(length, len(data))
    if len(data) > length:
        raise ModelTooLong(length, len(data))

    layers = []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        weights = np.frombuffer(data, np.int8, inputs * outputs, position).reshape(inputs, outputs)[:, ::-1]
        biases = np.frombuffer(data, ">i4", outputs, position + weights.size).astype(np.int32)
        limit = bias_limit(inputs, is_output=index == layer_count - 1)
        for bias in biases:
            check_range(f"bias in layer {index}", int(bias), -limit, limit)
        layers.append(DenseLayer(weights, biases, shifts[index]))
        position += weights.size + 4 * outputs
    multiplier = int.from_bytes(data[position:], "big", signed=True)
    check_range("multiplier", multiplier, 0, 2**31 - 1)
    return DenseModel(parameters_hash, tuple(layers), multiplier)


def _decode_shape(data: bytes) -> tuple[list[int], list[int], int]:
    """Widths from the inputs to the outputs, shifts, and where the first layer's weights begin."""
    if len(data) < HEADER_LENGTH + 3:
        raise ModelTooShort(HEADER_LENGTH + 3, len(data))
    layer_count = check_range("number of layers", data[HEADER_LENGTH], 1, MAX_DENSE_LAYERS)
    inputs = int.from_bytes(data[HEADER_LENGTH + 1 : HEADER_LENGTH + 3], "big")
    widths = [check_range("number of inputs", inputs, 1, MAX_FEATURES)]
    shifts: list[int] = []
    start = HEADER_LENGTH + 3
    end = start + 3 * layer_count
    if len(data) < end:
        raise ModelTooShort(end, len(data))
    for index in range(layer_count):
        entry = data[start + 3 * index : start + 3 * index + 3]
        outputs = check_range(f"width of layer {index}", int.from_bytes(entry[:2], "big"), 1, MAX_CLASSES)
        is_hidden = index < layer_count - 1
        is_value = not is_hidden and outputs == 1
        limit = MAX_HIDDEN_SHIFT if is_hidden else MAX_VALUE_SHIFT if is_value else 0
        shifts.append(check_range(f"shift of layer {index}", entry[2], 0, limit))
        widths.append(outputs)
    return widths, shifts, end
