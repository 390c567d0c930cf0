// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Mapping, Metric, RowRange, RowShape} from "../interfaces/IScorer.sol";
import {ITreeScorer} from "../interfaces/ITreeScorer.sol";
import {Metrics} from "../libraries/Metrics.sol";
import {PackedSums} from "../libraries/PackedSums.sol";
import {Rows, RowTable} from "../libraries/RowTable.sol";
import {SecureMapping} from "../libraries/SecureMapping.sol";
import {TreeFormat, TreeModel} from "../libraries/TreeFormat.sol";
import {TreeWalk} from "../libraries/TreeWalk.sol";

/// @title TreeScorer
/// @notice See {ITreeScorer}.
contract TreeScorer is ITreeScorer {
    /* VIEW */

    /// @inheritdoc IScorer
    function tally(
        Metric metric,
        RowShape calldata shape,
        Mapping calldata mapping_,
        RowRange calldata range,
        bytes calldata model
    ) external view returns (uint256[] memory words) {
        PackedSums.reserve();
        Metrics.check(metric, shape.classCount);
        uint256 width = mapping_.width;
        TreeModel memory decoded =
            TreeFormat.decode(model, width == 0 ? shape.featureCount : width, shape.classCount);
        Rows memory rows = RowTable.load(shape, range);
        if (width != 0) rows = SecureMapping.map(rows, width, mapping_.seed);
        words = Metrics.none(metric, shape.classCount);
        _tallyRows(metric, decoded, rows, words);
    }

    /* INTERNAL */

    function _tallyRows(Metric metric, TreeModel memory model, Rows memory rows, uint256[] memory words)
        private
        pure
    {
        int256[] memory sums = new int256[](model.isVotes ? rows.classCount : model.base.length);
        for (uint256 r = 0; r < rows.count; ++r) {
            uint256 row = rows.ptr + r * rows.length;
            for (uint256 i = 0; i < sums.length; ++i) {
                sums[i] = model.isVotes ? int256(0) : model.base[i];
            }
            if (model.isVotes) TreeWalk.addVotes(model.nodesAt, row, sums);
            else TreeWalk.addValues(model.nodesAt, row, sums);
            if (metric == Metric.R2) {
                Metrics.addValue(words, RowTable.valueOf(rows, r), _clip(sums[0]));
            } else if (metric == Metric.ACCURACY) {
                bool isHit = RowTable.classOf(rows, r) == _classOf(sums);
                words[0] += isHit ? Metrics.SUPPORT + Metrics.HIT : Metrics.SUPPORT;
            } else {
                Metrics.add(words, metric, RowTable.classOf(rows, r), _classOf(sums));
            }
        }
    }

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
