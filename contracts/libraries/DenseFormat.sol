// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDenseScorer} from "../interfaces/IDenseScorer.sol";
import {IScorer} from "../interfaces/IScorer.sol";
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
    function decode(bytes calldata model, uint256 featureCount, uint256 classCount)
        internal
        pure
        returns (DenseModel memory decoded)
    {
        ModelHeader.check(model, ModelHeader.KIND_DENSE);
        require(model.length >= TABLE_AT, IScorer.ModelTruncated(TABLE_AT, model.length));
        uint256 layerCount = uint8(model[ModelHeader.LENGTH]);
        require(
            layerCount > 0 && layerCount <= MAX_LAYERS,
            IDenseScorer.LayerCountOutOfRange(layerCount, MAX_LAYERS)
        );
        uint256 offset = TABLE_AT + 3 * layerCount;
        require(model.length >= offset, IScorer.ModelTruncated(offset, model.length));

        uint256 width = uint16(bytes2(model[TABLE_AT - 2:TABLE_AT]));
        require(
            width > 0 && width <= ModelHeader.MAX_FEATURES,
            IDenseScorer.LayerWidthOutOfRange(0, width, ModelHeader.MAX_FEATURES)
        );
        require(width == featureCount, IScorer.ModelFeaturesMismatch(featureCount, width));
        decoded.layers = new DenseLayer[](layerCount);
        for (uint256 i = 0; i < layerCount; ++i) {
            DenseLayer memory layer = decoded.layers[i];
            _readShape(layer, model, i, i + 1 == layerCount);
            layer.inputs = width;
            width = layer.outputs;
            layer.lane = Lanes.laneOf(layer.inputs, i + 1 == layerCount);
            layer.weightsAt = offset;
            layer.biasesAt = offset + layer.inputs * layer.outputs;
            offset = layer.biasesAt + 4 * layer.outputs;
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
            int256 multiplier = int32(uint32(bytes4(model[offset - 4:offset])));
            require(multiplier >= 0, IDenseScorer.MultiplierOutOfRange(multiplier));
            decoded.multiplier = uint256(multiplier);
        }
    }

    /// @notice The bias of a neuron.
    function biasOf(DenseLayer memory layer, bytes calldata model, uint256 neuron) internal pure returns (int256 bias) {
        uint256 at = layer.biasesAt + 4 * neuron;
        assembly ("memory-safe") {
            bias := sar(224, calldataload(add(model.offset, at)))
        }
    }

    function _readShape(DenseLayer memory layer, bytes calldata model, uint256 index, bool isOutput) private pure {
        uint256 at = TABLE_AT + 3 * index;
        layer.outputs = uint16(bytes2(model[at:at + 2]));
        layer.shift = uint8(model[at + 2]);
        require(
            layer.outputs > 0 && layer.outputs <= ModelHeader.MAX_CLASSES,
            IDenseScorer.LayerWidthOutOfRange(index + 1, layer.outputs, ModelHeader.MAX_CLASSES)
        );
        uint256 limit = !isOutput ? MAX_HIDDEN_SHIFT : layer.outputs == 1 ? MAX_VALUE_SHIFT : 0;
        require(layer.shift <= limit, IDenseScorer.LayerShiftOutOfRange(index + 1, layer.shift, limit));
    }

    function _checkBiases(DenseLayer memory layer, bytes calldata model, uint256 index) private pure {
        uint256 limit = Lanes.biasLimit(layer.lane, layer.inputs);
        for (uint256 j = 0; j < layer.outputs; ++j) {
            int256 bias = biasOf(layer, model, j);
            require(
                bias <= int256(limit) && bias >= -int256(limit),
                IDenseScorer.LayerBiasOutOfRange(index + 1, j, bias, limit)
            );
        }
    }
}
