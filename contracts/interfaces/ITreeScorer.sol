// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer} from "./IScorer.sol";

/// @title ITreeScorer
/// @notice Scores decision trees, random forests, extra trees and gradient boosting.
/// @dev The body of a tree model, after the header of `IScorer`:
///
/// | offset | length | content                                                                               |
/// | ------ | ------ | ------------------------------------------------------------------------------------- |
/// | 34     | 1      | how leaves are added up: 0 votes, 1 sums                                              |
/// | 35     | 2      | number of features, 1 to 1024                                                         |
/// | 37     | 1      | number of classes, 0 for a regression; votes need at least two                        |
/// | 38     | 2      | number of trees, 1 to 1024                                                            |
/// | 40     | 4 m    | sums only: a starting value per output, int32; `m` outputs: as many as classes from   |
/// |        |        | three classes on, one for two classes or a regression                                 |
/// | ...    | ...    | per tree: number of nodes (uint16, at least 1), then its nodes of 5 bytes             |
///
/// A branch is its feature (uint16, top bit clear), a threshold (uint8) and the index of its right child in the
/// tree (uint16); its left child is the next node. A row goes left where `x <= threshold`. Children come after
/// their parents, and no node is deeper than 32 branches.
///
/// A leaf begins with the byte 0x80. In votes a class (uint8) and a weight (uint24) follow: the weight is added to
/// the class. In sums a value (int32) follows: it is added to the output `tree index mod m`. The class is the
/// lowest one with the most; with one output it is 1 where the sum is above zero and 0 otherwise; a regression's
/// value is the sum, clipped to int32.
interface ITreeScorer is IScorer {
    /// @notice Thrown when leaves are to be added up in an unknown way.
    error AggregationUnsupported(uint256 aggregation);

    /// @notice Thrown when a model has no trees or too many.
    error TreeCountOutOfRange(uint256 treeCount, uint256 maximumCount);

    /// @notice Thrown when a tree has no nodes.
    error TreeEmpty(uint256 tree);

    /// @notice Thrown when a branch asks for a feature that rows do not have.
    error TreeFeatureOutOfRange(uint256 tree, uint256 node, uint256 feature);

    /// @notice Thrown when a branch's right child does not come after its left one, or is no node of the tree.
    error TreeChildOutOfRange(uint256 tree, uint256 node, uint256 child);

    /// @notice Thrown when a leaf has another mark, or votes for a class that there is not.
    error TreeLeafMalformed(uint256 tree, uint256 node);

    /// @notice Thrown when a branch lies too deep.
    error TreeTooDeep(uint256 tree, uint256 node, uint256 maximumDepth);
}
