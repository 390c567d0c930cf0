// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ComputeMarket} from "../../contracts/ComputeMarket.sol";
import {TestToken} from "../../contracts/dev/TestToken.sol";
import {
    Declaration,
    Epoch,
    EpochPhase,
    EpochSpec,
    IComputeMarket,
    MarketBounds,
    Purchase,
    PurchaseStatus
} from "../../contracts/interfaces/IComputeMarket.sol";
import {Demand} from "../../contracts/libraries/Demand.sol";
import {Vault} from "../../contracts/Vault.sol";
import {vm} from "./Vm.sol";

/// @notice Plays every actor through every phase of the market's epochs. Any actor may be provider or consumer, of
/// its own epochs too.
contract MarketHandler {
    using Demand for Declaration;

    uint256 public constant ACTORS = 5;
    uint256 public constant MAX_EPOCHS = 12;
    uint256 public constant MAX_AT_WORK = 3;
    uint256 public constant MAX_PURCHASES = 8;
    uint256 public constant FUNDS = 1_000_000e18;
    uint256 internal constant WAD = 1e18;
    uint256 internal constant TRIES = 40;
    uint256 internal constant ROUNDS = 5;
    uint256 internal constant GRID = 12;

    TestToken public token = new TestToken();
    Vault public vault = new Vault(token);
    ComputeMarket public market;

    /// @notice Set where something happened that is forbidden.
    string public broken;

    /// @notice What an account got from epochs, less what it paid.
    mapping(address who => int256 amount) public net;

    /// @notice What all epochs hold of bonds, locks and payments.
    uint256 public held;

    /// @notice The epoch of which the last act had a price accepted, if it had.
    uint256 public pricedNow;

    /// @notice Where each epoch stood after the last act.
    mapping(uint256 epochId => EpochPhase phase) public seen;

    /// @notice Where each purchase stood after the last act.
    mapping(uint256 epochId => mapping(uint256 purchaseId => PurchaseStatus status)) public seenPurchase;

    /// @notice How often each thing happened, to see that the walk gets around.
    mapping(string act => uint256 times) public count;

    mapping(bytes4 act => mapping(EpochPhase from => mapping(EpochPhase to => bool follows))) internal
        _follows;
    mapping(bytes4 act => mapping(PurchaseStatus from => mapping(PurchaseStatus to => bool follows))) internal
        _becomes;

    constructor() {
        _follows[MarketHandler.open.selector][EpochPhase.UNKNOWN][EpochPhase.DECLARE] = true;
        _follows[MarketHandler.price.selector][EpochPhase.PRICE][EpochPhase.BUY] = true;
        _follows[MarketHandler.walk.selector][EpochPhase.PRICE][EpochPhase.BUY] = true;
        _follows[MarketHandler.pass.selector][EpochPhase.DECLARE][EpochPhase.PRICE] = true;
        _follows[MarketHandler.pass.selector][EpochPhase.DECLARE][EpochPhase.UNPRICED] = true;
        _follows[MarketHandler.pass.selector][EpochPhase.PRICE][EpochPhase.UNPRICED] = true;
        for (EpochPhase from = EpochPhase.BUY; from < EpochPhase.OVER; from = EpochPhase(uint8(from) + 1)) {
            for (uint8 to = uint8(from) + 1; to <= uint8(EpochPhase.OVER); ++to) {
                _follows[MarketHandler.pass.selector][from][EpochPhase(to)] = true;
            }
        }
        _becomes[MarketHandler.buy.selector][PurchaseStatus.NONE][PurchaseStatus.BOUGHT] = true;
        _becomes[MarketHandler.buyLeftover.selector][PurchaseStatus.NONE][PurchaseStatus.BOUGHT] = true;
        _becomes[MarketHandler.deliver.selector][PurchaseStatus.BOUGHT][PurchaseStatus.DELIVERED] = true;
        _becomes[MarketHandler.accept.selector][PurchaseStatus.DELIVERED][PurchaseStatus.PAID] = true;
        _becomes[MarketHandler.settle.selector][PurchaseStatus.DELIVERED][PurchaseStatus.PAID] = true;
        _becomes[MarketHandler.settle.selector][PurchaseStatus.BOUGHT][PurchaseStatus.REFUNDED] = true;
        MarketBounds memory bounds = MarketBounds(10, 1000, 0.001e18, 0.05e18, 1, 1);
        market = new ComputeMarket(vault, bounds);
        for (uint256 i; i < ACTORS; ++i) {
            token.mint(actor(i), FUNDS);
            vm.prank(actor(i));
            token.approve(address(vault), type(uint256).max);
            vm.prank(actor(i));
            vault.deposit(FUNDS);
            vm.prank(actor(i));
            vault.setOperator(address(market), true);
        }
    }

    /// @dev An act moves one epoch or purchase at most, by a step that is listed for it; only time moves several.
    modifier watched() {
        _;
        uint256 moved;
        pricedNow = 0;
        for (uint256 epochId = 1; epochId <= market.epochCount(); ++epochId) {
            (EpochPhase before, EpochPhase phase) = (seen[epochId], market.phaseOf(epochId));
            if (phase != before) {
                if (!_follows[msg.sig][before][phase]) broken = "a phase does not follow";
                seen[epochId] = phase;
                if (phase == EpochPhase.BUY) pricedNow = epochId;
                if (msg.sig != MarketHandler.pass.selector) ++moved;
            }
            uint256 purchases = market.epoch(epochId).purchaseCount;
            for (uint256 i = 1; i <= purchases; ++i) {
                PurchaseStatus was = seenPurchase[epochId][i];
                PurchaseStatus status = market.purchase(epochId, i).status;
                if (status == was) continue;
                if (!_becomes[msg.sig][was][status]) broken = "a purchase became what it cannot";
                seenPurchase[epochId][i] = status;
                ++moved;
            }
        }
        if (moved > 1) broken = "one act moved two things";
    }

    function actor(uint256 i) public pure returns (address) {
        return address(uint160(0xA11CE + (i % ACTORS)));
    }

    /* TIME */

    /// @notice Most often less than a phase lasts; one time in sixteen up to seven phases.
    function pass(uint256 time) external watched {
        vm.warp(vm.getBlockTimestamp() + (time % 16 == 15 ? time / 16 % 700 : time % 70));
    }

    /* PROVIDER */

    function open(uint256 who, uint256 capacity, uint256 cost, uint256 prices, uint256 bond)
        external
        watched
    {
        if (market.epochCount() == MAX_EPOCHS || _atWork() == MAX_AT_WORK) return;
        uint256 unitCost = cost % 3e18;
        uint256 floor = unitCost + 1 + (prices % 1e18);
        EpochSpec memory spec = EpochSpec({
            capacity: uint88(1 + _spread(capacity) % 50e18),
            unitCost: uint96(unitCost),
            priceFloor: uint96(floor),
            priceCap: uint96(floor + ((prices >> 128) % 20e18)),
            bond: uint96(1 + (bond % 1000e18)),
            toleranceWad: uint64(0.001e18 + (bond % 0.05e18) * 49 / 50),
            maxConsumers: uint16(1 + (capacity % 6)),
            declareSeconds: 100,
            priceSeconds: 100,
            buySeconds: 100,
            leftoverSeconds: 100,
            deliverSeconds: 100,
            acceptSeconds: 100
        });
        vm.prank(actor(who));
        market.open(spec);
        _give(actor(who), spec.bond);
        ++count["open"];
    }

    /// @notice Posts any price, or the best that is found by looking closer and closer, then ever better ones, until
    /// one is accepted or its walk is to be continued.
    function price(uint256 which, uint256 wish, uint256 points) external watched {
        uint256 epochId = _find(which, EpochPhase.PRICE, EpochPhase.PRICE);
        if (epochId == 0) return;
        Epoch memory e = market.epoch(epochId);
        uint256 found = _search(epochId, e);
        uint256 posted =
            wish % 4 == 0 ? found : e.priceFloor + wish % (uint256(e.priceCap) - e.priceFloor + 1);
        uint256 maxPoints = points % 2 == 0 ? type(uint256).max : 1 + points % 20;
        for (uint256 i; i < TRIES && posted != 0; ++i) {
            vm.prank(e.provider);
            try market.postPrice(epochId, uint96(posted), maxPoints) {
                ++count["post"];
                break;
            } catch (bytes memory reason) {
                uint256 better = _better(reason);
                posted = i == 0 && better != 0 ? found : better;
                ++count["refuse"];
            }
        }
    }

    /// @notice Delivers what is bought; one purchase in two never.
    function deliver(uint256 which, uint256 purchaseId, bytes32 resultHash) external watched {
        (uint256 epochId, uint256 found) =
            _findPurchase(which, purchaseId, PurchaseStatus.BOUGHT, EpochPhase.BUY, EpochPhase.DELIVER);
        if (epochId == 0 || found % 2 == 0) return;
        address provider = market.epoch(epochId).provider;
        vm.prank(provider);
        market.deliver(epochId, found, resultHash);
        ++count["deliver"];
    }

    /* CONSUMER */

    /// @notice One to three declarations of what is worth something at the floor, or in one of eight cases perhaps not.
    function declare(uint256 which, uint256 who, uint256 worth, uint256 form, uint256 most) external watched {
        uint256 epochId = _find(which, EpochPhase.DECLARE, EpochPhase.DECLARE);
        if (epochId == 0) return;
        Epoch memory e = market.epoch(epochId);
        uint256 first = e.consumerCount;
        for (uint256 i; i <= who / ACTORS % 3 && first + i < e.maxConsumers; ++i) {
            bool isLog = (form ^ i) % 2 == 0;
            uint256 least = (worth ^ i) % 8 == 0 ? 1e18 : e.priceFloor;
            uint96 value = uint96(least + _spread(worth ^ i) % 40e18);
            uint96 shape = uint96(1 + ((form ^ i) % 16 == 0 ? form / 16 : _spread(form ^ i)) % 3e18);
            uint96 limit = uint96(((most ^ i) % 16 == 0 ? most / 16 : _spread(most ^ i)) % 20e18);
            if (!_declare(epochId, actor(who % ACTORS + i), value, shape, limit, isLog)) return;
        }
    }

    function buy(uint256 which, uint256 index, uint256 units) external watched {
        uint256 epochId = _find(which, EpochPhase.BUY, EpochPhase.BUY);
        if (epochId == 0) return;
        Epoch memory e = market.epoch(epochId);
        if (e.consumerCount == 0) return;
        index %= e.consumerCount;
        Declaration memory d = market.declaration(epochId, index);
        uint256 most = market.bestResponse(epochId, index, e.price);
        if (most > e.capacity - e.soldUnits) most = e.capacity - e.soldUnits;
        if (d.closed || most == 0) return;
        units = units % 3 == 0 ? most : 1 + units % most;
        uint256 lock = market.lockOf(epochId, index);
        uint256 balance = vault.balanceOf(d.consumer);
        vm.prank(d.consumer);
        market.buy(epochId, index, uint88(units), bytes32(units));
        // The lock left the balance at the declaration; what came back now is what the purchase did not cost.
        uint256 paid = lock - (vault.balanceOf(d.consumer) - balance);
        if (paid * WAD > units * e.price || paid > lock) broken = "I-5";
        _take(d.consumer, lock - units * e.price / WAD);
        ++count["buy"];
    }

    function buyLeftover(uint256 which, uint256 who, uint256 units) external watched {
        uint256 epochId = _find(which, EpochPhase.LEFTOVER, EpochPhase.LEFTOVER);
        if (epochId == 0) return;
        Epoch memory e = market.epoch(epochId);
        if (e.soldUnits == e.capacity || e.purchaseCount >= MAX_PURCHASES) return;
        units = units % 3 == 0 ? e.capacity - e.soldUnits : 1 + units % (e.capacity - e.soldUnits);
        uint256 balance = vault.balanceOf(actor(who));
        if (units * e.price / WAD > balance) return;
        bool isDust = units * e.price / WAD < market.bounds().minLock;
        if (isDust && units != e.capacity - e.soldUnits) return;
        vm.prank(actor(who));
        market.buyLeftover(epochId, uint88(units), bytes32(units));
        if ((balance - vault.balanceOf(actor(who))) * WAD > units * e.price) broken = "I-5";
        _give(actor(who), units * e.price / WAD);
        ++count["leftover"];
    }

    /// @notice Accepts what is delivered; in every second epoch nobody does.
    function accept(uint256 which, uint256 purchaseId) external watched {
        (uint256 epochId, uint256 found) =
            _findPurchase(which, purchaseId, PurchaseStatus.DELIVERED, EpochPhase.BUY, EpochPhase.ACCEPT);
        if (epochId == 0 || epochId % 2 == 0) return;
        Purchase memory p = market.purchase(epochId, found);
        vm.prank(p.consumer);
        market.accept(epochId, found);
        _take(market.epoch(epochId).provider, _worth(epochId, p));
        ++count["accept"];
    }

    /// @notice A purchase of more than there is, which I-4 forbids, or of more than the best response.
    function overbuy(uint256 which, uint256 who, uint256 more) external watched {
        uint256 epochId = _find(which, EpochPhase.BUY, EpochPhase.LEFTOVER);
        if (epochId == 0) return;
        Epoch memory e = market.epoch(epochId);
        if (market.phaseOf(epochId) == EpochPhase.LEFTOVER) {
            uint256 units = uint256(e.capacity) - e.soldUnits + 1 + more % 1e18;
            _forbid(actor(who), abi.encodeCall(market.buyLeftover, (epochId, uint88(units), 0)));
            ++count["overbuy"];
        } else if (e.consumerCount != 0) {
            uint256 index = who % e.consumerCount;
            uint256 units = market.bestResponse(epochId, index, e.price) + 1 + more % 1e18;
            address consumer = market.declaration(epochId, index).consumer;
            _forbid(consumer, abi.encodeCall(market.buy, (epochId, index, uint88(units), 0)));
            ++count["beyond the best response"];
        }
    }

    /* ANYONE */

    function walk(uint256 which, uint256 points) external watched {
        uint256 epochId;
        uint96 posted;
        for (uint256 i; i < market.epochCount() && posted == 0; ++i) {
            epochId = 1 + (which % market.epochCount() + i) % market.epochCount();
            if (market.phaseOf(epochId) == EpochPhase.PRICE) (posted,) = market.walkOf(epochId);
        }
        if (posted == 0) return;
        try market.continueWalk(epochId, 1 + points % 20) {
            ++count["walk"];
        } catch {
            ++count["refuted on the way"];
        }
    }

    function returnLock(uint256 which, uint256 index, uint256 who) external watched {
        uint256 epochId = _find(which, EpochPhase.BUY, EpochPhase.UNPRICED);
        if (epochId == 0 || market.epoch(epochId).consumerCount == 0) return;
        index %= market.epoch(epochId).consumerCount;
        Declaration memory d = market.declaration(epochId, index);
        if (d.closed) return;
        _returnLock(epochId, index, market.phaseOf(epochId) == EpochPhase.BUY ? d.consumer : actor(who));
    }

    function settle(uint256 which, uint256 purchaseId) external watched {
        (uint256 epochId, uint256 found) =
            _findPurchase(which, purchaseId, PurchaseStatus.BOUGHT, EpochPhase.ACCEPT, EpochPhase.OVER);
        if (epochId == 0) {
            (epochId, found) =
                _findPurchase(which, purchaseId, PurchaseStatus.DELIVERED, EpochPhase.OVER, EpochPhase.OVER);
        }
        if (epochId != 0) _settle(epochId, found);
    }

    function release(uint256 which) external watched {
        uint256 epochId = _find(which, EpochPhase.DELIVER, EpochPhase.UNPRICED);
        if (epochId != 0 && market.epoch(epochId).freeBond != 0) _release(epochId);
    }

    /// @notice Ends every epoch as a stranger could: by waiting, then giving everybody what is theirs.
    function finish() external {
        vm.warp(vm.getBlockTimestamp() + 10_000);
        for (uint256 epochId = 1; epochId <= market.epochCount(); ++epochId) {
            Epoch memory e = market.epoch(epochId);
            for (uint256 i; i < e.consumerCount; ++i) {
                if (!market.declaration(epochId, i).closed) _returnLock(epochId, i, address(this));
            }
            for (uint256 i = 1; i <= e.purchaseCount; ++i) {
                if (isOpen(market.purchase(epochId, i))) _settle(epochId, i);
            }
            if (e.freeBond > 0) _release(epochId);
        }
    }

    /// @notice Calls every function as an actor who may not, or in a phase that does not take it.
    function trespass(uint256 which, uint256 who, uint256 purchaseId) external watched {
        if (market.epochCount() == 0) return;
        uint256 epochId = 1 + which % market.epochCount();
        EpochPhase phase = market.phaseOf(epochId);
        Epoch memory e = market.epoch(epochId);
        address sender = actor(who);
        if (e.purchaseCount != 0) purchaseId = 1 + purchaseId % e.purchaseCount;
        Purchase memory p = market.purchase(epochId, purchaseId);

        // Each is such that nothing but the phase or the sender forbids it.
        bytes memory call = abi.encodeCall(market.postPrice, (epochId, e.priceFloor, 1));
        if (phase != EpochPhase.PRICE || sender != e.provider) _forbid(sender, call);
        (uint96 posted,) = market.walkOf(epochId);
        call = abi.encodeCall(market.continueWalk, (epochId, 1));
        if (phase != EpochPhase.PRICE || posted == 0) _forbid(sender, call);
        call = abi.encodeCall(market.declareQuadratic, (epochId, 100e18, 1e18, 1e18));
        if (phase != EpochPhase.DECLARE) _forbid(sender, call);
        call = abi.encodeCall(market.declareLog, (epochId, 100e18, 1e18, 1e18));
        if (phase != EpochPhase.DECLARE) _forbid(sender, call);
        call = abi.encodeCall(market.buyLeftover, (epochId, uint88(e.capacity - e.soldUnits), 0));
        if (phase != EpochPhase.LEFTOVER) _forbid(sender, call);
        call = abi.encodeCall(market.releaseBond, (epochId));
        if (phase < EpochPhase.DELIVER) _forbid(sender, call);
        for (uint256 i; i < e.consumerCount; ++i) {
            Declaration memory d = market.declaration(epochId, i);
            bool owns = sender == d.consumer && !d.closed;
            uint256 demand = e.price == 0 ? 1 : market.bestResponse(epochId, i, e.price);
            uint256 left = e.capacity - e.soldUnits;
            call = abi.encodeCall(market.buy, (epochId, i, uint88(demand < left ? demand : left), 0));
            if (phase != EpochPhase.BUY || !owns) _forbid(sender, call);
            call = abi.encodeCall(market.returnLock, (epochId, i));
            if (phase < EpochPhase.BUY || (phase == EpochPhase.BUY && !owns) || d.closed) {
                _forbid(sender, call);
            }
        }
        call = abi.encodeCall(market.deliver, (epochId, purchaseId, "rubbish"));
        bool deliverable = p.status == PurchaseStatus.BOUGHT && phase <= EpochPhase.DELIVER;
        if (sender != e.provider || !deliverable) _forbid(sender, call);
        call = abi.encodeCall(market.accept, (epochId, purchaseId));
        if (sender != p.consumer || p.status != PurchaseStatus.DELIVERED) _forbid(sender, call);
        bool missed = p.status == PurchaseStatus.BOUGHT && phase >= EpochPhase.ACCEPT;
        bool due = p.status == PurchaseStatus.DELIVERED && phase == EpochPhase.OVER;
        call = abi.encodeCall(market.settle, (epochId, purchaseId));
        if (!missed && !due) _forbid(sender, call);
        ++count["trespass"];
    }

    /* VIEW */

    function isOpen(Purchase memory p) public pure returns (bool) {
        return p.status == PurchaseStatus.BOUGHT || p.status == PurchaseStatus.DELIVERED;
    }

    /// @notice The profit of a price in the plain form, from the declarations as they are stored.
    function profit(Epoch memory e, Declaration[] memory list, uint256 posted) public pure returns (uint256) {
        uint256 units;
        for (uint256 i; i < list.length; ++i) {
            units += list[i].unitsDown(posted);
        }
        return (posted - e.unitCost) * (units < e.capacity ? units : e.capacity);
    }

    /* INTERNAL */

    /// @dev The best price of a grid, then of a finer one around it, and so on.
    function _search(uint256 epochId, Epoch memory e) internal view returns (uint256 best) {
        Declaration[] memory list = market.declarations(epochId);
        (uint256 low, uint256 high) = (e.priceFloor, e.priceCap);
        uint256 most;
        best = low;
        for (uint256 round; round < ROUNDS; ++round) {
            uint256 step = (high - low) / GRID + 1;
            for (uint256 tried = low; tried <= high; tried += step) {
                uint256 earned = profit(e, list, tried);
                if (earned > most) (most, best) = (earned, tried);
            }
            if (best > low + step) low = best - step;
            if (best + step < high) high = best + step;
        }
    }

    function _forbid(address sender, bytes memory call) internal {
        vm.prank(sender);
        (bool done,) = address(market).call(call);
        if (done) broken = string.concat("trespass ", string(abi.encodePacked(bytes4(call))));
    }

    /// @dev An epoch in one of these phases, 0 where there is none.
    function _find(uint256 which, EpochPhase first, EpochPhase last) internal view returns (uint256 epochId) {
        uint256 epochs = market.epochCount();
        for (uint256 i; i < epochs; ++i) {
            epochId = 1 + (which % epochs + i) % epochs;
            EpochPhase phase = market.phaseOf(epochId);
            if (phase >= first && phase <= last) return epochId;
        }
        return 0;
    }

    /// @dev A purchase that stands so in an epoch in one of these phases; zeros where there is none.
    function _findPurchase(
        uint256 which,
        uint256 first,
        PurchaseStatus wanted,
        EpochPhase from,
        EpochPhase to
    ) internal view returns (uint256, uint256) {
        uint256 epochs = market.epochCount();
        for (uint256 i; i < epochs; ++i) {
            uint256 epochId = 1 + (which % epochs + i) % epochs;
            EpochPhase phase = market.phaseOf(epochId);
            if (phase < from || phase > to) continue;
            uint256 purchases = market.epoch(epochId).purchaseCount;
            for (uint256 j; j < purchases; ++j) {
                uint256 purchaseId = 1 + (first % purchases + j) % purchases;
                if (market.purchase(epochId, purchaseId).status == wanted) return (epochId, purchaseId);
            }
        }
        return (0, 0);
    }

    function _atWork() internal view returns (uint256 epochs) {
        for (uint256 epochId = 1; epochId <= market.epochCount(); ++epochId) {
            if (seen[epochId] < EpochPhase.OVER) ++epochs;
        }
    }

    /// @dev The fuzzer likes small numbers: this makes any of them.
    function _spread(uint256 drawn) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(drawn)));
    }

    function _give(address who, uint256 amount) internal {
        net[who] -= int256(amount);
        held += amount;
    }

    function _take(address who, uint256 amount) internal {
        net[who] += int256(amount);
        held -= amount;
    }

    /// @dev What a purchase cost and its share of the bond: the provider's where it delivered, else the consumer's.
    function _worth(uint256 epochId, Purchase memory p) internal view returns (uint256) {
        Epoch memory e = market.epoch(epochId);
        return uint256(p.units) * e.price / WAD + uint256(p.units) * e.bond / e.capacity;
    }

    function _declare(uint256 epochId, address who, uint96 value, uint96 shape, uint96 limit, bool isLog)
        internal
        returns (bool done)
    {
        uint256 index = market.epoch(epochId).consumerCount;
        uint256 balance = vault.balanceOf(who);
        bytes memory reason;
        vm.prank(who);
        (done, reason) = address(market)
            .call(
                isLog
                    ? abi.encodeCall(market.declareLog, (epochId, value, shape, limit))
                    : abi.encodeCall(market.declareQuadratic, (epochId, value, shape, limit))
            );
        if (!done) {
            require(bytes4(reason) == IComputeMarket.LockTooLow.selector, "a permitted declaration failed");
            ++count["dust"];
            return false;
        }
        uint256 lock = market.lockOf(epochId, index);
        if (lock != balance - vault.balanceOf(who) || (isLog && lock > value)) broken = "I-5";
        _give(who, lock);
        ++count[isLog ? "log" : "quadratic"];
    }

    function _returnLock(uint256 epochId, uint256 index, address sender) internal {
        _take(market.declaration(epochId, index).consumer, market.lockOf(epochId, index));
        vm.prank(sender);
        market.returnLock(epochId, index);
        ++count["return"];
    }

    function _settle(uint256 epochId, uint256 purchaseId) internal {
        Purchase memory p = market.purchase(epochId, purchaseId);
        bool missed = p.status == PurchaseStatus.BOUGHT;
        market.settle(epochId, purchaseId);
        _take(missed ? p.consumer : market.epoch(epochId).provider, _worth(epochId, p));
        ++count[missed ? "refund" : "silence"];
    }

    /// @dev What no purchase has a share of.
    function _release(uint256 epochId) internal {
        Epoch memory e = market.epoch(epochId);
        uint256 amount = e.bond;
        for (uint256 i = 1; i <= e.purchaseCount; ++i) {
            amount -= uint256(market.purchase(epochId, i).units) * e.bond / e.capacity;
        }
        _take(e.provider, amount);
        market.releaseBond(epochId);
        ++count["release"];
    }

    /// @dev The better price that a refusal names; 0 where it names none.
    function _better(bytes memory reason) internal pure returns (uint256 better) {
        if (bytes4(reason) != IComputeMarket.PriceRefuted.selector) return 0;
        assembly ("memory-safe") {
            better := mload(add(reason, 0x64))
        }
    }
}
