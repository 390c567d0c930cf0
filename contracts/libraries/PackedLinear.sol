// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DenseBlocks} from "./DenseBlocks.sol";
import {DenseLayer} from "./DenseFormat.sol";
import {PackedSums} from "./PackedSums.sol";
import {PackedWeights, WeightSource} from "./PackedWeights.sol";
import {Rows} from "./RowTable.sol";

/// @title PackedLinear
/// @notice Counts the hits of a linear classifier of one block and at most 32 inputs in a single loop: the sums of
/// `PackedSums` and the comparison of `PackedHits`, with nothing stored in between.
/// @dev Warning: the byte behind the last row's target may be overwritten.
library PackedLinear {
    uint256 private constant MAX_INPUTS = 32;
    uint256 private constant MAX_OUTPUTS = 10;
    /// @dev The lane of a narrow output layer, see `Lanes`.
    uint256 private constant BITS = 25;
    uint256 private constant HALF_RANGE = 1 << 23;
    uint256 private constant ONES = 0x200000100000080000040000020000010000008000004000002000001;
    uint256 private constant TOPS = 0x200000100000080000040000020000010000008000004000002000001000000;

    /// @notice Whether a model's only layer is small enough; one without inputs is none.
    function fits(DenseLayer layer) internal pure returns (bool) {
        uint256 inputs = layer.inputs();
        return inputs > 0 && inputs <= MAX_INPUTS && layer.outputs() <= MAX_OUTPUTS;
    }

    /// @notice How many rows the layer predicts right. Reverts if a bias is out of its range.
    function hits(DenseLayer layer, bytes calldata model, Rows memory rows) internal pure returns (uint256) {
        (uint256 inputs, uint256 outputs) = (layer.inputs(), layer.outputs());
        uint256 size = inputs <= 4 ? 4 : inputs <= 8 ? 8 : inputs <= 16 ? 16 : 32;
        WeightSource memory source = DenseBlocks.sourceOf(layer, model, 0, outputs, BITS, ONES);
        PackedWeights.unpackBytes(source, PackedSums.WEIGHTS_AT, 0, size);
        uint256 sums = TOPS | DenseBlocks.biasesOf(layer, model, 0, outputs, BITS, HALF_RANGE);
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
                mcopy(0x640, row, 4)
                let sum := biases
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
                let bit := mul(25, byte(0, mload(add(row, inputs))))
                // slither-disable-next-line incorrect-shift (1 moved by a variable)
                let taken := mul(ONES, add(and(shr(bit, sum), 0xffffff), shl(bit, 1)))
                found := add(found, iszero(and(TOPS, sub(sum, taken))))
                row := add(row, rowLength)
                mcopy(0x640, row, 4)
                sum := biases
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
                bit := mul(25, byte(0, mload(add(row, inputs))))
                // slither-disable-next-line incorrect-shift (1 moved by a variable)
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
                mcopy(0x640, row, 32)
                let sum := biases
                sum := add(mul(mload(0x622), mload(0x6a0)), add(mul(mload(0x621), mload(0x680)), sum))
                sum := add(mul(mload(0x624), mload(0x6e0)), add(mul(mload(0x623), mload(0x6c0)), sum))
                sum := add(mul(mload(0x626), mload(0x720)), add(mul(mload(0x625), mload(0x700)), sum))
                sum := add(mul(mload(0x628), mload(0x760)), add(mul(mload(0x627), mload(0x740)), sum))
                if gt(inputs, 8) {
                    sum := add(mul(mload(0x62a), mload(0x7a0)), add(mul(mload(0x629), mload(0x780)), sum))
                    sum := add(mul(mload(0x62c), mload(0x7e0)), add(mul(mload(0x62b), mload(0x7c0)), sum))
                    sum := add(mul(mload(0x62e), mload(0x820)), add(mul(mload(0x62d), mload(0x800)), sum))
                    sum := add(mul(mload(0x630), mload(0x860)), add(mul(mload(0x62f), mload(0x840)), sum))
                    if gt(inputs, 16) {
                        sum := add(mul(mload(0x632), mload(0x8a0)), add(mul(mload(0x631), mload(0x880)), sum))
                        sum := add(mul(mload(0x634), mload(0x8e0)), add(mul(mload(0x633), mload(0x8c0)), sum))
                        sum := add(mul(mload(0x636), mload(0x920)), add(mul(mload(0x635), mload(0x900)), sum))
                        sum := add(mul(mload(0x638), mload(0x960)), add(mul(mload(0x637), mload(0x940)), sum))
                        sum := add(mul(mload(0x63a), mload(0x9a0)), add(mul(mload(0x639), mload(0x980)), sum))
                        sum := add(mul(mload(0x63c), mload(0x9e0)), add(mul(mload(0x63b), mload(0x9c0)), sum))
                        sum := add(mul(mload(0x63e), mload(0xa20)), add(mul(mload(0x63d), mload(0xa00)), sum))
                        sum := add(mul(mload(0x640), mload(0xa60)), add(mul(mload(0x63f), mload(0xa40)), sum))
                    }
                }
                let bit := mul(25, byte(0, mload(add(row, inputs))))
                // slither-disable-next-line incorrect-shift (1 moved by a variable)
                let taken := mul(ONES, add(and(shr(bit, sum), 0xffffff), shl(bit, 1)))
                found := add(found, iszero(and(TOPS, sub(sum, taken))))
            }
        }
    }
}
