// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Declaration, MAX_EPOCH_CONSUMERS} from "../../contracts/interfaces/IComputeMarket.sol";
import {CoverWalk, Game, Step} from "../../contracts/libraries/CoverWalk.sol";
import {Demand} from "../../contracts/libraries/Demand.sol";
import {Crowd, DemandTable} from "../../contracts/libraries/DemandTable.sol";
import {Entry, PackedUtilityLib} from "../../contracts/libraries/PackedUtility.sol";

/// @notice Lets tests call the market's libraries that have a twin in Python. To be called, not sent: what is
/// stored serves the call alone.
contract MarketTwins {
    using CoverWalk for Game;
    using Demand for Declaration;
    using DemandTable for Crowd;
    using DemandTable for Entry[MAX_EPOCH_CONSUMERS];
    using PackedUtilityLib for Declaration;

    Entry[MAX_EPOCH_CONSUMERS] internal _list;

    function units(Declaration memory d, uint256 price) external pure returns (uint256 down, uint256 up) {
        return (d.unitsDown(price), d.unitsUp(price));
    }

    function mostCost(Declaration memory d, uint256 floor, uint256 cap) external pure returns (uint256) {
        return d.mostCost(floor, cap);
    }

    function sums(Declaration[] memory list, uint256 price)
        external
        returns (uint256 down, uint256 up, uint256 rising)
    {
        Crowd memory crowd = _load(list);
        return (crowd.sumDown(price), crowd.sumUp(price), crowd.sumUpRising(price));
    }

    /// @notice The whole walk with its points, and the price that is better than one refused.
    function walk(Declaration[] memory list, Game memory game, uint256 price, uint256 mostPoints)
        external
        returns (Step step, uint256 better, uint256[] memory points)
    {
        Crowd memory crowd = _load(list);
        uint256 profit = game.profitOf(price, crowd.sumDown(price));
        points = new uint256[](mostPoints);
        uint256 count = 1;
        uint256 point = game.priceFloor;
        points[0] = point;
        for (; step == Step.UNFINISHED;) {
            uint256 next;
            (next, step) = game.advance(crowd, profit, point, 1);
            if (next != point) points[count++] = next;
            point = next;
        }
        if (step == Step.STOPPED) better = game.betterPrice(_load(list), price, point);
        assembly ("memory-safe") {
            mstore(points, count)
        }
    }

    function _load(Declaration[] memory list) internal returns (Crowd memory) {
        for (uint256 i; i < list.length; ++i) {
            _list[i].utility = list[i].pack();
        }
        return _list.load(list.length);
    }
}
