// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DenseFormat, DenseLayer} from "../../contracts/libraries/DenseFormat.sol";
import {Lane, Lanes} from "../../contracts/libraries/Lanes.sol";
import {PackedHits} from "../../contracts/libraries/PackedHits.sol";
import {PackedLinear} from "../../contracts/libraries/PackedLinear.sol";
import {PackedSums} from "../../contracts/libraries/PackedSums.sol";
import {Rows} from "../../contracts/libraries/RowTable.sol";
import {Plain} from "../contracts/Plain.sol";

/// @notice Hits counted on packed sums equal hits counted one comparison, or one product, at a time.
contract PackedHitsTest {
    uint256 private constant ROWS = 5;

    function testFuzz_count_equalsItsPlainForm(uint256 seed, bool isWide, uint256 closeness, uint256 outputs)
        external
        pure
    {
        Lane memory lane = Lanes.laneOf(isWide ? 193 : 192, true);
        outputs = 2 + outputs % (lane.count - 1);
        // Few different contents make ties likely; the top bit of an output lane is clear.
        uint256 mask = closeness % 2 == 0 ? (1 << (lane.bits - 1)) - 1 : 1 + closeness % 3;
        uint256 used = lane.ones & (type(uint256).max >> (256 - lane.bits * outputs));
        uint256[] memory words = new uint256[](ROWS);
        bytes memory targets = new bytes(3 * ROWS);
        uint256 expected;
        for (uint256 r = 0; r < ROWS; ++r) {
            uint256 random = uint256(keccak256(abi.encode(seed, r)));
            words[r] = random & (used * mask);
            targets[3 * r] =
                bytes1(uint8((random >> 248) % 4 == 0 ? random >> 240 : (random >> 240) % outputs));
            if (Plain.isHit(words[r], uint8(targets[3 * r]), lane.bits, lane.count)) ++expected;
        }

        uint256 hits = PackedHits.count(_at(words), ROWS, _atBytes(targets), 3, lane.bits, lane.ones);

        assert(hits == expected);
    }

    /// @param kind Bits of it make weights, rows and biases as large as they can be.
    function testFuzz_linearHits_equalTheirPlainForm(uint256 seed, uint256 shape, uint256 kind)
        external
        view
    {
        (uint256 inputs, uint256 outputs) = (1 + shape % 32, 2 + (shape >> 8) % 9);
        uint256 count = 1 + (shape >> 16) % ROWS;
        bytes memory model = new bytes(40 + (inputs + 4) * outputs);
        (model[0], model[1], model[34], model[36], model[38]) =
        (bytes1(uint8(1)), bytes1(uint8(1)), bytes1(uint8(1)), bytes1(uint8(inputs)), bytes1(uint8(outputs)));
        for (uint256 i = 0; i < inputs * outputs; ++i) {
            model[40 + i] = _byte(seed, i, kind % 4 == 0, 0x80, 0x7f);
        }
        int256 limit = int256(Lanes.biasLimit(inputs, true));
        for (uint256 j = 0; j < outputs; ++j) {
            uint256 random = uint256(keccak256(abi.encode(seed, "bias", j)));
            int256 bias = (kind >> 8) % 4 == 0
                ? (random % 2 == 0 ? -limit : limit)
                : int256(random % uint256(2 * limit + 1)) - limit;
            // Small ones leave the decision to the weights.
            if ((kind >> 8) % 2 == 1) bias %= 1000;
            for (uint256 k = 0; k < 4; ++k) {
                model[40 + inputs * outputs + 4 * j + k] = bytes1(uint8(uint256(bias) >> (24 - 8 * k)));
            }
        }
        bytes memory data = new bytes(count * (inputs + 1));
        for (uint256 i = 0; i < data.length; ++i) {
            data[i] = _byte(~seed, i, (kind >> 16) % 4 == 0, 0, 0xff);
            if (i % (inputs + 1) == inputs && uint8(data[i]) < 240) {
                data[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, "class", i))) % outputs));
            }
        }

        this.checkLinear(model, data, inputs, outputs);
    }

    function checkLinear(bytes calldata model, bytes calldata data, uint256 inputs, uint256 outputs)
        external
        pure
    {
        PackedSums.reserve();
        bytes memory copied = bytes.concat(data, new bytes(64));
        Rows memory rows = Rows(_atBytes(copied), data.length / (inputs + 1), inputs + 1, inputs, outputs);
        DenseLayer layer = DenseFormat.linearOf(model, inputs, outputs);
        assert(PackedLinear.fits(layer));
        uint256 expected;
        for (uint256 r = 0; r < rows.count; ++r) {
            if (Plain.isLinearHit(layer, model, rows, r)) ++expected;
        }

        uint256 hits = PackedLinear.hits(layer, model, rows);

        assert(hits == expected);
    }

    function _byte(uint256 seed, uint256 index, bool extreme, uint8 lowest, uint8 largest)
        private
        pure
        returns (bytes1)
    {
        uint256 random = uint256(keccak256(abi.encode(seed, "byte", index)));
        return bytes1(extreme ? (random % 2 == 0 ? lowest : largest) : uint8(random));
    }

    function _at(uint256[] memory words) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := add(words, 32)
        }
    }

    function _atBytes(bytes memory data) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := add(data, 32)
        }
    }
}
