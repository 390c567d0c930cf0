// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IScorer} from "../interfaces/IScorer.sol";
import {CalldataWords} from "./CalldataWords.sol";

/// @title ModelHeader
/// @notice The header that every model's bytes begin with; see {IScorer}.
library ModelHeader {
    uint256 internal constant VERSION = 1;
    uint256 internal constant KIND_DENSE = 1;
    uint256 internal constant KIND_TREES = 2;
    uint256 internal constant LENGTH = 34;
    uint256 internal constant MAX_FEATURES = 1024;
    uint256 internal constant MAX_CLASSES = 255;
    uint256 internal constant MAX_MODEL_BYTES = 98_304;

    /// @notice Reverts unless the bytes begin with a header of this kind and are not too many.
    function check(bytes calldata model, uint256 kind) internal pure {
        require(model.length <= MAX_MODEL_BYTES, IScorer.ModelTooLong(MAX_MODEL_BYTES, model.length));
        require(model.length >= LENGTH, IScorer.ModelTruncated(LENGTH, model.length));
        uint256 version = CalldataWords.uintAt(model, 0, 1);
        require(version == VERSION, IScorer.ModelVersionUnsupported(VERSION, version));
        uint256 actualKind = CalldataWords.uintAt(model, 1, 1);
        require(actualKind == kind, IScorer.ModelKindMismatch(kind, actualKind));
    }

    /// @notice The hash of the training parameters; the bytes must have been checked.
    function parametersHash(bytes calldata model) internal pure returns (bytes32) {
        return bytes32(model[2:LENGTH]);
    }
}
