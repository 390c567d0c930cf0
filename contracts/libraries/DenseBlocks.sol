// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DenseLayer} from "./DenseFormat.sol";
import {Lane, Lanes} from "./Lanes.sol";

/// @title DenseBlocks
/// @notice A layer's weights as the packed sums take them: for each block of outputs the biases in one word, then
/// a word for each input, in chunks.
library DenseBlocks {
    /// @dev A block's part of the layer's weights, in calldata: `count` bytes from `weightsAt` on for the first
    /// input, and `stride` bytes further on for each next one; its biases from `biasesAt` on.
    struct Block {
        uint256 weightsAt;
        uint256 biasesAt;
        uint256 inputs;
        uint256 stride;
        uint256 bits;
        uint256 count;
        uint256 ones;
    }

    /// @notice How many blocks a layer's outputs fill.
    function blockCount(DenseLayer memory layer) internal pure returns (uint256) {
        unchecked {
            return (layer.outputs + layer.lane.count - 1) / layer.lane.count;
        }
    }

    /// @notice How many inputs a block's words stand for: the layer's, rounded up to whole chunks.
    /// @param inputLanes Lanes of the words the inputs come in; 0 where they come in bytes.
    function paddedInputs(uint256 inputs, uint256 inputLanes) internal pure returns (uint256) {
        uint256 step = inputLanes == 0 ? 4 : inputLanes;
        unchecked {
            return (inputs + step - 1) / step * step;
        }
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
        unchecked {
            uint256 to = at;
            for (uint256 b = 0; b < blocks; ++b) {
                Block memory block_ = _blockOf(layer, model, b);
                _store(to, _biases(block_, layer.lane.halfRange));
                if (input.count == 0) _unpackBytes(block_, to + 32, padded);
                else _unpackLanes(block_, to + 32, padded, input);
                to += 32 * (padded + 1);
            }
        }
    }

    /// @dev Chunk by chunk, each from its last word to its first: `W_i - 256 W_(i+1)`.
    function _unpackBytes(Block memory block_, uint256 at, uint256 padded) private pure {
        unchecked {
            uint256 first = 0;
            while (first < padded) {
                uint256 end = first + chunkOf(padded - first);
                uint256 real = end < block_.inputs ? end : block_.inputs;
                for (uint256 i = real; i < end; ++i) {
                    _store(at + 32 * i, 0);
                }
                uint256 following = 0;
                for (uint256 i = real; i > first;) {
                    --i;
                    uint256 word = _weights(block_, i);
                    _store(at + 32 * i, word - (following << 8));
                    following = word;
                }
                first = end;
            }
        }
    }

    /// @dev Word by word of the inputs, each from its first lane to its last: `W_k - 2^bits W_(k-1)`.
    function _unpackLanes(Block memory block_, uint256 at, uint256 padded, Lane memory input) private pure {
        unchecked {
            uint256 previous = 0;
            uint256 bits = input.bits;
            uint256 lane = input.count;
            for (uint256 i = 0; i < padded; ++i) {
                if (lane == input.count) (lane, previous) = (0, 0);
                uint256 word = i < block_.inputs ? _weights(block_, i) : 0;
                _store(at + 32 * i, word - (previous << bits));
                previous = word;
                ++lane;
            }
        }
    }

    function _blockOf(DenseLayer memory layer, bytes calldata model, uint256 b)
        private
        pure
        returns (Block memory block_)
    {
        unchecked {
            uint256 first = b * layer.lane.count;
            uint256 weightsAt = layer.weightsAt + first;
            uint256 biasesAt = layer.biasesAt + 4 * first;
            assembly ("memory-safe") {
                weightsAt := add(weightsAt, model.offset)
                biasesAt := add(biasesAt, model.offset)
            }
            uint256 rest = layer.outputs - first;
            uint256 count = rest < layer.lane.count ? rest : layer.lane.count;
            block_ = Block(
                weightsAt,
                biasesAt,
                layer.inputs,
                layer.outputs,
                layer.lane.bits,
                count,
                Lanes.onesOf(layer.lane, count)
            );
        }
    }

    /// @dev The weights of one input for the outputs of the block.
    function _weights(Block memory block_, uint256 input) private pure returns (uint256) {
        uint256 word;
        unchecked {
            uint256 at = block_.weightsAt + input * block_.stride;
            assembly ("memory-safe") {
                word := calldataload(at)
            }
        }
        return Lanes.spread(word, block_.bits, block_.count, block_.ones);
    }

    /// @dev The biases of the block, each raised by half of the lane's range.
    function _biases(Block memory block_, uint256 halfRange) private pure returns (uint256 word) {
        (uint256 at, uint256 end, uint256 bits) =
            (block_.biasesAt, block_.biasesAt + 4 * block_.count, block_.bits);
        assembly ("memory-safe") {
            for {} lt(at, end) {} {
                end := sub(end, 4)
                word := add(shl(bits, word), add(sar(224, calldataload(end)), halfRange))
            }
        }
    }

    function _store(uint256 at, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(at, word)
        }
    }
}
