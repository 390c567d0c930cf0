// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Split} from "../../contracts/libraries/Split.sol";
import {vm} from "../forge/Vm.sol";

/// @notice The split is a permutation, for whatever numbers the hash answers. Proven as it runs for squares of powers
/// of two; for other sizes, where division makes the solver stall, `tests/forge/Split.t.sol` counts the images.
contract SplitProof {
    function check_rowAt_isAPermutation_of4(bytes32 seed, uint256 position, uint256 other) external pure {
        _check(seed, 4, position, other);
    }

    function check_rowAt_isAPermutation_of16(bytes32 seed, uint256 position, uint256 other) external pure {
        _check(seed, 16, position, other);
    }

    function check_rowAt_isAPermutation_of64(bytes32 seed, uint256 position, uint256 other) external pure {
        _check(seed, 64, position, other);
    }

    function check_rowAt_isAPermutation_of256(bytes32 seed, uint256 position, uint256 other) external pure {
        _check(seed, 256, position, other);
    }

    function _check(bytes32 seed, uint256 rowCount, uint256 position, uint256 other) private pure {
        vm.assume(position < rowCount && other < rowCount && position != other);

        uint256 row = Split.rowAt(seed, rowCount, position);

        assert(row < rowCount);
        assert(row != Split.rowAt(seed, rowCount, other));
    }
}
