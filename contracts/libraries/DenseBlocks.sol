// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DenseFormat, DenseLayer} from "./DenseFormat.sol";
import {Lane, Lanes} from "./Lanes.sol";
import {PackedWeights, WeightSource} from "./PackedWeights.sol";

/// @title DenseBlocks
/// @notice A layer's weights as the packed sums take them: for each block of outputs the biases in one word, then
/// a word for each input, in chunks.
library DenseBlocks {
    /// @notice How many inputs a block's words stand for: the layer's, rounded up to whole chunks.
    /// @param inputLanes Lanes of the words the inputs come in; 0 where they come in bytes.
    function paddedInputs(uint256 inputs, uint256 inputLanes) internal pure returns (uint256) {
        uint256 step = inputLanes == 0 ? 4 : inputLanes;
        unchecked {
            // slither-disable-next-line divide-before-multiply (rounds up to whole steps)
            return (inputs + step - 1) / step * step;
        }
    }

    /// @notice The size of the next chunk where `remaining` inputs, a multiple of four, are left.
    function chunkOf(uint256 remaining) internal pure returns (uint256) {
        return remaining >= 64 ? 64 : remaining >= 32 ? 32 : remaining >= 16 ? 16 : remaining >= 8 ? 8 : 4;
    }

    /// @notice How many inputs the packed sums take next where `remaining` are left: a chunk of bytes, the lanes of
    /// one word, or those of three narrow words at once.
    function sumSize(uint256 remaining, uint256 inputLanes) internal pure returns (uint256) {
        if (inputLanes == 0) return chunkOf(remaining);
        return inputLanes == 11 && remaining >= 33 ? 33 : inputLanes;
    }

    /// @notice Writes a layer's blocks to memory. Reverts if a bias is out of its range.
    /// @param input The lanes that the inputs come in; `count` 0 where they come in bytes.
    function unpack(DenseLayer layer, bytes calldata model, Lane memory input)
        internal
        pure
        returns (uint256 ptr)
    {
        Lane memory lane = layer.lane();
        uint256 blocks = Lanes.blockCount(lane, layer.outputs());
        uint256 padded = paddedInputs(layer.inputs(), input.count);
        assembly ("memory-safe") {
            ptr := mload(0x40)
            mstore(0x40, add(ptr, shl(5, mul(blocks, add(padded, 1)))))
        }
        unchecked {
            uint256 to = ptr;
            for (uint256 b = 0; b < blocks; ++b) {
                uint256 start = b * lane.count;
                uint256 count = layer.outputs() - start;
                if (count > lane.count) count = lane.count;
                uint256 biases = biasesOf(layer, model, start, count, lane.bits, lane.halfRange);
                assembly ("memory-safe") {
                    mstore(to, biases)
                }
                WeightSource memory source = sourceOf(layer, model, start, count, lane.bits, lane.ones);
                to = _unpackWeights(source, to + 32, padded, input);
            }
        }
    }

    /// @dev Writes the words of a block's weights from `to` on, and gives where they end.
    function _unpackWeights(WeightSource memory source, uint256 to, uint256 padded, Lane memory input)
        private
        pure
        returns (uint256)
    {
        unchecked {
            for (uint256 first = 0; first < padded;) {
                uint256 size = input.count == 0 ? chunkOf(padded - first) : input.count;
                if (input.count == 0) PackedWeights.unpackBytes(source, to, first, size);
                else PackedWeights.unpackLanes(source, to, first, size, input.bits);
                to += 32 * size;
                first += size;
            }
            return to;
        }
    }

    /// @notice The biases of the `count` outputs from `first` on, each raised by `halfRange`, in lanes of `bits` bits.
    /// Reverts if one is out of its range.
    function biasesOf(
        DenseLayer layer,
        bytes calldata model,
        uint256 first,
        uint256 count,
        uint256 bits,
        uint256 halfRange
    ) internal pure returns (uint256 word) {
        unchecked {
            uint256 start = layer.biasesAt() + 4 * first;
            uint256 limit = Lanes.biasLimit(layer.inputs(), layer.isOutput());
            bool isBad;
            assembly ("memory-safe") {
                start := add(start, model.offset)
                for { let end := add(start, shl(2, count)) } lt(start, end) {} {
                    end := sub(end, 4)
                    let bias := sar(224, calldataload(end))
                    isBad := or(isBad, gt(add(bias, limit), shl(1, limit)))
                    word := add(shl(bits, word), add(bias, halfRange))
                }
            }
            if (isBad) DenseFormat.checkBiases(model, layer);
        }
    }

    /// @notice Where the weights of the `count` outputs from `first` on are in calldata.
    function sourceOf(
        DenseLayer layer,
        bytes calldata model,
        uint256 first,
        uint256 count,
        uint256 bits,
        uint256 ones
    ) internal pure returns (WeightSource memory source) {
        unchecked {
            uint256 start;
            assembly ("memory-safe") {
                start := model.offset
            }
            source.from = start + layer.weightsAt() + layer.outputs() - first - 32;
            source.stride = layer.outputs();
            source.inputs = layer.inputs();
            source.bits = bits;
            source.mask = (1 << (8 * count)) - 1;
            source.lowest = 128 * (ones & ((1 << (bits * count)) - 1));
        }
    }
}
