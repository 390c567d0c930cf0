// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer} from "../interfaces/IScorer.sol";
import {ITreeScorer} from "../interfaces/ITreeScorer.sol";
import {CalldataWords} from "./CalldataWords.sol";
import {ModelHeader} from "./ModelHeader.sol";

/// @notice A tree model in memory: `nodesAt[t]` is where the nodes of tree `t` begin. `base` is empty for votes.
struct TreeModel {
    bool isVotes;
    int256[] base;
    uint256[] nodesAt;
}

/// @title TreeFormat
/// @notice Reads a tree model's bytes strictly; see {ITreeScorer} for their layout.
library TreeFormat {
    uint256 internal constant NODE_LENGTH = 5;
    uint256 private constant TREES_AT = ModelHeader.LENGTH + 6;
    uint256 private constant MAX_TREES = 1024;
    uint256 private constant MAX_DEPTH = 32;

    /// @notice The model in these bytes, for rows of this shape.
    function decode(bytes calldata model, uint256 featureCount, uint256 classCount)
        internal
        pure
        returns (TreeModel memory decoded)
    {
        ModelHeader.check(model, ModelHeader.KIND_TREES);
        require(model.length >= TREES_AT, IScorer.ModelTruncated(TREES_AT, model.length));
        uint256 aggregation = CalldataWords.uintAt(model, ModelHeader.LENGTH, 1);
        require(aggregation <= 1, ITreeScorer.AggregationUnsupported(aggregation));
        uint256 features = CalldataWords.uintAt(model, ModelHeader.LENGTH + 1, 2);
        require(
            features == featureCount && features > 0 && features <= ModelHeader.MAX_FEATURES,
            IScorer.ModelFeaturesMismatch(featureCount, features)
        );
        uint256 classes = CalldataWords.uintAt(model, ModelHeader.LENGTH + 3, 1);
        decoded.isVotes = aggregation == 0;
        require(
            classes == classCount && classes != 1 && (classes > 0 || !decoded.isVotes),
            IScorer.ModelClassesMismatch(classCount, classes)
        );
        uint256 trees = CalldataWords.uintAt(model, ModelHeader.LENGTH + 4, 2);
        require(trees > 0 && trees <= MAX_TREES, ITreeScorer.TreeCountOutOfRange(trees, MAX_TREES));

        uint256 outputs = decoded.isVotes ? 0 : classes > 2 ? classes : 1;
        uint256 offset = TREES_AT + 4 * outputs;
        require(model.length >= offset, IScorer.ModelTruncated(offset, model.length));
        decoded.base = new int256[](outputs);
        for (uint256 i = 0; i < outputs; ++i) {
            decoded.base[i] = CalldataWords.int32At(model, TREES_AT + 4 * i);
        }
        decoded.nodesAt = _decodeTrees(model, offset, trees, features, decoded.isVotes ? classes : 0);
    }

    /// @dev Checks the trees and copies their bytes to memory; `classes` is 0 where leaves are not votes.
    function _decodeTrees(
        bytes calldata model,
        uint256 offset,
        uint256 trees,
        uint256 features,
        uint256 classes
    ) private pure returns (uint256[] memory nodesAt) {
        nodesAt = new uint256[](trees);
        uint256 copy;
        assembly ("memory-safe") {
            copy := mload(0x40)
            calldatacopy(copy, model.offset, model.length)
            mstore(0x40, and(add(add(copy, model.length), 63), not(31)))
        }
        for (uint256 t = 0; t < trees; ++t) {
            require(model.length >= offset + 2, IScorer.ModelTruncated(offset + 2, model.length));
            uint256 count = CalldataWords.uintAt(model, offset, 2);
            require(count > 0, ITreeScorer.TreeEmpty(t));
            offset += 2;
            uint256 end = offset + NODE_LENGTH * count;
            require(model.length >= end, IScorer.ModelTruncated(end, model.length));
            _checkNodes(model, offset, t, count, features, classes);
            nodesAt[t] = copy + offset;
            offset = end;
        }
        require(model.length <= offset, IScorer.ModelTooLong(offset, model.length));
    }

    /// @dev INVARIANT: every path through a checked tree ends in a leaf, because indices only grow, and after at
    /// most `MAX_DEPTH` branches. Depths are kept in free memory, a byte per node, and thrown away.
    function _checkNodes(
        bytes calldata model,
        uint256 offset,
        uint256 tree,
        uint256 count,
        uint256 features,
        uint256 classes
    ) private pure {
        uint256 depths;
        assembly ("memory-safe") {
            depths := mload(0x40)
            calldatacopy(depths, calldatasize(), add(count, 32))
        }
        unchecked {
            for (uint256 node = 0; node < count; ++node) {
                uint256 word = CalldataWords.wordAt(model, offset + NODE_LENGTH * node);
                if (word >> 255 == 1) {
                    require(
                        word >> 248 == 0x80 && (classes == 0 || uint8(word >> 240) < classes),
                        ITreeScorer.TreeLeafMalformed(tree, node)
                    );
                    continue;
                }
                uint256 right = uint16(word >> 216);
                require(word >> 240 < features, ITreeScorer.TreeFeatureOutOfRange(tree, node, word >> 240));
                require(right > node + 1 && right < count, ITreeScorer.TreeChildOutOfRange(tree, node, right));
                uint256 depth;
                assembly ("memory-safe") {
                    depth := add(byte(0, mload(add(depths, node))), 1)
                }
                require(depth <= MAX_DEPTH, ITreeScorer.TreeTooDeep(tree, node, MAX_DEPTH));
                _raise(depths + node + 1, depth);
                _raise(depths + right, depth);
            }
        }
    }

    function _raise(uint256 place, uint256 depth) private pure {
        assembly ("memory-safe") {
            if lt(byte(0, mload(place)), depth) { mstore8(place, depth) }
        }
    }
}
