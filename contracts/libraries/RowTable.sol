// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, RowShape} from "../interfaces/IScorer.sol";

/// @notice Rows in memory: where the first begins, how many there are, and how long each is.
struct Rows {
    uint256 ptr;
    uint256 count;
    uint256 length;
    uint256 featureCount;
    uint256 classCount;
}

/// @title RowTable
/// @notice Reads rows from the code of an SSTORE2 contract: one zero byte, then the rows without gaps.
library RowTable {
    /// @dev Zero bytes kept behind the rows, so that a chunk of inputs may be read past the last one.
    uint256 private constant PADDING = 64;

    /// @notice The rows of a contract, in memory.
    function load(RowShape calldata shape, address pointer) internal view returns (Rows memory) {
        (uint256 featureCount, uint256 classCount) = (shape.featureCount, shape.classCount);
        uint256 length = featureCount + (classCount > 0 ? 1 : 4);
        uint256 dataLength = pointer.code.length;
        unchecked {
            if (dataLength > 0) --dataLength;
            uint256 count = dataLength / length;
            require(count > 0 && count * length == dataLength, IScorer.RowsMalformed(length, dataLength));

            uint256 ptr;
            assembly ("memory-safe") {
                ptr := mload(0x40)
                extcodecopy(pointer, ptr, 1, dataLength)
                mstore(0x40, and(add(add(ptr, dataLength), add(PADDING, 31)), not(31)))
            }
            return Rows(ptr, count, length, featureCount, classCount);
        }
    }

    /// @notice The class of a row: `classCount` stands for everything at or above it.
    function classOf(Rows memory rows, uint256 index) internal pure returns (uint256 target) {
        uint256 ptr = targetAt(rows, index);
        assembly ("memory-safe") {
            target := byte(0, mload(ptr))
        }
        if (target > rows.classCount) target = rows.classCount;
    }

    /// @notice The value of a regression row.
    function valueOf(Rows memory rows, uint256 index) internal pure returns (int256 value) {
        uint256 ptr = targetAt(rows, index);
        assembly ("memory-safe") {
            value := sar(224, mload(ptr))
        }
    }

    /// @notice Where a row's target lies in memory; the row exists.
    function targetAt(Rows memory rows, uint256 index) internal pure returns (uint256) {
        unchecked {
            return rows.ptr + index * rows.length + rows.featureCount;
        }
    }
}
