// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestToken} from "../../contracts/dev/TestToken.sol";
import {ILearningLedger} from "../../contracts/interfaces/ILearningLedger.sol";
import {IProofOfLearning, Phase, Progress, Standing} from "../../contracts/interfaces/IProofOfLearning.sol";
import {Metric} from "../../contracts/interfaces/IScorer.sol";
import {Bounds, Task, TaskSpec} from "../../contracts/interfaces/ITaskRegistry.sol";
import {IVault} from "../../contracts/interfaces/IVault.sol";
import {RowTree} from "../../contracts/libraries/RowTree.sol";
import {ProofOfLearning} from "../../contracts/ProofOfLearning.sol";
import {DenseScorer} from "../../contracts/scoring/DenseScorer.sol";
import {TaskRegistry} from "../../contracts/TaskRegistry.sol";
import {Vault} from "../../contracts/Vault.sol";
import {vm} from "./Vm.sol";

/// @notice Plays every actor through every phase, and keeps every account on the side by the rules alone.
contract ProtocolHandler {
    uint256 public constant ROWS = 11;
    uint256 public constant TESTED = 4;
    uint256 public constant ACTORS = 5;
    uint256 public constant MAX_TASKS = 20;
    uint256 public constant MAX_AT_WORK = 6;
    uint256 public constant FUNDS = 1_000_000;

    TestToken public token = new TestToken();
    Vault public vault = new Vault(token);
    ProofOfLearning public proof;
    TaskRegistry public registry;
    address public scorer = address(new DenseScorer());

    /// @notice What an account got from tasks, less what it paid.
    mapping(address who => int256 amount) public net;

    /// @notice What all tasks hold of bonds and reward, and what one does.
    uint256 public heldInAll;
    mapping(uint256 taskId => uint256 amount) public held;

    /// @notice The best model that was revealed.
    mapping(uint256 taskId => Standing standing) public best;

    /// @notice Where each task stood after the last act.
    mapping(uint256 taskId => Phase phase) public seen;

    /// @notice Set where something happened that is forbidden.
    string public broken;

    /// @notice How often each thing happened, to see that the walk gets around.
    mapping(string act => uint256 times) public count;

    mapping(bytes4 act => mapping(Phase from => mapping(Phase to => bool follows))) internal _follows;
    mapping(uint256 taskId => mapping(address miner => bytes model)) internal _models;
    mapping(uint256 taskId => mapping(address miner => Progress progress)) internal _progress;
    bytes32 internal constant SALT = keccak256("salt");

    constructor() {
        _allow(ProtocolHandler.post.selector, Phase.UNKNOWN, Phase.DRAW);
        _allow(ProtocolHandler.draw.selector, Phase.DRAW, Phase.COMMIT);
        _allow(ProtocolHandler.disclose.selector, Phase.DISCLOSE, Phase.REVEAL);
        _allow(ProtocolHandler.disclose.selector, Phase.ABORT, Phase.SETTLE); // in time, with nobody there
        _allow(ProtocolHandler.reveal.selector, Phase.REVEAL, Phase.SETTLE); // the last one that was open
        _allow(ProtocolHandler.cheat.selector, Phase.REVEAL, Phase.SETTLE); // where it turns out to be honest
        _allow(ProtocolHandler.settle.selector, Phase.SETTLE, Phase.SETTLED);
        _allow(ProtocolHandler.abort.selector, Phase.ABORT, Phase.ABORTED);
        _allow(ProtocolHandler.pass.selector, Phase.COMMIT, Phase.DISCLOSE);
        _allow(ProtocolHandler.pass.selector, Phase.COMMIT, Phase.ABORT);
        _allow(ProtocolHandler.pass.selector, Phase.DISCLOSE, Phase.ABORT);
        _allow(ProtocolHandler.pass.selector, Phase.REVEAL, Phase.SETTLE);
        address[] memory scorers = new address[](1);
        scorers[0] = scorer;
        proof = new ProofOfLearning(vault, scorers, Bounds(10, 1000, 1, 1), keccak256("initialization"));
        registry = TaskRegistry(address(proof.registry()));
        for (uint256 i; i < ACTORS; ++i) {
            token.mint(actor(i), 2 * FUNDS);
            vm.prank(actor(i));
            token.approve(address(vault), type(uint256).max);
            vm.prank(actor(i));
            vault.deposit(FUNDS);
            vm.prank(actor(i));
            vault.setOperator(address(registry), true);
            vm.prank(actor(i));
            vault.setOperator(address(proof), true);
        }
    }

    /// @dev An act moves one task at most, by a step that is listed for it; only time moves several.
    modifier watched() {
        _;
        uint256 moved;
        for (uint256 taskId = 1; taskId <= registry.taskCount(); ++taskId) {
            Phase before = seen[taskId];
            if (before >= Phase.SETTLED) continue; // `finish` looks at these
            Phase phase = proof.phaseOf(taskId);
            if (phase == before) continue;
            if (!_follows[msg.sig][before][phase]) broken = "a phase does not follow";
            seen[taskId] = phase;
            ++moved;
        }
        if (moved > 1 && msg.sig != ProtocolHandler.pass.selector) broken = "one act moved two tasks";
    }

    function actor(uint256 i) public pure returns (address) {
        return address(uint160(0xA11CE + (i % ACTORS)));
    }

    /* MONEY */

    function deposit(uint256 who, uint256 amount) external watched {
        amount %= token.balanceOf(actor(who)) + 1;
        vm.prank(actor(who));
        // The allowance is there already, and so serves a permit that somebody else has used.
        if (amount % 2 == 0) vault.deposit(amount);
        else vault.depositWithPermit(amount, 0, 0, 0, 0);
    }

    /// @notice Pays another actor inside of the vault.
    function move(uint256 who, uint256 to, uint256 amount) external watched {
        amount %= vault.balanceOf(actor(who)) + 1;
        vm.prank(actor(who));
        vault.move(actor(who), actor(to), amount);
        net[actor(who)] -= int256(amount);
        net[actor(to)] += int256(amount);
        ++count["move"];
    }

    /// @notice Takes back what lets the protocol move an actor's money, sees that it cannot, and gives it again.
    function revoke(uint256 which, uint256 who) external watched {
        uint256 taskId = _find(which, Phase.COMMIT);
        if (taskId == 0) return;
        vm.prank(actor(who));
        vault.setOperator(address(proof), false);
        vm.prank(actor(who));
        try proof.commit(taskId, SALT) {
            broken = "who is no operator took a bond";
        } catch (bytes memory reason) {
            if (bytes4(reason) == IVault.OperatorNotApproved.selector) ++count["revoke"];
        }
        vm.prank(actor(who));
        vault.setOperator(address(proof), true);
    }

    function withdraw(uint256 who, uint256 amount) external watched {
        amount %= vault.balanceOf(actor(who)) + 1;
        vm.prank(actor(who));
        vault.withdraw(amount, actor(who));
    }

    /* TIME */

    /// @notice Most often less than a phase lasts; one time in sixteen up to four phases.
    function pass(uint256 time) external watched {
        vm.warp(vm.getBlockTimestamp() + (time % 16 == 15 ? time / 16 % 400 : time % 60));
        vm.roll(vm.getBlockNumber() + 1 + (time % 7));
    }

    function missTheDraw() external watched {
        vm.roll(vm.getBlockNumber() + 300);
    }

    /* DATA NODE */

    function post(uint256 who, uint256 reward, uint256 bond, uint256 minerBond) external watched {
        if (registry.taskCount() == MAX_TASKS || _atWork() == MAX_AT_WORK) return;
        TaskSpec memory spec = TaskSpec({
            dataRoot: _levels()[0][0],
            manifestHash: 0,
            scorer: scorer,
            metric: Metric(reward % 3),
            featureCount: 2,
            classCount: 2,
            mappingWidth: 0,
            rowCount: uint32(ROWS),
            testCount: uint16(TESTED),
            reward: uint128(1 + (reward % 10_000)),
            dataNodeBond: uint128(1 + (bond % 1000)),
            minerBond: uint96(1 + (minerBond % 100)),
            minScoreWad: bond % 2 == 0 ? int64(0.5e18) : int64(0.9e18),
            commitSeconds: 100,
            discloseSeconds: 100,
            revealSeconds: 100
        });
        uint256 amount = uint256(spec.reward) + spec.dataNodeBond;
        if (vault.balanceOf(actor(who)) < amount) return;
        vm.prank(actor(who));
        uint256 taskId = registry.post(spec);
        _pay(taskId, actor(who), amount);
        ++count["post"];
    }

    function publish(uint256 which, bytes32 blobHash) external watched {
        uint256 taskId = _find(which, Phase.COMMIT);
        if (taskId == 0) return;
        address dataNode = registry.task(taskId).dataNode;
        vm.prank(dataNode);
        registry.publish(taskId, blobHash);
        ++count["publish"];
    }

    function disclose(uint256 which) external watched {
        uint256 taskId = _find(which, Phase.DISCLOSE);
        if (taskId != 0) return _disclose(taskId);
        taskId = _find(which, Phase.ABORT);
        if (taskId == 0) return;
        (,, uint24 commitCount,,) = proof.round(taskId);
        (uint256 discloseEndsAt,) = registry.deadlines(taskId);
        if (commitCount == 0 && vm.getBlockTimestamp() < discloseEndsAt) _disclose(taskId);
    }

    /* MINER */

    function commit(uint256 which, uint256 who, uint256 weights) external watched {
        uint256 taskId = _find(which, Phase.COMMIT);
        if (taskId == 0) return;
        (, uint24 order,) = proof.commitmentOf(taskId, actor(who));
        uint96 bond = registry.task(taskId).minerBond;
        if (order != 0 || vault.balanceOf(actor(who)) < bond) return;
        bytes memory model = _model(weights);
        _models[taskId][actor(who)] = model;
        bytes32 commitment = proof.commitmentHash(taskId, actor(who), keccak256(model), SALT);
        vm.prank(actor(who));
        proof.commit(taskId, commitment);
        _pay(taskId, actor(who), bond);
        ++count["commit"];
    }

    /// @notice Scores one to five of the four test rows, from where the miner's last call left off.
    function reveal(uint256 which, uint256 who, uint256 rowCount) external watched {
        uint256 taskId = _find(which, Phase.REVEAL);
        who = _open(taskId, who);
        if (who == ACTORS) return;
        (, uint24 order, bool revealed) = proof.commitmentOf(taskId, actor(who));
        Progress memory progress = _progress[taskId][actor(who)];
        vm.recordLogs();
        vm.prank(actor(who));
        proof.reveal(taskId, SALT, _models[taskId][actor(who)], progress, 1 + rowCount % 5);
        (,, revealed) = proof.commitmentOf(taskId, actor(who));
        if (revealed) _revealed(taskId, actor(who), order);
        else _progress[taskId][actor(who)] = abi.decode(vm.getRecordedLogs()[0].data, (Progress));
        ++count[revealed ? "reveal" : "part"];
    }

    function claim(uint256 which, uint256 who) external watched {
        uint256 taskId = _find(which, Phase.ABORTED);
        who = _open(taskId, who);
        if (who == ACTORS) return;
        _claim(taskId, actor(who));
        ++count["claim"];
    }

    /// @notice A reveal that I-3 forbids: outside the window, a second time, or not what the sender committed to.
    function cheat(uint256 which, uint256 who, uint256 from, uint256 salt) external watched {
        (uint256 taskId, Phase phase) = _pick(which, Phase.REVEAL);
        if (phase == Phase.UNKNOWN) return;
        (, uint24 order, bool revealed) = proof.commitmentOf(taskId, actor(who));
        bool honest = who % ACTORS == from % ACTORS && salt % 2 == 0 && order != 0 && !revealed;
        if (phase == Phase.REVEAL && honest) return;
        // Equal models give equal bytes; the sender alone then makes the difference.
        bytes memory model = _models[taskId][actor(from)];
        Progress memory none;
        vm.recordLogs();
        vm.prank(actor(who));
        try proof.reveal(taskId, salt % 2 == 0 ? SALT : bytes32(salt), model, none, TESTED) {
            bool same = keccak256(model) == keccak256(_models[taskId][actor(who)]);
            bool allowed = phase == Phase.REVEAL && order != 0 && !revealed && salt % 2 == 0 && same;
            if (!allowed) broken = "I-3";
            _revealed(taskId, actor(who), order);
        } catch {
            ++count["cheat"];
        }
    }

    /// @notice A reveal that goes on from a progress that was never told: another miner's, or an invented one.
    function forge(uint256 which, uint256 who, uint256 from, uint256 tally) external watched {
        (uint256 taskId,) = _pick(which, Phase.REVEAL);
        Progress memory progress = _progress[taskId][actor(from)];
        if (tally % 2 == 0) {
            progress.scoredCount = tally % (TESTED + 1);
            progress.tally = new uint256[](1);
            progress.tally[0] = tally;
        }
        Progress memory own = _progress[taskId][actor(who)];
        bytes memory model = _models[taskId][actor(who)];
        bytes32 told = keccak256(abi.encode(progress));
        if (progress.scoredCount == 0 && progress.tally.length == 0) return;
        if (told == keccak256(abi.encode(own)) && proof.progressHashOf(taskId, actor(who)) == told) return;
        vm.prank(actor(who));
        try proof.reveal(taskId, SALT, model, progress, TESTED) {
            broken = "a forged progress was taken";
        } catch (bytes memory reason) {
            if (bytes4(reason) == IProofOfLearning.ProgressMismatch.selector) ++count["forge"];
        }
    }

    /// @notice An act in a phase that does not take it, or by somebody who may not.
    function trespass(uint256 which, uint256 who, uint256 act) external watched {
        (uint256 taskId, Phase phase) = _pick(which, Phase(1 + who % uint256(Phase.ABORTED)));
        if (phase == Phase.UNKNOWN) return;
        address dataNode = registry.task(taskId).dataNode;
        (,, uint24 commitCount,,) = proof.round(taskId);
        (, uint24 order,) = proof.commitmentOf(taskId, actor(who));
        bool allowed;
        bytes memory call;
        address target = address(proof);
        act %= 11;
        if (act == 0) {
            target = address(registry);
            allowed = phase == Phase.DRAW;
            call = abi.encodeCall(registry.draw, (taskId));
        } else if (act == 1) {
            target = address(registry);
            allowed = actor(who) == dataNode && phase == Phase.COMMIT;
            call = abi.encodeCall(registry.publish, (taskId, 0));
        } else if (act == 2) {
            target = address(registry);
            bool open = phase == Phase.DISCLOSE || (commitCount == 0 && phase == Phase.ABORT)
                || (commitCount == 0 && phase == Phase.ABORTED);
            allowed = actor(who) == dataNode && open;
            if (!allowed) call = _disclosure(taskId);
        } else if (act == 3) {
            allowed = phase == Phase.COMMIT && order == 0;
            call = abi.encodeCall(proof.commit, (taskId, SALT));
        } else if (act == 4) {
            allowed = phase == Phase.SETTLE;
            // As who settles in time does, so that nothing but the phase forbids it.
            call = _settlement(taskId);
        } else if (act == 5) {
            allowed = phase == Phase.ABORT;
            call = abi.encodeCall(proof.abort, (taskId));
        } else if (act == 6) {
            allowed = phase == Phase.ABORTED && order != 0;
            call = abi.encodeCall(proof.claim, (taskId));
        } else if (act == 7) {
            call = abi.encodeCall(proof.open, (taskId, type(uint40).max, 0));
        } else if (act == 8) {
            target = address(vault);
            call = abi.encodeCall(vault.move, (actor(who % ACTORS + 1), actor(who), 1));
        } else if (act == 9) {
            target = address(proof.ledger());
            call = abi.encodeCall(ILearningLedger.append, (taskId, actor(who), 0, 0, 1e18));
        } else {
            target = address(vault);
            call = abi.encodeCall(vault.withdraw, (vault.balanceOf(actor(who)) + 1, actor(who)));
        }
        if (allowed || call.length == 0) return;
        vm.prank(actor(who));
        (bool done,) = target.call(call);
        if (done) broken = string.concat("trespass ", string(abi.encodePacked(bytes1(uint8(48 + act)))));
        ++count["trespass"];
    }

    /* ANYONE */

    function draw(uint256 which) external watched {
        uint256 taskId = _find(which, Phase.DRAW);
        if (taskId != 0) _draw(taskId);
    }

    function settle(uint256 which) external watched {
        uint256 taskId = _find(which, Phase.SETTLE);
        if (taskId != 0) _settle(taskId);
    }

    function abort(uint256 which) external watched {
        uint256 taskId = _find(which, Phase.ABORT);
        if (taskId != 0) _abort(taskId);
    }

    /// @notice Ends every task as a stranger could: by waiting, drawing, settling, aborting; then all claim.
    function finish() external {
        for (uint256 taskId = 1; taskId <= registry.taskCount(); ++taskId) {
            Phase before = seen[taskId];
            if (before >= Phase.SETTLED) require(proof.phaseOf(taskId) == before, "an ended task went on");
            if (proof.phaseOf(taskId) == Phase.DRAW) _draw(taskId);
            vm.warp(vm.getBlockTimestamp() + 10_000);
            if (proof.phaseOf(taskId) == Phase.SETTLE) _settle(taskId);
            if (proof.phaseOf(taskId) == Phase.ABORT) _abort(taskId);
            for (uint256 i; i < ACTORS && proof.phaseOf(taskId) == Phase.ABORTED; ++i) {
                (, uint24 order,) = proof.commitmentOf(taskId, actor(i));
                if (order != 0) _claim(taskId, actor(i));
            }
        }
    }

    /* INTERNAL */

    /// @dev A task in a phase, 0 where there is none.
    function _find(uint256 which, Phase wanted) internal view returns (uint256 taskId) {
        uint256 tasks = registry.taskCount();
        for (uint256 i; i < tasks; ++i) {
            taskId = 1 + (which % tasks + i) % tasks;
            if (proof.phaseOf(taskId) == wanted) return taskId;
        }
        return 0;
    }

    /// @dev Any task, half of the times one in a phase.
    function _pick(uint256 which, Phase preferred) internal view returns (uint256 taskId, Phase phase) {
        if (which % 2 == 0) taskId = _find(which / 2, preferred);
        uint256 tasks = registry.taskCount();
        if (taskId == 0 && tasks != 0) taskId = 1 + which % tasks;
        phase = proof.phaseOf(taskId);
    }

    /// @dev A miner whose commitment holds a bond still, `ACTORS` where there is none.
    function _open(uint256 taskId, uint256 who) internal view returns (uint256) {
        for (uint256 i; i < ACTORS; ++i) {
            uint256 at = (who % ACTORS + i) % ACTORS;
            (, uint24 order, bool revealed) = proof.commitmentOf(taskId, actor(at));
            if (order != 0 && !revealed) return at;
        }
        return ACTORS;
    }

    function _atWork() internal view returns (uint256 tasks) {
        for (uint256 taskId = 1; taskId <= registry.taskCount(); ++taskId) {
            if (seen[taskId] < Phase.SETTLED) ++tasks;
        }
    }

    function _allow(bytes4 act, Phase from, Phase to) internal {
        _follows[act][from][to] = true;
    }

    function _pay(uint256 taskId, address who, uint256 amount) internal {
        net[who] -= int256(amount);
        held[taskId] += amount;
        heldInAll += amount;
    }

    function _get(uint256 taskId, address who, uint256 amount) internal {
        net[who] += int256(amount);
        held[taskId] -= amount;
        heldInAll -= amount;
    }

    /// @dev The bond comes back, and the model may be the best so far.
    function _revealed(uint256 taskId, address who, uint24 order) internal {
        (,, int256 scoreWad) = abi.decode(vm.getRecordedLogs()[0].data, (bytes32, bytes32, int256));
        Standing memory other = best[taskId];
        bool equal = scoreWad == other.scoreWad;
        if (other.miner == address(0) || scoreWad > other.scoreWad || (equal && order < other.order)) {
            best[taskId] = Standing(who, int64(scoreWad), order);
        }
        _get(taskId, who, registry.task(taskId).minerBond);
    }

    function _claim(uint256 taskId, address who) internal {
        Task memory task = registry.task(taskId);
        (,, uint24 commitCount,,) = proof.round(taskId);
        _get(taskId, who, task.minerBond + task.dataNodeBond / commitCount);
        vm.prank(who);
        proof.claim(taskId);
    }

    function _draw(uint256 taskId) internal {
        uint256 drawBlock = registry.task(taskId).drawBlock;
        if (vm.getBlockNumber() <= drawBlock) vm.roll(drawBlock + 1);
        registry.draw(taskId);
        if (proof.phaseOf(taskId) == Phase.DRAW) {
            // The window was missed and a new block named.
            vm.roll(registry.task(taskId).drawBlock + 1);
            registry.draw(taskId);
            ++count["rearm"];
        }
        ++count["draw"];
    }

    function _settle(uint256 taskId) internal {
        Task memory task = registry.task(taskId);
        (,, uint24 commitCount, uint24 revealCount,) = proof.round(taskId);
        Standing memory winner = best[taskId];
        bool won = winner.miner != address(0) && winner.scoreWad >= task.minScoreWad;
        _get(taskId, task.dataNode, task.dataNodeBond);
        _get(taskId, won ? winner.miner : task.dataNode, task.reward);
        _get(taskId, proof.BURNED(), uint256(task.minerBond) * (commitCount - revealCount));
        (bool done,) = address(proof).call(_settlement(taskId));
        require(done, "a permitted settlement failed");
        if (held[taskId] != 0) broken = "I-2: settled";
        ++count["settle"];
        if (won) ++count["won"];
    }

    function _settlement(uint256 taskId) internal view returns (bytes memory) {
        bytes32 modelHash = keccak256(_models[taskId][best[taskId].miner]);
        return abi.encodeCall(proof.settle, (taskId, modelHash, keccak256("parameters")));
    }

    function _abort(uint256 taskId) internal {
        Task memory task = registry.task(taskId);
        (,, uint24 commitCount,,) = proof.round(taskId);
        uint256 shared = commitCount == 0 ? 0 : task.dataNodeBond - task.dataNodeBond % commitCount;
        _get(taskId, task.dataNode, uint256(task.reward) + task.dataNodeBond - shared);
        proof.abort(taskId);
        ++count["abort"];
    }

    function _disclose(uint256 taskId) internal {
        bytes memory call = _disclosure(taskId);
        vm.prank(registry.task(taskId).dataNode);
        (bool done,) = address(registry).call(call);
        require(done, "a permitted disclosure failed");
        ++count["disclose"];
    }

    function _disclosure(uint256 taskId) internal view returns (bytes memory call) {
        uint256[] memory indices = registry.testRowsOf(taskId);
        if (indices.length == 0) indices = _firstRows(); // nothing is drawn: the rows are well made all the same
        bytes memory rows;
        bytes32[] memory salts = new bytes32[](indices.length);
        for (uint256 i; i < indices.length; ++i) {
            rows = bytes.concat(rows, _row(indices[i]));
            salts[i] = SALT;
        }
        call = abi.encodeCall(registry.disclose, (taskId, rows, salts, _multiproof(indices)));
    }

    function _firstRows() internal pure returns (uint256[] memory indices) {
        indices = new uint256[](TESTED);
        for (uint256 i; i < TESTED; ++i) {
            indices[i] = i;
        }
    }

    function _row(uint256 index) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(index * 20), uint8(200 - index * 17), uint8(index & 1));
    }

    function _model(uint256 weights) internal pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(uint16(0x0101), keccak256("parameters"), hex"010002000200");
        return abi.encodePacked(head, uint32(weights), int32(int8(uint8(weights >> 32))), int32(0));
    }

    /// @dev All levels of the row tree, the root's first.
    function _levels() internal pure returns (bytes32[][] memory levels) {
        levels = new bytes32[][](5); // 11, 6, 3, 2, 1
        bytes32[] memory level = new bytes32[](ROWS);
        for (uint256 i; i < ROWS; ++i) {
            level[i] = RowTree.leaf(i, SALT, _row(i));
        }
        for (uint256 depth = 4; depth > 0; --depth) {
            levels[depth] = level;
            bytes32[] memory parents = new bytes32[]((level.length + 1) / 2);
            for (uint256 i; i < parents.length; ++i) {
                bool paired = 2 * i + 1 < level.length;
                parents[i] = paired ? keccak256(abi.encode(level[2 * i], level[2 * i + 1])) : level[2 * i];
            }
            level = parents;
        }
        levels[0] = level;
    }

    function _multiproof(uint256[] memory indices) internal pure returns (bytes32[] memory nodes) {
        bytes32[][] memory levels = _levels();
        bool[] memory known = new bool[](ROWS);
        for (uint256 i; i < indices.length; ++i) {
            known[indices[i]] = true;
        }
        nodes = new bytes32[](ROWS * 2);
        uint256 used;
        for (uint256 depth = 4; depth > 0; --depth) {
            bytes32[] memory level = levels[depth];
            bool[] memory parents = new bool[]((level.length + 1) / 2);
            for (uint256 i; i < level.length; ++i) {
                if (!known[i]) continue;
                parents[i / 2] = true;
                uint256 sibling = i ^ 1;
                if (sibling < level.length && !known[sibling]) nodes[used++] = level[sibling];
            }
            known = parents;
        }
        assembly ("memory-safe") {
            mstore(nodes, used)
        }
    }
}
