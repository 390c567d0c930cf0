// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PackedSums} from "../../contracts/libraries/PackedSums.sol";

/// @notice The unrolled sums equal a plain loop over inputs and lanes.
contract PackedSumsTest {
    uint256 private constant ROWS = 3;

    function testFuzz_addBytes_equalsAPlainLoop(uint256 seed, uint256 pick, bool extreme) external pure {
        PackedSums.reserve();
        uint256 size = [uint256(64), 32, 16, 8, 4][pick % 5];
        bytes memory rows = new bytes((ROWS + 1) * size);
        for (uint256 i = 0; i < rows.length; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            rows[i] = bytes1(extreme ? (random % 2 == 0 ? 0 : 255) : uint8(random));
        }
        uint256[] memory weights = _words(seed, size);
        uint256[] memory chained = new uint256[](size);
        uint256[] memory sums = _words(~seed, ROWS + 1);
        uint256[] memory expected = new uint256[](ROWS);
        unchecked {
            for (uint256 i = 0; i < size; ++i) {
                chained[i] = weights[i] - (i + 1 < size ? weights[i + 1] << 8 : 0);
            }
            for (uint256 r = 0; r < ROWS; ++r) {
                expected[r] = sums[r];
                for (uint256 i = 0; i < size; ++i) {
                    expected[r] += uint256(uint8(rows[r * size + i])) * weights[i];
                }
            }
        }

        PackedSums.useWeights(_at(chained), size);
        uint256 rowsAt;
        assembly ("memory-safe") {
            rowsAt := add(rows, 32)
        }
        PackedSums.addBytes(size, rowsAt, size, _at(sums), _at(sums) + 32 * ROWS);

        for (uint256 r = 0; r < ROWS; ++r) {
            assert(sums[r] == expected[r]);
        }
    }

    function testFuzz_addLanes_equalsAPlainLoop(uint256 seed, uint256 pick) external pure {
        PackedSums.reserve();
        (uint256 bits, uint256 lanes, uint256 blocks) = pick % 3 == 0
            ? (uint256(32), uint256(8), uint256(1))
            : (uint256(23), uint256(11), pick % 3 * 2 - 1);
        uint256[] memory weights = _words(seed, lanes * blocks);
        uint256[] memory chained = new uint256[](lanes * blocks);
        uint256[] memory words = new uint256[](ROWS * blocks);
        uint256[] memory sums = _words(~seed, ROWS);
        uint256[] memory expected = new uint256[](ROWS);
        unchecked {
            for (uint256 i = 0; i < lanes * blocks; ++i) {
                chained[i] = weights[i] - (i % lanes > 0 ? weights[i - 1] << bits : 0);
            }
            for (uint256 r = 0; r < ROWS; ++r) {
                expected[r] = sums[r];
                for (uint256 i = 0; i < lanes * blocks; ++i) {
                    uint256 input = uint256(keccak256(abi.encode(seed, "input", r, i))) % 256;
                    words[i / lanes * ROWS + r] |= input << (bits * (i % lanes));
                    expected[r] += input * weights[i];
                }
            }
        }

        PackedSums.useWeights(_at(chained), lanes * blocks);
        PackedSums.addLanes(bits, blocks, _at(words), _at(sums), _at(sums) + 32 * ROWS);

        for (uint256 r = 0; r < ROWS; ++r) {
            assert(sums[r] == expected[r]);
        }
    }

    function testFuzz_fill_repeatsAWord(uint256 word, uint256 count) external pure {
        count = 1 + count % 70;
        uint256[] memory places = new uint256[](count + 1);
        uint256[1] memory source = [word];
        uint256 from;
        assembly ("memory-safe") {
            from := source
        }
        places[count] = 7;

        PackedSums.fill(_at(places), from, 32 * count);

        for (uint256 i = 0; i < count; ++i) {
            assert(places[i] == word);
        }
        assert(places[count] == 7);
    }

    function _words(uint256 seed, uint256 count) private pure returns (uint256[] memory words) {
        words = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            words[i] = uint256(keccak256(abi.encode(seed, "word", i)));
        }
    }

    function _at(uint256[] memory words) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := add(words, 32)
        }
    }
}
