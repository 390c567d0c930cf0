// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Declaration, Utility} from "../interfaces/IComputeMarket.sol";

/// @title Demand
/// @notice What a declared consumer wants at a price: the exact rational number of units, rounded either way by less
/// than a wei. With value a, shape k or b, limit d and price p as integers with 18 decimals,
///
///     logarithmic   x = min(d, 1e18 (a k - 1e18 p) / (p k)), nothing where a k <= 1e18 p
///     quadratic     x = min(d, 1e18 (a - p) / b), nothing where a <= p
///
/// All numbers are below 2^96, so every product is below 2^253. The twin is `offchain/economics/integer.py`.
library Demand {
    uint256 internal constant WAD = 1e18;

    /// @notice The best response, rounded down: what is sold.
    function unitsDown(Declaration memory d, uint256 price) internal pure returns (uint256) {
        unchecked {
            (uint256 numerator, uint256 denominator) = _fraction(d, price);
            return numerator == 0 ? 0 : _min(numerator / denominator, d.limit);
        }
    }

    /// @notice The best response, rounded up: what a proof counts with.
    function unitsUp(Declaration memory d, uint256 price) internal pure returns (uint256) {
        unchecked {
            (uint256 numerator, uint256 denominator) = _fraction(d, price);
            return numerator == 0 ? 0 : _min((numerator - 1) / denominator + 1, d.limit);
        }
    }

    /// @notice What the best response can cost at most, at any price between `floor` and `cap`, rounded up.
    /// @dev What it costs rises with the price up to one price and falls from there on: up to the price at which the
    /// limit stops to bind for a log utility, or the higher of that price and half the value for a quadratic one. At
    /// a price in `[peak, peak + 1]` it is at most `(peak + 1) * unitsUp(peak)`. A log best response costs
    /// `a - 1e18 p / k` at most, which is below the value.
    function mostCost(Declaration memory d, uint256 floor, uint256 cap) internal pure returns (uint256 cost) {
        unchecked {
            uint256 peak = d.utility == Utility.LOG ? _logPeak(d) : _quadraticPeak(d);
            uint256 low = peak < floor ? floor : _min(peak, cap);
            uint256 high = peak < floor || peak >= cap ? low : peak + 1;
            cost = (high * unitsUp(d, low) + WAD - 1) / WAD;
            if (d.utility == Utility.LOG) cost = _min(cost, d.value);
        }
    }

    /// @dev The demand without its limit; 0 / 1 where there is none.
    function _fraction(Declaration memory d, uint256 price)
        private
        pure
        returns (uint256 numerator, uint256 denominator)
    {
        unchecked {
            bool isLog = d.utility == Utility.LOG;
            uint256 worth = isLog ? uint256(d.value) * d.shape : d.value;
            uint256 charge = isLog ? WAD * price : price;
            if (worth <= charge) return (0, 1);
            return (WAD * (worth - charge), isLog ? price * d.shape : d.shape);
        }
    }

    /// @dev `p d = a - p / k` at `p = a k / (1 + k d)`, rounded down.
    function _logPeak(Declaration memory d) private pure returns (uint256) {
        unchecked {
            return (WAD * d.value * d.shape) / (WAD * WAD + uint256(d.shape) * d.limit);
        }
    }

    /// @dev `max(a - b d, a / 2)`, rounded down.
    function _quadraticPeak(Declaration memory d) private pure returns (uint256) {
        unchecked {
            uint256 fall = (uint256(d.shape) * d.limit + WAD - 1) / WAD;
            uint256 half = d.value / 2;
            return fall >= d.value - half ? half : d.value - fall;
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
