// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Declaration, MAX_EPOCH_CONSUMERS, Utility} from "../../contracts/interfaces/IComputeMarket.sol";
import {Demand} from "../../contracts/libraries/Demand.sol";
import {Crowd, DemandTable} from "../../contracts/libraries/DemandTable.sol";
import {Entry, PackedUtilityLib} from "../../contracts/libraries/PackedUtility.sol";

/// @notice The assembly sums over prepared rows equal plain sums over declarations, at the extremes too.
contract DemandTableTest {
    using Demand for Declaration;
    using DemandTable for Crowd;
    using DemandTable for Entry[MAX_EPOCH_CONSUMERS];
    using PackedUtilityLib for Declaration;
    using PackedUtilityLib for Entry;

    uint256 internal constant PRICES = 6;

    Entry[MAX_EPOCH_CONSUMERS] internal _list;

    function testFuzz_sums_equalTheirPlainForm(uint256 seed, uint256 count, uint96 price) external {
        count %= 13;
        _fill(seed, count);

        _check(count, price == 0 ? 1 : price);
    }

    function testFuzz_sums_equalTheirPlainForm_atRisingPrices(uint256 seed, uint256 count) external {
        count = 1 + count % 12;
        _fill(seed, count);
        uint256[PRICES] memory prices;
        for (uint256 i; i < PRICES; ++i) {
            prices[i] = 1 + _draw(seed, 1000 + i, 96);
            for (uint256 k = i; k > 0 && prices[k - 1] > prices[k]; --k) {
                (prices[k - 1], prices[k]) = (prices[k], prices[k - 1]);
            }
        }

        Crowd memory crowd = _list.load(count);
        for (uint256 i; i < PRICES; ++i) {
            uint256 price = prices[i] > type(uint96).max ? type(uint96).max : prices[i];
            (, uint256 up) = _plain(count, price);
            assert(crowd.sumUpRising(price) == up);
        }
    }

    /// @notice Around the very prices from which on a consumer wants nothing.
    function testFuzz_sums_equalTheirPlainForm_whereAConsumerLeaves(uint256 seed, uint256 count) external {
        count = 1 + count % 12;
        _fill(seed, count);
        for (uint256 i; i < count; ++i) {
            Declaration memory d = _list[i].read();
            uint256 edge =
                d.utility == Utility.LOG ? uint256(d.value) * d.shape / DemandTable.WAD : uint256(d.value);
            for (uint256 step; step < 3; ++step) {
                uint256 price = edge + step;
                if (price > 1 && price - 1 <= type(uint96).max) _check(count, price - 1);
            }
        }
    }

    function testFuzz_mostCost_coversABestResponseAtAnyPrice(
        uint256 seed,
        uint96 floor,
        uint96 width,
        uint96 where
    ) external {
        _fill(seed, 1);
        Declaration memory d = _list[0].read();
        uint256 low = 1 + (floor >> 1);
        uint256 high = low + (width >> 1);
        uint256 price = low + where % (high - low + 1);

        uint256 lock = d.mostCost(low, high);

        assert(price * d.unitsDown(price) / 1e18 <= lock);
        if (d.utility == Utility.LOG) assert(lock <= d.value);
    }

    function _check(uint256 count, uint256 price) internal view {
        (uint256 down, uint256 up) = _plain(count, price);
        Crowd memory crowd = _list.load(count);
        assert(crowd.sumDown(price) == down);
        assert(crowd.sumUp(price) == up);
        assert(crowd.sumUpRising(price) == up);
    }

    function _plain(uint256 count, uint256 price) internal view returns (uint256 down, uint256 up) {
        for (uint256 i; i < count; ++i) {
            down += _list[i].read().unitsDown(price);
            up += _list[i].read().unitsUp(price);
        }
    }

    function _fill(uint256 seed, uint256 count) internal {
        for (uint256 i; i < count; ++i) {
            uint256 slope = _draw(seed, 4 * i + 1, 85);
            Declaration memory d = Declaration({
                value: uint96(_draw(seed, 4 * i, 85)),
                shape: uint96(slope == 0 ? 1 : slope),
                utility: Utility(_draw(seed, 4 * i + 2, 1)),
                closed: false,
                consumer: address(1),
                limit: uint96(_draw(seed, 4 * i + 3, 85))
            });
            _list[i] = Entry(d.pack(), d.consumer, false);
        }
    }

    /// @dev A number of any size up to so many bits, small ones as often as large ones.
    function _draw(uint256 seed, uint256 place, uint256 bits) internal pure returns (uint256) {
        uint256 word = uint256(keccak256(abi.encode(seed, place)));
        return (word >> (256 - bits)) >> (bits == 1 ? 0 : word % bits);
    }
}
