// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Phase} from "../../contracts/interfaces/IProofOfLearning.sol";
import {ProtocolHandler} from "./ProtocolHandler.sol";

/// @notice The numbered invariants of the proof-of-learning half, over random actors and time.
contract ProtocolInvariants {
    ProtocolHandler internal handler;

    function setUp() external {
        handler = new ProtocolHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_I1_vaultHoldsAllBalances() external view {
        uint256 balances = handler.vault().balanceOf(address(handler.proof()))
            + handler.vault().balanceOf(handler.proof().BURNED());
        for (uint256 i; i < handler.ACTORS(); ++i) {
            balances += handler.vault().balanceOf(handler.actor(i));
        }
        require(handler.token().balanceOf(address(handler.vault())) == balances, "I-1");
    }

    function invariant_I2_whatWentInIsHeldOrCameOut() external view {
        uint256 outstanding;
        for (uint256 taskId = 1; taskId <= handler.registry().taskCount(); ++taskId) {
            uint256 left = handler.paidIn(taskId) - handler.paidOut(taskId);
            if (handler.proof().phaseOf(taskId) == Phase.SETTLED) require(left == 0, "I-2: settled");
            outstanding += left;
        }
        require(handler.vault().balanceOf(address(handler.proof())) == outstanding, "I-2");
    }

    function invariant_I3_noForbiddenReveal() external view {
        require(!handler.broken(), "I-3");
    }

    function invariant_rankingIsSorted() external view {
        for (uint256 taskId = 1; taskId <= handler.registry().taskCount(); ++taskId) {
            for (uint256 rank = 1; rank < 3; ++rank) {
                (, int64 above, uint24 earlier) = handler.proof().standingOf(taskId, rank - 1);
                (address miner, int64 below, uint24 later) = handler.proof().standingOf(taskId, rank);
                bool sorted = above > below || (above == below && earlier < later);
                require(miner == address(0) || sorted, "ranking");
            }
        }
    }

    /// @dev Whatever happened, strangers can end every task, and nothing stays behind.
    function afterInvariant() external {
        handler.finish();
        require(handler.vault().balanceOf(address(handler.proof())) == 0, "money stays behind");
    }
}

/// @notice That the walk of the invariants reaches what they speak of.
contract ProtocolHandlerTest {
    function test_walkReachesEveryOutcome() external {
        ProtocolHandler handler = new ProtocolHandler();
        handler.post(0, 5000, 300, 50, 1);
        handler.draw(0);
        handler.commit(0, 1, 0x00ff0100);
        handler.commit(0, 2, 0x01020304);
        handler.cheat(0, 1, 2, 0);
        handler.pass(119);
        handler.disclose(0);
        handler.reveal(0, 1, 1);
        handler.forge(0, 1, 1, 1 << 64);
        handler.forge(0, 2, 1, 1);
        handler.reveal(0, 1, 4);
        handler.cheat(0, 1, 1, 0);
        handler.pass(119);
        handler.settle(0);
        handler.post(0, 5000, 300, 50, 2);
        handler.missTheDraw();
        handler.draw(1);
        handler.commit(1, 1, 7);
        handler.pass(119);
        handler.pass(119);
        handler.abort(1);
        handler.claim(1, 1);

        string[10] memory acts =
            ["post", "draw", "commit", "disclose", "part", "reveal", "settle", "abort", "claim", "rearm"];
        for (uint256 i; i < acts.length; ++i) {
            require(handler.count(acts[i]) > 0, acts[i]);
        }
        require(handler.count("cheat") == 2, "cheat");
        require(handler.count("forge") == 2, "forge");
        require(handler.vault().balanceOf(handler.proof().BURNED()) == 51, "slashed");
    }
}
