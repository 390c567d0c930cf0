// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title CalldataWords
/// @notice Big-endian numbers out of bytes in calldata.
/// @dev Warning: nothing here looks at the length of `data`; the caller has checked it. Beyond the end of calldata
/// the EVM reads zeros.
library CalldataWords {
    /// @notice The 32 bytes from `offset` on.
    function wordAt(bytes calldata data, uint256 offset) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }

    /// @notice The unsigned number in the `length` (1 to 32) bytes from `offset` on.
    function uintAt(bytes calldata data, uint256 offset, uint256 length) internal pure returns (uint256) {
        unchecked {
            return wordAt(data, offset) >> (256 - 8 * length);
        }
    }

    /// @notice The `int32` in the four bytes from `offset` on.
    function int32At(bytes calldata data, uint256 offset) internal pure returns (int256) {
        return int256(wordAt(data, offset)) >> 224;
    }
}
