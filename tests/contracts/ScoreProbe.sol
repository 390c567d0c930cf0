// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer, Metric, RowShape} from "../../contracts/interfaces/IScorer.sol";

/// @title ScoreProbe
/// @notice Measures a scorer from inside a transaction: everything it spends but the calldata.
contract ScoreProbe {
    /// @notice The score, and the gas that the call took.
    function measure(
        IScorer scorer,
        Metric metric,
        RowShape calldata shape,
        address rows,
        bytes calldata model
    ) external view returns (int256 scoreWad, uint256 gasUsed) {
        uint256 gasBefore = gasleft();
        scoreWad = scorer.score(metric, shape, rows, model);
        gasUsed = gasBefore - gasleft();
    }
}
