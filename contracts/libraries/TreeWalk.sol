// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title TreeWalk
/// @notice Finds a row's leaf in a checked tree; see {ITreeScorer} for the layout of nodes.
library TreeWalk {
    /// @notice The word in memory that begins with the five bytes of the leaf.
    /// @param nodes Where the tree's first node is in memory.
    /// @param row Where the row's first feature is in memory.
    function leafOf(uint256 nodes, uint256 row) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            let node := nodes
            word := mload(node)
            for {} iszero(shr(255, word)) { word := mload(node) } {
                let goesRight := gt(byte(0, mload(add(row, shr(240, word)))), byte(2, word))
                let left := add(node, 5)
                let right := add(nodes, mul(5, and(shr(216, word), 0xffff)))
                node := xor(left, mul(xor(left, right), goesRight))
            }
        }
    }

    /// @notice Adds the weight of each tree's leaf to the sum of the class it votes for.
    /// @dev A checked leaf's class is one of `sums`.
    function addVotes(uint256[] memory trees, uint256 row, int256[] memory sums) internal pure {
        unchecked {
            (uint256 tree, uint256 end) = _bounds(trees);
            for (; tree < end; tree += 32) {
                uint256 leaf = leafOf(_load(tree), row);
                assembly ("memory-safe") {
                    let sum := add(add(sums, 32), shl(5, byte(1, leaf)))
                    mstore(sum, add(mload(sum), and(shr(216, leaf), 0xffffff)))
                }
            }
        }
    }

    /// @notice Adds the value of each tree's leaf to the tree's output; outputs take turns.
    function addValues(uint256[] memory trees, uint256 row, int256[] memory sums) internal pure {
        unchecked {
            (uint256 tree, uint256 end) = _bounds(trees);
            uint256 outputs = sums.length;
            uint256 output = 0;
            for (; tree < end; tree += 32) {
                uint256 leaf = leafOf(_load(tree), row);
                assembly ("memory-safe") {
                    output := add(output, 1)
                    let sum := add(sums, shl(5, output))
                    mstore(sum, add(mload(sum), sar(224, shl(8, leaf))))
                    output := mul(output, lt(output, outputs))
                }
            }
        }
    }

    function _bounds(uint256[] memory trees) private pure returns (uint256 first, uint256 end) {
        assembly ("memory-safe") {
            first := add(trees, 32)
            end := add(first, shl(5, mload(trees)))
        }
    }

    function _load(uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(place)
        }
    }
}
