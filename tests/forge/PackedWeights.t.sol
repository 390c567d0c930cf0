// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PackedWeights, WeightSource} from "../../contracts/libraries/PackedWeights.sol";
import {Plain} from "../contracts/Plain.sol";

/// @notice Weights moved apart all at once equal weights put into their lanes one by one.
contract PackedWeightsTest {
    function testFuzz_unpackBytes_equalsItsPlainForm(uint256 seed, uint256 pick, bool extreme) external view {
        uint256 inputs = 1 + seed % 150;
        this.checkBytes(_weights(seed, inputs, extreme), inputs, pick);
    }

    function testFuzz_unpackLanes_equalsItsPlainForm(uint256 seed, uint256 pick, bool extreme) external view {
        uint256 inputs = 1 + seed % 40;
        this.checkLanes(_weights(seed, inputs, extreme), inputs, pick);
    }

    function checkBytes(bytes calldata weights, uint256 inputs, uint256 pick) external pure {
        WeightSource memory source = _sourceOf(weights, inputs, pick);
        uint256 first = (pick >> 32) % inputs;
        uint256[] memory words = new uint256[]([uint256(64), 32, 16, 8, 4][(pick >> 64) % 5] + 1);

        PackedWeights.unpackBytes(source, _at(words), first, words.length - 1);

        unchecked {
            for (uint256 i = 0; i + 1 < words.length; ++i) {
                uint256 next = i + 2 < words.length ? _wordOf(source, first + i + 1) : 0;
                assert(words[i] == _wordOf(source, first + i) - (next << 8));
            }
        }
        assert(words[words.length - 1] == 0);
    }

    function checkLanes(bytes calldata weights, uint256 inputs, uint256 pick) external pure {
        WeightSource memory source = _sourceOf(weights, inputs, pick);
        uint256 first = (pick >> 32) % inputs;
        (uint256 size, uint256 bits) = (pick >> 64) % 2 == 0 ? (11, 23) : (8, 32);
        uint256[] memory words = new uint256[](size + 1);

        PackedWeights.unpackLanes(source, _at(words), first, size, bits);

        unchecked {
            for (uint256 i = 0; i < size; ++i) {
                uint256 previous = i == 0 ? 0 : _wordOf(source, first + i - 1);
                assert(words[i] == _wordOf(source, first + i) - (previous << bits));
            }
        }
        assert(words[size] == 0);
    }

    /// @dev Any block of any layer with these weights.
    function _sourceOf(bytes calldata weights, uint256 inputs, uint256 pick)
        private
        pure
        returns (WeightSource memory source)
    {
        uint256 outputs = weights.length / inputs;
        uint256 lanes;
        (source.bits, lanes) = pick % 3 == 0 ? (23, 11) : pick % 3 == 1 ? (25, 10) : (uint256(32), uint256(8));
        uint256 first = (pick >> 8) % outputs;
        uint256 count = outputs - first < lanes ? outputs - first : lanes;
        uint256 start;
        assembly ("memory-safe") {
            start := weights.offset
        }
        source.from = start + outputs - first - 32;
        source.stride = outputs;
        source.inputs = inputs;
        for (uint256 k = 0; k < count; ++k) {
            source.mask |= 255 << (8 * k);
            source.lowest |= 128 << (source.bits * k);
        }
    }

    function _wordOf(WeightSource memory source, uint256 input) private pure returns (uint256) {
        return input < source.inputs ? Plain.word(source, input) : 0;
    }

    function _weights(uint256 seed, uint256 inputs, bool extreme)
        private
        pure
        returns (bytes memory weights)
    {
        weights = new bytes(inputs * (1 + (seed >> 128) % 24));
        for (uint256 i = 0; i < weights.length; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            weights[i] = bytes1(extreme ? (random % 2 == 0 ? 0x80 : 0x7f) : uint8(random));
        }
    }

    function _at(uint256[] memory words) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := add(words, 32)
        }
    }
}
