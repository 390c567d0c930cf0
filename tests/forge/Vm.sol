// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Which functions of a contract the fuzzer calls, or leaves alone; as forge reads it.
struct FuzzSelector {
    address addr;
    bytes4[] selectors;
}

/// @notice The cheat codes of forge that the tests use.
/// @dev Time is read by cheat code where it was changed by one: the compiler takes `block.timestamp` and
/// `block.number` for constants of a transaction.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function assume(bool condition) external pure;
    function chainId(uint256 chainId) external;
    function getBlockNumber() external view returns (uint256 blockNumber);
    function getBlockTimestamp() external view returns (uint256 timestamp);
    function getRecordedLogs() external returns (Log[] memory logs);
    function prank(address sender) external;
    function recordLogs() external;
    function roll(uint256 blockNumber) external;
    function warp(uint256 timestamp) external;
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
