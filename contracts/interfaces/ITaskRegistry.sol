// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILearningLedger} from "./ILearningLedger.sol";
import {IProofOfLearning} from "./IProofOfLearning.sol";
import {Metric, RowShape} from "./IScorer.sol";
import {IVault} from "./IVault.sol";

/// @notice What every task of a deployment must keep to.
/// @param minWindowSeconds The least length of the commit, disclose and reveal windows.
/// @param maxWindowSeconds Their greatest length.
/// @param minDataNodeBond The least bond of a data node.
/// @param minMinerBond The least bond of a miner.
struct Bounds {
    uint32 minWindowSeconds;
    uint32 maxWindowSeconds;
    uint128 minDataNodeBond;
    uint96 minMinerBond;
}

/// @notice What a data node asks for.
/// @param dataRoot Root of the `RowTree` over all salted rows.
/// @param manifestHash sha256 of the manifest, which says what the bytes of a row mean.
/// @param scorer Scores the models; one that the deployment accepts.
/// @param metric What is scored.
/// @param featureCount Features per row, one byte each, at most 1024.
/// @param classCount Classes of the target, 2 to 255; 0 for regression.
/// @param mappingWidth Features of a row after the secure mapping, see `SecureMapping`; 0 for none.
/// @param rowCount All rows.
/// @param testCount How many of them are drawn as the hidden test set.
/// @param reward What the best model earns, in token units.
/// @param dataNodeBond Lost to the miners if the data node does not disclose.
/// @param minerBond Lost by a miner that commits and does not reveal.
/// @param minScoreWad The score below which a model is paid nothing.
/// @param commitSeconds From the draw to the end of commits; training happens in it.
/// @param discloseSeconds From the end of commits to the deadline of the disclosure.
/// @param revealSeconds From the disclosure to the end of reveals.
struct TaskSpec {
    bytes32 dataRoot;
    bytes32 manifestHash;
    address scorer;
    Metric metric;
    uint16 featureCount;
    uint8 classCount;
    uint16 mappingWidth;
    uint32 rowCount;
    uint16 testCount;
    uint128 reward;
    uint128 dataNodeBond;
    uint96 minerBond;
    int64 minScoreWad;
    uint32 commitSeconds;
    uint32 discloseSeconds;
    uint32 revealSeconds;
}

/// @notice A task as it is stored: the spec, packed, and what happened since.
/// @param seed Determines the test rows; 0 before the draw.
/// @param ledgerTip The hash of the last learning block when the task was posted; 0 where there is no mapping.
/// @param testRows The contract whose code holds the last part of the test rows, see `RowTable`; 0 before.
/// @param disclosedCount How many test rows are disclosed.
/// @param commitEndsAt Set by the draw; 0 before.
/// @param revealEndsAt Set by the disclosure's last part; 0 before.
/// @param drawBlock The block whose hash will draw, or drew, the test rows.
struct Task {
    bytes32 dataRoot;
    bytes32 manifestHash;
    bytes32 seed;
    bytes32 ledgerTip;
    address dataNode;
    uint96 minerBond;
    uint128 reward;
    uint128 dataNodeBond;
    address scorer;
    Metric metric;
    uint16 featureCount;
    uint8 classCount;
    uint16 mappingWidth;
    uint16 testCount;
    uint32 rowCount;
    address testRows;
    uint16 disclosedCount;
    uint40 commitEndsAt;
    uint40 revealEndsAt;
    uint64 drawBlock;
    uint32 commitSeconds;
    uint32 discloseSeconds;
    uint32 revealSeconds;
    int64 minScoreWad;
}

/// @notice What a reveal needs to know; zeros for an unknown task.
/// @param shape Of the rows as they are disclosed.
struct ScoringTerms {
    address scorer;
    Metric metric;
    RowShape shape;
    uint16 mappingWidth;
    bytes32 ledgerTip;
    address testRows;
    uint16 testCount;
    uint40 revealEndsAt;
}

/// @notice What a task's end is about.
struct Escrow {
    address dataNode;
    uint128 reward;
    uint128 bond;
    int64 minScoreWad;
}

/// @title ITaskRegistry
/// @notice Tasks from their posting to the disclosure of their test rows. The escrow of a task, reward and
/// data-node bond, lies in the vault on the balance of the ProofOfLearning contract, which alone pays it out.
///
/// The data node fixes all rows before it can know which become the test set, and nobody can know more of a test
/// row than its salted hash until commits are closed.
interface ITaskRegistry {
    /// @notice Emitted when a task was posted.
    event TaskPosted(
        uint256 indexed taskId, address indexed dataNode, bytes32 manifestHash, uint64 drawBlock
    );

    /// @notice Emitted when the draw's block hash was no longer to be had and a new block was named.
    event DrawRearmed(uint256 indexed taskId, uint64 drawBlock);

    /// @notice Emitted when the test rows were drawn.
    event TaskDrawn(uint256 indexed taskId, bytes32 seed, uint40 commitEndsAt);

    /// @notice Emitted when the data node named the blob that holds the training rows with their salts.
    event TrainingRowsPublished(uint256 indexed taskId, bytes32 blobHash);

    /// @notice Emitted when a part of the test rows was disclosed, the last part included.
    event TestRowsDisclosed(uint256 indexed taskId, address testRows, uint256 disclosedCount);

    /// @notice Emitted when all test rows are disclosed and models can be revealed.
    /// @dev A task without commitments may be aborted before: then nothing opens.
    event RevealsOpened(uint256 indexed taskId, uint40 revealEndsAt);

    /// @notice Thrown when a task is posted with a scorer that the deployment does not accept.
    error ScorerNotAccepted(address scorer);

    /// @notice Thrown when the metric, the features and the classes of a task do not go together.
    error InvalidShape(Metric metric, uint256 featureCount, uint256 classCount);

    /// @notice Thrown when a task would test on no row or on all rows.
    error InvalidTestCount(uint256 testCount, uint256 rowCount);

    /// @notice Thrown when a window is shorter or longer than the deployment allows.
    error WindowOutOfBounds(uint256 windowSeconds, uint256 minimumSeconds, uint256 maximumSeconds);

    /// @notice Thrown when a bond is lower than the deployment allows.
    error BondTooLow(uint256 bond, uint256 minimumBond);

    /// @notice Thrown when a task offers no reward.
    error RewardMissing();

    /// @notice Thrown when a task pays from a score that no model can have: its reward would buy models for nothing.
    error ScoreOutOfReach(int256 minScoreWad, int256 maximumScoreWad);

    /// @notice Thrown when a task does not exist.
    error UnknownTask(uint256 taskId);

    /// @notice Thrown when the caller is not the task's data node.
    error NotDataNode(uint256 taskId, address caller, address dataNode);

    /// @notice Thrown when the test rows are drawn before the block that draws them has a hash.
    error DrawTooEarly(uint256 taskId, uint256 blockNumber, uint256 drawBlock);

    /// @notice Thrown when the test rows are drawn a second time.
    error AlreadyDrawn(uint256 taskId);

    /// @notice Thrown when training rows are published before the draw or after the end of commits.
    error PublishWindowClosed(uint256 taskId, uint256 commitEndsAt, uint256 timestamp);

    /// @notice Thrown when test rows are disclosed before commits end, or after the disclosure's deadline.
    error DiscloseWindowClosed(uint256 taskId, uint256 opensAt, uint256 endsAt, uint256 timestamp);

    /// @notice Thrown when test rows are disclosed after all of them are.
    error AlreadyDisclosed(uint256 taskId);

    /// @notice Thrown when a disclosure has another length than the test rows, or another number of salts.
    error DisclosureLengthMismatch(uint256 expectedLength, uint256 actualLength);

    /// @notice Thrown when the disclosed rows are not, in ascending order, the drawn ones of this data set.
    error DataRootMismatch(uint256 taskId, bytes32 expectedRoot, bytes32 actualRoot);

    /// @notice Blocks from the posting to the block that draws.
    function DRAW_DELAY_BLOCKS() external view returns (uint256);

    /// @notice The most salts and proof nodes that a part of the disclosure may come to, by
    /// `RowTree.disclosureWords`: with the rows themselves 126,955 bytes, below the 128 KiB that nodes pass on, and
    /// below 2^24 gas.
    function MAX_DISCLOSURE_WORDS() external view returns (uint256);

    /// @notice The money.
    function vault() external view returns (IVault);

    /// @notice The contract that made this one, judges models and holds the escrows.
    function proof() external view returns (IProofOfLearning);

    /// @notice The blocks; the last one goes into the seeds of the secure mapping.
    function ledger() external view returns (ILearningLedger);

    /// @notice What tasks must keep to.
    function bounds()
        external
        view
        returns (
            uint32 minWindowSeconds,
            uint32 maxWindowSeconds,
            uint128 minDataNodeBond,
            uint96 minMinerBond
        );

    /// @notice Whether tasks may be scored by `scorer`.
    function isScorer(address scorer) external view returns (bool accepted);

    /// @notice How many tasks were posted; ids count from 1.
    function taskCount() external view returns (uint256);

    /// @notice Posts a task. Takes reward and bond from the caller's vault balance; the caller must have approved
    /// this contract as an operator.
    function post(TaskSpec calldata spec) external returns (uint256 taskId);

    /// @notice Draws the test rows from the hash of the task's draw block and opens the commit window.
    /// @dev Anyone may call. The hash of a block is to be had for 256 blocks; past them the call names a new
    /// block instead (`DrawRearmed`).
    /// Warning: whoever is the only one to watch a task for 256 blocks can so have it drawn once more.
    function draw(uint256 taskId) external;

    /// @notice Names the blob that holds the training rows with their salts. The contract does not see the blob:
    /// miners check it against `dataRoot` before they train. The last call counts.
    function publish(uint256 taskId, bytes32 blobHash) external;

    /// @notice Discloses the next part of the test rows (`nextPart`), once commits are closed. The last part opens
    /// the reveal window; a disclosure that does not get there in time counts as none.
    /// @param rows The part's rows in ascending order of their index, without separators.
    /// @param salts Their salts.
    /// @param multiproof The other nodes of the tree, as `RowTree` takes them.
    function disclose(
        uint256 taskId,
        bytes calldata rows,
        bytes32[] calldata salts,
        bytes32[] calldata multiproof
    ) external;

    /// @notice Everything about a task.
    function task(uint256 taskId) external view returns (Task memory);

    /// @notice The indices of the drawn test rows, ascending.
    function testRowsOf(uint256 taskId) external view returns (uint256[] memory rows);

    /// @notice The indices of the rows that the next part of the disclosure consists of, ascending: those of the
    /// next draws, as many as fit a transaction and a contract's code by the task's sizes. None before the draw, nor
    /// after the last part.
    function nextPart(uint256 taskId) external view returns (uint256[] memory rows);

    /// @notice What a reveal needs to know.
    function scoringTerms(uint256 taskId) external view returns (ScoringTerms memory);

    /// @notice What a settlement, an abort or a claim needs to know; zeros for an unknown task.
    function escrowTerms(uint256 taskId) external view returns (Escrow memory);

    /// @notice The deadlines that were set so far: 0 where the draw or the disclosure that sets one is to come.
    function deadlines(uint256 taskId) external view returns (uint256 discloseEndsAt, uint256 revealEndsAt);
}
