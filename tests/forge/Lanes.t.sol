// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Lane, Lanes} from "../../contracts/libraries/Lanes.sol";
import {Plain} from "../contracts/Plain.sol";

/// @notice The packed forms equal their plain twins, at the extremes too.
contract LanesTest {
    function testFuzz_rectifyAll_equalsItsPlainForm(uint256 word, bool isWide, uint256 shift) external pure {
        _checkRectify(word, isWide, shift % 23);
    }

    /// @notice All lanes at once are as small, as large, or as close to a threshold as they can be.
    function testFuzz_rectifyAll_equalsItsPlainForm_atTheExtremes(uint256 pick, bool isWide, uint256 shift)
        external
        pure
    {
        shift %= 23;
        Lane memory lane = Lanes.laneOf(isWide ? 97 : 96, false);
        uint256[6] memory contents = [
            uint256(0),
            (1 << lane.bits) - 1,
            lane.halfRange,
            lane.halfRange - 1,
            lane.halfRange + (256 << shift) % lane.halfRange,
            lane.halfRange + ((256 << shift) - 1) % lane.halfRange
        ];
        uint256 word = 0;
        for (uint256 k = 0; k < lane.count; ++k) {
            word |= contents[(pick >> (8 * k)) % 6] << (lane.bits * k);
        }

        _checkRectify(word, isWide, shift);
    }

    function testFuzz_exceeds_equalsItsPlainForm(uint256 word, uint256 target, bool isWide, uint256 closeness)
        external
        pure
    {
        Lane memory lane = Lanes.laneOf(isWide ? 193 : 192, true);
        target %= lane.count;
        // Few different contents make ties likely; the top bit of an output lane is clear.
        uint256 mask = closeness % 2 == 0 ? (1 << (lane.bits - 1)) - 1 : 1 + closeness % 3;
        word &= lane.ones * mask;
        uint256 strictBits = lane.bits * target;
        uint256 value = (word >> strictBits) & ((1 << lane.bits) - 1);

        uint256 above = Lanes.exceeds(word, value, lane.bits, lane.ones, strictBits);

        assert((above != 0) == Plain.exceeds(word, value, lane.bits, lane.count, strictBits));
    }

    /// @notice The bound of `Lanes`: with the largest bias, the extreme rows and weights leave a lane nowhere.
    function testFuzz_sumsStayInTheirLanes(uint256 fanIn, bool isOutput) external pure {
        fanIn = 1 + fanIn % 1024;
        Lane memory lane = Lanes.laneOf(fanIn, isOutput);
        int256 limit = int256(Lanes.biasLimit(fanIn, isOutput));
        int256 half = int256(lane.halfRange);

        assert(limit > 0);
        assert(-limit - int256(128 * 255 * fanIn) + half > 0);
        assert(uint256(limit + int256(127 * 255 * fanIn) + half) < 2 * lane.halfRange);
        assert(2 * lane.halfRange <= 1 << (isOutput ? lane.bits - 1 : lane.bits));
        assert(lane.bits * lane.count <= 256);
        for (uint256 k = 0; k < lane.count; ++k) {
            assert((lane.ones >> (lane.bits * k)) & ((1 << lane.bits) - 1) == 1);
        }
    }

    function _checkRectify(uint256 word, bool isWide, uint256 shift) private pure {
        Lane memory lane = Lanes.laneOf(isWide ? 97 : 96, false);
        if (!isWide) word &= type(uint256).max >> 3;
        uint256[2] memory place = [word, 0];
        uint256 from;
        assembly ("memory-safe") {
            from := place
        }

        Lanes.rectifyAll(from, from + 32, lane.bits, lane.ones, shift);

        assert(place[0] == Plain.rectify(word, lane.bits, lane.count, shift));
    }
}
