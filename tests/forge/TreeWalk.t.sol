// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TreeWalk} from "../../contracts/libraries/TreeWalk.sol";
import {Plain} from "../contracts/Plain.sol";

/// @notice The walk without jumps ends where a plain loop ends.
contract TreeWalkTest {
    function testFuzz_leafOf_equalsItsPlainForm(uint256 seed, bytes32 row) external pure {
        bytes memory nodes = new bytes(5 * 31 + 32);
        // Any array in which children come after their parents is a tree; the last node is a leaf.
        for (uint256 i = 0; i < 31; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            bool isLeaf = i >= 29 || random % 4 == 0;
            nodes[5 * i] = isLeaf ? bytes1(0x80) : bytes1(0);
            nodes[5 * i + 1] = bytes1(uint8((random >> 8) % 32));
            nodes[5 * i + 2] = bytes1(uint8(random >> 16));
            nodes[5 * i + 4] = isLeaf ? bytes1(uint8(i)) : bytes1(uint8(i + 2 + (random >> 24) % (29 - i)));
        }
        bytes memory features = abi.encodePacked(row);
        uint256 nodesAt;
        uint256 rowAt;
        assembly ("memory-safe") {
            nodesAt := add(nodes, 32)
            rowAt := add(features, 32)
        }

        uint256 word = TreeWalk.leafOf(nodesAt, rowAt);

        assert(uint8(word >> 216) == Plain.leafOf(nodes, features));
    }
}
