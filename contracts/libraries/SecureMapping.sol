// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

import {IScorer} from "../interfaces/IScorer.sol";
import {DenseBlocks} from "./DenseBlocks.sol";
import {PackedSums} from "./PackedSums.sol";
import {Rows} from "./RowTable.sol";

/// @title SecureMapping
/// @notice The layer in front of every model of a task that asks for it: a matrix of signs and offsets that only
/// the miner's own seed determines, so that a model is worth nothing under another miner's seed.
///
/// A row `x` of `f` features becomes `z` of `width` features, a multiple of 32:
///
///     z_j = clip((sum_i s_ji x_i + b_j) >> r, 0, 255),    r = 1 + the least k with 4^k >= f.
///
/// Output `j` belongs to block `k = 2 (j / 32) + j % 2`, and there to the big-endian 16-bit word `m = (j % 32) / 2`.
/// Let `H(k, g) = keccak256(abi.encode(seed, k, g))`. The sign `s_ji` is + where bit `i % 16` (0 is the lowest) of
/// word `m` of `H(k, i / 16)` is set, and - where it is clear. The offset `b_j` is the lowest `8 + r` bits of word
/// `m` of `H(k, 2^256 - 1)`.
///
/// The sums of a block lie in sixteen lanes of 16 bits, word `m` of the hash being the lane of output `m`. A lane
/// holds `sum + b + 2^15`: with at most 96 features, `|sum| <= 255 * 96 = 24,480` and `b < 2^13`, so it is between
/// 8,288 and 65,439. An even and an odd block together fill the bytes of 32 outputs.
/// @dev `PackedSums.reserve` must have been called.
library SecureMapping {
    uint256 internal constant MAX_FEATURES = 96;
    uint256 internal constant MAX_WIDTH = 256;
    uint256 private constant BITS = 16;
    uint256 private constant ONES = 0x0001000100010001000100010001000100010001000100010001000100010001;
    uint256 private constant HALF_RANGES = 0x8000800080008000800080008000800080008000800080008000800080008000;
    uint256 private constant BYTES = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
    uint256 private constant CARRY = 0x7f007f007f007f007f007f007f007f007f007f007f007f007f007f007f007f00;
    uint256 private constant OFFSETS = type(uint256).max;
    /// @dev Zero bytes kept behind the rows, so that a chunk of inputs may be read past the last one.
    uint256 private constant PADDING = 64;

    /// @notice Reverts unless rows of so many features can be mapped to this width; 0 is no mapping.
    function check(uint256 featureCount, uint256 width) internal pure {
        bool fits = width == 0 || (width % 32 == 0 && width <= MAX_WIDTH && featureCount <= MAX_FEATURES);
        require(fits, IScorer.MappingOutOfRange(featureCount, width));
    }

    /// @notice By how many bits sums are shifted to the right.
    function shiftOf(uint256 featureCount) internal pure returns (uint256 shift) {
        for (shift = 1; featureCount > 1; featureCount = (featureCount + 3) / 4) {
            ++shift;
        }
    }

    /// @notice The rows of a miner, targets included.
    function map(Rows memory rows, uint256 width, bytes32 seed) internal pure returns (Rows memory mapped) {
        check(rows.featureCount, width);
        unchecked {
            uint256 targetLength = rows.length - rows.featureCount;
            mapped = Rows(0, rows.count, width + targetLength, width, rows.classCount);
            mapped.ptr = _allocate(rows.count * mapped.length + PADDING);
            uint256 sums = _allocate(64 * (rows.count + 1));
            uint256 length = 32 * (rows.count + 1);
            uint256 shift = shiftOf(rows.featureCount);
            for (uint256 k = 0; k < width / 16; k += 2) {
                _addUp(rows, seed, k, shift, sums);
                _addUp(rows, seed, k + 1, shift, sums + length);
                rectify(sums, length, shift, mapped.ptr + 16 * k, mapped.length);
            }
            _copyTargets(rows, mapped, targetLength);
        }
    }

    /// @dev The sums of one block for every row.
    function _addUp(Rows memory rows, bytes32 seed, uint256 k, uint256 shift, uint256 sums) private pure {
        unchecked {
            uint256 offsets = uint256(_hash(seed, k, OFFSETS)) & (ONES * (2 ** (8 + shift) - 1));
            uint256 start = offsets + HALF_RANGES;
            assembly ("memory-safe") {
                mstore(sums, start)
            }
            uint256 end = sums + 32 * rows.count;
            PackedSums.fill(sums, sums, end - sums);
            uint256 padded = DenseBlocks.paddedInputs(rows.featureCount, 0);
            for (uint256 first = 0; first < padded;) {
                uint256 size = DenseBlocks.chunkOf(padded - first);
                _deriveWeights(seed, k, first, size, rows.featureCount);
                PackedSums.addBytes(size, rows.ptr + first, rows.length, sums, end);
                first += size;
            }
        }
    }

    /// @dev Puts a chunk's weights in place, as `PackedSums` takes them: `W_i - 256 W_(i+1)`, from the last to the
    /// first; zeros for what only pads. `W_i` has the sign of each output in its lane: twice its bit, less 1.
    function _deriveWeights(bytes32 seed, uint256 k, uint256 first, uint256 size, uint256 featureCount)
        private
        pure
    {
        unchecked {
            uint256 weightsAt = PackedSums.WEIGHTS_AT;
            uint256 end = first + size < featureCount ? first + size : featureCount;
            uint256 to = weightsAt + 32 * (end - first);
            assembly ("memory-safe") {
                calldatacopy(to, calldatasize(), sub(add(weightsAt, shl(5, size)), to))
            }
            uint256 previous;
            while (to != weightsAt) {
                uint256 last = first + (to - weightsAt) / 32 - 1;
                bytes32 signs = _hash(seed, k, last / 16);
                uint256 count = 1 + (last % 16 < last - first ? last % 16 : last - first);
                assembly ("memory-safe") {
                    let bit := mod(last, 16)
                    for { let start := sub(to, shl(5, count)) } gt(to, start) {} {
                        to := sub(to, 32)
                        let word := sub(shl(1, and(shr(bit, signs), ONES)), ONES)
                        mstore(to, sub(word, shl(8, previous)))
                        previous := word
                        bit := sub(bit, 1)
                    }
                }
            }
        }
    }

    /// @dev Clips the sums of an even and an odd block and writes them as 32 bytes of each mapped row. In the order
    /// of the lines: those lanes' sums that are not negative, 0 in the others, shifted, without the bits that came
    /// from the lane above; the low byte, or 255 in the lanes that are at least 256, found by adding 2^15 - 256.
    function rectify(uint256 sums, uint256 length, uint256 shift, uint256 to, uint256 rowLength)
        internal
        pure
    {
        assembly ("memory-safe") {
            // slither-disable-next-line incorrect-shift (a mask moved by a variable)
            let kept := shl(shift, shr(shift, 0x7fff))
            for { let end := add(sums, sub(length, 32)) } lt(sums, end) { sums := add(sums, 32) } {
                let even := mload(sums)
                even := shr(shift, and(even, mul(and(shr(15, even), ONES), kept)))
                even := or(and(even, BYTES), mul(and(shr(15, add(even, CARRY)), ONES), 255))
                let odd := mload(add(sums, length))
                odd := shr(shift, and(odd, mul(and(shr(15, odd), ONES), kept)))
                odd := or(and(odd, BYTES), mul(and(shr(15, add(odd, CARRY)), ONES), 255))
                mstore(to, or(shl(8, even), odd))
                to := add(to, rowLength)
            }
        }
    }

    function _copyTargets(Rows memory rows, Rows memory mapped, uint256 targetLength) private pure {
        unchecked {
            uint256 from = rows.ptr + rows.featureCount;
            uint256 to = mapped.ptr + mapped.featureCount;
            for (uint256 end = from + rows.count * rows.length; from < end; from += rows.length) {
                assembly ("memory-safe") {
                    mcopy(to, from, targetLength)
                }
                to += mapped.length;
            }
        }
    }

    function _allocate(uint256 size) private pure returns (uint256 ptr) {
        assembly ("memory-safe") {
            ptr := mload(0x40)
            mstore(0x40, add(ptr, and(add(size, 31), not(31))))
        }
    }

    /// @dev `H(k, g)`.
    function _hash(bytes32 seed, uint256 k, uint256 g) private pure returns (bytes32) {
        return EfficientHashLib.hash(seed, bytes32(k), bytes32(g));
    }
}
