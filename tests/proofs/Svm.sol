// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The cheat codes of halmos that the proofs use. What they create stands for every value of its type.
interface Svm {
    function createBool(string calldata name) external returns (bool value);
    function createBytes(uint256 length, string calldata name) external returns (bytes memory value);
    function createCalldata(string calldata contractName) external returns (bytes memory data);
    function createUint256(string calldata name) external returns (uint256 value);
    function enableSymbolicStorage(address account) external;
}

Svm constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
