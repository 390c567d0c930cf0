// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Mapping, Metric, RowRange, RowShape} from "../../contracts/interfaces/IScorer.sol";
import {Metrics} from "../../contracts/libraries/Metrics.sol";

/// @notice What is to be scored, and how many of its rows in a first go (none: all in one).
struct Question {
    address scorer;
    Metric metric;
    RowShape shape;
    Mapping mapping_;
    RowRange range;
    uint256 head;
    bytes model;
}

/// @title ScoreProbe
/// @notice Measures a scorer from inside a transaction: everything it spends but the calldata.
contract ScoreProbe {
    /// @notice The score of the rows, and the gas that the scorer took, the cold access of its address included.
    function measure(Question calldata asked) external view returns (int256 scoreWad, uint256 gasUsed) {
        uint256[] memory words = Metrics.none(asked.metric, asked.shape.classCount);
        RowRange memory range = asked.range;
        range.count = asked.head;
        for (uint256 go = asked.head == 0 ? 1 : 0; go < 2; ++go) {
            if (go == 1) {
                (range.skip, range.count) = (range.skip + asked.head, asked.range.count - asked.head);
            }
            bytes memory call = abi.encodeCall(
                IScorer.tally, (asked.metric, asked.shape, asked.mapping_, range, asked.model)
            );
            uint256 gasBefore = gasleft();
            (bool done, bytes memory answer) = asked.scorer.staticcall(call);
            gasUsed += gasBefore - gasleft();
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(answer, 32), mload(answer))
                }
            }
            words = Metrics.merge(words, abi.decode(answer, (uint256[])));
        }
        scoreWad = Metrics.score(asked.metric, words);
    }
}
