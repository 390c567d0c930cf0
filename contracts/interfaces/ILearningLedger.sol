// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A learning block without its hash.
/// @param index 0 for genesis, then one more each block.
/// @param timestamp When the task was settled.
/// @param taskId The task that the model was trained for; 0 for genesis.
/// @param winner The miner whose model scored best.
/// @param modelHash keccak256 of the model bytes.
/// @param parametersHash sha256 of the training parameters' canonical JSON; for genesis, of the ledger's
/// initialization parameters.
/// @param scoreWad The model's score on the hidden test rows.
/// @param previousHash The hash of the block before; 0 for genesis.
struct Header {
    uint256 index;
    uint256 timestamp;
    uint256 taskId;
    address winner;
    bytes32 modelHash;
    bytes32 parametersHash;
    int256 scoreWad;
    bytes32 previousHash;
}

/// @title ILearningLedger
/// @notice The chain of learning blocks: one for every task that a model won. Only hashes are stored; the headers
/// are events, and `verify` checks headers from anywhere against the hashes.
///
/// The hash of a block is `keccak256(abi.encode(BLOCK_DOMAIN, block.chainid, address(ledger), header))`.
interface ILearningLedger {
    /// @notice Emitted when a block was appended, genesis included.
    event BlockAppended(uint256 indexed index, address indexed winner, Header header, bytes32 blockHash);

    /// @notice Thrown when anyone but the writer appends.
    error NotWriter(address caller, address writer);

    /// @notice Separates block hashes from every other hash.
    function BLOCK_DOMAIN() external view returns (bytes32);

    /// @notice The contract that appends: the ProofOfLearning that made this ledger.
    function writer() external view returns (address);

    /// @notice The number of blocks, genesis included.
    function length() external view returns (uint256);

    /// @notice The hash of block `index`; 0 past the tip.
    function blockHashAt(uint256 index) external view returns (bytes32 blockHash);

    /// @notice The hash of the newest block.
    function tip() external view returns (bytes32 blockHash);

    /// @notice Appends a block on top of the tip.
    function append(
        uint256 taskId,
        address winner,
        bytes32 modelHash,
        bytes32 parametersHash,
        int256 scoreWad
    ) external;

    /// @notice The hash that a block with this header has on this ledger.
    function hashOf(Header calldata header) external view returns (bytes32 blockHash);

    /// @notice Checks a run of headers, oldest first: each is the one stored under its index, and each but the
    /// first follows the one before it.
    /// @return valid Whether all are.
    /// @return firstBad The position in `headers` of the first that is not; the number of headers if all are.
    function verify(Header[] calldata headers) external view returns (bool valid, uint256 firstBad);
}
