// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";
import {LibSort} from "solady/utils/LibSort.sol";

/// @title Split
/// @notice Draws the hidden test rows: a permutation of the row indices that a seed determines, of which the
/// first `testCount` images are the test set.
///
/// The permutation. Let `n` be the number of rows, `a = ceil(sqrt(n))` and `b = ceil(n / a)`. A number below
/// `a * b` is a pair (l, r) = (x / b, x % b). Eight rounds t = 0..7 each shift one half by a hash of the other:
/// for even t, `l = (l + H(seed, t, r)) mod a`; for odd t, `r = (r + H(seed, t, l)) mod b`, where
/// `H(seed, t, h) = keccak256(abi.encode(seed, t, h))`. Every round can be undone, so the eight are a
/// permutation of [0, a * b). An image of `n` or more is sent through again until it falls below `n`
/// (cycle walking), which makes a permutation of [0, n). Fewer than `a` numbers lie outside, so walks are short.
library Split {
    uint256 internal constant ROUNDS = 8;

    /// @notice The image of `position` under the permutation of [0, rowCount), for `position < rowCount`.
    function rowAt(bytes32 seed, uint256 rowCount, uint256 position) internal pure returns (uint256 row) {
        (uint256 a, uint256 b) = dimensions(rowCount);
        row = _walk(seed, rowCount, a, b, position);
    }

    /// @notice The images of the positions from `first` up to `end`, in ascending order.
    function testRows(bytes32 seed, uint256 rowCount, uint256 first, uint256 end)
        internal
        pure
        returns (uint256[] memory rows)
    {
        (uint256 a, uint256 b) = dimensions(rowCount);
        rows = new uint256[](end - first);
        for (uint256 i; i < rows.length; ++i) {
            rows[i] = _walk(seed, rowCount, a, b, first + i);
        }
        LibSort.sort(rows);
    }

    /// @notice The two sides of the smallest near-square that holds `rowCount >= 1` numbers.
    function dimensions(uint256 rowCount) internal pure returns (uint256 a, uint256 b) {
        a = Math.sqrt(rowCount - 1) + 1;
        b = Math.ceilDiv(rowCount, a);
    }

    function _walk(bytes32 seed, uint256 rowCount, uint256 a, uint256 b, uint256 x)
        private
        pure
        returns (uint256)
    {
        do {
            // slither-disable-next-line divide-before-multiply (a place, not an amount)
            uint256 l = x / b;
            uint256 r = x % b;
            for (uint256 t; t < ROUNDS; t += 2) {
                l = addmod(l, _hash(seed, t, r), a);
                r = addmod(r, _hash(seed, t + 1, l), b);
            }
            x = l * b + r;
        } while (x >= rowCount);
        return x;
    }

    function _hash(bytes32 seed, uint256 round, uint256 half) private pure returns (uint256) {
        return uint256(EfficientHashLib.hash(seed, bytes32(round), bytes32(half)));
    }
}
