// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Phase} from "../../contracts/interfaces/IProofOfLearning.sol";
import {ProtocolHandler} from "./ProtocolHandler.sol";
import {IHandler, RandomWalks} from "./RandomWalks.sol";
import {FuzzSelector} from "./Vm.sol";

/// @notice The numbered invariants of the proof-of-learning half, over random actors and time.
contract ProtocolInvariants {
    ProtocolHandler internal handler;

    function setUp() external {
        handler = new ProtocolHandler();
    }

    /// @dev Whatever happened, strangers can end every task, and nothing stays behind.
    function afterInvariant() external {
        handler.finish();
        require(handler.vault().balanceOf(address(handler.proof())) == 0, "money stays behind");
        _checkVaultHoldsAllBalances();
        _checkEveryWeiIsWhereTheRulesPutIt();
    }

    /// @dev One walk for all of them: each check after each act.
    function invariant_I1_I2_I3() external view {
        _checkVaultHoldsAllBalances();
        _checkEveryWeiIsWhereTheRulesPutIt();
        _checkTheBestModelLeads();
        require(bytes(handler.broken()).length == 0, handler.broken());
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function excludeSelectors() external view returns (FuzzSelector[] memory excluded) {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = handler.finish.selector;
        excluded = new FuzzSelector[](1);
        excluded[0] = FuzzSelector(address(handler), selectors);
    }

    function _checkVaultHoldsAllBalances() internal view {
        uint256 balances = handler.vault().balanceOf(address(handler.proof()))
            + handler.vault().balanceOf(handler.proof().BURNED());
        for (uint256 i; i < handler.ACTORS(); ++i) {
            balances += handler.vault().balanceOf(handler.actor(i));
        }
        require(handler.token().balanceOf(address(handler.vault())) == balances, "I-1");
    }

    function _checkEveryWeiIsWhereTheRulesPutIt() internal view {
        require(handler.vault().balanceOf(address(handler.proof())) == handler.heldInAll(), "I-2");
        address burned = handler.proof().BURNED();
        require(int256(handler.vault().balanceOf(burned)) == handler.net(burned), "I-2: burned");
        for (uint256 i; i < handler.ACTORS(); ++i) {
            address who = handler.actor(i);
            uint256 owned = handler.token().balanceOf(who) + handler.vault().balanceOf(who);
            require(int256(owned) == int256(2 * handler.FUNDS()) + handler.net(who), "I-2: an actor");
        }
    }

    function _checkTheBestModelLeads() internal view {
        for (uint256 taskId = 1; taskId <= handler.registry().taskCount(); ++taskId) {
            if (handler.seen(taskId) < Phase.REVEAL || handler.seen(taskId) > Phase.SETTLE) continue;
            (address miner, int64 scoreWad, uint24 order) = handler.best(taskId);
            (address leader, int64 leadingWad, uint24 leaderOrder) = handler.proof().leaderOf(taskId);
            require(miner == leader && scoreWad == leadingWad && order == leaderOrder, "leader");
        }
    }
}

/// @notice That the walk of the invariants reaches what they speak of.
contract ProtocolHandlerTest is RandomWalks {
    function test_walkReachesEveryOutcome() external {
        ProtocolHandler handler = new ProtocolHandler();
        handler.post(0, 5000, 300, 50);
        handler.draw(0);
        handler.publish(0, 0);
        handler.publish(0, bytes32(uint256(1)));
        handler.revoke(0, 1);
        handler.move(1, 2, 3);
        handler.commit(0, 1, 0x00ff0100);
        handler.commit(0, 2, 0x01020304);
        handler.cheat(0, 1, 2, 0);
        handler.pass(59);
        handler.pass(59);
        handler.disclose(0);
        handler.reveal(0, 1, 1);
        handler.forge(0, 1, 1, 1 << 64);
        handler.forge(0, 2, 1, 1);
        handler.reveal(0, 1, 4);
        handler.cheat(0, 1, 1, 0);
        for (uint256 act; act < 11; ++act) {
            handler.trespass(0, 3, act);
        }
        handler.pass(59);
        handler.pass(59);
        handler.settle(0);
        handler.post(0, 5000, 300, 50);
        handler.missTheDraw();
        handler.draw(0);
        handler.commit(0, 1, 7);
        handler.pass(59);
        handler.pass(59);
        handler.pass(59);
        handler.pass(59);
        handler.abort(0);
        handler.claim(0, 1);

        string[13] memory acts = [
            "post",
            "draw",
            "publish",
            "revoke",
            "move",
            "commit",
            "disclose",
            "part",
            "reveal",
            "settle",
            "abort",
            "claim",
            "rearm"
        ];
        for (uint256 i; i < acts.length; ++i) {
            require(handler.count(acts[i]) > 0, acts[i]);
        }
        require(handler.count("cheat") == 2, "cheat");
        require(handler.count("forge") == 2, "forge");
        require(handler.count("trespass") == 11, "trespass");
        require(bytes(handler.broken()).length == 0, handler.broken());
        require(handler.vault().balanceOf(handler.proof().BURNED()) == 51, "slashed");
    }

    function test_randomWalksMeetEveryOutcomeOften() external {
        _walk();
        string[16] memory outcomes = [
            "publish",
            "revoke",
            "move",
            "post",
            "draw",
            "rearm",
            "commit",
            "disclose",
            "part",
            "reveal",
            "won",
            "settle",
            "abort",
            "claim",
            "forge",
            "trespass"
        ];
        uint8[16] memory least = [40, 40, 50, 40, 40, 20, 60, 12, 10, 15, 3, 12, 12, 13, 6, 60];
        for (uint256 i; i < outcomes.length; ++i) {
            _requireMet(outcomes[i], least[i]);
        }
    }

    function _newHandler() internal override returns (IHandler handler) {
        return IHandler(address(new ProtocolHandler()));
    }

    function _act(uint256 drawn) internal pure override returns (bytes4 selector) {
        bytes4[20] memory acts = [
            ProtocolHandler.publish.selector,
            ProtocolHandler.revoke.selector,
            ProtocolHandler.move.selector,
            ProtocolHandler.deposit.selector,
            ProtocolHandler.withdraw.selector,
            ProtocolHandler.pass.selector,
            ProtocolHandler.missTheDraw.selector,
            ProtocolHandler.post.selector,
            ProtocolHandler.disclose.selector,
            ProtocolHandler.commit.selector,
            ProtocolHandler.reveal.selector,
            ProtocolHandler.claim.selector,
            ProtocolHandler.cheat.selector,
            ProtocolHandler.forge.selector,
            ProtocolHandler.trespass.selector,
            ProtocolHandler.draw.selector,
            ProtocolHandler.settle.selector,
            ProtocolHandler.abort.selector,
            ProtocolHandler.reveal.selector,
            ProtocolHandler.commit.selector
        ];
        return acts[drawn % acts.length];
    }
}
