// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Header, ILearningLedger} from "./interfaces/ILearningLedger.sol";

/// @title LearningLedger
/// @notice See {ILearningLedger}.
contract LearningLedger is ILearningLedger {
    /* CONSTANTS */

    /// @inheritdoc ILearningLedger
    bytes32 public constant BLOCK_DOMAIN = keccak256("PoLeStar.LearningBlock.v1");

    /* IMMUTABLES */

    /// @inheritdoc ILearningLedger
    address public immutable writer;

    /* STORAGE */

    /// @inheritdoc ILearningLedger
    uint256 public length;

    /// @inheritdoc ILearningLedger
    mapping(uint256 index => bytes32 blockHash) public blockHashAt;

    /* CONSTRUCTOR */

    constructor(bytes32 initializationHash) {
        writer = msg.sender;

        _append(0, address(0), 0, initializationHash, 0);
    }

    /* PROOF OF LEARNING */

    /// @inheritdoc ILearningLedger
    function append(
        uint256 taskId,
        address winner,
        bytes32 modelHash,
        bytes32 parametersHash,
        int256 scoreWad
    ) external {
        require(msg.sender == writer, NotWriter(msg.sender, writer));

        _append(taskId, winner, modelHash, parametersHash, scoreWad);
    }

    /* VIEW */

    /// @inheritdoc ILearningLedger
    function tip() external view returns (bytes32) {
        return blockHashAt[length - 1];
    }

    /// @inheritdoc ILearningLedger
    function hashOf(Header calldata header) external view returns (bytes32) {
        return _hash(header);
    }

    /// @inheritdoc ILearningLedger
    function verify(Header[] calldata headers) external view returns (bool valid, uint256 firstBad) {
        for (uint256 i; i < headers.length; ++i) {
            // A stored hash fixes its header's `previousHash`, so consecutive indices are all that is left to link.
            bool follows = i == 0 || headers[i].index == headers[i - 1].index + 1;
            if (!follows || blockHashAt[headers[i].index] != _hash(headers[i])) return (false, i);
        }
        return (true, headers.length);
    }

    /* INTERNAL */

    function _append(
        uint256 taskId,
        address winner,
        bytes32 modelHash,
        bytes32 parametersHash,
        int256 scoreWad
    ) internal {
        uint256 index = length;
        bytes32 previousHash = index == 0 ? bytes32(0) : blockHashAt[index - 1];
        Header memory header =
            Header(index, block.timestamp, taskId, winner, modelHash, parametersHash, scoreWad, previousHash);
        bytes32 blockHash = _hash(header);

        blockHashAt[index] = blockHash;
        length = index + 1;

        emit BlockAppended(index, winner, header, blockHash);
    }

    function _hash(Header memory header) internal view returns (bytes32) {
        return keccak256(abi.encode(BLOCK_DOMAIN, block.chainid, address(this), header));
    }
}
