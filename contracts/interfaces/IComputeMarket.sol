// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVault} from "./IVault.sol";

/// @dev As many consumers as one transaction can load and still walk on with, by what `benchmarks/market.py` measures.
uint256 constant MAX_EPOCH_CONSUMERS = 2000;

/// @notice Where an epoch stands. Every phase ends by a deadline, and nobody is needed to end it.
enum EpochPhase {
    UNKNOWN,
    DECLARE, // consumers declare their utilities
    PRICE, // the provider posts a price, the contract proves it
    BUY, // the price is accepted; declared consumers buy
    LEFTOVER, // anyone buys what is left
    DELIVER, // nothing is sold any more; the last results are due
    ACCEPT, // undelivered purchases are refunded; consumers look at what was delivered
    OVER, // what was delivered is paid, accepted or not
    UNPRICED // no price was accepted in time: there is nothing to buy, and all money goes back
}

/// @notice The form of a consumer's utility u(x) of `x` units, less what they cost.
enum Utility {
    LOG, // u(x) = value * ln(1 + shape * x); `shape` is an efficiency
    QUADRATIC // u(x) = value * x - shape * x^2 / 2; `shape` is a slope
}

/// @notice Where a purchase stands.
enum PurchaseStatus {
    NONE,
    BOUGHT, // paid into the market; the provider owes a result
    DELIVERED, // the result's hash is known
    PAID, // the provider has its money and its bond share
    REFUNDED // nothing was delivered: the consumer has its money and the provider's bond share
}

/// @notice What epochs of a deployment must keep to.
/// @param minLock The least that a declaration locks, and that an undeclared purchase costs: dust cannot crowd an
/// epoch.
struct MarketBounds {
    uint32 minWindowSeconds;
    uint32 maxWindowSeconds;
    uint64 minToleranceWad;
    uint64 maxToleranceWad;
    uint96 minBond;
    uint96 minLock;
}

/// @notice What a provider offers. Units, prices per unit and money have 18 decimals (1e18 = 1.0).
/// @param capacity Units that can be sold.
/// @param unitCost What a unit costs the provider, below `priceCap`.
/// @param priceFloor The least price, positive and not below `unitCost`: a lower one would earn nothing.
/// @param priceCap The highest price.
/// @param bond Shared among the units of the capacity: what a consumer gets for units that it paid for and did not
/// receive.
/// @param toleranceWad How much more than the posted price any price may earn, relatively, at most.
/// @param maxConsumers How many may declare: bounds what the proof of the price can cost.
/// @param buySeconds How long declared consumers have to buy.
/// @param leftoverSeconds How long anyone may buy after that.
/// @param deliverSeconds How long the provider may deliver after the last purchase can have been made.
/// @param acceptSeconds How long consumers may look at a result after the last one can have been delivered.
struct EpochSpec {
    uint88 capacity;
    uint96 unitCost;
    uint96 priceFloor;
    uint96 priceCap;
    uint96 bond;
    uint64 toleranceWad;
    uint16 maxConsumers;
    uint32 declareSeconds;
    uint32 priceSeconds;
    uint32 buySeconds;
    uint32 leftoverSeconds;
    uint32 deliverSeconds;
    uint32 acceptSeconds;
}

/// @notice An epoch as it is stored. A declaration reads and writes the first word alone.
/// @param declareEndsAt A timestamp; good until 2106, past which no epoch opens.
/// @param freeBond What of the bond stands for units that are not sold.
/// @param price The accepted price, 0 before.
/// @param pricedAt When the price was accepted, 0 before.
struct Epoch {
    uint96 priceFloor;
    uint96 priceCap;
    uint32 declareEndsAt;
    uint16 consumerCount;
    uint16 maxConsumers;
    address provider;
    uint96 unitCost;
    uint88 capacity;
    uint96 bond;
    uint64 toleranceWad;
    uint32 priceSeconds;
    uint32 buySeconds;
    uint32 leftoverSeconds;
    uint32 deliverSeconds;
    uint32 acceptSeconds;
    uint96 freeBond;
    uint96 price;
    uint88 soldUnits;
    uint40 pricedAt;
    uint24 purchaseCount;
}

/// @notice A consumer's declared utility, which is its demand at every price.
/// @param shape The efficiency of a log utility, the slope of a quadratic one.
/// @param limit The most units that it wants.
/// @param closed Whether its lock is gone: into a purchase or back.
struct Declaration {
    uint96 value;
    uint96 shape;
    Utility utility;
    bool closed;
    address consumer;
    uint96 limit;
}

/// @notice A purchase.
/// @param jobHash sha256 of the canonical JSON of the job spec: what the units are to be used for.
/// @param resultHash The hash of the trained result, 0 before the delivery.
struct Purchase {
    address consumer;
    uint88 units;
    PurchaseStatus status;
    bytes32 jobHash;
    bytes32 resultHash;
}

/// @notice A proof on its way: no price below `point` earns more than the tolerance allows.
/// @param price The posted price; 0 where none is on its way.
struct Walk {
    uint96 price;
    uint96 point;
}

/// @title IComputeMarket
/// @notice Sells compute units in epochs. The provider leads: it posts the price that earns it most. Consumers
/// follow: each has declared its utility, so its best response to any price is known, and it buys that or less.
///
/// **The price is proved, not believed.** Demand never rises with the price, so from the floor `p_0` on,
///
///     p_{j+1} = unitCost + (1 + tolerance) * profit / min(demand(p_j), capacity)
///
/// covers the prices: none in `[p_j, p_{j+1}]` earns more than `(1 + tolerance) * profit`. Past the cap the price is
/// accepted; where the walk does not advance it is refused. All roundings are those of
/// `offchain/economics/cover.py`, and can refuse a good price but never pass a bad one.
///
/// **Money.** A declaration locks the most that its best response can cost at any price of the epoch, so that no
/// price finds an unfunded buyer. Each purchase holds its cost and its part of the provider's bond until it ends, and
/// then all of it goes to one of the two. Everything is a move between balances of the vault.
///
/// I-4: units sold never exceed capacity.
/// I-5: a consumer never pays more than price times units bought, nor more than it locked.
/// I-6: an accepted price has profit within the tolerance of the optimum over all prices of the epoch.
///
/// Warning: the price is the best one for the utilities that were declared. Nobody is bound to buy what its
/// declaration wants, and a provider can declare under addresses of its own.
/// Warning: the contract does not see results. A purchase is delivered by any hash; a consumer that gets a useless
/// result has no remedy here but to buy elsewhere.
interface IComputeMarket {
    /// @notice Emitted when an epoch was opened.
    event EpochOpened(uint256 indexed epochId, address indexed provider, EpochSpec spec);

    /// @notice Emitted when a posted price is proved up to `point`, and the walk is to be continued.
    event PriceWalked(uint256 indexed epochId, uint256 price, uint256 point);

    /// @notice Emitted when a price was accepted.
    /// @param demandUnits What declared consumers want at the price. Above the capacity, units go first come, first
    /// served, and some consumers get none.
    event PriceAccepted(uint256 indexed epochId, uint256 price, uint256 demandUnits, uint256 capacity);

    /// @notice Emitted when units were bought. What the declaration had locked above `cost` went back.
    event UnitsBought(
        uint256 indexed epochId,
        uint256 indexed purchaseId,
        address indexed consumer,
        uint256 units,
        uint256 cost,
        bytes32 jobHash
    );

    /// @notice Emitted when a lock went back without a purchase.
    event LockReturned(
        uint256 indexed epochId, uint256 indexed index, address indexed consumer, uint256 amount
    );

    /// @notice Emitted when the provider delivered the result of a purchase.
    event ResultDelivered(uint256 indexed epochId, uint256 indexed purchaseId, bytes32 resultHash);

    /// @notice Emitted when a purchase was paid: `cost` to the provider, with its bond share.
    event PurchasePaid(
        uint256 indexed epochId, uint256 indexed purchaseId, address indexed provider, uint256 cost
    );

    /// @notice Emitted when an undelivered purchase was refunded: `cost` to the consumer, with the provider's share.
    event PurchaseRefunded(
        uint256 indexed epochId,
        uint256 indexed purchaseId,
        address indexed consumer,
        uint256 cost,
        uint256 bondShare
    );

    /// @notice Emitted when the provider got back the bond for the units that were not sold.
    event BondReleased(uint256 indexed epochId, address indexed provider, uint256 amount);

    /// @notice Thrown when an epoch is opened without any units.
    error CapacityMissing();

    /// @notice Thrown when an epoch's prices are not `0 < floor <= cap`, `unitCost <= floor`, `unitCost < cap`.
    error InvalidPrices(uint256 unitCost, uint256 priceFloor, uint256 priceCap);

    /// @notice Thrown when a tolerance is lower or higher than the deployment allows.
    error ToleranceOutOfBounds(uint256 toleranceWad, uint256 minimumWad, uint256 maximumWad);

    /// @notice Thrown when an epoch would admit no consumer, or more than a price can be proved for.
    error ConsumerLimitOutOfBounds(uint256 maxConsumers, uint256 maximum);

    /// @notice Thrown when an epoch does not exist.
    error UnknownEpoch(uint256 epochId);

    /// @notice Thrown when an epoch is in another phase than the call takes; `expected` is one that it takes.
    error WrongEpochPhase(uint256 epochId, EpochPhase expected, EpochPhase actual);

    /// @notice Thrown when as many consumers as an epoch admits have declared.
    error EpochFull(uint256 epochId, uint256 maxConsumers);

    /// @notice Thrown when a declared number does not fit 85 bits.
    error NumberTooLarge(uint256 number, uint256 maximum);

    /// @notice Thrown when a quadratic utility has no slope: its demand would fall all at once.
    error SlopeMissing();

    /// @notice Thrown when a declaration would lock too little, as one that wants nothing at any price.
    error LockTooLow(uint256 lock, uint256 minimumLock);

    /// @notice Thrown when the caller is not the epoch's provider.
    error NotProvider(uint256 epochId, address caller, address provider);

    /// @notice Thrown when a posted price is below the epoch's floor or above its cap.
    error PriceOutOfBounds(uint256 epochId, uint256 price, uint256 priceFloor, uint256 priceCap);

    /// @notice Thrown when a posted price is refuted: `betterPrice` earns more.
    error PriceRefuted(uint256 epochId, uint256 price, uint256 betterPrice);

    /// @notice Thrown when a posted price can be neither proved nor refuted: at `point` the tolerance is finer than
    /// the roundings.
    error PriceUndecided(uint256 epochId, uint256 price, uint256 point);

    /// @notice Thrown when a walk is continued and no price was posted.
    error PriceMissing(uint256 epochId);

    /// @notice Thrown when a walk is to go no step.
    error PointsMissing();

    /// @notice Thrown when an epoch has no declaration of that index.
    error UnknownDeclaration(uint256 epochId, uint256 index);

    /// @notice Thrown when the caller is not the consumer that declared.
    error NotConsumer(uint256 epochId, uint256 index, address caller, address consumer);

    /// @notice Thrown when a declaration's lock is gone: into a purchase or back.
    error DeclarationClosed(uint256 epochId, uint256 index);

    /// @notice Thrown when no units are asked for.
    error UnitsMissing();

    /// @notice Thrown when a declared consumer asks for more than its best response.
    error DemandExceeded(uint256 epochId, uint256 index, uint256 requestedUnits, uint256 demandedUnits);

    /// @notice Thrown when a purchase of what is left costs too little and leaves something: every purchase makes work.
    error PurchaseTooSmall(uint256 epochId, uint256 cost, uint256 minimumCost);

    /// @notice Thrown when nothing is left of an epoch's capacity: the consumer could not get resources.
    error SoldOut(uint256 epochId);

    /// @notice Thrown when a purchase exceeds what is left of the epoch's capacity.
    error CapacityExceeded(uint256 epochId, uint256 requestedUnits, uint256 remainingUnits);

    /// @notice Thrown when a purchase is in another state than the call takes.
    error WrongPurchaseStatus(
        uint256 epochId, uint256 purchaseId, PurchaseStatus expected, PurchaseStatus actual
    );

    /// @notice Thrown when the caller is not the consumer of a purchase.
    error NotBuyer(uint256 epochId, uint256 purchaseId, address caller, address consumer);

    /// @notice Thrown when there is no bond left to release.
    error NothingToRelease(uint256 epochId);

    /// @notice The most consumers that an epoch can admit.
    function MAX_CONSUMERS() external view returns (uint256);

    /// @notice The money.
    function vault() external view returns (IVault);

    /// @notice What epochs must keep to.
    function bounds() external view returns (MarketBounds memory);

    /// @notice How many epochs were opened; ids count from 1.
    function epochCount() external view returns (uint256);

    /// @notice Opens an epoch. Takes the bond from the caller's vault balance; the caller must have approved this
    /// contract as an operator.
    function open(EpochSpec calldata spec) external returns (uint256 epochId);

    /// @notice Posts a price and walks up to `maxPoints` points of its cover. Accepts the price when the cover is
    /// complete; reverts with `PriceRefuted` or `PriceUndecided` where it cannot be.
    /// @dev For the provider, between declarations and the price deadline, as often as it likes: a new price starts
    /// a new walk. Where points are left, `continueWalk` goes on; the price must be accepted before the deadline.
    function postPrice(uint256 epochId, uint96 price, uint256 maxPoints) external;

    /// @notice Delivers the result of a purchase, from the moment it was bought to the end of `DELIVER`.
    function deliver(uint256 epochId, uint256 purchaseId, bytes32 resultHash) external;

    /// @notice Declares a log utility and locks the most that its best response can cost, never more than `value`.
    /// @dev Emits nothing but the vault's `Moved`: an event would be 2% of what a declaration costs.
    /// @param value At most 2^85 - 1 (38 million), as the other numbers.
    /// @return index The declaration's index in the epoch, counted from 0. An account may declare more than once:
    /// each declaration is a consumer of its own.
    function declareLog(uint256 epochId, uint96 value, uint96 efficiency, uint96 limit)
        external
        returns (uint256 index);

    /// @notice Declares a quadratic utility and locks the most that its best response can cost.
    /// @param slope Positive.
    function declareQuadratic(uint256 epochId, uint96 value, uint96 slope, uint96 limit)
        external
        returns (uint256 index);

    /// @notice Buys the best response of the caller's declaration, or less, and gives back what was locked above
    /// its cost. Once per declaration, in `BUY`.
    function buy(uint256 epochId, uint256 index, uint88 units, bytes32 jobHash)
        external
        returns (uint256 purchaseId);

    /// @notice Buys of what is left, in `LEFTOVER`, for at least `minLock` or all of it. Takes the cost from the
    /// caller's vault balance; the caller must have approved this contract as an operator.
    function buyLeftover(uint256 epochId, uint88 units, bytes32 jobHash) external returns (uint256 purchaseId);

    /// @notice Pays a delivered purchase, before its time.
    function accept(uint256 epochId, uint256 purchaseId) external;

    /// @notice Continues the walk of the posted price by up to `maxPoints` points, as `postPrice` does.
    /// @dev Anyone may call. It can bring the walk on, but not astray: everything follows from the posted price.
    function continueWalk(uint256 epochId, uint256 maxPoints) external;

    /// @notice Gives back the lock of a declaration that bought nothing: once there is a price for its consumer, who
    /// gives up its place by that, and from the end of `BUY` on for anyone.
    function returnLock(uint256 epochId, uint256 index) external;

    /// @notice Ends a purchase whose time is up: from `ACCEPT` on refunds it where nothing was delivered, from `OVER`
    /// on pays it where a result was. Anyone may call.
    function settle(uint256 epochId, uint256 purchaseId) external;

    /// @notice Gives back to the provider the bond for the units that were not sold, once no more can be. Anyone may
    /// call.
    function releaseBond(uint256 epochId) external;

    /// @notice Everything about an epoch.
    function epoch(uint256 epochId) external view returns (Epoch memory);

    /// @notice Where an epoch stands at the timestamp of the current block.
    function phaseOf(uint256 epochId) external view returns (EpochPhase);

    /// @notice When the phase of an epoch ends; 0 where it does not.
    function phaseEndsAt(uint256 epochId) external view returns (uint256);

    /// @notice The posted price and how far it is proved; zeros where none is on its way.
    function walkOf(uint256 epochId) external view returns (uint96 price, uint96 point);

    /// @notice A declaration.
    function declaration(uint256 epochId, uint256 index) external view returns (Declaration memory);

    /// @notice All declarations of an epoch, in their order.
    function declarations(uint256 epochId) external view returns (Declaration[] memory);

    /// @notice The best response of a declaration to any price, rounded down to the wei of a unit.
    function bestResponse(uint256 epochId, uint256 index, uint256 price) external view returns (uint256 units);

    /// @notice What a declaration locks while it is not closed.
    function lockOf(uint256 epochId, uint256 index) external view returns (uint256 amount);

    /// @notice A purchase; ids count from 1 in each epoch.
    function purchase(uint256 epochId, uint256 purchaseId) external view returns (Purchase memory);
}
