// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DenseBlocks} from "./DenseBlocks.sol";
import {DenseLayer} from "./DenseFormat.sol";
import {Lane} from "./Lanes.sol";
import {PackedSums} from "./PackedSums.sol";
import {PackedWeights} from "./PackedWeights.sol";
import {Rows} from "./RowTable.sol";

/// @title PackedLinear
/// @notice Counts the hits of a linear classifier of one block and at most 32 inputs in a single loop: the sums of
/// `PackedSums` and the comparison of `PackedHits`, with nothing stored in between.
/// @dev Warning: the byte behind the last row's target may be overwritten.
library PackedLinear {
    uint256 private constant MAX_INPUTS = 32;
    uint256 private constant MAX_OUTPUTS = 10;
    uint256 private constant ONES = 0x200000100000080000040000020000010000008000004000002000001;
    uint256 private constant TOPS = 0x200000100000080000040000020000010000008000004000002000001000000;

    /// @notice Whether a model's only layer is small enough; one without inputs is none.
    function fits(DenseLayer layer) internal pure returns (bool) {
        uint256 inputs = layer.inputs();
        return inputs > 0 && inputs <= MAX_INPUTS && layer.outputs() <= MAX_OUTPUTS;
    }

    /// @notice How many rows the layer predicts right. Reverts if a bias is out of its range.
    function hits(DenseLayer layer, bytes calldata model, Rows memory rows) internal pure returns (uint256) {
        Lane memory lane = layer.lane();
        uint256 inputs = layer.inputs();
        uint256 size = inputs <= 4 ? 4 : inputs <= 8 ? 8 : inputs <= 16 ? 16 : 32;
        PackedWeights.unpackBytes(DenseBlocks.blockOf(layer, lane, model, 0), PackedSums.WEIGHTS_AT, 0, size);
        uint256 sums = TOPS | DenseBlocks.biasesOf(layer, lane, model, 0);
        unchecked {
            uint256 end = rows.ptr + rows.count * rows.length;
            return size == 4
                ? _countPairs(rows.ptr, end, rows.length, inputs, sums)
                : _count(rows.ptr, end, rows.length, inputs, sums);
        }
    }

    /// @dev At most four inputs, two rows at a time; behind an odd number of rows comes one of no class.
    function _countPairs(uint256 row, uint256 end, uint256 rowLength, uint256 inputs, uint256 biases)
        private
        pure
        returns (uint256 found)
    {
        assembly ("memory-safe") {
            mstore8(add(end, inputs), 255)
            for {} lt(row, end) { row := add(row, rowLength) } {
                mcopy(0x440, row, 4)
                let sum := biases
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                let bit := mul(25, byte(0, mload(add(row, inputs))))
                let taken := mul(ONES, add(and(shr(bit, sum), 0xffffff), shl(bit, 1)))
                found := add(found, iszero(and(TOPS, sub(sum, taken))))
                row := add(row, rowLength)
                mcopy(0x440, row, 4)
                sum := biases
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                bit := mul(25, byte(0, mload(add(row, inputs))))
                taken := mul(ONES, add(and(shr(bit, sum), 0xffffff), shl(bit, 1)))
                found := add(found, iszero(and(TOPS, sub(sum, taken))))
            }
        }
    }

    /// @dev Lanes have 25 bits; the sums begin with the lanes' top bits set, see `PackedHits`.
    function _count(uint256 row, uint256 end, uint256 rowLength, uint256 inputs, uint256 biases)
        private
        pure
        returns (uint256 found)
    {
        assembly ("memory-safe") {
            for {} lt(row, end) { row := add(row, rowLength) } {
                mcopy(0x440, row, 32)
                let sum := biases
                sum := add(mul(mload(0x422), mload(0x4a0)), add(mul(mload(0x421), mload(0x480)), sum))
                sum := add(mul(mload(0x424), mload(0x4e0)), add(mul(mload(0x423), mload(0x4c0)), sum))
                sum := add(mul(mload(0x426), mload(0x520)), add(mul(mload(0x425), mload(0x500)), sum))
                sum := add(mul(mload(0x428), mload(0x560)), add(mul(mload(0x427), mload(0x540)), sum))
                if gt(inputs, 8) {
                    sum := add(mul(mload(0x42a), mload(0x5a0)), add(mul(mload(0x429), mload(0x580)), sum))
                    sum := add(mul(mload(0x42c), mload(0x5e0)), add(mul(mload(0x42b), mload(0x5c0)), sum))
                    sum := add(mul(mload(0x42e), mload(0x620)), add(mul(mload(0x42d), mload(0x600)), sum))
                    sum := add(mul(mload(0x430), mload(0x660)), add(mul(mload(0x42f), mload(0x640)), sum))
                    if gt(inputs, 16) {
                        sum := add(mul(mload(0x432), mload(0x6a0)), add(mul(mload(0x431), mload(0x680)), sum))
                        sum := add(mul(mload(0x434), mload(0x6e0)), add(mul(mload(0x433), mload(0x6c0)), sum))
                        sum := add(mul(mload(0x436), mload(0x720)), add(mul(mload(0x435), mload(0x700)), sum))
                        sum := add(mul(mload(0x438), mload(0x760)), add(mul(mload(0x437), mload(0x740)), sum))
                        sum := add(mul(mload(0x43a), mload(0x7a0)), add(mul(mload(0x439), mload(0x780)), sum))
                        sum := add(mul(mload(0x43c), mload(0x7e0)), add(mul(mload(0x43b), mload(0x7c0)), sum))
                        sum := add(mul(mload(0x43e), mload(0x820)), add(mul(mload(0x43d), mload(0x800)), sum))
                        sum := add(mul(mload(0x440), mload(0x860)), add(mul(mload(0x43f), mload(0x840)), sum))
                    }
                }
                let bit := mul(25, byte(0, mload(add(row, inputs))))
                let taken := mul(ONES, add(and(shr(bit, sum), 0xffffff), shl(bit, 1)))
                found := add(found, iszero(and(TOPS, sub(sum, taken))))
            }
        }
    }
}
