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
                let x := byte(0, mload(add(row, shr(240, word))))
                switch gt(x, byte(2, word))
                case 0 { node := add(node, 5) }
                default { node := add(nodes, mul(5, and(shr(216, word), 0xffff))) }
            }
        }
    }

    /// @notice The plain form of `leafOf`: the index of the leaf among a tree's nodes.
    function leafOfPlain(bytes memory nodes, bytes memory row) internal pure returns (uint256 node) {
        while (uint8(nodes[5 * node]) < 0x80) {
            uint256 feature = uint256(uint8(nodes[5 * node])) << 8 | uint8(nodes[5 * node + 1]);
            bool goesRight = row[feature] > nodes[5 * node + 2];
            uint256 right = uint256(uint8(nodes[5 * node + 3])) << 8 | uint8(nodes[5 * node + 4]);
            node = goesRight ? right : node + 1;
        }
    }
}
