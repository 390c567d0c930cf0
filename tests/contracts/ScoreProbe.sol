// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Mapping, Metric, RowRange, RowShape} from "../../contracts/interfaces/IScorer.sol";
import {Metrics} from "../../contracts/libraries/Metrics.sol";

/// @title ScoreProbe
/// @notice Measures a scorer from inside a transaction: everything it spends but the calldata.
contract ScoreProbe {
    /// @notice The score of rows in two goes, split after the first `head` rows (none: in one go), and the gas that
    /// the scorer took, the cold access of its address included.
    function measure(
        address scorer,
        Metric metric,
        RowShape calldata shape,
        Mapping calldata mapping_,
        RowRange memory range,
        uint256 head,
        bytes calldata model
    ) external view returns (int256 scoreWad, uint256 gasUsed) {
        uint256[] memory words = Metrics.none(metric, shape.classCount);
        uint256 count = range.count;
        range.count = head;
        for (uint256 go = head == 0 ? 1 : 0; go < 2; ++go) {
            if (go == 1) (range.skip, range.count) = (range.skip + head, count - head);
            bytes memory call = abi.encodeCall(IScorer.tally, (metric, shape, mapping_, range, model));
            uint256 gasBefore = gasleft();
            (bool done, bytes memory answer) = scorer.staticcall(call);
            gasUsed += gasBefore - gasleft();
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(answer, 32), mload(answer))
                }
            }
            words = Metrics.merge(words, abi.decode(answer, (uint256[])));
        }
        scoreWad = Metrics.score(metric, words);
    }
}
