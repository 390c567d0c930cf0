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
    uint256 public constant MAX_EPOCHS = 8;
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

    /// @notice Where each epoch stood after the last act. Phases follow in the order of the enum.
    mapping(uint256 epochId => EpochPhase phase) public seen;

    /// @notice How often each thing happened, to see that the walk gets around.
    mapping(string act => uint256 times) public count;

    constructor() {
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

    /// @dev After every act each epoch stands where it did or later.
    modifier watched() {
        _;
        for (uint256 epochId = 1; epochId <= market.epochCount(); ++epochId) {
            EpochPhase phase = market.phaseOf(epochId);
            EpochPhase before = seen[epochId];
            bool unpriced = phase == EpochPhase.UNPRICED && before > EpochPhase.PRICE && before != phase;
            if (phase < before || unpriced) broken = "a phase went back";
            seen[epochId] = phase;
        }
    }

    function actor(uint256 i) public pure returns (address) {
        return address(uint160(0xA11CE + (i % ACTORS)));
    }

    /* TIME */

    function pass(uint256 time) external watched {
        vm.warp(vm.getBlockTimestamp() + (time % 120));
    }

    /* PROVIDER */

    function open(uint256 who, uint256 capacity, uint256 cost, uint256 prices, uint256 bond)
        external
        watched
    {
        if (market.epochCount() == MAX_EPOCHS) return;
        uint256 unitCost = cost % 3e18;
        uint256 floor = unitCost + 1 + (prices % 1e18);
        EpochSpec memory spec = EpochSpec({
            capacity: uint88(1 + (capacity % 50e18)),
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
        ++count["open"];
    }

    /// @notice Posts any price, or the best that is found by looking closer and closer, then ever better ones, until
    /// one is accepted or its walk is to be continued.
    function price(uint256 which, uint256 wish, uint256 points) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase != EpochPhase.PRICE) return;
        Epoch memory e = market.epoch(epochId);
        uint256 found = _search(epochId, e);
        uint256 posted =
            wish % 2 == 0 ? found : e.priceFloor + wish % (uint256(e.priceCap) - e.priceFloor + 1);
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

    function deliver(uint256 which, uint256 purchaseId, bytes32 resultHash) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase < EpochPhase.BUY || phase > EpochPhase.DELIVER) return;
        Purchase memory p;
        (purchaseId, p) = _purchase(epochId, purchaseId);
        if (p.status != PurchaseStatus.BOUGHT) return;
        address provider = market.epoch(epochId).provider;
        vm.prank(provider);
        market.deliver(epochId, purchaseId, resultHash);
        ++count["deliver"];
    }

    /* CONSUMER */

    function declare(uint256 which, uint256 who, uint96 value, uint96 shape, uint96 limit, bool isLog)
        external
        watched
    {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase != EpochPhase.DECLARE) return;
        Epoch memory e = market.epoch(epochId);
        if (e.consumerCount == e.maxConsumers) return;
        value = 1e18 + value % 40e18;
        shape = 1 + shape % 3e18;
        limit = limit % 20e18;
        uint256 balance = vault.balanceOf(actor(who));
        vm.prank(actor(who));
        (bool done, bytes memory reason) = address(market)
            .call(
                isLog
                    ? abi.encodeCall(market.declareLog, (epochId, value, shape, limit))
                    : abi.encodeCall(market.declareQuadratic, (epochId, value, shape, limit))
            );
        if (!done) {
            require(bytes4(reason) == IComputeMarket.LockTooLow.selector, "a permitted declaration failed");
            ++count["dust"];
            return;
        }
        uint256 lock = balance - vault.balanceOf(actor(who));
        if (lock != market.lockOf(epochId, e.consumerCount) || (isLog && lock > value)) broken = "I-5";
        ++count[isLog ? "log" : "quadratic"];
    }

    function buy(uint256 which, uint256 index, uint256 units) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase != EpochPhase.BUY) return;
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
        ++count["buy"];
    }

    function buyLeftover(uint256 which, uint256 who, uint256 units) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase != EpochPhase.LEFTOVER) return;
        Epoch memory e = market.epoch(epochId);
        if (e.soldUnits == e.capacity || e.purchaseCount > 20) return;
        units = units % 3 == 0 ? e.capacity - e.soldUnits : 1 + units % (e.capacity - e.soldUnits);
        uint256 balance = vault.balanceOf(actor(who));
        if (units * e.price / WAD > balance) return;
        bool isDust = units * e.price / WAD < market.bounds().minLock;
        if (isDust && units != e.capacity - e.soldUnits) return;
        vm.prank(actor(who));
        market.buyLeftover(epochId, uint88(units), bytes32(units));
        if ((balance - vault.balanceOf(actor(who))) * WAD > units * e.price) broken = "I-5";
        ++count["leftover"];
    }

    function accept(uint256 which, uint256 purchaseId) external watched {
        (uint256 epochId,) = _pick(which);
        Purchase memory p;
        (purchaseId, p) = _purchase(epochId, purchaseId);
        if (p.status != PurchaseStatus.DELIVERED) return;
        vm.prank(p.consumer);
        market.accept(epochId, purchaseId);
        ++count["accept"];
    }

    /// @notice A purchase that I-4 forbids: more than there is.
    function overbuy(uint256 which, uint256 who, uint256 more) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase != EpochPhase.LEFTOVER) return;
        Epoch memory e = market.epoch(epochId);
        uint256 units = uint256(e.capacity) - e.soldUnits + 1 + more % 1e18;
        vm.prank(actor(who));
        try market.buyLeftover(epochId, uint88(units), 0) {
            revert("I-4");
        } catch {
            ++count["overbuy"];
        }
    }

    /* ANYONE */

    function walk(uint256 which, uint256 points) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        (uint96 posted,) = market.walkOf(epochId);
        if (phase != EpochPhase.PRICE || posted == 0) return;
        try market.continueWalk(epochId, 1 + points % 50) {
            ++count["walk"];
        } catch {
            ++count["refuted on the way"];
        }
    }

    function returnLock(uint256 which, uint256 index, uint256 who) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase < EpochPhase.BUY || market.epoch(epochId).consumerCount == 0) return;
        index %= market.epoch(epochId).consumerCount;
        Declaration memory d = market.declaration(epochId, index);
        if (d.closed) return;
        vm.prank(phase == EpochPhase.BUY ? d.consumer : actor(who));
        market.returnLock(epochId, index);
        ++count["return"];
    }

    function settle(uint256 which, uint256 purchaseId) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        Purchase memory p;
        (purchaseId, p) = _purchase(epochId, purchaseId);
        bool missed = p.status == PurchaseStatus.BOUGHT && phase >= EpochPhase.ACCEPT;
        if (!missed && (p.status != PurchaseStatus.DELIVERED || phase != EpochPhase.OVER)) return;
        market.settle(epochId, purchaseId);
        ++count[missed ? "refund" : "silence"];
    }

    function release(uint256 which) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase < EpochPhase.DELIVER || market.epoch(epochId).freeBond == 0) return;
        market.releaseBond(epochId);
        ++count["release"];
    }

    /// @notice Ends every epoch as a stranger could: by waiting, then giving everybody what is theirs.
    function finish() external watched {
        vm.warp(vm.getBlockTimestamp() + 10_000);
        for (uint256 epochId = 1; epochId <= market.epochCount(); ++epochId) {
            Epoch memory e = market.epoch(epochId);
            for (uint256 i; i < e.consumerCount; ++i) {
                if (!market.declaration(epochId, i).closed) market.returnLock(epochId, i);
            }
            for (uint256 i = 1; i <= e.purchaseCount; ++i) {
                if (isOpen(market.purchase(epochId, i))) market.settle(epochId, i);
            }
            if (e.freeBond > 0) market.releaseBond(epochId);
        }
    }

    /// @notice Calls every function as an actor who may not, or in a phase that does not take it.
    function trespass(uint256 which, uint256 who, uint256 purchaseId) external watched {
        (uint256 epochId, EpochPhase phase) = _pick(which);
        if (phase == EpochPhase.UNKNOWN) return;
        Epoch memory e = market.epoch(epochId);
        address sender = actor(who);
        Purchase memory p;
        (purchaseId, p) = _purchase(epochId, purchaseId);

        bytes memory call = abi.encodeCall(market.postPrice, (epochId, e.priceFloor, 1));
        if (phase != EpochPhase.PRICE || sender != e.provider) _forbid(sender, call);
        (uint96 posted,) = market.walkOf(epochId);
        call = abi.encodeCall(market.continueWalk, (epochId, 1));
        if (phase != EpochPhase.PRICE || posted == 0) _forbid(sender, call);
        call = abi.encodeCall(market.declareQuadratic, (epochId, 1e18, 1e18, 1e18));
        if (phase != EpochPhase.DECLARE) _forbid(sender, call);
        call = abi.encodeCall(market.buyLeftover, (epochId, 1, 0));
        if (phase != EpochPhase.LEFTOVER) _forbid(sender, call);
        call = abi.encodeCall(market.releaseBond, (epochId));
        if (phase < EpochPhase.DELIVER) _forbid(sender, call);
        for (uint256 i; i < e.consumerCount; ++i) {
            Declaration memory d = market.declaration(epochId, i);
            bool owns = sender == d.consumer && !d.closed;
            call = abi.encodeCall(market.buy, (epochId, i, 1, 0));
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

    /// @dev One of the last epochs: older ones have mostly ended.
    function _pick(uint256 which) internal view returns (uint256 epochId, EpochPhase phase) {
        uint256 epochs = market.epochCount();
        if (epochs == 0) return (0, EpochPhase.UNKNOWN);
        epochId = epochs - which % (epochs < 3 ? epochs : 3);
        phase = market.phaseOf(epochId);
    }

    function _purchase(uint256 epochId, uint256 which)
        internal
        view
        returns (uint256 purchaseId, Purchase memory p)
    {
        if (epochId == 0) return (0, p);
        uint256 purchases = market.epoch(epochId).purchaseCount;
        if (purchases == 0) return (0, p);
        purchaseId = 1 + which % purchases;
        p = market.purchase(epochId, purchaseId);
    }

    /// @dev The better price that a refusal names; 0 where it names none.
    function _better(bytes memory reason) internal pure returns (uint256 better) {
        if (bytes4(reason) != IComputeMarket.PriceRefuted.selector) return 0;
        assembly ("memory-safe") {
            better := mload(add(reason, 0x64))
        }
    }
}
