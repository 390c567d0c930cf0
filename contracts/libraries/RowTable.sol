// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, RowRange, RowShape} from "../interfaces/IScorer.sol";

/// @notice Rows in memory: where the first begins, how many there are, and how long each is.
struct Rows {
    uint256 ptr;
    uint256 count;
    uint256 length;
    uint256 featureCount;
    uint256 classCount;
}

/// @title RowTable
/// @notice Reads rows from the code of contracts (SSTORE2). A test set too large for one contract is a chain of
/// them: after one zero byte, the code of each holds the address of the part before it (zero for the first), then
/// rows without gaps. Only the last part's address needs to be kept.
library RowTable {
    /// @dev Zero bytes kept behind the rows, so that a chunk of inputs may be read past the last one.
    uint256 private constant PADDING = 64;
    /// @dev The zero byte and the address.
    uint256 private constant PREFIX = 21;

    /// @notice The data of a part, to be written as a contract's code.
    function part(address previous, bytes calldata rows) internal pure returns (bytes memory) {
        return abi.encodePacked(previous, rows);
    }

    /// @notice Some rows of a chain of parts, in memory.
    function load(RowShape calldata shape, RowRange calldata range) internal view returns (Rows memory) {
        (uint256 featureCount, uint256 classCount) = (shape.featureCount, shape.classCount);
        uint256 length = rowLength(featureCount, classCount);
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := mload(0x40)
        }
        uint256 end = _copy(range, length, ptr);
        assembly ("memory-safe") {
            mstore(0x40, and(add(add(end, PADDING), 31), not(31)))
        }
        return Rows(ptr, range.count, length, featureCount, classCount);
    }

    /// @notice Bytes of a row.
    function rowLength(uint256 featureCount, uint256 classCount) internal pure returns (uint256) {
        unchecked {
            return featureCount + (classCount == 0 ? 4 : 1);
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

    /// @dev Copies the rows of the range to memory from `to` on and returns where they end.
    function _copy(RowRange calldata range, uint256 length, uint256 to) private view returns (uint256 end) {
        (address source, uint256 skip, uint256 rest) = (range.parts, range.skip, range.count);
        unchecked {
            while (true) {
                uint256 size = source.code.length;
                uint256 available = size > PREFIX ? (size - PREFIX) / length : 0;
                require(available * length + PREFIX == size, IScorer.RowsMalformed(length, size));
                if (skip < available) {
                    uint256 count = available - skip < rest ? available - skip : rest;
                    assembly ("memory-safe") {
                        extcodecopy(source, to, add(PREFIX, mul(skip, length)), mul(count, length))
                    }
                    to += count * length;
                    rest -= count;
                    skip = available;
                    if (rest == 0 && range.count > 0) return to;
                }
                skip -= available;
                assembly ("memory-safe") {
                    extcodecopy(source, 0, 1, 20)
                    source := shr(96, mload(0))
                }
                require(source != address(0), IScorer.RowsOutOfRange(range.skip, range.count, rest));
            }
        }
    }
}
