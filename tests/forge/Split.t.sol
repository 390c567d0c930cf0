// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Split} from "../../contracts/libraries/Split.sol";

/// @notice Every row is the image of exactly one position.
contract SplitTest {
    function test_rowAt_isAPermutation_ofEverySizeUpTo256() external pure {
        for (uint256 rowCount = 1; rowCount <= 256; ++rowCount) {
            _checkPermutation(keccak256("split"), rowCount);
        }
    }

    function testFuzz_rowAt_isAPermutation(bytes32 seed, uint256 rowCount) external pure {
        _checkPermutation(seed, 1 + rowCount % 256);
    }

    function _checkPermutation(bytes32 seed, uint256 rowCount) private pure {
        uint256 seen = 0;
        for (uint256 position = 0; position < rowCount; ++position) {
            uint256 row = Split.rowAt(seed, rowCount, position);

            assert(row < rowCount);
            assert((seen >> row) & 1 == 0);
            seen |= 1 << row;
        }
    }
}
