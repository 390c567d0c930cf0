// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bounds, Escrow, ITaskRegistry} from "../../contracts/interfaces/ITaskRegistry.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {ProofOfLearning} from "../../contracts/ProofOfLearning.sol";
import {vm} from "../forge/Vm.sol";
import {svm} from "./Svm.sol";

/// @notice Takes the vault's place and adds up what enters and what leaves the account that calls it, and who gets it.
contract MoveBook {
    uint256 public paidIn;
    uint256 public paidOut;
    mapping(address to => uint256 amount) public paidTo;

    function move(address from, address to, uint256 amount) external {
        if (to == msg.sender) paidIn += amount;
        if (from == msg.sender) paidOut += amount;
        paidTo[to] += amount;
    }
}

/// @notice I-2 for a task in any state: what its end pays out is what its escrow and its bonds were.
contract EscrowProof {
    MoveBook internal _book;
    ProofOfLearning internal _proof;
    ITaskRegistry internal _registry;

    function setUp() public {
        _book = new MoveBook();
        _proof = new ProofOfLearning(IVault(address(_book)), new address[](0), Bounds(0, 0, 0, 0), 0);
        _registry = _proof.registry();
    }

    /// @notice The refund and as many claims as there are commitments are the reward, the data node's bond and the
    /// miners' bonds; a second claim of one miner is refused.
    function check_abortAndClaims_payTheWholeEscrow(
        uint256 taskId,
        address caller,
        address miner,
        uint256 time
    ) external {
        _setAnyState(time);
        Escrow memory escrow = _registry.escrowTerms(taskId);
        (, uint256 minerBond, uint256 commitCount,,) = _proof.round(taskId);

        vm.prank(caller);
        _proof.abort(taskId);
        uint256 refund = _book.paidOut();
        assert(_book.paidTo(escrow.dataNode) == refund);
        uint256 paid = _book.paidTo(miner);
        vm.prank(miner);
        _proof.claim(taskId);
        uint256 claimed = _book.paidOut() - refund;
        assert(_book.paidTo(miner) - paid == claimed);

        unchecked {
            uint256 claims = claimed * commitCount;
            assert(refund + claims == uint256(escrow.reward) + escrow.bond + minerBond * commitCount);
        }
    }

    function check_claim_isRefusedTheSecondTime(uint256 taskId, address miner, uint256 time) external {
        _setAnyState(time);
        vm.prank(miner);
        _proof.claim(taskId);

        vm.prank(miner);
        (bool done,) = address(_proof).call(abi.encodeCall(_proof.claim, (taskId)));

        assert(!done);
    }

    /// @custom:halmos --loop 2
    function check_settle_paysTheWholeEscrow(
        uint256 taskId,
        bytes32 modelHash,
        bytes32 parametersHash,
        uint256 time
    ) external {
        _setAnyState(time);
        Escrow memory escrow = _registry.escrowTerms(taskId);
        (, uint256 minerBond, uint256 commitCount, uint256 revealCount,) = _proof.round(taskId);

        _proof.settle(taskId, modelHash, parametersHash);

        (address best, int256 scoreWad,) = _proof.leaderOf(taskId);
        bool won = best != address(0) && scoreWad >= escrow.minScoreWad;
        address burned = _proof.BURNED();
        vm.assume(escrow.dataNode != burned && best != burned && best != escrow.dataNode);
        unchecked {
            uint256 unrevealed = minerBond * (commitCount - revealCount);
            assert(_book.paidOut() == uint256(escrow.reward) + escrow.bond + unrevealed);
            assert(_book.paidTo(burned) == unrevealed);
        }
        assert(_book.paidTo(best) == (won ? escrow.reward : 0));
        assert(_book.paidTo(escrow.dataNode) == uint256(escrow.bond) + (won ? 0 : escrow.reward));
    }

    /// @notice A commitment brings in one bond, raises the count by one and marks its sender, once.
    function check_commit_countsOneBond(uint256 taskId, bytes32 commitment, address miner, uint256 time)
        external
    {
        _setAnyState(time);
        vm.assume(miner != address(_proof));
        (, uint256 orderBefore,) = _proof.commitmentOf(taskId, miner);
        (, uint256 minerBond, uint256 commitCount,,) = _proof.round(taskId);

        vm.prank(miner);
        _proof.commit(taskId, commitment);

        (bytes28 digest, uint256 order,) = _proof.commitmentOf(taskId, miner);
        (,, uint256 commitCountAfter,,) = _proof.round(taskId);
        assert(digest == bytes28(commitment));
        assert(orderBefore == 0 && order == commitCount + 1 && commitCountAfter == order);
        assert(_book.paidIn() == minerBond && _book.paidOut() == 0);
    }

    function _setAnyState(uint256 time) private {
        vm.warp(time);
        svm.enableSymbolicStorage(address(_proof));
        svm.enableSymbolicStorage(address(_registry));
    }
}
