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

    /// @notice The lane of a layer's neurons.
    function laneOf(uint256 fanIn, bool isOutput) internal pure returns (Lane memory lane) {
        if (isOutput && fanIn <= NARROW_OUTPUT_FAN_IN) lane = Lane(25, 10, 1 << 23, 0);
        else if (isOutput) lane = Lane(32, 8, 1 << 30, 0);
        else if (fanIn <= NARROW_HIDDEN_FAN_IN) lane = Lane(23, 11, 1 << 22, 0);
        else lane = Lane(32, 8, 1 << 31, 0);
        lane.ones = onesOf(lane.bits, lane.count);
    }

    /// @notice The largest magnitude of a bias in a layer.
    function biasLimit(Lane memory lane, uint256 fanIn) internal pure returns (uint256) {
        return lane.halfRange - LARGEST_PRODUCT * fanIn - 1;
    }

    /// @notice A word with 1 in each of its first `count` lanes.
    function onesOf(uint256 bits, uint256 count) internal pure returns (uint256) {
        return (bits * count == 256 ? type(uint256).max : (1 << (bits * count)) - 1) / ((1 << bits) - 1);
    }

    /// @notice The first `count` bytes of a word, as int8, one in each lane: `sum_k int8(word[k]) * 2^(bits * k)`
    /// modulo 2^256. The bytes after them are ignored.
    function spread(uint256 word, uint256 bits, uint256 count) internal pure returns (uint256 lanes) {
        assembly ("memory-safe") {
            // A signed byte plus 128 is the byte with its top bit flipped.
            word := xor(word, 0x8080808080808080808080808080808080808080808080808080808080808080)
            let k := count
            for {} k {} {
                k := sub(k, 1)
                lanes := or(shl(bits, lanes), byte(k, word))
            }
        }
        unchecked {
            lanes -= 128 * onesOf(bits, count);
        }
    }

    /// @notice The plain form of `spread`.
    function spreadPlain(uint256 word, uint256 bits, uint256 count) internal pure returns (uint256 lanes) {
        for (uint256 k = 0; k < count; ++k) {
            int256 weight = int8(uint8(bytes32(word)[k]));
            unchecked {
                lanes += uint256(weight) << (bits * k);
            }
        }
    }

    /// @notice `clip(sum >> shift, 0, 255)` in every lane of a hidden layer's word, where a lane holds
    /// `sum + 2^(bits - 1)`.
    /// @dev In the order of the lines: 1 in the lanes whose sum is not negative; those lanes' sums, and 0 in the
    /// others; the sums shifted, without the bits that came from the lane above; 1 in the lanes that are at least
    /// 256, found by adding `2^(bits - 1) - 256`, which cannot leave the lane; 255 in those, the low byte in all.
    function rectify(uint256 word, uint256 bits, uint256 ones, uint256 shift) internal pure returns (uint256 y) {
        assembly ("memory-safe") {
            let top := sub(bits, 1)
            let positive := and(shr(top, word), ones)
            y := and(word, sub(shl(top, positive), positive))
            y := and(shr(shift, y), mul(ones, shr(shift, sub(shl(top, 1), 1))))
            let large := and(shr(top, add(y, mul(ones, sub(shl(top, 1), 256)))), ones)
            y := and(or(y, mul(large, 255)), mul(ones, 255))
        }
    }

    /// @notice The plain form of `rectify`.
    function rectifyPlain(uint256 word, uint256 bits, uint256 count, uint256 shift)
        internal
        pure
        returns (uint256 y)
    {
        for (uint256 k = 0; k < count; ++k) {
            int256 sum = int256((word >> (bits * k)) & ((1 << bits) - 1)) - int256(1 << (bits - 1));
            int256 shifted = sum >> shift;
            uint256 clipped = shifted < 0 ? 0 : shifted > 255 ? 255 : uint256(shifted);
            y |= clipped << (bits * k);
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
            let strict := and(ones, sub(shl(strictBits, 1), 1))
            y := and(tops, not(sub(or(mul(value, ones), tops), add(word, strict))))
        }
    }

    /// @notice The plain form of `exceeds`, as a truth value.
    function exceedsPlain(uint256 word, uint256 value, uint256 bits, uint256 count, uint256 strictBits)
        internal
        pure
        returns (bool)
    {
        for (uint256 k = 0; k < count; ++k) {
            uint256 content = (word >> (bits * k)) & ((1 << bits) - 1);
            if (content > value || (bits * k < strictBits && content == value)) return true;
        }
        return false;
    }
}
