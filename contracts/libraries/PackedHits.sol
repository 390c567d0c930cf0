// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title PackedHits
/// @notice Counts the rows that a classifier of one block gets right, without looking for its largest sum: a row is
/// right where no lane exceeds the target's, and no lane before it equals it.
///
/// The lanes hold sums `s_j >= 0` and their top bits `T` are clear. From all `T + s_j` at once is taken `s_c`, the
/// target's sum, and 1 more from the target's lane on. A top bit is left where a lane wins over the target: where
/// `s_j >= s_c` before it or `s_j > s_c` after it. No lane disturbs another, because none falls below 0. A class that
/// has no lane has a sum of 0, and no output falls below that: a miss.
library PackedHits {
    /// @notice How many of `rowCount` rows are predicted right.
    /// @param sumsAt Where the first row's sums are; one word per row.
    /// @param targetsAt Where the first row's class is; `rowLength` bytes from one to the next.
    /// @param bits Width of a lane, 25 or 32.
    /// @param ones 1 in every lane, in use or not.
    function count(
        uint256 sumsAt,
        uint256 rowCount,
        uint256 targetsAt,
        uint256 rowLength,
        uint256 bits,
        uint256 ones
    ) internal pure returns (uint256 hits) {
        assembly ("memory-safe") {
            let tops := shl(sub(bits, 1), ones)
            // slither-disable-next-line incorrect-shift (1 moved by a variable)
            let mask := sub(shl(sub(bits, 1), 1), 1)
            for { let end := add(sumsAt, shl(5, rowCount)) } lt(sumsAt, end) { sumsAt := add(sumsAt, 32) } {
                let bit := mul(bits, byte(0, mload(targetsAt)))
                targetsAt := add(targetsAt, rowLength)
                let word := mload(sumsAt)
                // slither-disable-next-line incorrect-shift (1 moved by a variable)
                let taken := mul(ones, add(and(shr(bit, word), mask), shl(bit, 1)))
                hits := add(hits, iszero(and(tops, sub(or(word, tops), taken))))
            }
        }
    }
}
