// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Split} from "../../contracts/libraries/Split.sol";
import {vm} from "../forge/Vm.sol";

/// @notice The split is a permutation, for whatever numbers the hash answers. Proven as it runs for squares of powers
/// of two. For the other sizes up to 256 the proof is of a round's step: eight steps that can be undone are a
/// permutation of the pairs, and sending an image that is out of range through again leaves one of the rows. That the
/// code is made of these steps for every size, `tests/forge/Split.t.sol` samples by counting images.
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

    /// @notice A round's step can be undone, on every side that a split of up to 256 rows has. The hash counts by its
    /// remainder alone: so `addmod` is defined.
    function check_step_isInjective(uint256 side, uint256 place, uint256 other, uint256 remainder)
        external
        pure
    {
        vm.assume(place < side && other < side && place != other && remainder < side);
        for (uint256 known = 1; known <= 16; ++known) {
            if (side == known) assert(addmod(place, remainder, known) != addmod(other, remainder, known));
        }
    }

    function _check(bytes32 seed, uint256 rowCount, uint256 position, uint256 other) private pure {
        vm.assume(position < rowCount && other < rowCount && position != other);

        uint256 row = Split.rowAt(seed, rowCount, position);

        assert(row < rowCount);
        assert(row != Split.rowAt(seed, rowCount, other));
    }
}
