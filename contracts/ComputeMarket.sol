// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {
    Declaration,
    Epoch,
    EpochPhase,
    EpochSpec,
    IComputeMarket,
    MarketBounds,
    MAX_EPOCH_CONSUMERS,
    Purchase,
    PurchaseStatus,
    Utility,
    Walk
} from "./interfaces/IComputeMarket.sol";
import {ITaskRegistry} from "./interfaces/ITaskRegistry.sol";
import {IVault} from "./interfaces/IVault.sol";
import {CoverWalk, Game, Step} from "./libraries/CoverWalk.sol";
import {Demand} from "./libraries/Demand.sol";
import {Crowd, DemandTable} from "./libraries/DemandTable.sol";
import {Entry, PackedUtilityLib} from "./libraries/PackedUtility.sol";

/// @title ComputeMarket
/// @notice See {IComputeMarket}.
contract ComputeMarket is IComputeMarket {
    using CoverWalk for Game;
    using Demand for Declaration;
    using DemandTable for Crowd;
    using DemandTable for Entry[MAX_EPOCH_CONSUMERS];
    using PackedUtilityLib for Declaration;
    using PackedUtilityLib for Entry;
    using SafeCast for uint256;

    /* CONSTANTS */

    /// @inheritdoc IComputeMarket
    uint256 public constant MAX_CONSUMERS = MAX_EPOCH_CONSUMERS;

    uint256 internal constant WAD = 1e18;

    /* IMMUTABLES */

    /// @inheritdoc IComputeMarket
    IVault public immutable vault;

    uint32 internal immutable minWindowSeconds;
    uint32 internal immutable maxWindowSeconds;
    uint64 internal immutable minToleranceWad;
    uint64 internal immutable maxToleranceWad;
    uint96 internal immutable minBond;
    uint96 internal immutable minLock;

    /* STORAGE */

    /// @inheritdoc IComputeMarket
    uint256 public epochCount;

    /// @inheritdoc IComputeMarket
    mapping(uint256 epochId => Walk walk) public walkOf;

    mapping(uint256 epochId => Epoch epoch) internal _epochs;

    mapping(uint256 epochId => Entry[MAX_EPOCH_CONSUMERS] entries) internal _entries;

    mapping(uint256 epochId => mapping(uint256 purchaseId => Purchase purchase)) internal _purchases;

    /* CONSTRUCTOR */

    constructor(IVault vault_, MarketBounds memory bounds_) {
        vault = vault_;
        minWindowSeconds = bounds_.minWindowSeconds;
        maxWindowSeconds = bounds_.maxWindowSeconds;
        minToleranceWad = bounds_.minToleranceWad;
        maxToleranceWad = bounds_.maxToleranceWad;
        minBond = bounds_.minBond;
        minLock = bounds_.minLock;
    }

    /* PROVIDER */

    /// @inheritdoc IComputeMarket
    function open(EpochSpec calldata spec) external returns (uint256 epochId) {
        _checkOffer(spec);
        _checkWindows(spec);

        epochId = ++epochCount;
        Epoch storage e = _epochs[epochId];
        e.priceFloor = spec.priceFloor;
        e.priceCap = spec.priceCap;
        e.declareEndsAt = (block.timestamp + spec.declareSeconds).toUint32();
        e.maxConsumers = spec.maxConsumers;
        e.provider = msg.sender;
        e.unitCost = spec.unitCost;
        e.capacity = spec.capacity;
        e.bond = spec.bond;
        e.toleranceWad = spec.toleranceWad;
        e.priceSeconds = spec.priceSeconds;
        e.buySeconds = spec.buySeconds;
        e.leftoverSeconds = spec.leftoverSeconds;
        e.deliverSeconds = spec.deliverSeconds;
        e.acceptSeconds = spec.acceptSeconds;
        e.freeBond = spec.bond;

        emit EpochOpened(epochId, msg.sender, spec);

        vault.move(msg.sender, address(this), spec.bond);
    }

    /// @inheritdoc IComputeMarket
    function postPrice(uint256 epochId, uint96 price, uint256 maxPoints) external {
        Epoch storage e = _epochs[epochId];
        _checkPhase(epochId, EpochPhase.PRICE);
        _checkProvider(epochId, e);
        require(
            price >= e.priceFloor && price <= e.priceCap,
            PriceOutOfBounds(epochId, price, e.priceFloor, e.priceCap)
        );

        _walk(epochId, Walk(price, e.priceFloor), maxPoints);
    }

    /// @inheritdoc IComputeMarket
    function deliver(uint256 epochId, uint256 purchaseId, bytes32 resultHash) external {
        Purchase storage p = _purchases[epochId][purchaseId];
        _checkStatus(epochId, purchaseId, PurchaseStatus.BOUGHT, p.status);
        _checkProvider(epochId, _epochs[epochId]);
        EpochPhase phase = phaseOf(epochId);
        require(phase <= EpochPhase.DELIVER, WrongEpochPhase(epochId, EpochPhase.DELIVER, phase));

        p.status = PurchaseStatus.DELIVERED;
        p.resultHash = resultHash;

        emit ResultDelivered(epochId, purchaseId, resultHash);
    }

    /* CONSUMER */

    /// @inheritdoc IComputeMarket
    function declareLog(uint256 epochId, uint96 value, uint96 efficiency, uint96 limit)
        external
        returns (uint256 index)
    {
        return _declare(epochId, Declaration(value, efficiency, Utility.LOG, false, msg.sender, limit));
    }

    /// @inheritdoc IComputeMarket
    function declareQuadratic(uint256 epochId, uint96 value, uint96 slope, uint96 limit)
        external
        returns (uint256 index)
    {
        require(slope > 0, SlopeMissing());

        return _declare(epochId, Declaration(value, slope, Utility.QUADRATIC, false, msg.sender, limit));
    }

    /// @inheritdoc IComputeMarket
    function buy(uint256 epochId, uint256 index, uint88 units, bytes32 jobHash)
        external
        returns (uint256 purchaseId)
    {
        _checkPhase(epochId, EpochPhase.BUY);
        Epoch storage e = _epochs[epochId];
        Declaration memory d = _openDeclaration(epochId, index);
        require(msg.sender == d.consumer, NotConsumer(epochId, index, msg.sender, d.consumer));
        uint256 demand = d.unitsDown(e.price);
        require(units <= demand, DemandExceeded(epochId, index, units, demand));

        // INVARIANT: I-5. The lock is the most that a best response can cost at any price of the epoch.
        _entries[epochId][index].closed = true;
        uint256 cost;
        (purchaseId, cost) = _sell(epochId, units, jobHash);
        uint256 excess = d.mostCost(e.priceFloor, e.priceCap) - cost;

        vault.move(address(this), msg.sender, excess);
    }

    /// @inheritdoc IComputeMarket
    function buyLeftover(uint256 epochId, uint88 units, bytes32 jobHash)
        external
        returns (uint256 purchaseId)
    {
        _checkPhase(epochId, EpochPhase.LEFTOVER);

        uint256 cost;
        (purchaseId, cost) = _sell(epochId, units, jobHash);
        Epoch storage e = _epochs[epochId];
        require(cost >= minLock || e.soldUnits == e.capacity, PurchaseTooSmall(epochId, cost, minLock));

        vault.move(msg.sender, address(this), cost);
    }

    /// @inheritdoc IComputeMarket
    function accept(uint256 epochId, uint256 purchaseId) external {
        Purchase memory p = _purchases[epochId][purchaseId];
        _checkStatus(epochId, purchaseId, PurchaseStatus.DELIVERED, p.status);
        require(msg.sender == p.consumer, NotBuyer(epochId, purchaseId, msg.sender, p.consumer));

        _pay(epochId, purchaseId, p.units);
    }

    /* ANYONE */

    /// @inheritdoc IComputeMarket
    function continueWalk(uint256 epochId, uint256 maxPoints) external {
        _checkPhase(epochId, EpochPhase.PRICE);
        Walk memory walk = walkOf[epochId];
        require(walk.price != 0, PriceMissing(epochId));

        _walk(epochId, walk, maxPoints);
    }

    /// @inheritdoc IComputeMarket
    function returnLock(uint256 epochId, uint256 index) external {
        EpochPhase phase = phaseOf(epochId);
        require(phase >= EpochPhase.BUY, WrongEpochPhase(epochId, EpochPhase.BUY, phase));
        Declaration memory d = _openDeclaration(epochId, index);
        require(
            phase != EpochPhase.BUY || msg.sender == d.consumer,
            NotConsumer(epochId, index, msg.sender, d.consumer)
        );

        _entries[epochId][index].closed = true;
        Epoch storage e = _epochs[epochId];
        uint256 amount = d.mostCost(e.priceFloor, e.priceCap);

        emit LockReturned(epochId, index, d.consumer, amount);

        vault.move(address(this), d.consumer, amount);
    }

    /// @inheritdoc IComputeMarket
    function settle(uint256 epochId, uint256 purchaseId) external {
        Purchase memory p = _purchases[epochId][purchaseId];
        EpochPhase phase = phaseOf(epochId);
        if (p.status == PurchaseStatus.DELIVERED) {
            require(phase == EpochPhase.OVER, WrongEpochPhase(epochId, EpochPhase.OVER, phase));
            _pay(epochId, purchaseId, p.units);
        } else {
            _checkStatus(epochId, purchaseId, PurchaseStatus.BOUGHT, p.status);
            require(phase >= EpochPhase.ACCEPT, WrongEpochPhase(epochId, EpochPhase.ACCEPT, phase));
            _refund(epochId, purchaseId, p);
        }
    }

    /// @inheritdoc IComputeMarket
    function releaseBond(uint256 epochId) external {
        EpochPhase phase = phaseOf(epochId);
        require(phase >= EpochPhase.DELIVER, WrongEpochPhase(epochId, EpochPhase.DELIVER, phase));
        Epoch storage e = _epochs[epochId];
        uint96 amount = e.freeBond;
        require(amount > 0, NothingToRelease(epochId));

        e.freeBond = 0;

        emit BondReleased(epochId, e.provider, amount);

        vault.move(address(this), e.provider, amount);
    }

    /* VIEW */

    /// @inheritdoc IComputeMarket
    function bounds() external view returns (MarketBounds memory) {
        return
            MarketBounds(
                minWindowSeconds, maxWindowSeconds, minToleranceWad, maxToleranceWad, minBond, minLock
            );
    }

    /// @inheritdoc IComputeMarket
    function epoch(uint256 epochId) external view returns (Epoch memory) {
        return _epoch(epochId);
    }

    /// @inheritdoc IComputeMarket
    function phaseOf(uint256 epochId) public view returns (EpochPhase phase) {
        (phase,) = _phase(epochId);
    }

    /// @inheritdoc IComputeMarket
    function phaseEndsAt(uint256 epochId) external view returns (uint256 endsAt) {
        (, endsAt) = _phase(epochId);
    }

    /// @inheritdoc IComputeMarket
    function declaration(uint256 epochId, uint256 index) external view returns (Declaration memory) {
        return _declaration(epochId, index);
    }

    /// @inheritdoc IComputeMarket
    function declarations(uint256 epochId) external view returns (Declaration[] memory list) {
        list = new Declaration[](_epoch(epochId).consumerCount);
        for (uint256 i; i < list.length; ++i) {
            list[i] = _entries[epochId][i].read();
        }
    }

    /// @inheritdoc IComputeMarket
    function bestResponse(uint256 epochId, uint256 index, uint256 price) external view returns (uint256) {
        Epoch storage e = _epoch(epochId);
        require(
            price >= e.priceFloor && price <= e.priceCap,
            PriceOutOfBounds(epochId, price, e.priceFloor, e.priceCap)
        );
        return _declaration(epochId, index).unitsDown(price);
    }

    /// @inheritdoc IComputeMarket
    function lockOf(uint256 epochId, uint256 index) external view returns (uint256) {
        Epoch storage e = _epoch(epochId);
        return _declaration(epochId, index).mostCost(e.priceFloor, e.priceCap);
    }

    /// @inheritdoc IComputeMarket
    function purchase(uint256 epochId, uint256 purchaseId) external view returns (Purchase memory) {
        return _purchases[epochId][purchaseId];
    }

    /* INTERNAL */

    function _epoch(uint256 epochId) internal view returns (Epoch storage e) {
        e = _epochs[epochId];
        require(e.provider != address(0), UnknownEpoch(epochId));
    }

    function _phase(uint256 epochId) internal view returns (EpochPhase, uint256 endsAt) {
        Epoch storage e = _epochs[epochId];
        endsAt = e.pricedAt;
        if (endsAt == 0) {
            endsAt = e.declareEndsAt;
            if (endsAt == 0) return (EpochPhase.UNKNOWN, 0);
            if (block.timestamp < endsAt) return (EpochPhase.DECLARE, endsAt);
            endsAt += e.priceSeconds;
            return block.timestamp < endsAt ? (EpochPhase.PRICE, endsAt) : (EpochPhase.UNPRICED, 0);
        }
        endsAt += e.buySeconds;
        if (block.timestamp < endsAt) return (EpochPhase.BUY, endsAt);
        endsAt += e.leftoverSeconds;
        if (block.timestamp < endsAt) return (EpochPhase.LEFTOVER, endsAt);
        endsAt += e.deliverSeconds;
        if (block.timestamp < endsAt) return (EpochPhase.DELIVER, endsAt);
        endsAt += e.acceptSeconds;
        return block.timestamp < endsAt ? (EpochPhase.ACCEPT, endsAt) : (EpochPhase.OVER, 0);
    }

    function _checkPhase(uint256 epochId, EpochPhase expected) internal view {
        EpochPhase actual = phaseOf(epochId);
        require(actual == expected, WrongEpochPhase(epochId, expected, actual));
    }

    function _checkProvider(uint256 epochId, Epoch storage e) internal view {
        require(msg.sender == e.provider, NotProvider(epochId, msg.sender, e.provider));
    }

    function _checkStatus(uint256 epochId, uint256 purchaseId, PurchaseStatus expected, PurchaseStatus actual)
        internal
        pure
    {
        require(actual == expected, WrongPurchaseStatus(epochId, purchaseId, expected, actual));
    }

    function _checkOffer(EpochSpec calldata spec) internal view {
        require(spec.capacity > 0, CapacityMissing());
        bool ordered = spec.priceFloor > 0 && spec.priceFloor <= spec.priceCap
            && spec.unitCost <= spec.priceFloor && spec.unitCost < spec.priceCap;
        require(ordered, InvalidPrices(spec.unitCost, spec.priceFloor, spec.priceCap));
        require(spec.bond >= minBond, ITaskRegistry.BondTooLow(spec.bond, minBond));
        require(
            spec.toleranceWad >= minToleranceWad && spec.toleranceWad <= maxToleranceWad,
            ToleranceOutOfBounds(spec.toleranceWad, minToleranceWad, maxToleranceWad)
        );
        require(
            spec.maxConsumers > 0 && spec.maxConsumers <= MAX_EPOCH_CONSUMERS,
            ConsumerLimitOutOfBounds(spec.maxConsumers, MAX_EPOCH_CONSUMERS)
        );
    }

    function _checkWindows(EpochSpec calldata spec) internal view {
        _checkWindow(spec.declareSeconds);
        _checkWindow(spec.priceSeconds);
        _checkWindow(spec.buySeconds);
        _checkWindow(spec.leftoverSeconds);
        _checkWindow(spec.deliverSeconds);
        _checkWindow(spec.acceptSeconds);
    }

    function _checkWindow(uint256 windowSeconds) internal view {
        require(
            windowSeconds >= minWindowSeconds && windowSeconds <= maxWindowSeconds,
            ITaskRegistry.WindowOutOfBounds(windowSeconds, minWindowSeconds, maxWindowSeconds)
        );
    }

    function _declare(uint256 epochId, Declaration memory d) internal returns (uint256 index) {
        Epoch storage e = _epochs[epochId];
        if (block.timestamp >= e.declareEndsAt) _checkPhase(epochId, EpochPhase.DECLARE);
        index = e.consumerCount;
        require(index < e.maxConsumers, EpochFull(epochId, e.maxConsumers));
        uint256 lock = d.mostCost(e.priceFloor, e.priceCap);
        require(lock > 0 && lock >= minLock, LockTooLow(lock, minLock));

        e.consumerCount = uint16(index + 1);
        _entries[epochId][index] = Entry(d.pack(), msg.sender, false);

        vault.move(msg.sender, address(this), lock);
    }

    function _declaration(uint256 epochId, uint256 index) internal view returns (Declaration memory d) {
        require(index < MAX_EPOCH_CONSUMERS, UnknownDeclaration(epochId, index));
        d = _entries[epochId][index].read();
        require(d.consumer != address(0), UnknownDeclaration(epochId, index));
    }

    function _openDeclaration(uint256 epochId, uint256 index) internal view returns (Declaration memory d) {
        d = _declaration(epochId, index);
        require(!d.closed, DeclarationClosed(epochId, index));
    }

    /// @dev Walks on from `walk.point`, which every price below it has been proved for.
    function _walk(uint256 epochId, Walk memory walk, uint256 maxPoints) internal {
        require(maxPoints > 0, PointsMissing());
        Epoch storage e = _epochs[epochId];
        Game memory game = Game(e.capacity, e.unitCost, e.priceFloor, e.priceCap, e.toleranceWad);
        Crowd memory crowd = _entries[epochId].load(e.consumerCount);
        uint256 demand = crowd.sumDown(walk.price);
        uint256 profit = game.profitOf(walk.price, demand);

        (uint256 point, Step step) = game.advance(crowd, profit, walk.point, maxPoints);

        // INVARIANT: I-6. Only a complete cover makes a price.
        if (step == Step.STOPPED) _refuse(epochId, game, crowd, walk.price, point);
        if (step == Step.UNFINISHED) {
            walkOf[epochId] = Walk(walk.price, uint96(point));

            emit PriceWalked(epochId, walk.price, point);
        } else {
            delete walkOf[epochId];
            (e.price, e.pricedAt) = (walk.price, uint40(block.timestamp));

            emit PriceAccepted(epochId, walk.price, demand, e.capacity);
        }
    }

    function _refuse(uint256 epochId, Game memory game, Crowd memory crowd, uint256 price, uint256 point)
        internal
        pure
    {
        uint256 better = game.betterPrice(crowd, price, point);
        // slither-disable-next-line incorrect-equality (0 is no price)
        require(better == 0, PriceRefuted(epochId, price, better));
        revert PriceUndecided(epochId, price, point);
    }

    /// @dev Books a purchase of the caller, for which the caller moves the money.
    function _sell(uint256 epochId, uint88 units, bytes32 jobHash)
        internal
        returns (uint256 purchaseId, uint256 cost)
    {
        Epoch storage e = _epochs[epochId];
        require(units > 0, UnitsMissing());
        // INVARIANT: I-4.
        uint256 remaining = e.capacity - e.soldUnits;
        require(remaining > 0, SoldOut(epochId));
        require(units <= remaining, CapacityExceeded(epochId, units, remaining));

        e.soldUnits += units;
        e.freeBond -= uint96(_bondShare(e, units));
        purchaseId = ++e.purchaseCount;
        Purchase storage p = _purchases[epochId][purchaseId];
        (p.consumer, p.units, p.status, p.jobHash) = (msg.sender, units, PurchaseStatus.BOUGHT, jobHash);
        cost = _cost(e, units);

        emit UnitsBought(epochId, purchaseId, msg.sender, units, cost, jobHash);
    }

    /// @dev To the provider: the cost and its bond share.
    function _pay(uint256 epochId, uint256 purchaseId, uint256 units) internal {
        Epoch storage e = _epochs[epochId];
        uint256 cost = _cost(e, units);

        _purchases[epochId][purchaseId].status = PurchaseStatus.PAID;

        emit PurchasePaid(epochId, purchaseId, e.provider, cost);

        vault.move(address(this), e.provider, cost + _bondShare(e, units));
    }

    /// @dev To the consumer: the cost and the provider's bond share.
    function _refund(uint256 epochId, uint256 purchaseId, Purchase memory p) internal {
        Epoch storage e = _epochs[epochId];
        uint256 cost = _cost(e, p.units);
        uint256 share = _bondShare(e, p.units);

        _purchases[epochId][purchaseId].status = PurchaseStatus.REFUNDED;

        emit PurchaseRefunded(epochId, purchaseId, p.consumer, cost, share);

        vault.move(address(this), p.consumer, cost + share);
    }

    /// @dev INVARIANT: I-5. Rounded down: never more than price times units.
    function _cost(Epoch storage e, uint256 units) internal view returns (uint256) {
        return (e.price * units) / WAD;
    }

    /// @dev Rounded down, so that the shares of all units sold are never more than the bond.
    function _bondShare(Epoch storage e, uint256 units) internal view returns (uint256) {
        return (uint256(e.bond) * units) / e.capacity;
    }
}
