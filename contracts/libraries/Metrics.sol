// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Metric} from "../interfaces/IScorer.sol";

/// @notice What a regressor's predictions `p` of targets `y` add up to.
struct Residuals {
    uint256 count;
    int256 targetSum;
    uint256 targetSquares;
    uint256 errorSquares;
}

/// @title Metrics
/// @notice The metrics as {Metric} defines them.
/// @dev A class's tally is one word: rows of the class, plus 2^64 for each of them predicted right, plus 2^128 for
/// each row of any class predicted as it. A row counts at most once in each, so the fields cannot meet.
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

    /// @notice ACCURACY where `hits` of `count` rows are predicted right.
    function accuracy(uint256 hits, uint256 count) internal pure returns (int256 scoreWad) {
        return int256(WAD * hits / count);
    }

    /// @notice BALANCED_ACCURACY or MACRO_F1 of the classes' tallies.
    function ofClasses(Metric metric, uint256[] memory tallies) internal pure returns (int256 scoreWad) {
        uint256 ratios;
        uint256 classes;
        unchecked {
            for (uint256 c = 0; c < tallies.length; ++c) {
                uint256 support = tallies[c] & FIELD;
                uint256 hit = (tallies[c] >> 64) & FIELD;
                (uint256 part, uint256 whole) =
                    metric == Metric.MACRO_F1 ? (2 * hit, support + (tallies[c] >> 128)) : (hit, support);
                if (whole > 0) {
                    ratios += FINE * part / whole;
                    ++classes;
                }
            }
            return int256(ratios / (WAD * classes));
        }
    }

    /// @notice Counts a row of class `target` that is predicted as `predicted`.
    function tally(uint256[] memory tallies, uint256 target, uint256 predicted) internal pure {
        unchecked {
            tallies[target] += target == predicted ? SUPPORT + HIT : SUPPORT;
            tallies[predicted] += PREDICTED;
        }
    }

    /// @notice The residuals with one more row.
    function add(Residuals memory residuals, int256 target, int256 prediction) internal pure {
        int256 difference = target - prediction;
        residuals.count += 1;
        residuals.targetSum += target;
        residuals.targetSquares += uint256(target * target);
        residuals.errorSquares += uint256(difference * difference);
    }

    /// @notice R2 of a regressor's residuals.
    function r2(Residuals memory residuals) internal pure returns (int256 scoreWad) {
        uint256 spread =
            residuals.count * residuals.targetSquares - uint256(residuals.targetSum * residuals.targetSum);
        if (spread == 0) return residuals.errorSquares == 0 ? int256(WAD) : int256(0);
        uint256 lost = WAD * residuals.count * residuals.errorSquares;
        return int256(WAD) - int256((lost + spread - 1) / spread);
    }
}
