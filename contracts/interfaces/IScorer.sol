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

/// @notice The secure mapping in front of a model; see `SecureMapping`.
/// @param width How many features a mapped row has; 0 where models take the rows as they are.
/// @param seed Determines the matrix; the miner's own.
struct Mapping {
    uint256 width;
    bytes32 seed;
}

/// @notice Some rows of a test set.
/// @param parts The contract that holds the last part of the test set; see `RowTable`.
/// @param skip How many rows, counted from the last part's first, are left out.
/// @param count How many are meant.
struct RowRange {
    address parts;
    uint256 skip;
    uint256 count;
}

/// @title IScorer
/// @notice Scores a model on test rows, exactly: the same bytes give the same score on every machine.
///
/// A scorer tallies some of the rows at a time. Tallies of several parts of a test set add up word by word, modulo
/// 2^256, to that of the whole, from which `Metrics.score` computes the score:
///
/// | metric                      | words                                                                  |
/// | --------------------------- | ---------------------------------------------------------------------- |
/// | ACCURACY                    | 1: rows + 2^64 rows predicted right                                    |
/// | BALANCED_ACCURACY, MACRO_F1 | `classCount + 1`, for each class, and for all targets that are none:   |
/// |                             | its rows + 2^64 those predicted right + 2^128 rows predicted as it     |
/// | R2                          | 4: n, sum y, sum y^2, sum (y - p)^2                                    |
///
/// BALANCED_ACCURACY leaves the rows predicted as a class out.
/// @dev Every model's bytes begin with the same header, whatever their kind:
///
/// | offset | length | content                                                      |
/// | ------ | ------ | ------------------------------------------------------------ |
/// | 0      | 1      | format version, 1                                            |
/// | 1      | 1      | kind: 1 dense, 2 trees                                       |
/// | 2      | 32     | SHA-256 of the canonical JSON of the training parameters     |
///
/// Numbers are big-endian. A model has at most 98,304 bytes, takes 1 to 1024 features and knows at most 255
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

    /// @notice Thrown when a part of the test set holds a part of a row.
    error RowsMalformed(uint256 rowLength, uint256 dataLength);

    /// @notice Thrown when no rows, or `missing` more than there are, are to be scored.
    error RowsOutOfRange(uint256 skip, uint256 count, uint256 missing);

    /// @notice Thrown when a mapping has a width that is no multiple of 32 up to 256, or rows too many features.
    error MappingOutOfRange(uint256 featureCount, uint256 width);

    /// @notice Thrown when a metric does not apply to the kind of target.
    error MetricNotApplicable(Metric metric, uint256 classCount);

    /// @notice What `model` predicts right of these rows, under `metric`.
    /// @dev Reverts, never returns, when `model` is malformed or of another shape than the rows.
    function tally(
        Metric metric,
        RowShape calldata shape,
        Mapping calldata mapping_,
        RowRange calldata range,
        bytes calldata model
    ) external view returns (uint256[] memory words);
}
