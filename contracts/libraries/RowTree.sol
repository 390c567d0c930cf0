// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";
import {LibBit} from "solady/utils/LibBit.sol";

/// @title RowTree
/// @notice The Merkle tree over the salted rows of a data set.
///
/// A level of `width` nodes has parents `floor(i / 2)`: a pair hashes to `keccak256(left || right)`, and an odd
/// node at the end of its level moves up as it is. The leaf of row `index` is
/// `keccak256(abi.encode(LEAF_DOMAIN, index, salt, row))`, which is never 64 bytes long, so no inner node is a leaf.
///
/// A proof names no positions: the indices of the rows and the number of all rows decide which nodes pair and
/// which come from the proof (level by level from the leaves, left to right). So a root binds exactly one row to
/// each index. A tree of sorted pairs would not: its maker could hide several candidates for one index in it
/// and choose after the models are committed.
library RowTree {
    bytes32 internal constant LEAF_DOMAIN = keccak256("PoLeStar.Row.v1");

    /// @notice Thrown when a proof has another number of nodes than the rows call for.
    error ProofLengthMismatch(uint256 neededNodes, uint256 givenNodes);

    /// @notice The leaf of one row.
    function leaf(uint256 index, bytes32 salt, bytes memory row) internal pure returns (bytes32) {
        return keccak256(abi.encode(LEAF_DOMAIN, index, salt, row));
    }

    /// @notice The root over `rowCount` rows of which those at `indices` have `leaves`.
    /// @dev Overwrites both arrays. `indices` are strictly ascending and below `rowCount`.
    function root(
        uint256[] memory indices,
        bytes32[] memory leaves,
        uint256 rowCount,
        bytes32[] calldata proof
    ) internal pure returns (bytes32) {
        uint256 count = indices.length;
        uint256 used;
        for (uint256 width = rowCount; width > 1; width = (width + 1) >> 1) {
            uint256 parents;
            for (uint256 i; i < count; ++parents) {
                uint256 index = indices[i];
                bytes32 node = leaves[i++];
                if (index & 1 == 1) {
                    node = EfficientHashLib.hash(_at(proof, used++), node);
                } else if (i < count && indices[i] == index + 1) {
                    node = EfficientHashLib.hash(node, leaves[i++]);
                } else if (index + 1 < width) {
                    node = EfficientHashLib.hash(node, _at(proof, used++));
                }
                indices[parents] = index >> 1;
                leaves[parents] = node;
            }
            count = parents;
        }
        require(used == proof.length, ProofLengthMismatch(used, proof.length));
        return leaves[0];
    }

    /// @notice The most nodes that a proof of `count` of `rowCount` rows can have, for `0 < count < rowCount`:
    /// `count * (ceil(log2(rowCount)) - floor(log2(count)))`, as where the rows lie far apart from each other.
    function maxProofNodes(uint256 rowCount, uint256 count) internal pure returns (uint256) {
        return count * (LibBit.fls(rowCount - 1) + 1 - LibBit.fls(count));
    }

    /// @dev Zero past the end, where the count of the nodes used will tell.
    function _at(bytes32[] calldata proof, uint256 i) private pure returns (bytes32) {
        return i < proof.length ? proof[i] : bytes32(0);
    }
}
