// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a task rewards. Every metric is higher-is-better and in WAD (1e18 = 1.0).
enum Metric {
    ACCURACY,
    BALANCED_ACCURACY,
    MACRO_F1,
    R2
}

/// @notice The layout of a row: `featureCount` bytes of features, then the target. The target is one byte, a
/// class index, where `classCount > 0`, and a big-endian `int32` where `classCount == 0` (regression).
struct RowShape {
    uint256 featureCount;
    uint256 classCount;
}

/// @title IScorer
/// @notice Scores a model on test rows, exactly: the same bytes give the same score on every machine.
interface IScorer {
    /// @notice The score of `model` under `metric` on the rows stored in the code of `rows` (SSTORE2).
    /// @dev Reverts, never returns, when `model` is malformed or of another shape than the rows.
    function score(Metric metric, RowShape calldata shape, address rows, bytes calldata model)
        external
        view
        returns (int256 scoreWad);
}
