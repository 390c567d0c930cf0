// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILearningLedger} from "./ILearningLedger.sol";
import {ITaskRegistry} from "./ITaskRegistry.sol";
import {IVault} from "./IVault.sol";

/// @notice Where a task stands. Each phase but the last two ends by a deadline that anyone can enforce.
enum Phase {
    UNKNOWN,
    DRAW, // posted; `TaskRegistry.draw` is next
    COMMIT, // drawn; miners train and commit
    DISCLOSE, // commits are closed; the data node discloses
    REVEAL, // disclosed; miners reveal
    SETTLE, // every commitment is revealed, or time is up; `settle` is next
    ABORT, // nothing disclosed in time, or nothing committed; `abort` is next
    SETTLED,
    ABORTED
}

/// @notice The state of a task's competition.
/// @param commitEndsAt As in the task; a copy, so that a commitment reads one slot.
/// @param minerBond As in the task; likewise.
/// @param commitCount Commitments so far.
/// @param revealCount Reveals so far.
/// @param outcome `SETTLED` or `ABORTED` once the task has ended, `UNKNOWN` before.
struct Round {
    uint40 commitEndsAt;
    uint96 minerBond;
    uint24 commitCount;
    uint24 revealCount;
    Phase outcome;
}

/// @notice A miner's place in a task. 224 bits of a hash (the strength of SHA-224) leave room for the rest.
/// @param digest Of the commitment; once revealed, of the model: `modelDigest(modelHash, parametersHash)`.
/// @param order 1 for the task's first commitment, and so on; 0 where there is none.
/// @param revealed Whether the model was revealed.
struct Commitment {
    bytes28 digest;
    uint24 order;
    bool revealed;
}

/// @notice How far the scoring of a model has come, when it takes several transactions.
/// @param scoredCount Test rows scored so far.
/// @param tally Their tally, as {IScorer} lays it out.
struct Progress {
    uint256 scoredCount;
    uint256[] tally;
}

/// @notice The best of a task's models.
struct Standing {
    address miner;
    int64 scoreWad;
    uint24 order;
}

/// @title IProofOfLearning
/// @notice The competition for a task: commitments, reveals scored on the spot, settlement.
///
/// A miner commits to `keccak256(abi.encode(COMMIT_DOMAIN, block.chainid, address(this), taskId, miner,
/// modelHash, salt))`, so a copied commitment is worthless to anyone else, for any other task, anywhere else. It
/// cannot know the test rows before it commits, and nobody can know its model before the test rows are out.
///
/// The model is scored as it is revealed, in one transaction or in several. Between them the contract keeps a hash of
/// the miner's `Progress`, which the miner hands in again with the model; nobody else can touch it. A scoring that is
/// not finished in the window counts as no reveal.
///
/// The best model takes the whole reward. If the second best were paid anything, the best miner would come second as
/// well, under another address, and take that too.
///
/// I-2: escrow in + bonds in = payouts + refunds + slashes, for every task, on every path.
/// I-3: a reveal is accepted only from the committer, once, for the committed bytes, in its window.
interface IProofOfLearning {
    /// @notice Emitted when a task was drawn and takes commitments.
    event RoundOpened(uint256 indexed taskId);

    /// @notice Emitted when a miner committed to a model.
    event ModelCommitted(uint256 indexed taskId, address indexed miner);

    /// @notice Emitted when some test rows of a reveal were scored and others are left.
    event ModelScoredInPart(uint256 indexed taskId, address indexed miner, Progress progress);

    /// @notice Emitted when a model was revealed and scored.
    event ModelRevealed(
        uint256 indexed taskId,
        address indexed miner,
        bytes32 modelHash,
        bytes32 parametersHash,
        int256 scoreWad
    );

    /// @notice Emitted when a task was settled.
    /// @param winner Who got the reward; nobody where no model reached the least score.
    /// @param refunded What went back to the data node: its bond, and the reward where nobody won it.
    /// @param slashed The bonds of the miners that did not reveal.
    event TaskSettled(uint256 indexed taskId, address indexed winner, uint256 refunded, uint256 slashed);

    /// @notice Emitted when a task ended without disclosure.
    /// @param refunded What went back to the data node at once.
    /// @param claimable What each miner that committed can claim.
    event TaskAborted(uint256 indexed taskId, uint256 refunded, uint256 claimable);

    /// @notice Emitted when a miner took back its bond, and its part of the data node's, from an aborted task.
    event BondClaimed(uint256 indexed taskId, address indexed miner, uint256 amount);

    /// @notice Thrown when anyone but the registry opens a round.
    error NotRegistry(address caller, address registry);

    /// @notice Thrown when a miner commits before the draw (`commitEndsAt` is 0) or after the window.
    error CommitWindowClosed(uint256 taskId, uint256 commitEndsAt, uint256 timestamp);

    /// @notice Thrown when a miner commits to a task for the second time.
    error AlreadyCommitted(uint256 taskId, address miner);

    /// @notice Thrown when a miner reveals before the disclosure (`revealEndsAt` is 0) or after the window.
    error RevealWindowClosed(uint256 taskId, uint256 revealEndsAt, uint256 timestamp);

    /// @notice Thrown when a miner that did not commit to a task reveals or claims.
    error NotCommitted(uint256 taskId, address miner);

    /// @notice Thrown when a miner reveals for the second time.
    error AlreadyRevealed(uint256 taskId, address miner);

    /// @notice Thrown when a reveal is not what was committed: another model, salt, sender, task or chain.
    error CommitmentMismatch(uint256 taskId, address miner, bytes28 committedDigest, bytes28 revealedDigest);

    /// @notice Thrown when a reveal goes on from another progress than the miner's last.
    error ProgressMismatch(uint256 taskId, address miner, bytes32 expectedHash, bytes32 actualHash);

    /// @notice Thrown when a task is settled, aborted or claimed from in another phase than that takes.
    error WrongPhase(uint256 taskId, Phase expected, Phase actual);

    /// @notice Thrown when the hashes given to `settle` are not the winner's, as its `ModelRevealed` tells them.
    error WinnerMismatch(uint256 taskId, address winner, bytes28 expectedDigest, bytes28 actualDigest);

    /// @notice Separates commitments from every other hash.
    function COMMIT_DOMAIN() external view returns (bytes32);

    /// @notice Separates seeds of the secure mapping from every other hash.
    function MAPPING_DOMAIN() external view returns (bytes32);

    /// @notice The balance that slashed bonds go to. Nobody can move it: they are burned.
    /// @dev Whoever got them would gain by making a miner fail: the data node by disclosing a set that nobody can
    /// fetch in time, the other miners and a block's proposer by keeping a reveal out of blocks.
    function BURNED() external view returns (address);

    /// @notice The money.
    function vault() external view returns (IVault);

    /// @notice The tasks.
    function registry() external view returns (ITaskRegistry);

    /// @notice The blocks.
    function ledger() external view returns (ILearningLedger);

    /// @notice The state of a task's competition.
    function round(uint256 taskId)
        external
        view
        returns (uint40 commitEndsAt, uint96 minerBond, uint24 commitCount, uint24 revealCount, Phase outcome);

    /// @notice A miner's place in a task.
    function commitmentOf(uint256 taskId, address miner)
        external
        view
        returns (bytes28 digest, uint24 order, bool revealed);

    /// @notice The best model so far, the earlier commitment's among equals; the zero miner where there is none.
    function leaderOf(uint256 taskId) external view returns (address miner, int64 scoreWad, uint24 order);

    /// @notice `keccak256(abi.encode(progress))` of what a miner's model was last scored on in part, 0 where it was not.
    /// @dev It says nothing once the model is revealed: where that began anew, it stays.
    function progressHashOf(uint256 taskId, address miner) external view returns (bytes32);

    /// @notice Where a task stands at the timestamp of the current block.
    function phaseOf(uint256 taskId) external view returns (Phase);

    /// @notice What `miner` commits to.
    function commitmentHash(uint256 taskId, address miner, bytes32 modelHash, bytes32 salt)
        external
        view
        returns (bytes32);

    /// @notice The seed of a miner's secure mapping in a task:
    /// `keccak256(abi.encode(MAPPING_DOMAIN, block.chainid, address(this), taskId, ledgerTip, miner))`.
    function mappingSeed(uint256 taskId, address miner) external view returns (bytes32);

    /// @notice Opens a task for commitments; called by the registry at the draw.
    function open(uint256 taskId, uint40 commitEndsAt, uint96 minerBond) external;

    /// @notice Commits the caller to a model. Takes the bond from its vault balance; the caller must have approved
    /// this contract as an operator. One commitment per miner and task.
    function commit(uint256 taskId, bytes32 commitment) external;

    /// @notice Reveals the model that the caller committed to and scores it on the next `rowCount` test rows, or as
    /// many as are left. With the last of them the model is compared with the best so far and the bond given back.
    /// @dev Reverts where the scorer does: a model that cannot be scored counts as never revealed. Gas grows with
    /// rows and model alone, so a miner knows before it commits how many transactions its reveal will take.
    /// @param progress Empty to begin, or to begin anew; else that of the caller's last `ModelScoredInPart`.
    function reveal(
        uint256 taskId,
        bytes32 salt,
        bytes calldata model,
        Progress calldata progress,
        uint256 rowCount
    ) external;

    /// @notice Ends a disclosed task: pays the reward to the best miner, gives the data node its bond, burns the
    /// bonds of the miners that did not reveal, appends the learning block.
    /// @dev Anyone may call, once every commitment is revealed or the reveal window has ended. The cost does not
    /// grow with the number of miners. With no model at or above the least score the reward goes back to the data
    /// node, and there is no block: a learning block is the proof that somebody learned.
    /// @param modelHash The winner's, from its `ModelRevealed`; any where nobody wins.
    /// @param parametersHash Likewise.
    function settle(uint256 taskId, bytes32 modelHash, bytes32 parametersHash) external;

    /// @notice Ends a task that was not disclosed in time, or that nobody committed to. The reward goes back to
    /// the data node; its bond goes to the miners in equal parts, or back where there are none.
    /// @dev Anyone may call. Miners take their part, with their own bond, by `claim`.
    function abort(uint256 taskId) external;

    /// @notice Takes back the caller's bond from an aborted task, with its part of the data node's.
    function claim(uint256 taskId) external;
}
