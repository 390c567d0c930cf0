// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PackedSums} from "../../contracts/libraries/PackedSums.sol";
import {Rows} from "../../contracts/libraries/RowTable.sol";
import {SecureMapping} from "../../contracts/libraries/SecureMapping.sol";
import {Plain} from "../contracts/Plain.sol";

/// @notice The packed mapping equals its plain form, for sixteen bytes of each row at random, targets included.
contract SecureMappingTest {
    uint256 private constant COUNT = 3;

    function testFuzz_map_equalsItsPlainForm(uint256 random, bytes32 seed, bool extreme) external pure {
        _check(1 + random % 96, 32 * (1 + (random >> 8) % 8), (random >> 16) % 2 == 0 ? 1 : 4, seed, extreme);
    }

    function test_map_equalsItsPlainForm_atTheLargestSums() external pure {
        _check(96, 256, 1, keccak256("largest"), true);
    }

    function _check(uint256 features, uint256 width, uint256 targetLength, bytes32 seed, bool extreme)
        private
        pure
    {
        PackedSums.reserve();
        uint256 length = features + targetLength;
        bytes memory data = new bytes(COUNT * length + 64);
        for (uint256 i; i < COUNT * length; ++i) {
            data[i] = extreme ? bytes1(0xff) : bytes1(uint8(uint256(keccak256(abi.encode(seed, i)))));
        }
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := add(data, 32)
        }

        Rows memory mapped = SecureMapping.map(Rows(ptr, COUNT, length, features, 2), width, seed);

        assert(mapped.count == COUNT && mapped.featureCount == width && mapped.length == width + targetLength);
        for (uint256 row; row < COUNT; ++row) {
            bytes memory x = new bytes(features);
            for (uint256 i; i < features; ++i) {
                x[i] = data[row * length + i];
            }
            for (uint256 sample; sample < 16; ++sample) {
                uint256 j = sample == 0 ? width : uint256(keccak256(abi.encode(seed, row, sample))) % width;
                uint256 expected = j < width ? Plain.map(x, j, seed) : uint8(data[row * length + features]);
                assert(_byteAt(mapped.ptr + row * mapped.length + j) == expected);
            }
        }
    }

    function _byteAt(uint256 ptr) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, mload(ptr))
        }
    }
}
