// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RowTree} from "../../contracts/libraries/RowTree.sol";
import {Split} from "../../contracts/libraries/Split.sol";

/// @notice Lets tests call the internal libraries that have a twin in Python.
contract Twins {
    function rowAt(bytes32 seed, uint256 rowCount, uint256 position) external pure returns (uint256) {
        return Split.rowAt(seed, rowCount, position);
    }

    function testRows(bytes32 seed, uint256 rowCount, uint256 first, uint256 end)
        external
        pure
        returns (uint256[] memory)
    {
        return Split.testRows(seed, rowCount, first, end);
    }

    function leaf(uint256 index, bytes32 salt, bytes calldata row) external pure returns (bytes32) {
        return RowTree.leaf(index, salt, row);
    }

    function root(
        uint256[] memory indices,
        bytes32[] memory leaves,
        uint256 rowCount,
        bytes32[] calldata proof
    ) external pure returns (bytes32) {
        return RowTree.root(indices, leaves, rowCount, proof);
    }

    function disclosureWords(uint256 testCount, uint256 rowCount) external pure returns (uint256) {
        return RowTree.disclosureWords(testCount, rowCount);
    }
}
