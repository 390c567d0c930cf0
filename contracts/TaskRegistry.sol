// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {IProofOfLearning} from "./interfaces/IProofOfLearning.sol";
import {Metric, RowShape} from "./interfaces/IScorer.sol";
import {Bounds, Escrow, ITaskRegistry, Task, TaskSpec} from "./interfaces/ITaskRegistry.sol";
import {IVault} from "./interfaces/IVault.sol";
import {ModelHeader} from "./libraries/ModelHeader.sol";
import {PayoutCurve, PayoutCurveLib} from "./libraries/PayoutCurve.sol";
import {RowTree} from "./libraries/RowTree.sol";
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

    // A contract's code is at most 24,576 bytes, one of which SSTORE2 puts in front of the data.
    uint256 internal constant MAX_TEST_BYTES = 24_575;

    /* IMMUTABLES */

    /// @inheritdoc ITaskRegistry
    IVault public immutable vault;

    /// @inheritdoc ITaskRegistry
    IProofOfLearning public immutable proof;

    /* STORAGE */

    /// @inheritdoc ITaskRegistry
    Bounds public bounds;

    /// @inheritdoc ITaskRegistry
    mapping(address scorer => bool accepted) public isScorer;

    /// @inheritdoc ITaskRegistry
    uint256 public taskCount;

    mapping(uint256 taskId => Task task) internal _tasks;

    /* CONSTRUCTOR */

    constructor(IVault vault_, address[] memory scorers, Bounds memory bounds_) {
        vault = vault_;
        proof = IProofOfLearning(msg.sender);
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
        t.payoutCurve = PayoutCurveLib.pack(spec.payoutBps);
        t.scorer = spec.scorer;
        t.metric = spec.metric;
        t.featureCount = spec.featureCount;
        t.classCount = spec.classCount;
        t.rowCount = spec.rowCount;
        t.testCount = spec.testCount;
        t.commitSeconds = spec.commitSeconds;
        t.discloseSeconds = spec.discloseSeconds;
        t.revealSeconds = spec.revealSeconds;
        t.drawBlock = uint64(block.number + DRAW_DELAY_BLOCKS);

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
        require(t.testRows == address(0), AlreadyDisclosed(taskId));
        uint256 opensAt = t.commitEndsAt;
        uint256 endsAt = opensAt + t.discloseSeconds;
        require(
            opensAt != 0 && block.timestamp >= opensAt && block.timestamp < endsAt,
            DiscloseWindowClosed(taskId, opensAt, endsAt, block.timestamp)
        );
        bytes32 root = _rootOf(t, rows, salts, multiproof);
        require(root == t.dataRoot, DataRootMismatch(taskId, t.dataRoot, root));

        address testRows = SSTORE2.write(rows);
        uint40 revealEndsAt = uint40(block.timestamp + t.revealSeconds);
        t.testRows = testRows;
        t.revealEndsAt = revealEndsAt;

        emit TestRowsDisclosed(taskId, testRows, revealEndsAt);
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
        if (t.commitEndsAt != 0) rows = Split.testRows(t.seed, t.rowCount, t.testCount);
    }

    /// @inheritdoc ITaskRegistry
    function scoringTerms(uint256 taskId)
        external
        view
        returns (
            address scorer,
            Metric metric,
            RowShape memory shape,
            address testRows,
            uint40 revealEndsAt,
            PayoutCurve payoutCurve
        )
    {
        Task storage t = _tasks[taskId];
        shape = RowShape(t.featureCount, t.classCount);
        return (t.scorer, t.metric, shape, t.testRows, t.revealEndsAt, t.payoutCurve);
    }

    /// @inheritdoc ITaskRegistry
    function escrowTerms(uint256 taskId) external view returns (Escrow memory) {
        Task storage t = _tasks[taskId];
        return Escrow(t.dataNode, t.reward, t.dataNodeBond, t.minScoreWad, t.payoutCurve);
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
        bool fits = spec.metric == Metric.R2
            ? spec.classCount == 0
            : spec.classCount >= 2 && spec.classCount <= ModelHeader.MAX_CLASSES;
        fits = fits && spec.featureCount > 0 && spec.featureCount <= ModelHeader.MAX_FEATURES;
        require(fits, InvalidShape(spec.metric, spec.featureCount, spec.classCount));
        require(
            spec.testCount > 0 && spec.testCount < spec.rowCount,
            InvalidTestCount(spec.testCount, spec.rowCount)
        );
        uint256 words = RowTree.disclosureWords(spec.testCount, spec.rowCount);
        require(words <= MAX_DISCLOSURE_WORDS, DisclosureTooLarge(words, MAX_DISCLOSURE_WORDS));
        uint256 size = spec.testCount * _rowSize(spec.featureCount, spec.classCount);
        require(size <= MAX_TEST_BYTES, TestRowsTooLarge(size, MAX_TEST_BYTES));
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

    function _rowSize(uint256 featureCount, uint256 classCount) internal pure returns (uint256) {
        return featureCount + (classCount == 0 ? 4 : 1);
    }

    /// @dev The root that the drawn rows, their salts and the proof amount to.
    function _rootOf(
        Task storage t,
        bytes calldata rows,
        bytes32[] calldata salts,
        bytes32[] calldata multiproof
    ) internal view returns (bytes32) {
        uint256 testCount = t.testCount;
        uint256 rowCount = t.rowCount;
        uint256 rowSize = _rowSize(t.featureCount, t.classCount);
        require(
            rows.length == testCount * rowSize, DisclosureLengthMismatch(testCount * rowSize, rows.length)
        );
        require(salts.length == testCount, DisclosureLengthMismatch(testCount, salts.length));

        uint256[] memory indices = Split.testRows(t.seed, rowCount, testCount);
        bytes32[] memory leaves = new bytes32[](testCount);
        for (uint256 i; i < testCount; ++i) {
            leaves[i] = RowTree.leaf(indices[i], salts[i], rows[i * rowSize:(i + 1) * rowSize]);
        }
        return RowTree.root(indices, leaves, rowCount, multiproof);
    }
}
