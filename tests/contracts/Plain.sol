// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CalldataWords} from "../../contracts/libraries/CalldataWords.sol";
import {DenseLayer} from "../../contracts/libraries/DenseFormat.sol";
import {WeightSource} from "../../contracts/libraries/PackedWeights.sol";
import {Rows, RowTable} from "../../contracts/libraries/RowTable.sol";
import {SecureMapping} from "../../contracts/libraries/SecureMapping.sol";

/// @title Plain
/// @notice What the packed loops of the scorers compute, written as one reads it; tests and proofs hold them to it.
library Plain {
    /// @notice The plain form of `Lanes.rectifyAll`, for one word.
    function rectify(uint256 word, uint256 bits, uint256 count, uint256 shift)
        internal
        pure
        returns (uint256 y)
    {
        for (uint256 k = 0; k < count; ++k) {
            int256 sum = int256((word >> (bits * k)) & ((1 << bits) - 1)) - int256(1 << (bits - 1));
            int256 shifted = sum >> shift;
            uint256 clipped = shifted < 0 ? 0 : shifted > 255 ? 255 : uint256(shifted);
            y |= clipped << (bits * k);
        }
    }

    /// @notice The plain form of `Lanes.exceeds`, as a truth value.
    function exceeds(uint256 word, uint256 value, uint256 bits, uint256 count, uint256 strictBits)
        internal
        pure
        returns (bool)
    {
        for (uint256 k = 0; k < count; ++k) {
            uint256 content = (word >> (bits * k)) & ((1 << bits) - 1);
            if (content > value || (bits * k < strictBits && content == value)) return true;
        }
        return false;
    }

    /// @notice The plain form of `PackedHits.count`, for one row.
    function isHit(uint256 word, uint256 target, uint256 bits, uint256 lanes) internal pure returns (bool) {
        if (target >= lanes) return false;
        uint256 mask = (1 << bits) - 1;
        uint256 own = (word >> (bits * target)) & mask;
        for (uint256 j = 0; j < lanes; ++j) {
            uint256 sum = (word >> (bits * j)) & mask;
            if (sum > own || (j < target && sum == own)) return false;
        }
        return true;
    }

    /// @notice The plain form of `PackedLinear.hits`, for one row.
    function isLinearHit(DenseLayer layer, bytes calldata model, Rows memory rows, uint256 row)
        internal
        pure
        returns (bool)
    {
        (uint256 outputs, uint256 target) = (layer.outputs(), RowTable.classOf(rows, row));
        if (target >= outputs) return false;
        int256 own = _sum(layer, model, rows, row, target);
        for (uint256 j = 0; j < outputs; ++j) {
            int256 sum = _sum(layer, model, rows, row, j);
            if (sum > own || (j < target && sum == own)) return false;
        }
        return true;
    }

    function _sum(DenseLayer layer, bytes calldata model, Rows memory rows, uint256 row, uint256 output)
        private
        pure
        returns (int256 sum)
    {
        sum = CalldataWords.int32At(model, layer.biasesAt() + 4 * output);
        uint256 from = layer.weightsAt() + layer.outputs() - 1 - output;
        for (uint256 i = 0; i < layer.inputs(); ++i) {
            bytes1 feature;
            uint256 place = rows.ptr + row * rows.length + i;
            assembly ("memory-safe") {
                feature := mload(place)
            }
            sum += int256(int8(uint8(model[from + i * layer.outputs()]))) * int256(uint256(uint8(feature)));
        }
    }

    /// @notice The plain form of a word `W_i` of `PackedWeights`.
    function word(WeightSource memory source, uint256 input) internal pure returns (uint256 w) {
        unchecked {
            uint256 last = source.from + 31 + input * source.stride;
            for (uint256 k = 0; (source.mask >> (8 * k)) & 255 != 0; ++k) {
                bytes1 weight;
                uint256 from = last - k;
                assembly ("memory-safe") {
                    weight := calldataload(from)
                }
                w += uint256(int256(int8(uint8(weight)))) << (source.bits * k);
            }
        }
    }

    /// @notice The plain form of `SecureMapping.map`, for one output of one row.
    function map(bytes memory features, uint256 output, bytes32 seed) internal pure returns (uint256 z) {
        uint256 k = 2 * (output / 32) + output % 2;
        uint256 bit = 240 - 16 * ((output % 32) / 2);
        uint256 shift = SecureMapping.shiftOf(features.length);
        int256 sum = int256((uint256(_hash(seed, k, type(uint256).max)) >> bit) % 2 ** (8 + shift));
        for (uint256 i = 0; i < features.length; ++i) {
            bool plus = (uint256(_hash(seed, k, i / 16)) >> (bit + i % 16)) & 1 == 1;
            int256 x = int256(uint256(uint8(features[i])));
            sum += plus ? x : -x;
        }
        sum >>= shift;
        return sum < 0 ? 0 : sum > 255 ? 255 : uint256(sum);
    }

    /// @notice The plain form of `TreeWalk.leafOf`: the index of the leaf among a tree's nodes.
    function leafOf(bytes memory nodes, bytes memory row) internal pure returns (uint256 node) {
        while (uint8(nodes[5 * node]) < 0x80) {
            uint256 feature = uint256(uint8(nodes[5 * node])) << 8 | uint8(nodes[5 * node + 1]);
            bool goesRight = row[feature] > nodes[5 * node + 2];
            uint256 right = uint256(uint8(nodes[5 * node + 3])) << 8 | uint8(nodes[5 * node + 4]);
            node = goesRight ? right : node + 1;
        }
    }

    function _hash(bytes32 seed, uint256 k, uint256 g) private pure returns (bytes32) {
        return keccak256(abi.encode(seed, k, g));
    }
}
