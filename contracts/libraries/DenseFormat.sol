// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDenseScorer} from "../interfaces/IDenseScorer.sol";
import {IScorer} from "../interfaces/IScorer.sol";
import {CalldataWords} from "./CalldataWords.sol";
import {Lane, Lanes} from "./Lanes.sol";
import {ModelHeader} from "./ModelHeader.sol";

/// @notice A layer as it lies in a model's bytes; `weightsAt` and `biasesAt` are places in calldata.
struct DenseLayer {
    uint256 inputs;
    uint256 outputs;
    uint256 shift;
    uint256 weightsAt;
    uint256 biasesAt;
    Lane lane;
}

/// @notice A dense model; `multiplier` is for regressors.
struct DenseModel {
    DenseLayer[] layers;
    uint256 multiplier;
}

/// @title DenseFormat
/// @notice Reads a dense model's bytes strictly; see {IDenseScorer} for their layout.
library DenseFormat {
    uint256 private constant MAX_LAYERS = 5;
    uint256 private constant MAX_HIDDEN_SHIFT = 22;
    uint256 private constant MAX_VALUE_SHIFT = 62;
    uint256 private constant TABLE_AT = ModelHeader.LENGTH + 3;

    /// @notice The model in these bytes, for rows of this shape.
    /// @dev Nothing overflows: a width is below 2^16, and so a layer's length is below 2^33.
    function decode(bytes calldata model, uint256 featureCount, uint256 classCount)
        internal
        pure
        returns (DenseModel memory decoded)
    {
        ModelHeader.check(model, ModelHeader.KIND_DENSE);
        require(model.length >= TABLE_AT, IScorer.ModelTruncated(TABLE_AT, model.length));
        uint256 layerCount = CalldataWords.uintAt(model, ModelHeader.LENGTH, 1);
        require(
            layerCount > 0 && layerCount <= MAX_LAYERS, IDenseScorer.LayerCountOutOfRange(layerCount, MAX_LAYERS)
        );
        unchecked {
            uint256 offset = TABLE_AT + 3 * layerCount;
            require(model.length >= offset, IScorer.ModelTruncated(offset, model.length));
            uint256 width = CalldataWords.uintAt(model, TABLE_AT - 2, 2);
            require(
                width > 0 && width <= ModelHeader.MAX_FEATURES,
                IDenseScorer.LayerWidthOutOfRange(0, width, ModelHeader.MAX_FEATURES)
            );
            require(width == featureCount, IScorer.ModelFeaturesMismatch(featureCount, width));

            decoded.layers = new DenseLayer[](layerCount);
            for (uint256 i = 0; i < layerCount; ++i) {
                DenseLayer memory layer = decoded.layers[i];
                layer.inputs = width;
                layer.lane = Lanes.laneOf(width, i + 1 == layerCount);
                width = _readShape(layer, model, i, i + 1 == layerCount);
                layer.weightsAt = offset;
                layer.biasesAt = offset + layer.inputs * width;
                offset = layer.biasesAt + 4 * width;
            }
            uint256 actualClasses = width == 1 ? 0 : width;
            require(actualClasses == classCount, IScorer.ModelClassesMismatch(classCount, actualClasses));
            if (classCount == 0) offset += 4;
            require(model.length >= offset, IScorer.ModelTruncated(offset, model.length));
            require(model.length <= offset, IScorer.ModelTooLong(offset, model.length));

            for (uint256 i = 0; i < layerCount; ++i) {
                _checkBiases(decoded.layers[i], model, i);
            }
            if (classCount == 0) {
                int256 multiplier = CalldataWords.int32At(model, offset - 4);
                require(multiplier >= 0, IDenseScorer.MultiplierOutOfRange(multiplier));
                decoded.multiplier = uint256(multiplier);
            }
        }
    }

    function _readShape(DenseLayer memory layer, bytes calldata model, uint256 index, bool isOutput)
        private
        pure
        returns (uint256 outputs)
    {
        unchecked {
            uint256 at = TABLE_AT + 3 * index;
            outputs = CalldataWords.uintAt(model, at, 2);
            uint256 shift = CalldataWords.uintAt(model, at + 2, 1);
            require(
                outputs > 0 && outputs <= ModelHeader.MAX_CLASSES,
                IDenseScorer.LayerWidthOutOfRange(index + 1, outputs, ModelHeader.MAX_CLASSES)
            );
            uint256 limit = !isOutput ? MAX_HIDDEN_SHIFT : outputs == 1 ? MAX_VALUE_SHIFT : 0;
            require(shift <= limit, IDenseScorer.LayerShiftOutOfRange(index + 1, shift, limit));
            layer.outputs = outputs;
            layer.shift = shift;
        }
    }

    function _checkBiases(DenseLayer memory layer, bytes calldata model, uint256 index) private pure {
        uint256 limit = Lanes.biasLimit(layer.lane, layer.inputs);
        unchecked {
            uint256 at = layer.biasesAt;
            for (uint256 end = at + 4 * layer.outputs; at < end; at += 4) {
                int256 bias = CalldataWords.int32At(model, at);
                require(
                    bias <= int256(limit) && bias >= -int256(limit),
                    IDenseScorer.LayerBiasOutOfRange(index + 1, (at - layer.biasesAt) / 4, bias, limit)
                );
            }
        }
    }
}
