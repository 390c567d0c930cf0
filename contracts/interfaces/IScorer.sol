// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a task rewards. Every metric is higher-is-better and in WAD (1e18 = 1.0).
/// @dev With `h_c` the rows of class `c` that are predicted right, `s_c` the rows of class `c`, `p_c` the rows
/// predicted as `c`, and every sum over rows or classes exact:
///
/// - ACCURACY = floor(1e18 * sum h_c / n)
/// - BALANCED_ACCURACY = floor(sum floor(1e36 * h_c / s_c) / (1e18 * k)), over the `k` classes with `s_c > 0`
/// - MACRO_F1 = floor(sum floor(1e36 * 2 * h_c / (s_c + p_c)) / (1e18 * k)), over the `k` classes with
///   `s_c + p_c > 0`
/// - R2 = 1e18 - ceil(1e18 * n * sum (y - p)^2 / (n * sum y^2 - (sum y)^2)); where all targets `y` are equal,
///   1e18 if every prediction `p` is exact, and 0 otherwise
///
/// Which classes count, and the answer for equal targets, are scikit-learn's. All targets at or above
/// `classCount` together are one more class, which nothing predicts: a row of it is a miss, not a revert, so that
/// one bad row cannot make a test set unusable.
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
/// @dev Every model's bytes begin with the same header, whatever their kind:
///
/// | offset | length | content                                                      |
/// | ------ | ------ | ------------------------------------------------------------ |
/// | 0      | 1      | format version, 1                                            |
/// | 1      | 1      | kind: 1 dense, 2 trees                                       |
/// | 2      | 32     | SHA-256 of the canonical JSON of the training parameters     |
///
/// Numbers are big-endian. A model has at most 24,576 bytes, takes 1 to 1024 features and knows at most 255
/// classes.
interface IScorer {
    /// @notice Thrown when model bytes end before the model does.
    error ModelTruncated(uint256 expectedLength, uint256 actualLength);

    /// @notice Thrown when model bytes go on after the model's end, or exceed the size limit.
    error ModelTooLong(uint256 maximumLength, uint256 actualLength);

    /// @notice Thrown when model bytes are of a format version that this scorer does not read.
    error ModelVersionUnsupported(uint256 expectedVersion, uint256 actualVersion);

    /// @notice Thrown when model bytes are of a kind that another scorer reads.
    error ModelKindMismatch(uint256 expectedKind, uint256 actualKind);

    /// @notice Thrown when a model takes another number of features than a row has.
    error ModelFeaturesMismatch(uint256 expectedFeatures, uint256 actualFeatures);

    /// @notice Thrown when a model tells apart another number of classes than the task has; 0 is a regression.
    error ModelClassesMismatch(uint256 expectedClasses, uint256 actualClasses);

    /// @notice Thrown when the rows' contract holds no row, or a part of one.
    error RowsMalformed(uint256 rowLength, uint256 dataLength);

    /// @notice Thrown when a metric does not apply to the kind of target.
    error MetricNotApplicable(Metric metric, uint256 classCount);

    /// @notice The score of `model` under `metric` on the rows stored in the code of `rows` (SSTORE2).
    /// @dev Reverts, never returns, when `model` is malformed or of another shape than the rows.
    function score(Metric metric, RowShape calldata shape, address rows, bytes calldata model)
        external
        view
        returns (int256 scoreWad);
}
