// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice How a layer's sums lie in a word: `count` lanes of `bits` bits, the first in the lowest bits.
/// `halfRange` is added to each sum, so that a lane holds `sum + halfRange >= 0`; `ones` has 1 in every lane.
struct Lane {
    uint256 bits;
    uint256 count;
    uint256 halfRange;
    uint256 ones;
}

/// @title Lanes
/// @notice Arithmetic on all lanes of a word at once.
///
/// Why nothing overflows: a sum over `n` inputs lies within `128 * 255 * n = 32640 n` of its bias, and a bias is
/// accepted only up to `halfRange - 32640 n - 1` in magnitude. So `0 < sum + halfRange < 2 * halfRange`, which is
/// at most `2^bits`, and the word is exactly the concatenation of its lanes. While a sum is being added up, lanes
/// may borrow from their neighbours, because a negative product is added modulo 2^256; arithmetic modulo 2^256 is
/// a ring, so only the final word matters, and that one is in range. A `NARROW` output lane, and every output
/// lane, keeps its top bit clear for comparisons: there `2 * halfRange = 2^(bits - 1)`.
library Lanes {
    uint256 internal constant NARROW_HIDDEN_FAN_IN = 96;
    uint256 internal constant NARROW_OUTPUT_FAN_IN = 192;
    uint256 private constant LARGEST_PRODUCT = 128 * 255;
    uint256 private constant ONES_23 = 0x4000008000010000020000040000080000100000200000400000800001;
    uint256 private constant CARRY_23 = 0xfffc01fff803fff007ffe00fffc01fff803fff007ffe00fffc01fff803fff00;
    uint256 private constant LOW_23 = 0x3fc0007f8000ff0001fe0003fc0007f8000ff0001fe0003fc0007f8000ff;
    uint256 private constant ONES_25 = (2 ** (25 * 10) - 1) / (2 ** 25 - 1);
    uint256 private constant ONES_32 = (2 ** (32 * 8) - 1) / (2 ** 32 - 1);

    /// @notice The lane of a layer's neurons.
    function laneOf(uint256 fanIn, bool isOutput) internal pure returns (Lane memory) {
        uint256 halfRange = halfRangeOf(fanIn, isOutput);
        if (halfRange == 1 << 22) return Lane(23, 11, halfRange, ONES_23);
        if (halfRange == 1 << 23) return Lane(25, 10, halfRange, ONES_25);
        return Lane(32, 8, halfRange, ONES_32);
    }

    /// @notice What is added to a layer's sums, so that none is negative.
    function halfRangeOf(uint256 fanIn, bool isOutput) internal pure returns (uint256) {
        if (isOutput) return fanIn <= NARROW_OUTPUT_FAN_IN ? 1 << 23 : 1 << 30;
        return fanIn <= NARROW_HIDDEN_FAN_IN ? 1 << 22 : 1 << 31;
    }

    /// @notice The largest magnitude of a bias in a layer.
    function biasLimit(uint256 fanIn, bool isOutput) internal pure returns (uint256) {
        unchecked {
            return halfRangeOf(fanIn, isOutput) - LARGEST_PRODUCT * fanIn - 1;
        }
    }

    /// @notice How many words of lanes hold `outputs` sums.
    function blockCount(Lane memory lane, uint256 outputs) internal pure returns (uint256) {
        unchecked {
            return (outputs + lane.count - 1) / lane.count;
        }
    }

    /// @dev The same for lanes of 23 bits, with every constant written out: the optimizer would compute them anew
    /// for every word. Two words at a time.
    function _rectifyNarrow(uint256 from, uint256 end, uint256 shift) private pure {
        assembly ("memory-safe") {
            // slither-disable-next-line incorrect-shift (a mask moved by a variable)
            let kept := shl(shift, shr(shift, 0x3fffff))
            mstore(0, end)
            for {} lt(from, mload(0)) { from := add(from, 32) } {
                let word := mload(from)
                word := shr(shift, and(word, mul(and(shr(22, word), ONES_23), kept)))
                let large := and(shr(22, add(word, CARRY_23)), ONES_23)
                mstore(from, and(or(word, mul(large, 255)), LOW_23))
                from := add(from, 32)
                word := mload(from)
                word := shr(shift, and(word, mul(and(shr(22, word), ONES_23), kept)))
                large := and(shr(22, add(word, CARRY_23)), ONES_23)
                mstore(from, and(or(word, mul(large, 255)), LOW_23))
            }
        }
    }

    /// @notice `clip(sum >> shift, 0, 255)` in every lane of the words of memory from `from` up to `end`, where a
    /// lane of a hidden layer holds `sum + 2^(bits - 1)`.
    /// @dev In the order of the lines: 1 in the lanes whose sum is not negative, and so those sums, 0 in the others,
    /// without the bits that the shift is to lose; 1 in the lanes that are at least 256 now, found by adding
    /// `2^(bits - 1) - 256`, which cannot leave the lane; 255 in those, the low byte in all.
    /// Warning: after an odd number of words, the word at `end` is changed too.
    function rectifyAll(uint256 from, uint256 end, uint256 bits, uint256 ones, uint256 shift) internal pure {
        if (bits == 23) return _rectifyNarrow(from, end, shift);
        assembly ("memory-safe") {
            let top := sub(bits, 1)
            // slither-disable-next-line incorrect-shift (1 moved by a variable)
            let kept := shl(shift, shr(shift, sub(shl(top, 1), 1)))
            // slither-disable-next-line incorrect-shift (1 moved by a variable)
            let carry := mul(ones, sub(shl(top, 1), 256))
            let low := mul(ones, 255)
            for {} lt(from, end) { from := add(from, 32) } {
                let word := mload(from)
                word := shr(shift, and(word, mul(and(shr(top, word), ones), kept)))
                let large := and(shr(top, add(word, carry)), ones)
                mstore(from, and(or(word, mul(large, 255)), low))
            }
        }
    }

    /// @notice 0 where no lane of an output layer's word is above `value`, and no lane below the bit
    /// `strictBits` is equal to it.
    /// @dev The top bit of each lane is set, then the lane's content is taken away from `value`: the bit is still
    /// there where nothing had to be borrowed. Contents are below `2^(bits - 1)`, so one lane never disturbs
    /// another.
    function exceeds(uint256 word, uint256 value, uint256 bits, uint256 ones, uint256 strictBits)
        internal
        pure
        returns (uint256 y)
    {
        assembly ("memory-safe") {
            let tops := shl(sub(bits, 1), ones)
            // slither-disable-next-line incorrect-shift (1 moved by a variable)
            let strict := and(ones, sub(shl(strictBits, 1), 1))
            y := and(tops, not(sub(or(mul(value, ones), tops), add(word, strict))))
        }
    }
}
