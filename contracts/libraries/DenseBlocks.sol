// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DenseLayer} from "./DenseFormat.sol";
import {Lane, Lanes} from "./Lanes.sol";

/// @notice A block's part of a layer, in calldata: `count` weights from `weightsAt` on for the first input, and
/// `stride` bytes further on for each next one; `count` biases from `biasesAt` on. `bits` is a lane's width, `ones`
/// has 1 in each lane in use.
struct Block {
    uint256 weightsAt;
    uint256 biasesAt;
    uint256 inputs;
    uint256 stride;
    uint256 bits;
    uint256 count;
    uint256 ones;
}

/// @title DenseBlocks
/// @notice A layer's weights as the packed sums take them: for each block of outputs the biases in one word, then
/// a word for each input, in chunks.
library DenseBlocks {
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

    /// @notice How many inputs the packed sums take next where `remaining` are left: a chunk of bytes, the lanes of
    /// one word, or those of three narrow words at once.
    function sumSize(uint256 remaining, uint256 inputLanes) internal pure returns (uint256) {
        if (inputLanes == 0) return chunkOf(remaining);
        return inputLanes == 11 && remaining >= 33 ? 33 : inputLanes;
    }

    /// @notice Writes a layer's blocks to memory.
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
                Block memory block_ = blockOf(layer, lane, model, b);
                uint256 biases = biasesOf(block_, lane.halfRange);
                assembly ("memory-safe") {
                    mstore(to, biases)
                }
                to += 32;
                for (uint256 first = 0; first < padded;) {
                    uint256 size = input.count == 0 ? chunkOf(padded - first) : input.count;
                    if (input.count == 0) unpackBytes(block_, to, first, size);
                    else _unpackLanes(block_, to, first, size, input.bits);
                    to += 32 * size;
                    first += size;
                }
            }
        }
    }

    /// @notice One block of a layer.
    function blockOf(DenseLayer layer, Lane memory lane, bytes calldata model, uint256 b)
        internal
        pure
        returns (Block memory)
    {
        unchecked {
            uint256 first = b * lane.count;
            uint256 rest = layer.outputs() - first;
            uint256 count = rest < lane.count ? rest : lane.count;
            uint256 start;
            assembly ("memory-safe") {
                start := model.offset
            }
            return Block({
                weightsAt: start + layer.weightsAt() + first,
                biasesAt: start + layer.biasesAt() + 4 * first,
                inputs: layer.inputs(),
                stride: layer.outputs(),
                bits: lane.bits,
                count: count,
                ones: lane.ones & ((1 << (lane.bits * count)) - 1)
            });
        }
    }

    /// @notice The biases of a block, each raised by half of the lane's range.
    function biasesOf(Block memory block_, uint256 halfRange) internal pure returns (uint256 word) {
        unchecked {
            (uint256 ptr, uint256 bits) = (block_.biasesAt, block_.bits);
            uint256 end = ptr + 4 * block_.count;
            assembly ("memory-safe") {
                for {} lt(ptr, end) {} {
                    end := sub(end, 4)
                    word := add(shl(bits, word), add(sar(224, calldataload(end)), halfRange))
                }
            }
        }
    }

    /// @notice Writes a chunk of a block whose inputs come in bytes: `W_i - 256 W_(i+1)`, from the last to the
    /// first; zeros for what only pads.
    function unpackBytes(Block memory block_, uint256 to, uint256 first, uint256 size) internal pure {
        unchecked {
            uint256 rest = block_.inputs - first;
            uint256 count = rest < size ? rest : size;
            assembly ("memory-safe") {
                calldatacopy(add(to, shl(5, count)), calldatasize(), shl(5, sub(size, count)))
            }
            _chain(block_, to + 32 * (count - 1), first + count - 1, count, 8, type(uint256).max);
        }
    }

    /// @dev Writes a chunk of a block whose inputs come in lanes: `W_k - 2^bits W_(k-1)`, from the first to the
    /// last; zeros for what only pads, where the last real word is still taken off the first zero.
    function _unpackLanes(Block memory block_, uint256 to, uint256 first, uint256 size, uint256 bits)
        private
        pure
    {
        unchecked {
            uint256 rest = block_.inputs - first;
            uint256 count = rest < size ? rest : size;
            uint256 last = _chain(block_, to, first, count, bits, 1);
            if (count == size) return;
            assembly ("memory-safe") {
                let end := add(to, shl(5, count))
                calldatacopy(end, calldatasize(), shl(5, sub(size, count)))
                mstore(end, sub(0, shl(bits, last)))
            }
        }
    }

    /// @dev Writes `count` words from `to` on, in steps of `direction` (1 or -1): the weights of each input, less
    /// `2^bits` times those of the one before. Returns the last weights.
    function _chain(
        Block memory block_,
        uint256 to,
        uint256 input,
        uint256 count,
        uint256 bits,
        uint256 direction
    ) private pure returns (uint256 previous) {
        unchecked {
            uint256 from = block_.weightsAt + input * block_.stride;
            uint256 stride = block_.stride * direction;
            uint256 end = to + 32 * count * direction;
            (uint256 lane, uint256 lanes, uint256 ones) = (block_.bits, block_.count, block_.ones);
            while (to != end) {
                uint256 word;
                assembly ("memory-safe") {
                    word := calldataload(from)
                }
                word = Lanes.spread(word, lane, lanes, ones);
                assembly ("memory-safe") {
                    mstore(to, sub(word, shl(bits, previous)))
                }
                previous = word;
                from += stride;
                to += 32 * direction;
            }
        }
    }
}
