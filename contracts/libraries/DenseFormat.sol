// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDenseScorer} from "../interfaces/IDenseScorer.sol";
import {IScorer} from "../interfaces/IScorer.sol";
import {CalldataWords} from "./CalldataWords.sol";
import {Lane, Lanes} from "./Lanes.sol";
import {ModelHeader} from "./ModelHeader.sol";

/// @notice A layer as it lies in a model's bytes: inputs (16 bits), outputs (16), shift (8), whether it is the
/// output layer (8), and where its weights begin (32). The biases follow the weights.
type DenseLayer is uint256;

using DenseFormat for DenseLayer global;

/// @title DenseFormat
/// @notice Reads a dense model's bytes strictly; see {IDenseScorer} for their layout.
library DenseFormat {
    uint256 private constant MAX_LAYERS = 5;
    uint256 private constant MAX_HIDDEN_SHIFT = 22;
    uint256 private constant MAX_VALUE_SHIFT = 62;
    uint256 private constant TABLE_AT = ModelHeader.LENGTH + 3;

    /// @notice The layers of the model in these bytes, for rows of this shape, and a regressor's multiplier.
    /// @dev Nothing overflows: a width is below 2^16, and so a layer's length is below 2^33.
    function decode(bytes calldata model, uint256 featureCount, uint256 classCount)
        internal
        pure
        returns (DenseLayer[] memory layers, uint256 multiplier)
    {
        ModelHeader.check(model, ModelHeader.KIND_DENSE);
        require(model.length >= TABLE_AT, IScorer.ModelTruncated(TABLE_AT, model.length));
        uint256 layerCount = CalldataWords.uintAt(model, ModelHeader.LENGTH, 1);
        require(
            layerCount > 0 && layerCount <= MAX_LAYERS,
            IDenseScorer.LayerCountOutOfRange(layerCount, MAX_LAYERS)
        );
        layers = new DenseLayer[](layerCount);
        unchecked {
            uint256 offset = TABLE_AT + 3 * layerCount;
            require(model.length >= offset, IScorer.ModelTruncated(offset, model.length));
            uint256 width = CalldataWords.uintAt(model, TABLE_AT - 2, 2);
            require(
                width > 0 && width <= ModelHeader.MAX_FEATURES,
                IDenseScorer.LayerWidthOutOfRange(0, width, ModelHeader.MAX_FEATURES)
            );
            require(width == featureCount, IScorer.ModelFeaturesMismatch(featureCount, width));

            for (uint256 i = 0; i < layerCount; ++i) {
                DenseLayer layer = _layerAt(model, i, width, i + 1 == layerCount, offset);
                layers[i] = layer;
                width = layer.outputs();
                offset = layer.biasesAt() + 4 * width;
            }
            uint256 actualClasses = width == 1 ? 0 : width;
            require(actualClasses == classCount, IScorer.ModelClassesMismatch(classCount, actualClasses));
            if (classCount == 0) offset += 4;
            require(model.length >= offset, IScorer.ModelTruncated(offset, model.length));
            require(model.length <= offset, IScorer.ModelTooLong(offset, model.length));

            for (uint256 i = 0; i < layerCount; ++i) {
                _checkBiases(model, i, layers[i]);
            }
            if (classCount == 0) {
                int256 signed = CalldataWords.int32At(model, offset - 4);
                require(signed >= 0, IDenseScorer.MultiplierOutOfRange(signed));
                multiplier = uint256(signed);
            }
        }
    }

    /// @notice How many inputs the layer has.
    function inputs(DenseLayer layer) internal pure returns (uint256) {
        return uint16(DenseLayer.unwrap(layer));
    }

    /// @notice How many outputs the layer has.
    function outputs(DenseLayer layer) internal pure returns (uint256) {
        return uint16(DenseLayer.unwrap(layer) >> 16);
    }

    /// @notice By how many bits the layer's sums are shifted to the right.
    function shift(DenseLayer layer) internal pure returns (uint256) {
        return uint8(DenseLayer.unwrap(layer) >> 32);
    }

    /// @notice Whether the layer is the model's last.
    function isOutput(DenseLayer layer) internal pure returns (bool) {
        return uint8(DenseLayer.unwrap(layer) >> 40) == 1;
    }

    /// @notice Where the layer's weights begin in the model's bytes.
    function weightsAt(DenseLayer layer) internal pure returns (uint256) {
        return DenseLayer.unwrap(layer) >> 48;
    }

    /// @notice Where the layer's biases begin in the model's bytes.
    function biasesAt(DenseLayer layer) internal pure returns (uint256) {
        unchecked {
            return layer.weightsAt() + layer.inputs() * layer.outputs();
        }
    }

    /// @notice The lanes that the layer's sums lie in.
    function lane(DenseLayer layer) internal pure returns (Lane memory) {
        return Lanes.laneOf(layer.inputs(), layer.isOutput());
    }

    function _layerAt(bytes calldata model, uint256 index, uint256 width, bool isLast, uint256 offset)
        private
        pure
        returns (DenseLayer)
    {
        unchecked {
            uint256 entry = CalldataWords.uintAt(model, TABLE_AT + 3 * index, 3);
            uint256 outputCount = entry >> 8;
            uint256 shiftBits = entry & 0xff;
            require(
                outputCount > 0 && outputCount <= ModelHeader.MAX_CLASSES,
                IDenseScorer.LayerWidthOutOfRange(index + 1, outputCount, ModelHeader.MAX_CLASSES)
            );
            uint256 limit = !isLast ? MAX_HIDDEN_SHIFT : outputCount == 1 ? MAX_VALUE_SHIFT : 0;
            require(shiftBits <= limit, IDenseScorer.LayerShiftOutOfRange(index + 1, shiftBits, limit));
            uint256 last = isLast ? 1 : 0;
            return
                DenseLayer.wrap(
                    width | (outputCount << 16) | (shiftBits << 32) | (last << 40) | (offset << 48)
                );
        }
    }

    function _checkBiases(bytes calldata model, uint256 index, DenseLayer layer) private pure {
        uint256 limit = Lanes.biasLimit(layer.inputs(), layer.isOutput());
        unchecked {
            uint256 first = layer.biasesAt();
            uint256 end = first + 4 * layer.outputs();
            for (uint256 ptr = first; ptr < end; ptr += 4) {
                int256 bias = CalldataWords.int32At(model, ptr);
                // One comparison for both ends: below -limit the sum wraps around.
                require(
                    uint256(bias + int256(limit)) <= 2 * limit,
                    IDenseScorer.LayerBiasOutOfRange(index + 1, (ptr - first) / 4, bias, limit)
                );
            }
        }
    }
}
