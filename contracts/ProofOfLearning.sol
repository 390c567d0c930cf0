// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ILearningLedger} from "./interfaces/ILearningLedger.sol";
import {
    Commitment,
    IProofOfLearning,
    Phase,
    Progress,
    Round,
    Standing
} from "./interfaces/IProofOfLearning.sol";
import {IScorer, Mapping, RowRange} from "./interfaces/IScorer.sol";
import {Bounds, Escrow, ITaskRegistry, ScoringTerms} from "./interfaces/ITaskRegistry.sol";
import {IVault} from "./interfaces/IVault.sol";
import {LearningLedger} from "./LearningLedger.sol";
import {Metrics} from "./libraries/Metrics.sol";
import {ModelHeader} from "./libraries/ModelHeader.sol";
import {TaskRegistry} from "./TaskRegistry.sol";

/// @title ProofOfLearning
/// @notice See {IProofOfLearning}.
contract ProofOfLearning is IProofOfLearning {
    /* CONSTANTS */

    /// @inheritdoc IProofOfLearning
    bytes32 public constant COMMIT_DOMAIN = keccak256("PoLeStar.Commitment.v1");

    /// @inheritdoc IProofOfLearning
    bytes32 public constant MAPPING_DOMAIN = keccak256("PoLeStar.SecureMapping.v1");

    /// @inheritdoc IProofOfLearning
    address public constant BURNED = 0x000000000000000000000000000000000000dEaD;

    /* IMMUTABLES */

    /// @inheritdoc IProofOfLearning
    IVault public immutable vault;

    /// @inheritdoc IProofOfLearning
    ITaskRegistry public immutable registry;

    /// @inheritdoc IProofOfLearning
    ILearningLedger public immutable ledger;

    /* STORAGE */

    /// @inheritdoc IProofOfLearning
    mapping(uint256 taskId => Round round) public round;

    /// @inheritdoc IProofOfLearning
    mapping(uint256 taskId => mapping(address miner => Commitment commitment)) public commitmentOf;

    /// @inheritdoc IProofOfLearning
    mapping(uint256 taskId => Standing standing) public leaderOf;

    /// @inheritdoc IProofOfLearning
    mapping(uint256 taskId => mapping(address miner => bytes32 progressHash)) public progressHashOf;

    /* CONSTRUCTOR */

    /// @dev Makes the registry and the ledger, so that the three know each other from the start.
    constructor(IVault vault_, address[] memory scorers, Bounds memory bounds, bytes32 initializationHash) {
        vault = vault_;
        ledger = new LearningLedger(initializationHash);
        registry = new TaskRegistry(vault_, ledger, scorers, bounds);
    }

    /* REGISTRY */

    /// @inheritdoc IProofOfLearning
    function open(uint256 taskId, uint40 commitEndsAt, uint96 minerBond) external {
        require(msg.sender == address(registry), NotRegistry(msg.sender, address(registry)));

        round[taskId] = Round(commitEndsAt, minerBond, 0, 0, Phase.UNKNOWN);

        emit RoundOpened(taskId);
    }

    /* MINER */

    /// @inheritdoc IProofOfLearning
    function commit(uint256 taskId, bytes32 commitment) external {
        Round storage r = round[taskId];
        require(block.timestamp < r.commitEndsAt, CommitWindowClosed(taskId, r.commitEndsAt, block.timestamp));
        Commitment storage c = commitmentOf[taskId][msg.sender];
        require(c.order == 0, AlreadyCommitted(taskId, msg.sender));

        uint24 order = ++r.commitCount;
        (c.digest, c.order) = (bytes28(commitment), order);

        emit ModelCommitted(taskId, msg.sender);

        vault.move(msg.sender, address(this), r.minerBond);
    }

    /// @inheritdoc IProofOfLearning
    function reveal(
        uint256 taskId,
        bytes32 salt,
        bytes calldata model,
        Progress calldata progress,
        uint256 rowCount
    ) external {
        // INVARIANT: I-3. The digest binds sender, task, contract and chain; `revealed` is set once.
        bytes32 modelHash = keccak256(model);
        _checkCommitment(taskId, modelHash, salt);
        _checkProgress(taskId, progress);
        ScoringTerms memory terms = registry.scoringTerms(taskId);
        require(
            block.timestamp < terms.revealEndsAt,
            RevealWindowClosed(taskId, terms.revealEndsAt, block.timestamp)
        );

        Progress memory next = _score(taskId, terms, model, progress, rowCount);
        if (next.scoredCount < terms.testCount) {
            progressHashOf[taskId][msg.sender] = keccak256(abi.encode(next));

            emit ModelScoredInPart(taskId, msg.sender, next);
        } else {
            if (progress.scoredCount != 0) delete progressHashOf[taskId][msg.sender];
            int256 scoreWad = Metrics.score(terms.metric, next.tally);
            _finish(taskId, modelHash, ModelHeader.parametersHash(model), scoreWad);
        }
    }

    /// @inheritdoc IProofOfLearning
    function claim(uint256 taskId) external {
        Phase phase = phaseOf(taskId);
        require(phase == Phase.ABORTED, WrongPhase(taskId, Phase.ABORTED, phase));
        require(commitmentOf[taskId][msg.sender].order != 0, NotCommitted(taskId, msg.sender));

        // INVARIANT: I-2. The abort left exactly this much for each commitment.
        Round memory r = round[taskId];
        uint256 amount = uint256(r.minerBond) + registry.escrowTerms(taskId).bond / r.commitCount;
        delete commitmentOf[taskId][msg.sender];

        emit BondClaimed(taskId, msg.sender, amount);

        vault.move(address(this), msg.sender, amount);
    }

    /* ANYONE */

    /// @inheritdoc IProofOfLearning
    // slither-disable-next-line reentrancy-events (the vault and the ledger call nobody)
    function settle(uint256 taskId, bytes32 modelHash, bytes32 parametersHash) external {
        Phase phase = phaseOf(taskId);
        require(phase == Phase.SETTLE, WrongPhase(taskId, Phase.SETTLE, phase));
        Escrow memory escrow = registry.escrowTerms(taskId);
        Round memory r = round[taskId];
        Standing memory best = leaderOf[taskId];
        bool won = best.miner != address(0) && best.scoreWad >= escrow.minScoreWad;
        if (won) _checkWinner(taskId, best.miner, modelHash, parametersHash);

        // INVARIANT: I-2. Reward, refund and slashes are the whole escrow and all bonds not given back at reveal.
        round[taskId].outcome = Phase.SETTLED;
        uint256 refunded = won ? escrow.bond : uint256(escrow.reward) + escrow.bond;
        uint256 slashed = uint256(r.minerBond) * (r.commitCount - r.revealCount);

        emit TaskSettled(taskId, won ? best.miner : address(0), refunded, slashed);

        vault.move(address(this), escrow.dataNode, refunded);
        if (slashed != 0) vault.move(address(this), BURNED, slashed);
        if (!won) return;
        vault.move(address(this), best.miner, escrow.reward);
        ledger.append(taskId, best.miner, modelHash, parametersHash, best.scoreWad);
    }

    /// @inheritdoc IProofOfLearning
    function abort(uint256 taskId) external {
        Phase phase = phaseOf(taskId);
        require(phase == Phase.ABORT, WrongPhase(taskId, Phase.ABORT, phase));
        Escrow memory escrow = registry.escrowTerms(taskId);
        Round memory r = round[taskId];

        // INVARIANT: I-2. What the refund leaves is one claim for each commitment.
        round[taskId].outcome = Phase.ABORTED;
        // slither-disable-next-line divide-before-multiply (what the division leaves is refunded)
        uint256 share = r.commitCount == 0 ? 0 : escrow.bond / r.commitCount;
        uint256 refunded = uint256(escrow.reward) + escrow.bond - share * r.commitCount;

        emit TaskAborted(taskId, refunded, r.commitCount == 0 ? 0 : share + r.minerBond);

        vault.move(address(this), escrow.dataNode, refunded);
    }

    /* VIEW */

    /// @inheritdoc IProofOfLearning
    function phaseOf(uint256 taskId) public view returns (Phase) {
        Round memory r = round[taskId];
        if (r.outcome != Phase.UNKNOWN) return r.outcome;
        if (r.commitEndsAt == 0) {
            return taskId != 0 && taskId <= registry.taskCount() ? Phase.DRAW : Phase.UNKNOWN;
        }
        if (block.timestamp < r.commitEndsAt) return Phase.COMMIT;

        (uint256 discloseEndsAt, uint256 revealEndsAt) = registry.deadlines(taskId);
        if (revealEndsAt != 0) {
            bool over = block.timestamp >= revealEndsAt || r.revealCount == r.commitCount;
            return over ? Phase.SETTLE : Phase.REVEAL;
        }
        return block.timestamp >= discloseEndsAt || r.commitCount == 0 ? Phase.ABORT : Phase.DISCLOSE;
    }

    /// @inheritdoc IProofOfLearning
    function commitmentHash(uint256 taskId, address miner, bytes32 modelHash, bytes32 salt)
        public
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(COMMIT_DOMAIN, block.chainid, address(this), taskId, miner, modelHash, salt)
        );
    }

    /// @inheritdoc IProofOfLearning
    function mappingSeed(uint256 taskId, address miner) external view returns (bytes32) {
        return _mappingSeed(taskId, registry.scoringTerms(taskId).ledgerTip, miner);
    }

    /* INTERNAL */

    function _checkCommitment(uint256 taskId, bytes32 modelHash, bytes32 salt) internal view {
        Commitment memory c = commitmentOf[taskId][msg.sender];
        require(c.order != 0, NotCommitted(taskId, msg.sender));
        require(!c.revealed, AlreadyRevealed(taskId, msg.sender));
        bytes28 digest = bytes28(commitmentHash(taskId, msg.sender, modelHash, salt));
        require(digest == c.digest, CommitmentMismatch(taskId, msg.sender, c.digest, digest));
    }

    /// @dev Only a progress of no rows is empty: a tally that nobody scored must not be taken for one.
    function _checkProgress(uint256 taskId, Progress calldata progress) internal view {
        if (progress.scoredCount == 0 && progress.tally.length == 0) return;

        bytes32 expected = progressHashOf[taskId][msg.sender];
        bytes32 actual = keccak256(abi.encode(progress));
        require(actual == expected, ProgressMismatch(taskId, msg.sender, expected, actual));
    }

    function _checkWinner(uint256 taskId, address winner, bytes32 modelHash, bytes32 parametersHash)
        internal
        view
    {
        bytes28 expected = commitmentOf[taskId][winner].digest;
        bytes28 actual = _modelDigest(modelHash, parametersHash);
        require(actual == expected, WinnerMismatch(taskId, winner, expected, actual));
    }

    function _modelDigest(bytes32 modelHash, bytes32 parametersHash) internal pure returns (bytes28) {
        return bytes28(keccak256(abi.encode(modelHash, parametersHash)));
    }

    /// @dev The progress after the next rows.
    function _score(
        uint256 taskId,
        ScoringTerms memory terms,
        bytes calldata model,
        Progress calldata progress,
        uint256 rowCount
    ) internal view returns (Progress memory next) {
        uint256 scored = progress.scoredCount;
        uint256 count = Math.min(rowCount, terms.testCount - scored);
        bytes32 seed =
            terms.mappingWidth == 0 ? bytes32(0) : _mappingSeed(taskId, terms.ledgerTip, msg.sender);
        next.scoredCount = scored + count;
        next.tally = IScorer(terms.scorer)
            .tally(
                terms.metric,
                terms.shape,
                Mapping(terms.mappingWidth, seed),
                RowRange(terms.testRows, scored, count),
                model
            );
        if (scored != 0) next.tally = Metrics.merge(next.tally, progress.tally);
    }

    /// @dev Compares the caller's model with the best so far and gives its bond back. Scores below what a standing
    /// can hold count as the lowest that it can.
    function _finish(uint256 taskId, bytes32 modelHash, bytes32 parametersHash, int256 scoreWad) internal {
        int64 score = scoreWad < type(int64).min ? type(int64).min : int64(scoreWad);
        Commitment storage c = commitmentOf[taskId][msg.sender];
        Round storage r = round[taskId];
        ++r.revealCount;
        (c.digest, c.revealed) = (_modelDigest(modelHash, parametersHash), true);
        if (_leads(taskId, score, c.order)) leaderOf[taskId] = Standing(msg.sender, score, c.order);

        emit ModelRevealed(taskId, msg.sender, modelHash, parametersHash, score);

        vault.move(address(this), msg.sender, r.minerBond);
    }

    function _mappingSeed(uint256 taskId, bytes32 ledgerTip, address miner) internal view returns (bytes32) {
        return keccak256(abi.encode(MAPPING_DOMAIN, block.chainid, address(this), taskId, ledgerTip, miner));
    }

    /// @dev Ties go to the earlier commitment.
    function _leads(uint256 taskId, int64 scoreWad, uint24 order) internal view returns (bool) {
        Standing memory best = leaderOf[taskId];
        return best.miner == address(0) || scoreWad > best.scoreWad
            || (scoreWad == best.scoreWad && order < best.order);
    }
}
