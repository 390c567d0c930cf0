// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ComputeMarket} from "../../contracts/ComputeMarket.sol";
import {Declaration, Epoch, EpochPhase, Purchase} from "../../contracts/interfaces/IComputeMarket.sol";
import {MarketHandler} from "./MarketHandler.sol";
import {IHandler, RandomWalks} from "./RandomWalks.sol";
import {FuzzSelector} from "./Vm.sol";

/// @notice The numbered invariants of the compute market, over random actors and time.
contract MarketInvariants {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant GRID = 24;

    MarketHandler internal handler;
    ComputeMarket internal market;

    function setUp() external {
        handler = new MarketHandler();
        market = handler.market();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev Whatever happened, strangers can end every epoch, and nothing stays behind.
    function afterInvariant() external {
        handler.finish();
        require(handler.vault().balanceOf(address(market)) == 0, "money stays behind");
        _checkEveryWeiIsWhereTheRulesPutIt();
    }

    /// @dev One walk for all of them: each check after each act.
    function invariant_I4_I5_I6() external view {
        _checkEveryWeiIsWhereTheRulesPutIt();
        _checkUnitsSoldNeverExceedCapacity();
        _checkNoPriceEarnsMuchMoreThanAnAcceptedOne();
        _checkMarketHoldsWhatItOwes();
        require(bytes(handler.broken()).length == 0, handler.broken());
    }

    function excludeSelectors() external view returns (FuzzSelector[] memory excluded) {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = handler.finish.selector;
        excluded = new FuzzSelector[](1);
        excluded[0] = FuzzSelector(address(handler), selectors);
    }

    function _checkEveryWeiIsWhereTheRulesPutIt() internal view {
        uint256 balances = handler.held();
        require(handler.vault().balanceOf(address(market)) == balances, "the epochs");
        for (uint256 i; i < handler.ACTORS(); ++i) {
            uint256 owned = handler.vault().balanceOf(handler.actor(i));
            require(int256(owned) == int256(handler.FUNDS()) + handler.net(handler.actor(i)), "an actor");
            balances += owned;
        }
        require(handler.token().balanceOf(address(handler.vault())) == balances, "I-1");
    }

    function _checkUnitsSoldNeverExceedCapacity() internal view {
        for (uint256 epochId = 1; epochId <= market.epochCount(); ++epochId) {
            Epoch memory e = market.epoch(epochId);
            uint256 units;
            for (uint256 i = 1; i <= e.purchaseCount; ++i) {
                units += market.purchase(epochId, i).units;
            }
            require(units == e.soldUnits && units <= e.capacity, "I-4");
        }
    }

    /// @dev What is declared and what is accepted stay as they are: an epoch is looked at once.
    function _checkNoPriceEarnsMuchMoreThanAnAcceptedOne() internal view {
        uint256 epochId = handler.pricedNow();
        if (epochId == 0) return;
        Epoch memory e = market.epoch(epochId);
        Declaration[] memory list = market.declarations(epochId);
        uint256 allowed = (WAD + e.toleranceWad) * handler.profit(e, list, e.price);
        for (uint256 i; i <= GRID; ++i) {
            uint256 other = e.priceFloor + (uint256(e.priceCap) - e.priceFloor) * i / GRID;
            require(WAD * handler.profit(e, list, other) <= allowed, "I-6");
        }
        for (uint256 i; i < list.length; ++i) {
            // Where a quadratic consumer leaves, and where half of what a log one would pay at most is asked.
            uint256 other = list[i].value;
            if (other < e.priceFloor || other > e.priceCap) continue;
            require(WAD * handler.profit(e, list, other) <= allowed, "I-6");
            require(WAD * handler.profit(e, list, (other + e.priceFloor) / 2) <= allowed, "I-6");
        }
    }

    function _checkMarketHoldsWhatItOwes() internal view {
        uint256 owed;
        for (uint256 epochId = 1; epochId <= market.epochCount(); ++epochId) {
            Epoch memory e = market.epoch(epochId);
            owed += e.freeBond;
            for (uint256 i; i < e.consumerCount; ++i) {
                if (!market.declaration(epochId, i).closed) owed += market.lockOf(epochId, i);
            }
            for (uint256 i = 1; i <= e.purchaseCount; ++i) {
                Purchase memory p = market.purchase(epochId, i);
                if (!handler.isOpen(p)) continue;
                owed += uint256(p.units) * e.price / WAD + uint256(p.units) * e.bond / e.capacity;
            }
        }
        require(handler.vault().balanceOf(address(market)) == owed, "solvency");
    }
}

/// @notice That the walk of the invariants reaches what they speak of.
contract MarketHandlerTest is RandomWalks {
    function test_walkReachesEveryOutcome() external {
        MarketHandler handler = new MarketHandler();
        handler.open(0, 30e18 + 4, 1e18, 10e18 << 128, 100e18);
        handler.declare(0, 1, 1, 2, 1);
        handler.declare(0, 2, 1, 1, 1);
        handler.declare(0, 3, 3, 2, 1);
        handler.declare(0, 3, 1, 1, 0); // nothing
        handler.pass(69);
        handler.pass(40);
        handler.price(0, 0, 1);
        handler.walk(0, 0);
        handler.price(0, 9e18 + 1, 0);
        require(handler.market().phaseOf(1) == EpochPhase.BUY, "no price was accepted");
        handler.buy(0, 0, 3);
        handler.buy(0, 1, 1e17 + 1);
        handler.returnLock(0, 2, 3);
        handler.trespass(0, 4, 0);
        handler.deliver(0, 0, "result");
        handler.accept(0, 0);
        handler.pass(69);
        handler.pass(40);
        handler.overbuy(0, 4, 1);
        handler.buyLeftover(0, 4, 1e18 + 1);
        handler.deliver(0, 2, "result");
        handler.pass(69);
        handler.pass(40);
        handler.release(0);
        handler.pass(69);
        handler.pass(40);
        handler.settle(0, 1);
        handler.pass(69);
        handler.pass(40);
        handler.settle(0, 2);

        string[17] memory acts = [
            "open",
            "log",
            "quadratic",
            "dust",
            "post",
            "refuse",
            "walk",
            "buy",
            "return",
            "deliver",
            "accept",
            "overbuy",
            "leftover",
            "release",
            "refund",
            "silence",
            "trespass"
        ];
        for (uint256 i; i < acts.length; ++i) {
            require(handler.count(acts[i]) > 0, acts[i]);
        }
        require(handler.vault().balanceOf(address(handler.market())) == 0, "money stays behind");
        require(bytes(handler.broken()).length == 0, handler.broken());
    }

    function test_randomWalksMeetEveryOutcomeOften() external {
        _walk();
        string[19] memory outcomes = [
            "open",
            "log",
            "quadratic",
            "dust",
            "post",
            "refuse",
            "walk",
            "refuted on the way",
            "buy",
            "return",
            "deliver",
            "accept",
            "overbuy",
            "beyond the best response",
            "leftover",
            "release",
            "refund",
            "silence",
            "trespass"
        ];
        uint8[19] memory least = [17, 19, 19, 1, 14, 5, 3, 1, 10, 13, 11, 5, 15, 10, 9, 10, 6, 3, 70];
        for (uint256 i; i < outcomes.length; ++i) {
            _requireMet(outcomes[i], least[i]);
        }
    }

    function _newHandler() internal override returns (IHandler handler) {
        return IHandler(address(new MarketHandler()));
    }

    function _act(uint256 drawn) internal pure override returns (bytes4 selector) {
        bytes4[14] memory acts = [
            MarketHandler.pass.selector,
            MarketHandler.open.selector,
            MarketHandler.price.selector,
            MarketHandler.deliver.selector,
            MarketHandler.declare.selector,
            MarketHandler.buy.selector,
            MarketHandler.buyLeftover.selector,
            MarketHandler.accept.selector,
            MarketHandler.overbuy.selector,
            MarketHandler.walk.selector,
            MarketHandler.returnLock.selector,
            MarketHandler.settle.selector,
            MarketHandler.release.selector,
            MarketHandler.trespass.selector
        ];
        return acts[drawn % acts.length];
    }
}
