// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Mapping, Metric, RowRange, RowShape} from "../../contracts/interfaces/IScorer.sol";
import {Metrics} from "../../contracts/libraries/Metrics.sol";

/// @title ScoreProbe
/// @notice Measures a scorer from inside a transaction: everything it spends but the calldata.
contract ScoreProbe {
    /// @notice The score of rows in two goes, split after the first `head` rows (none: in one go), and the gas.
    function measure(
        IScorer scorer,
        Metric metric,
        RowShape calldata shape,
        Mapping calldata mapping_,
        RowRange calldata range,
        uint256 head,
        bytes calldata model
    ) external view returns (int256 scoreWad, uint256 gasUsed) {
        uint256 gasBefore = gasleft();
        RowRange memory rest = range;
        uint256[] memory words;
        if (head != 0) {
            rest.count = head;
            words = scorer.tally(metric, shape, mapping_, rest, model);
            (rest.skip, rest.count) = (range.skip + head, range.count - head);
        }
        uint256[] memory others = scorer.tally(metric, shape, mapping_, rest, model);
        scoreWad = Metrics.score(metric, head == 0 ? others : Metrics.merge(words, others));
        gasUsed = gasBefore - gasleft();
    }
}
