// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Lane, Lanes} from "../../contracts/libraries/Lanes.sol";
import {PackedSums} from "../../contracts/libraries/PackedSums.sol";
import {PackedWeights, WeightSource} from "../../contracts/libraries/PackedWeights.sol";
import {SecureMapping} from "../../contracts/libraries/SecureMapping.sol";

/// @notice Arithmetic on whole words equals the plain formula, for every content of a word.
contract PackedProof {
    /// @notice For every shift that a layer may have.
    function check_rectifyAll_equalsItsPlainForm_inNarrowLanes(uint256 word) external pure {
        word &= type(uint256).max >> 3;
        for (uint256 shift = 0; shift <= 22; ++shift) {
            _checkRectifyAll(word, Lanes.laneOf(96, false), shift);
        }
    }

    function check_rectifyAll_equalsItsPlainForm_inWideLanes(uint256 word) external pure {
        for (uint256 shift = 0; shift <= 22; ++shift) {
            _checkRectifyAll(word, Lanes.laneOf(97, false), shift);
        }
    }

    /// @notice For every shift of a mapping: an even block's lanes become the even bytes, an odd block's the odd ones.
    function check_mappingRectify_clipsEachLane(uint256 even, uint256 odd) external pure {
        uint256[4] memory sums = [even, 0, odd, 0];
        uint256[1] memory place;
        uint256 from;
        uint256 to;
        assembly ("memory-safe") {
            from := sums
            to := place
        }
        for (uint256 shift = 1; shift <= 5; ++shift) {
            SecureMapping.rectify(from, 64, shift, to, 0);

            uint256 bytesOnly = type(uint256).max / 0x101;
            assert((place[0] >> 8) & bytesOnly == _clipLanesOf16(even, shift));
            assert(place[0] & bytesOnly == _clipLanesOf16(odd, shift));
        }
    }

    /// @notice What the sums multiply with stored weight `i` is the number that the row's bytes up to `i` spell.
    function check_addBytes_multipliesPrefixesOfTheRow(
        uint256[2] calldata rowGiven,
        uint256[64] calldata weightsGiven,
        uint256 start
    ) external pure {
        PackedSums.reserve();
        (uint256[2] memory rowWords, uint256[64] memory weights) = (rowGiven, weightsGiven);
        uint256[2] memory sums;
        (uint256 rowAt, uint256 weightsAt, uint256 sumsAt) = (0, 0, 0);
        assembly ("memory-safe") {
            rowAt := rowWords
            weightsAt := weights
            sumsAt := sums
        }
        PackedSums.useWeights(weightsAt, 64);
        for (uint256 size = 4; size <= 64; size *= 2) {
            sums[0] = start;

            PackedSums.addBytes(size, rowAt, 64, sumsAt, sumsAt + 32);

            uint256 expected = start;
            uint256 prefix = 0;
            unchecked {
                for (uint256 i = 0; i < size; ++i) {
                    prefix = (prefix << 8) | ((rowWords[i / 32] >> (248 - 8 * (i % 32))) & 255);
                    expected += prefix * weights[i];
                }
            }
            assert(sums[0] == expected);
        }
    }

    /// @notice The same for inputs in lanes: the word without the lanes below `k`.
    function check_addLanes_multipliesSuffixesOfTheWord(
        uint256[3] memory words,
        uint256[33] memory weights,
        uint256 start
    ) external pure {
        PackedSums.reserve();
        uint256[1] memory sums;
        (uint256 wordsAt, uint256 weightsAt, uint256 sumsAt) = (0, 0, 0);
        assembly ("memory-safe") {
            wordsAt := words
            weightsAt := weights
            sumsAt := sums
        }
        PackedSums.useWeights(weightsAt, 33);
        for (uint256 kind = 0; kind < 3; ++kind) {
            (uint256 bits, uint256 lanes, uint256 blocks) =
                kind == 0 ? (32, 8, 1) : (uint256(23), uint256(11), 2 * kind - 1);
            sums[0] = start;

            PackedSums.addLanes(bits, blocks, wordsAt, sumsAt, sumsAt + 32);

            uint256 expected = start;
            unchecked {
                for (uint256 i = 0; i < lanes * blocks; ++i) {
                    expected += (words[i / lanes] >> (bits * (i % lanes))) * weights[i];
                }
            }
            assert(sums[0] == expected);
        }
    }

    /// @notice The step that makes such sums a dot product, whatever the numbers: with the input `s` before
    /// `base s + x`, storing `w - base v` in place of `w` turns what `v` is multiplied with into `x`.
    function check_chainedWeights_leaveTheInputItself(
        uint256 s,
        uint256 x,
        uint256 w,
        uint256 v,
        uint256 base
    ) external pure {
        unchecked {
            assert(s * (w - base * v) + (base * s + x) * v == s * w + x * v);
        }
    }

    /// @notice An input's weights for one output, or for as many as a word has lanes (of 23 bits: for four, with more
    /// the solver stalls, and `tests/forge/PackedWeights.t.sol` samples them); then two inputs in a chunk. With 128
    /// added in each lane nothing is borrowed, and a weight is its byte with the top bit flipped.
    function check_unpackBytes_putsEachWeightInItsLane(uint256 first, uint256) external pure {
        for (uint256 kind = 0; kind < 3; ++kind) {
            (uint256 bits, uint256 most) =
                kind == 0 ? (23, 4) : kind == 1 ? (25, 10) : (uint256(32), uint256(8));
            for (uint256 outputs = 1; outputs <= most; outputs += most - 1) {
                WeightSource memory source = WeightSource(4, 32, 1, bits, 0, 0);
                uint256 expected = 0;
                for (uint256 k = 0; k < outputs; ++k) {
                    source.mask |= 255 << (8 * k);
                    source.lowest |= 128 << (bits * k);
                    expected |= (((first >> (8 * k)) & 255) ^ 128) << (bits * k);
                }
                uint256 word = _unpack(source)[0];
                unchecked {
                    assert(word + source.lowest == expected);
                }

                source.from += 32;
                uint256 next = _unpack(source)[0];
                (source.from, source.inputs) = (4, 2);
                uint256[2] memory words = _unpack(source);
                unchecked {
                    assert(words[0] == word - 256 * next && words[1] == next);
                }
            }
        }
    }

    function _unpack(WeightSource memory source) private pure returns (uint256[2] memory words) {
        uint256 to;
        assembly ("memory-safe") {
            to := words
        }
        PackedWeights.unpackBytes(source, to, 0, 2);
    }

    function _checkRectifyAll(uint256 word, Lane memory lane, uint256 shift) private pure {
        uint256[2] memory place = [word, 0];
        uint256 from;
        assembly ("memory-safe") {
            from := place
        }

        Lanes.rectifyAll(from, from + 32, lane.bits, lane.ones, shift);

        uint256 expected = 0;
        for (uint256 k = 0; k < lane.count; ++k) {
            uint256 content = (word >> (lane.bits * k)) & ((1 << lane.bits) - 1);
            unchecked {
                expected |= _clip(content - lane.halfRange, shift) << (lane.bits * k);
            }
        }
        assert(place[0] == expected);
    }

    function _clipLanesOf16(uint256 word, uint256 shift) private pure returns (uint256 clipped) {
        unchecked {
            for (uint256 bit = 0; bit < 256; bit += 16) {
                clipped |= _clip(((word >> bit) & 0xffff) - 0x8000, shift) << bit;
            }
        }
    }

    /// @dev `clip(sum >> shift, 0, 255)`, in two's complement and without branches, which would multiply the paths.
    function _clip(uint256 sum, uint256 shift) private pure returns (uint256 y) {
        assembly ("memory-safe") {
            y := sar(shift, sum)
            let isLarge := sgt(y, 255)
            let isMiddle := and(sgt(y, 0), iszero(isLarge))
            y := or(and(y, sub(0, isMiddle)), and(255, sub(0, isLarge)))
        }
    }
}
