// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {ILearningLedger} from "./interfaces/ILearningLedger.sol";
import {IProofOfLearning} from "./interfaces/IProofOfLearning.sol";
import {Metric, RowShape} from "./interfaces/IScorer.sol";
import {Bounds, Escrow, ITaskRegistry, ScoringTerms, Task, TaskSpec} from "./interfaces/ITaskRegistry.sol";
import {IVault} from "./interfaces/IVault.sol";
import {ModelHeader} from "./libraries/ModelHeader.sol";
import {RowTable} from "./libraries/RowTable.sol";
import {RowTree} from "./libraries/RowTree.sol";
import {SecureMapping} from "./libraries/SecureMapping.sol";
import {Split} from "./libraries/Split.sol";

/// @title TaskRegistry
/// @notice See {ITaskRegistry}.
contract TaskRegistry is ITaskRegistry {
    /* CONSTANTS */

    /// @inheritdoc ITaskRegistry
    uint256 public constant DRAW_DELAY_BLOCKS = 2;

    /// @inheritdoc ITaskRegistry
    uint256 public constant MAX_DISCLOSURE_WORDS = 3200;

    // What a perfect model scores under every metric.
    int64 internal constant MAX_SCORE_WAD = 1e18;

    // A contract's code is at most 24,576 bytes; one of SSTORE2's and an address are in front of the rows.
    uint256 internal constant MAX_PART_BYTES = 24_555;

    /* IMMUTABLES */

    /// @inheritdoc ITaskRegistry
    IVault public immutable vault;

    /// @inheritdoc ITaskRegistry
    IProofOfLearning public immutable proof;

    /// @inheritdoc ITaskRegistry
    ILearningLedger public immutable ledger;

    /* STORAGE */

    /// @inheritdoc ITaskRegistry
    Bounds public bounds;

    /// @inheritdoc ITaskRegistry
    mapping(address scorer => bool accepted) public isScorer;

    /// @inheritdoc ITaskRegistry
    uint256 public taskCount;

    mapping(uint256 taskId => Task task) internal _tasks;

    /* CONSTRUCTOR */

    constructor(IVault vault_, ILearningLedger ledger_, address[] memory scorers, Bounds memory bounds_) {
        vault = vault_;
        proof = IProofOfLearning(msg.sender);
        ledger = ledger_;
        bounds = bounds_;
        for (uint256 i; i < scorers.length; ++i) {
            isScorer[scorers[i]] = true;
        }
    }

    /* DATA NODE */

    /// @inheritdoc ITaskRegistry
    function post(TaskSpec calldata spec) external returns (uint256 taskId) {
        _checkShape(spec);
        _checkTerms(spec);

        taskId = ++taskCount;
        Task storage t = _tasks[taskId];
        t.dataRoot = spec.dataRoot;
        t.manifestHash = spec.manifestHash;
        t.dataNode = msg.sender;
        t.minerBond = spec.minerBond;
        t.reward = spec.reward;
        t.dataNodeBond = spec.dataNodeBond;
        t.minScoreWad = spec.minScoreWad;
        t.scorer = spec.scorer;
        t.metric = spec.metric;
        t.featureCount = spec.featureCount;
        t.classCount = spec.classCount;
        t.mappingWidth = spec.mappingWidth;
        t.rowCount = spec.rowCount;
        t.testCount = spec.testCount;
        t.commitSeconds = spec.commitSeconds;
        t.discloseSeconds = spec.discloseSeconds;
        t.revealSeconds = spec.revealSeconds;
        t.drawBlock = uint64(block.number + DRAW_DELAY_BLOCKS);
        if (spec.mappingWidth != 0) t.ledgerTip = ledger.tip();

        emit TaskPosted(taskId, msg.sender, spec.manifestHash, t.drawBlock);

        vault.move(msg.sender, address(proof), uint256(spec.reward) + spec.dataNodeBond);
    }

    /// @inheritdoc ITaskRegistry
    function publish(uint256 taskId, bytes32 blobHash) external {
        Task storage t = _task(taskId);
        require(msg.sender == t.dataNode, NotDataNode(taskId, msg.sender, t.dataNode));
        require(
            block.timestamp < t.commitEndsAt, PublishWindowClosed(taskId, t.commitEndsAt, block.timestamp)
        );

        emit TrainingRowsPublished(taskId, blobHash);
    }

    /// @inheritdoc ITaskRegistry
    function disclose(
        uint256 taskId,
        bytes calldata rows,
        bytes32[] calldata salts,
        bytes32[] calldata multiproof
    ) external {
        Task storage t = _task(taskId);
        require(msg.sender == t.dataNode, NotDataNode(taskId, msg.sender, t.dataNode));
        require(t.revealEndsAt == 0, AlreadyDisclosed(taskId));
        uint256 opensAt = t.commitEndsAt;
        uint256 endsAt = opensAt + t.discloseSeconds;
        require(
            opensAt != 0 && block.timestamp >= opensAt && block.timestamp < endsAt,
            DiscloseWindowClosed(taskId, opensAt, endsAt, block.timestamp)
        );
        uint256[] memory indices = _nextPart(t);
        bytes32 root = _rootOf(t, indices, rows, salts, multiproof);
        require(root == t.dataRoot, DataRootMismatch(taskId, t.dataRoot, root));

        address testRows = SSTORE2.write(RowTable.part(t.testRows, rows));
        uint16 disclosedCount = uint16(t.disclosedCount + indices.length);
        (t.testRows, t.disclosedCount) = (testRows, disclosedCount);

        emit TestRowsDisclosed(taskId, testRows, disclosedCount);

        if (disclosedCount == t.testCount) {
            uint40 revealEndsAt = uint40(block.timestamp + t.revealSeconds);
            t.revealEndsAt = revealEndsAt;

            emit RevealsOpened(taskId, revealEndsAt);
        }
    }

    /* ANYONE */

    /// @inheritdoc ITaskRegistry
    function draw(uint256 taskId) external {
        Task storage t = _task(taskId);
        require(t.commitEndsAt == 0, AlreadyDrawn(taskId));
        require(block.number > t.drawBlock, DrawTooEarly(taskId, block.number, t.drawBlock));

        bytes32 blockHash = blockhash(t.drawBlock);
        if (blockHash == 0) {
            t.drawBlock = uint64(block.number + DRAW_DELAY_BLOCKS);

            emit DrawRearmed(taskId, t.drawBlock);
            return;
        }

        bytes32 seed = keccak256(abi.encode(blockHash, block.chainid, address(this), taskId));
        uint40 commitEndsAt = uint40(block.timestamp + t.commitSeconds);
        t.seed = seed;
        t.commitEndsAt = commitEndsAt;

        emit TaskDrawn(taskId, seed, commitEndsAt);

        proof.open(taskId, commitEndsAt, t.minerBond);
    }

    /* VIEW */

    /// @inheritdoc ITaskRegistry
    function task(uint256 taskId) external view returns (Task memory) {
        return _task(taskId);
    }

    /// @inheritdoc ITaskRegistry
    function testRowsOf(uint256 taskId) external view returns (uint256[] memory rows) {
        Task storage t = _task(taskId);
        if (t.commitEndsAt != 0) rows = Split.testRows(t.seed, t.rowCount, 0, t.testCount);
    }

    /// @inheritdoc ITaskRegistry
    function nextPart(uint256 taskId) external view returns (uint256[] memory rows) {
        Task storage t = _task(taskId);
        if (t.commitEndsAt != 0) rows = _nextPart(t);
    }

    /// @inheritdoc ITaskRegistry
    function scoringTerms(uint256 taskId) external view returns (ScoringTerms memory terms) {
        Task storage t = _tasks[taskId];
        terms.scorer = t.scorer;
        terms.metric = t.metric;
        terms.shape = RowShape(t.featureCount, t.classCount);
        terms.mappingWidth = t.mappingWidth;
        if (terms.mappingWidth != 0) terms.ledgerTip = t.ledgerTip;
        terms.testRows = t.testRows;
        terms.testCount = t.testCount;
        terms.revealEndsAt = t.revealEndsAt;
    }

    /// @inheritdoc ITaskRegistry
    function escrowTerms(uint256 taskId) external view returns (Escrow memory) {
        Task storage t = _tasks[taskId];
        return Escrow(t.dataNode, t.reward, t.dataNodeBond, t.minScoreWad);
    }

    /// @inheritdoc ITaskRegistry
    function deadlines(uint256 taskId) external view returns (uint256 discloseEndsAt, uint256 revealEndsAt) {
        Task storage t = _tasks[taskId];
        uint256 commitEndsAt = t.commitEndsAt;
        discloseEndsAt = commitEndsAt == 0 ? 0 : commitEndsAt + t.discloseSeconds;
        revealEndsAt = t.revealEndsAt;
    }

    /* INTERNAL */

    function _task(uint256 taskId) internal view returns (Task storage t) {
        t = _tasks[taskId];
        require(t.dataNode != address(0), UnknownTask(taskId));
    }

    function _checkShape(TaskSpec calldata spec) internal view {
        require(isScorer[spec.scorer], ScorerNotAccepted(spec.scorer));
        bool fits = spec.metric == Metric.R2 ? spec.classCount == 0 : spec.classCount >= 2;
        fits = fits && spec.featureCount > 0 && spec.featureCount <= ModelHeader.MAX_FEATURES;
        require(fits, InvalidShape(spec.metric, spec.featureCount, spec.classCount));
        require(
            spec.testCount > 0 && spec.testCount < spec.rowCount,
            InvalidTestCount(spec.testCount, spec.rowCount)
        );
        SecureMapping.check(spec.featureCount, spec.mappingWidth);
    }

    function _checkTerms(TaskSpec calldata spec) internal view {
        Bounds memory b = bounds;
        require(spec.reward > 0, RewardMissing());
        require(spec.minScoreWad <= MAX_SCORE_WAD, ScoreOutOfReach(spec.minScoreWad, MAX_SCORE_WAD));
        require(spec.dataNodeBond >= b.minDataNodeBond, BondTooLow(spec.dataNodeBond, b.minDataNodeBond));
        require(spec.minerBond >= b.minMinerBond, BondTooLow(spec.minerBond, b.minMinerBond));
        _checkWindow(spec.commitSeconds, b);
        _checkWindow(spec.discloseSeconds, b);
        _checkWindow(spec.revealSeconds, b);
    }

    function _checkWindow(uint256 windowSeconds, Bounds memory b) internal pure {
        require(
            windowSeconds >= b.minWindowSeconds && windowSeconds <= b.maxWindowSeconds,
            WindowOutOfBounds(windowSeconds, b.minWindowSeconds, b.maxWindowSeconds)
        );
    }

    /// @dev The rows of the draws that come next.
    function _nextPart(Task storage t) internal view returns (uint256[] memory) {
        uint256 rowLength = RowTable.rowLength(t.featureCount, t.classCount);
        uint256 first = t.disclosedCount;
        uint256 end = first + _partRows(t.testCount, t.rowCount, rowLength);
        if (end > t.testCount) end = t.testCount;
        return Split.testRows(t.seed, t.rowCount, first, end);
    }

    /// @dev How many rows each part of a disclosure has, but for the last: as many as fit a contract's code, less an
    /// eighth, rounded up, until their salts and the proof fit a transaction.
    function _partRows(uint256 testCount, uint256 rowCount, uint256 rowLength)
        internal
        pure
        returns (uint256 rows)
    {
        rows = Math.min(testCount, MAX_PART_BYTES / rowLength);
        while (RowTree.disclosureWords(rows, rowCount) > MAX_DISCLOSURE_WORDS) {
            rows -= (rows + 7) / 8;
        }
    }

    /// @dev The root that these rows, their salts and the proof amount to.
    function _rootOf(
        Task storage t,
        uint256[] memory indices,
        bytes calldata rows,
        bytes32[] calldata salts,
        bytes32[] calldata multiproof
    ) internal view returns (bytes32) {
        uint256 rowLength = RowTable.rowLength(t.featureCount, t.classCount);
        uint256 length = indices.length * rowLength;
        require(rows.length == length, DisclosureLengthMismatch(length, rows.length));
        require(salts.length == indices.length, DisclosureLengthMismatch(indices.length, salts.length));

        bytes32[] memory leaves = new bytes32[](indices.length);
        for (uint256 i; i < leaves.length; ++i) {
            leaves[i] = RowTree.leaf(indices[i], salts[i], rows[i * rowLength:(i + 1) * rowLength]);
        }
        return RowTree.root(indices, leaves, t.rowCount, multiproof);
    }
}
