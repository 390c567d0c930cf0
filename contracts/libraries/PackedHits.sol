// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title PackedHits
/// @notice Counts the rows that a classifier of one block gets right, without looking for its largest sum: a row is
/// right where no lane exceeds the target's, and no lane before it equals it.
library PackedHits {
    /// @notice How many of `rowCount` rows are predicted right.
    /// @param sumsAt Where the first row's sums are; one word per row.
    /// @param targetsAt Where the first row's class is; `rowLength` bytes from one to the next.
    /// @param bits Width of a lane; its top bit is clear, see `Lanes`.
    /// @param ones 1 in every lane.
    /// @dev The comparison is `Lanes.exceeds`. A class beyond the last has a value of 0 and so is exceeded: every
    /// sum in a lane is above 0.
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
            let mask := sub(shl(bits, 1), 1)
            for { let end := add(sumsAt, shl(5, rowCount)) } lt(sumsAt, end) { sumsAt := add(sumsAt, 32) } {
                let bit := mul(bits, byte(0, mload(targetsAt)))
                targetsAt := add(targetsAt, rowLength)
                let word := mload(sumsAt)
                let strict := and(ones, sub(shl(bit, 1), 1))
                let within := sub(or(mul(and(shr(bit, word), mask), ones), tops), add(word, strict))
                hits := add(hits, iszero(and(tops, not(within))))
            }
        }
    }
}
