// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DenseFormat, DenseLayer} from "./DenseFormat.sol";
import {Lane, Lanes} from "./Lanes.sol";
import {PackedSums} from "./PackedSums.sol";

/// @title DenseBlocks
/// @notice A layer's weights as the packed sums take them: for each block of outputs the biases in one word, then
/// a word for each input, in chunks.
library DenseBlocks {
    /// @notice How many blocks a layer's outputs fill.
    function blockCount(DenseLayer memory layer) internal pure returns (uint256) {
        return (layer.outputs + layer.lane.count - 1) / layer.lane.count;
    }

    /// @notice How many inputs a block's words stand for: the layer's, rounded up to whole chunks.
    /// @param inputLanes Lanes of the words the inputs come in; 0 where they come in bytes.
    function paddedInputs(uint256 inputs, uint256 inputLanes) internal pure returns (uint256) {
        uint256 step = inputLanes == 0 ? 4 : inputLanes;
        return (inputs + step - 1) / step * step;
    }

    /// @notice The size of the next chunk where `remaining` inputs, a multiple of four, are left.
    function chunkOf(uint256 remaining) internal pure returns (uint256) {
        return remaining >= 64 ? 64 : remaining >= 32 ? 32 : remaining >= 16 ? 16 : remaining >= 8 ? 8 : 4;
    }

    /// @notice Writes a layer's blocks to memory.
    /// @param input The lanes that the inputs come in; `count` 0 where they come in bytes.
    function unpack(DenseLayer memory layer, bytes calldata model, Lane memory input)
        internal
        pure
        returns (uint256 at)
    {
        uint256 padded = paddedInputs(layer.inputs, input.count);
        uint256 blocks = blockCount(layer);
        assembly ("memory-safe") {
            at := mload(0x40)
            mstore(0x40, add(at, shl(5, mul(blocks, add(padded, 1)))))
        }
        uint256 to = at;
        for (uint256 b = 0; b < blocks; ++b) {
            _store(to, _biases(layer, model, b));
            if (input.count == 0) _unpackBytes(layer, model, b, to + 32, padded);
            else _unpackLanes(layer, model, b, to + 32, padded, input);
            to += 32 * (padded + 1);
        }
    }

    function _unpackBytes(DenseLayer memory layer, bytes calldata model, uint256 b, uint256 at, uint256 padded)
        private
        pure
    {
        uint256 first = 0;
        while (first < padded) {
            uint256 size = chunkOf(padded - first);
            uint256 following = 0;
            for (uint256 i = size; i > 0; --i) {
                uint256 word = _weights(layer, model, b, first + i - 1);
                unchecked {
                    _store(at + 32 * (first + i - 1), word - (following << 8));
                }
                following = word;
            }
            first += size;
        }
    }

    function _unpackLanes(
        DenseLayer memory layer,
        bytes calldata model,
        uint256 b,
        uint256 at,
        uint256 padded,
        Lane memory input
    ) private pure {
        uint256 previous = 0;
        for (uint256 i = 0; i < padded; ++i) {
            if (i % input.count == 0) previous = 0;
            uint256 word = _weights(layer, model, b, i);
            unchecked {
                _store(at + 32 * i, word - (previous << input.bits));
            }
            previous = word;
        }
    }

    /// @dev The weights of one input for the outputs of one block; 0 for an input that only pads.
    function _weights(DenseLayer memory layer, bytes calldata model, uint256 b, uint256 input)
        private
        pure
        returns (uint256)
    {
        if (input >= layer.inputs) return 0;
        uint256 first = b * layer.lane.count;
        uint256 at = layer.weightsAt + input * layer.outputs + first;
        uint256 word;
        assembly ("memory-safe") {
            word := calldataload(add(model.offset, at))
        }
        return Lanes.spread(word, layer.lane.bits, _outputsIn(layer, first));
    }

    /// @dev The biases of one block, each raised by half of the lane's range.
    function _biases(DenseLayer memory layer, bytes calldata model, uint256 b) private pure returns (uint256 word) {
        uint256 first = b * layer.lane.count;
        uint256 count = _outputsIn(layer, first);
        for (uint256 k = 0; k < count; ++k) {
            int256 bias = DenseFormat.biasOf(layer, model, first + k);
            word |= uint256(bias + int256(layer.lane.halfRange)) << (layer.lane.bits * k);
        }
    }

    function _outputsIn(DenseLayer memory layer, uint256 first) private pure returns (uint256) {
        uint256 rest = layer.outputs - first;
        return rest < layer.lane.count ? rest : layer.lane.count;
    }

    function _store(uint256 at, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(at, word)
        }
    }
}
