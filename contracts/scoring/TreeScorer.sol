// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Metric, RowShape} from "../interfaces/IScorer.sol";
import {ITreeScorer} from "../interfaces/ITreeScorer.sol";
import {Metrics, Residuals} from "../libraries/Metrics.sol";
import {Rows, RowTable} from "../libraries/RowTable.sol";
import {TreeFormat, TreeModel} from "../libraries/TreeFormat.sol";
import {TreeWalk} from "../libraries/TreeWalk.sol";

/// @title TreeScorer
/// @notice See {ITreeScorer}.
contract TreeScorer is ITreeScorer {
    /* VIEW */

    /// @inheritdoc IScorer
    function score(Metric metric, RowShape calldata shape, address pointer, bytes calldata model)
        external
        view
        returns (int256 scoreWad)
    {
        Metrics.check(metric, shape.classCount);
        TreeModel memory decoded = TreeFormat.decode(model, shape.featureCount, shape.classCount);
        Rows memory rows = RowTable.load(shape, pointer);
        uint256[] memory tallies = new uint256[](shape.classCount + 1);
        int256[] memory sums = new int256[](decoded.isVotes ? shape.classCount : decoded.base.length);
        Residuals memory residuals;
        uint256 hits;

        for (uint256 r = 0; r < rows.count; ++r) {
            uint256 row = rows.ptr + r * rows.length;
            for (uint256 i = 0; i < sums.length; ++i) {
                sums[i] = decoded.isVotes ? int256(0) : decoded.base[i];
            }
            if (decoded.isVotes) TreeWalk.addVotes(decoded.nodesAt, row, sums);
            else TreeWalk.addValues(decoded.nodesAt, row, sums);
            if (metric == Metric.R2) {
                Metrics.add(residuals, RowTable.valueOf(rows, r), _clip(sums[0]));
                continue;
            }
            uint256 target = RowTable.classOf(rows, r);
            uint256 predicted = _classOf(sums);
            if (target == predicted) ++hits;
            Metrics.tally(tallies, target, predicted);
        }
        if (metric == Metric.R2) return Metrics.r2(residuals);
        if (metric == Metric.ACCURACY) return Metrics.accuracy(hits, rows.count);
        return Metrics.ofClasses(metric, tallies);
    }

    /* INTERNAL */

    /// @dev The lowest class with the largest sum; 1 where the only sum is above zero.
    function _classOf(int256[] memory sums) private pure returns (uint256 best) {
        if (sums.length == 1) return sums[0] > 0 ? 1 : 0;
        int256 largest = sums[0];
        for (uint256 c = 1; c < sums.length; ++c) {
            if (sums[c] > largest) (best, largest) = (c, sums[c]);
        }
    }

    function _clip(int256 value) private pure returns (int256) {
        if (value > type(int32).max) return type(int32).max;
        return value < type(int32).min ? type(int32).min : value;
    }
}
