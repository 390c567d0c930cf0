// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Crowd, DemandTable} from "./DemandTable.sol";

/// @notice How a walk ended, or that it did not.
enum Step {
    UNFINISHED, // there are points left
    PROVED, // the cover is complete
    STOPPED // a step did not advance
}

/// @notice A game as a walk needs it; see `EpochSpec`.
struct Game {
    uint256 capacity;
    uint256 unitCost;
    uint256 priceFloor;
    uint256 priceCap;
    uint256 toleranceWad;
}

/// @title CoverWalk
/// @notice The proof that no price earns much more than the posted one. Its steps and roundings, and why they can
/// refuse a good price but never pass a bad one, are in `offchain/economics/cover.py`, its twin bit for bit.
///
///     S       = min(sum of demands at the posted price, each rounded down, capacity)
///     profit  = (price - unitCost) * S, with 36 decimals
///     U_j     = min(sum of demands at p_j, each rounded up, capacity)
///     p_{j+1} = unitCost + floor((1e18 + tolerance) * profit / (1e18 * U_j))
library CoverWalk {
    using DemandTable for Crowd;

    uint256 internal constant WAD = 1e18;

    /// @notice Walks from `point` on, over up to `maxPoints` points.
    /// @dev Those who want nothing any more are left behind on the way, in a copy: the crowd stays whole.
    function advance(Game memory game, Crowd memory crowd, uint256 profit, uint256 point, uint256 maxPoints)
        internal
        pure
        returns (uint256, Step)
    {
        unchecked {
            uint256 reach = (WAD + game.toleranceWad) * profit;
            Crowd memory left = Crowd(crowd.logAt, crowd.logEnd, crowd.quadAt, crowd.quadEnd);
            for (uint256 i; point < game.priceCap; ++i) {
                if (i == maxPoints) return (point, Step.UNFINISHED);
                uint256 units = _min(left.sumUpRising(point), game.capacity);
                if (units == 0) break;
                uint256 following = game.unitCost + reach / (WAD * units);
                if (following <= point) return (point, Step.STOPPED);
                point = following;
            }
            return (point, Step.PROVED);
        }
    }

    /// @notice The profit of a price at which so many units are wanted, with 36 decimals.
    function profitOf(Game memory game, uint256 price, uint256 units) internal pure returns (uint256) {
        unchecked {
            return (price - game.unitCost) * _min(units, game.capacity);
        }
    }

    /// @notice A price that earns more than the posted one, whose walk stopped at `point`; 0 where the roundings
    /// leave that open.
    /// @dev `point` itself, unless nothing is earned: a better price is then looked for by halving the distance from
    /// the cap to the unit cost.
    function betterPrice(Game memory game, Crowd memory crowd, uint256 price, uint256 point)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            uint256 posted = profitOf(game, price, crowd.sumUp(price));
            if (profitOf(game, point, crowd.sumDown(point)) > posted) return point;
            if (profitOf(game, price, crowd.sumDown(price)) != 0) return 0;
            for (uint256 width = game.priceCap - game.unitCost; width != 0; width >>= 1) {
                uint256 candidate = game.unitCost + width;
                if (candidate < game.priceFloor) return 0;
                if (profitOf(game, candidate, crowd.sumDown(candidate)) > posted) return candidate;
            }
            return 0;
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
