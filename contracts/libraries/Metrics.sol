// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Metric} from "../interfaces/IScorer.sol";

/// @title Metrics
/// @notice Tallies as {IScorer} lays them out, and the scores that {Metric} defines by them.
/// @dev A class's word is `SUPPORT` for each of its rows, plus `HIT` for each of them predicted right, plus
/// `PREDICTED` for each row of any class predicted as it. A test set has fewer than 2^64 rows, so the fields cannot
/// meet.
library Metrics {
    uint256 internal constant SUPPORT = 1;
    uint256 internal constant HIT = 1 << 64;
    uint256 internal constant PREDICTED = 1 << 128;
    uint256 private constant FIELD = type(uint64).max;
    uint256 private constant WAD = 1e18;
    uint256 private constant FINE = 1e36;

    /// @notice Reverts unless the metric applies to tasks of `classCount` classes; 0 is a regression.
    function check(Metric metric, uint256 classCount) internal pure {
        require((metric == Metric.R2) == (classCount == 0), IScorer.MetricNotApplicable(metric, classCount));
    }

    /// @notice A tally of no rows.
    function none(Metric metric, uint256 classCount) internal pure returns (uint256[] memory words) {
        return new uint256[](metric == Metric.R2 ? 4 : metric == Metric.ACCURACY ? 1 : classCount + 1);
    }

    /// @notice Adds a row of class `target` that is predicted as `predicted` to a tally of classes.
    function add(uint256[] memory words, Metric metric, uint256 target, uint256 predicted) internal pure {
        unchecked {
            words[target] += target == predicted ? SUPPORT + HIT : SUPPORT;
            if (metric == Metric.MACRO_F1) words[predicted] += PREDICTED;
        }
    }

    /// @notice Adds a row whose value `y` is predicted as `p` to a tally of R2.
    function addValue(uint256[] memory words, int256 y, int256 p) internal pure {
        unchecked {
            words[0] += 1;
            words[1] += uint256(y);
            words[2] += uint256(y * y);
            words[3] += uint256((y - p) * (y - p));
        }
    }

    /// @notice The tally of two parts of a test set; the first is overwritten.
    function merge(uint256[] memory words, uint256[] memory others) internal pure returns (uint256[] memory) {
        unchecked {
            for (uint256 i = 0; i < words.length; ++i) {
                words[i] += others[i];
            }
        }
        return words;
    }

    /// @notice The score of a whole test set, of at least one row.
    function score(Metric metric, uint256[] memory words) internal pure returns (int256 scoreWad) {
        if (metric == Metric.R2) return _r2(words[0], int256(words[1]), words[2], words[3]);
        if (metric == Metric.ACCURACY) return int256(WAD * (words[0] >> 64) / (words[0] & FIELD));
        return _ofClasses(metric, words);
    }

    function _ofClasses(Metric metric, uint256[] memory words) private pure returns (int256 scoreWad) {
        uint256 ratios;
        uint256 classes;
        unchecked {
            for (uint256 c = 0; c < words.length; ++c) {
                uint256 support = words[c] & FIELD;
                uint256 hit = (words[c] >> 64) & FIELD;
                (uint256 part, uint256 whole) =
                    metric == Metric.MACRO_F1 ? (2 * hit, support + (words[c] >> 128)) : (hit, support);
                if (whole > 0) {
                    ratios += FINE * part / whole;
                    ++classes;
                }
            }
            return int256(ratios / (WAD * classes));
        }
    }

    /// @dev Nothing overflows for fewer than 2^64 rows of 32-bit values: squares add up to less than 2^130.
    function _r2(uint256 count, int256 targetSum, uint256 targetSquares, uint256 errorSquares)
        private
        pure
        returns (int256 scoreWad)
    {
        uint256 spread = count * targetSquares - uint256(targetSum * targetSum);
        if (spread == 0) return errorSquares == 0 ? int256(WAD) : int256(0);
        uint256 lost = WAD * count * errorSquares;
        return int256(WAD) - int256((lost + spread - 1) / spread);
    }
}
