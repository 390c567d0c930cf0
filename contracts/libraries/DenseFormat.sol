// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDenseScorer} from "../interfaces/IDenseScorer.sol";
import {IScorer} from "../interfaces/IScorer.sol";
import {CalldataWords} from "./CalldataWords.sol";
import {Lane, Lanes} from "./Lanes.sol";
import {ModelHeader} from "./ModelHeader.sol";

/// @notice A layer as it lies in a model's bytes: inputs (16 bits), outputs (16), shift (8), its place, counted from 1
/// (8), whether it is the output layer (8), and where its weights begin (32). The biases follow the weights.
type DenseLayer is uint256;

using DenseFormat for DenseLayer global;

/// @title DenseFormat
/// @notice Reads a dense model's bytes strictly; see {IDenseScorer} for their layout.
library DenseFormat {
    uint256 private constant MAX_LAYERS = 5;
    uint256 private constant MAX_HIDDEN_SHIFT = 22;
    uint256 private constant MAX_VALUE_SHIFT = 62;
    uint256 private constant TABLE_AT = ModelHeader.LENGTH + 3;
    uint256 private constant LINEAR_AT = TABLE_AT + 3;

    /// @notice The only layer, where these bytes are a linear classifier for rows of this shape; no inputs otherwise.
    /// Biases are not looked at.
    function linearOf(bytes calldata model, uint256 featureCount, uint256 classCount)
        internal
        pure
        returns (DenseLayer layer)
    {
        unchecked {
            if (featureCount > ModelHeader.MAX_FEATURES || classCount < 2) return layer;
            if (classCount > ModelHeader.MAX_CLASSES || model.length > ModelHeader.MAX_MODEL_BYTES) {
                return layer;
            }
            if (model.length != LINEAR_AT + (featureCount + 4) * classCount) return layer;
            uint256 kind = (ModelHeader.VERSION << 8) | ModelHeader.KIND_DENSE;
            uint256 shape = (1 << 40) | (featureCount << 24) | (classCount << 8);
            if (CalldataWords.uintAt(model, 0, 2) != kind) return layer;
            if (CalldataWords.uintAt(model, ModelHeader.LENGTH, 6) != shape) return layer;
            return _pack(featureCount, classCount, 0, 1, true, LINEAR_AT);
        }
    }

    /// @notice The layers of the model in these bytes, for rows of this shape, and a regressor's multiplier. Biases
    /// are not looked at.
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

    /// @notice The layer's place in the model, counted from 1.
    function place(DenseLayer layer) internal pure returns (uint256) {
        return uint8(DenseLayer.unwrap(layer) >> 40);
    }

    /// @notice Whether the layer is the model's last.
    function isOutput(DenseLayer layer) internal pure returns (bool) {
        return uint8(DenseLayer.unwrap(layer) >> 48) == 1;
    }

    /// @notice Where the layer's weights begin in the model's bytes.
    function weightsAt(DenseLayer layer) internal pure returns (uint256) {
        return DenseLayer.unwrap(layer) >> 56;
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

    /// @notice Reverts if a bias of the layer is out of its range.
    function checkBiases(bytes calldata model, DenseLayer layer) internal pure {
        int256 limit = int256(Lanes.biasLimit(layer.inputs(), layer.isOutput()));
        for (uint256 j = 0; j < layer.outputs(); ++j) {
            int256 bias = CalldataWords.int32At(model, layer.biasesAt() + 4 * j);
            require(
                -limit <= bias && bias <= limit,
                IDenseScorer.LayerBiasOutOfRange(layer.place(), j, bias, uint256(limit))
            );
        }
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
            return _pack(width, outputCount, shiftBits, index + 1, isLast, offset);
        }
    }

    function _pack(
        uint256 inputCount,
        uint256 outputCount,
        uint256 shiftBits,
        uint256 placeInModel,
        bool isLast,
        uint256 offset
    ) private pure returns (DenseLayer) {
        unchecked {
            uint256 word = (offset << 8) | (isLast ? 1 : 0);
            word = (((word << 8) | placeInModel) << 8) | shiftBits;
            return DenseLayer.wrap((((word << 16) | outputCount) << 16) | inputCount);
        }
    }
}
