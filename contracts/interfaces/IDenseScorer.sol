// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer} from "./IScorer.sol";

/// @title IDenseScorer
/// @notice Scores linear classifiers and regressors, and multilayer perceptrons of up to four hidden layers.
/// @dev The body of a dense model, after the header of `IScorer`:
///
/// | offset | length | content                                                                         |
/// | ------ | ------ | ------------------------------------------------------------------------------- |
/// | 34     | 1      | number of layers `m`, 1 to 5; the last one is the output layer                  |
/// | 35     | 2      | number of inputs, 1 to 1024                                                     |
/// | 37     | 3 m    | per layer: outputs (uint16, 1 to 255), then shift (uint8)                       |
/// | 37+3m  | ...    | per layer: weights, then biases, `int32[outputs]`                               |
/// | end-4  | 4      | regression only (one output in the last layer): multiplier, int32, not negative |
///
/// A layer's weights are `int8[inputs][outputs]`, each input's from the last output's to the first's.
/// A layer's sum for output `j` is `s_j = bias_j + sum_i weight_ij x_i`. A hidden layer gives
/// `clip(s_j >> shift, 0, 255)`, shift 0 to 22; the shift is arithmetic, so it rounds down. The output layer of a
/// classifier has at least two outputs and shift 0, and the class is the lowest `j` with the largest `s_j`. The
/// output layer of a regressor has one output, shift 0 to 62, and gives
/// `clip((s_0 * multiplier) >> shift, -2^31, 2^31 - 1)`.
///
/// A bias has a magnitude of at most `H - 32640 * inputs - 1`, where `H` is `2^22` in a hidden layer of at most
/// 96 inputs and `2^31` in a larger one, `2^23` in an output layer of at most 192 inputs and `2^30` in a larger
/// one. So a sum stays within `H`, whatever the rows are, and fits its lane (see `Lanes`).
interface IDenseScorer is IScorer {
    /// @notice Thrown when a model has no layers or too many.
    error LayerCountOutOfRange(uint256 layerCount, uint256 maximumCount);

    /// @notice Thrown when a layer, or the input, has no width or too much.
    error LayerWidthOutOfRange(uint256 layer, uint256 width, uint256 maximumWidth);

    /// @notice Thrown when a layer shifts its sums further than its place allows.
    error LayerShiftOutOfRange(uint256 layer, uint256 shift, uint256 maximumShift);

    /// @notice Thrown when a bias could carry a sum out of its lane.
    error LayerBiasOutOfRange(uint256 layer, uint256 neuron, int256 bias, uint256 maximumMagnitude);

    /// @notice Thrown when a regressor's multiplier is negative.
    error MultiplierOutOfRange(int256 multiplier);
}
