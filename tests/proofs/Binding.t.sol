// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

import {Bounds} from "../../contracts/interfaces/ITaskRegistry.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {RowTree} from "../../contracts/libraries/RowTree.sol";
import {ProofOfLearning} from "../../contracts/ProofOfLearning.sol";
import {vm} from "../forge/Vm.sol";
import {svm} from "./Svm.sol";

/// @notice Hashes bind what they are of, for as long as nobody finds a collision of keccak256: that one is taken for
/// granted, that different inputs never share a preimage is what is proven.
contract BindingProof {
    ProofOfLearning internal _proof;
    ProofOfLearning internal _otherProof;

    struct Commitment {
        uint256 chainId;
        uint256 taskId;
        address miner;
        bytes32 modelHash;
        bytes32 salt;
    }

    function setUp() public {
        _proof = new ProofOfLearning(IVault(address(0)), new address[](0), Bounds(0, 0, 0, 0), 0);
        _otherProof = new ProofOfLearning(IVault(address(0)), new address[](0), Bounds(0, 0, 0, 0), 0);
    }

    function check_commitmentHash_bindsAllOfItsInputs(Commitment memory a, Commitment memory b) external {
        vm.assume(_commitmentHash(_proof, a) == _commitmentHash(_proof, b));

        assert(a.chainId == b.chainId && a.taskId == b.taskId && a.miner == b.miner);
        assert(a.modelHash == b.modelHash && a.salt == b.salt);
    }

    function check_commitmentHash_bindsItsContract(Commitment memory a, Commitment memory b) external {
        assert(_commitmentHash(_proof, a) != _commitmentHash(_otherProof, b));
    }

    /// @notice For one state of the registry; that the ledger's tip is bound too is not shown here.
    function check_mappingSeed_bindsChainTaskAndMiner(
        uint256[2] memory chainIds,
        uint256[2] memory taskIds,
        address[2] memory miners
    ) external {
        svm.enableSymbolicStorage(address(_proof.registry()));
        bytes32[2] memory seeds;
        for (uint256 i = 0; i < 2; ++i) {
            vm.chainId(chainIds[i]);
            seeds[i] = _proof.mappingSeed(taskIds[i], miners[i]);
        }
        vm.assume(seeds[0] == seeds[1]);

        assert(chainIds[0] == chainIds[1] && taskIds[0] == taskIds[1] && miners[0] == miners[1]);
    }

    function check_mappingSeed_isNoCommitment(Commitment memory a, uint256 taskId, address miner) external {
        svm.enableSymbolicStorage(address(_proof.registry()));

        assert(_commitmentHash(_proof, a) != _proof.mappingSeed(taskId, miner));
    }

    /// @notice For rows of some lengths, within a word and beyond.
    function check_rowLeaf_bindsAllOfItsInputs(
        uint256[2] memory indices,
        bytes32[2] memory salts,
        uint256 pick
    ) external {
        uint256 length = pick == 0 ? 5 : pick == 1 ? 32 : 65;
        bytes memory row = svm.createBytes(length, "row");
        bytes memory other = svm.createBytes(length, "other");
        vm.assume(RowTree.leaf(indices[0], salts[0], row) == RowTree.leaf(indices[1], salts[1], other));

        assert(indices[0] == indices[1]);
        assert(salts[0] == salts[1]);
        assert(keccak256(row) == keccak256(other));
    }

    /// @notice The lengths fill the same words, or not.
    function check_rowLeaf_bindsItsLength(uint256 index, bytes32 salt, uint256 otherIndex, bytes32 otherSalt)
        external
    {
        bytes32 leaf = RowTree.leaf(index, salt, svm.createBytes(5, "row"));
        for (uint256 length = 4; length <= 68; length += 32) {
            assert(leaf != RowTree.leaf(otherIndex, otherSalt, svm.createBytes(length, "other")));
        }
    }

    function check_rowLeaf_isNoInnerNode(uint256 index, bytes32 salt, bytes32 left, bytes32 right) external {
        for (uint256 length = 1; length <= 64; length += 21) {
            bytes32 leaf = RowTree.leaf(index, salt, svm.createBytes(length, "row"));

            assert(leaf != EfficientHashLib.hash(left, right));
        }
    }

    /// @notice For up to eight rows: whatever the two proofs are, two leaves at one index have two roots.
    function check_root_bindsOneLeafToEachIndex(
        bytes32[2] memory leaves,
        bytes32[3] memory proof,
        bytes32[3] memory otherProof
    ) external view {
        vm.assume(leaves[0] != leaves[1]);
        for (uint256 rowCount = 1; rowCount <= 8; ++rowCount) {
            for (uint256 index = 0; index < rowCount; ++index) {
                bytes32 root = this.rootOf(index, leaves[0], rowCount, _path(index, rowCount, proof));
                bytes32 other = this.rootOf(index, leaves[1], rowCount, _path(index, rowCount, otherProof));

                assert(root != other);
            }
        }
    }

    function rootOf(uint256 index, bytes32 leaf, uint256 rowCount, bytes32[] calldata proof)
        external
        pure
        returns (bytes32)
    {
        uint256[] memory indices = new uint256[](1);
        bytes32[] memory leaves = new bytes32[](1);
        (indices[0], leaves[0]) = (index, leaf);
        return RowTree.root(indices, leaves, rowCount, proof);
    }

    /// @dev As many nodes of a proof as one row calls for.
    function _path(uint256 index, uint256 rowCount, bytes32[3] memory proof)
        private
        pure
        returns (bytes32[] memory path)
    {
        uint256 count;
        for (uint256 width = rowCount; width > 1; width = (width + 1) / 2) {
            if (index % 2 == 1 || index + 1 < width) ++count;
            index /= 2;
        }
        path = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            path[i] = proof[i];
        }
    }

    function _commitmentHash(ProofOfLearning proof, Commitment memory c) private returns (bytes32) {
        vm.chainId(c.chainId);
        return proof.commitmentHash(c.taskId, c.miner, c.modelHash, c.salt);
    }
}
