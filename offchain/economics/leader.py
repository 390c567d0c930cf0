"""The leader's price: exact and global, although profit is not concave.

The leader moves first and posts one price p in [pmin, pmax]; followers answer with their best responses,
and the leader earns (p - c) min(D(p), Q). Between two breakpoints demand is A / p + E - G p and profit is
concave, so the best price is the best of one closed-form maximiser for each segment. Across breakpoints
profit is not concave: where a consumer leaves, its slope jumps up, and every segment may hold a local
maximum. A search that climbs from one point stops at the wrong one on ordinary inputs.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from offchain.economics.buckets import promising_segments
from offchain.economics.followers import FloatArray, PiecewiseFollowers
from offchain.economics.segments import Segments, aggregate, clearing_price, single_segment

# Demand may exceed capacity by this much, relatively, before it counts as scarcity: sums of the same
# limits in another order differ by less.
SCARCITY_MARGIN = 1e-12

# Profits closer than this, relatively, are not told apart by running sums.
_CLOSE = 1e-11


@dataclass(frozen=True, slots=True, eq=False)
class LeaderGame:
    """One leader, its followers, its capacity (units), its unit cost and its price bounds (money per unit).

    Raises
    ------
    ValueError
        If a number is negative or NaN, or the price bounds are crossed or not finite.
    """

    followers: PiecewiseFollowers
    capacity: float
    unit_cost: float
    price_bounds: tuple[float, float]

    def __post_init__(self) -> None:
        low, high = self.price_bounds
        if not (0 <= low <= high < np.inf):
            raise ValueError(f"price bounds must satisfy 0 <= {low} <= {high} < infinity")
        if not 0 <= self.unit_cost < np.inf:
            raise ValueError(f"unit cost must be finite and not negative, not {self.unit_cost}")
        if not self.capacity >= 0:
            raise ValueError(f"capacity must not be negative or NaN, not {self.capacity}")

    @property
    def scale(self) -> float:
        """Price near which a power of it is harmless; one where demand falls with the first power."""
        low, high = self.search_range
        return 1.0 if self.followers.exponent == 1 or low <= 0 else float(np.sqrt(low * high))

    @property
    def search_range(self) -> tuple[float, float]:
        """The price bounds less what lies below cost, where raising the price always pays."""
        low, high = self.price_bounds
        return min(max(low, self.unit_cost), high), high

    def profit(self, price: float) -> float:
        """Profit (p - c) min(D(p), Q), money."""
        return (price - self.unit_cost) * min(float(self.followers.demand(price).sum()), self.capacity)


@dataclass(frozen=True, slots=True, eq=False)
class LeaderSolution:
    """The optimal price and what follows from it.

    Attributes
    ----------
    price : money per unit
    profit, revenue : money
    demands, allocations : ndarray, shape (n,), units wanted, and units given first come, first served
    scarce : whether demand exceeds capacity even at the highest price
    """

    game: LeaderGame
    price: float
    profit: float
    revenue: float
    demands: FloatArray
    allocations: FloatArray
    scarce: bool

    @property
    def total_demand(self) -> float:
        """Units wanted at the price."""
        return float(self.demands.sum())

    @property
    def sold(self) -> float:
        """Units sold: demand or capacity, whichever is less."""
        return min(self.total_demand, self.game.capacity)

    @property
    def utilities(self) -> FloatArray:
        """Utility of each follower at its allocation, shape (n,), money."""
        return self.game.followers.utility(self.price, self.allocations)

    @property
    def local_maxima(self) -> int:
        """Number of local maxima of the profit on the price bounds; O(n log n), worked out when asked."""
        return int(local_maximisers(self.game).size)


def solve_leader(
    followers: PiecewiseFollowers,
    capacity: float,
    unit_cost: float,
    price_bounds: tuple[float, float],
) -> LeaderSolution:
    """Find the price that maximises (p - c) min(D(p), Q) over the price bounds.

    Capacity restricts the search to prices at which demand fits. Where even the highest price leaves too
    much demand, that price is optimal and units are rationed first come, first served, in index order.

    Parameters
    ----------
    followers : PiecewiseFollowers
    capacity : float, Q, units, infinity for none
    unit_cost : float, c, money per unit
    price_bounds : (pmin, pmax), money per unit

    Returns
    -------
    LeaderSolution
        Its profit, evaluated afresh at the price, is within 1e-10 of the optimum, relatively.

    Raises
    ------
    ValueError
        If the game is malformed, or if nothing bounds the sales as the price goes to a cost of zero.

    Notes
    -----
    Time O(n) plus the sorting of the breakpoints in the few buckets that can hold the optimum.

    Examples
    --------
    One consumer with a = 4 and k = 1 and a unit cost of 1: the price is sqrt(c a k) = 2.

    >>> from offchain.economics.followers import LogConsumers
    >>> solution = solve_leader(LogConsumers([4.0], [1.0]), float("inf"), 1.0, (0.1, 10.0))
    >>> solution.price, solution.profit
    (2.0, 1.0)
    """
    game = LeaderGame(followers, capacity, unit_cost, price_bounds)
    low, high = game.search_range
    limited = isfinite(capacity)
    scarce = limited and float(followers.demand(high).sum()) > capacity * (1 + SCARCITY_MARGIN)
    price = high if scarce or high <= unit_cost else _best_price(game, low, high)
    return settle(game, price, scarce)


def settle(game: LeaderGame, price: float, scarce: bool = False) -> LeaderSolution:
    """Work out what a posted price leads to: demands, rationed allocations, revenue and profit."""
    demands = game.followers.demand(price)
    total = float(demands.sum())
    sold = min(total, game.capacity)
    allocations = first_come_first_served(demands, game.capacity) if total > game.capacity else demands
    return LeaderSolution(
        game, price, (price - game.unit_cost) * sold, price * sold, demands, allocations, scarce
    )


def first_come_first_served(demands: FloatArray, capacity: float) -> FloatArray:
    """Give each follower, in index order, its demand or what is left of the capacity; shape (n,), units."""
    before = np.concatenate(([0.0], np.cumsum(demands)[:-1]))
    return np.minimum(demands, np.maximum(capacity - before, 0.0))


def local_maximisers(game: LeaderGame) -> FloatArray:
    """Prices, ascending, at which profit stops rising and starts to fall; a flat top counts once.

    A bound counts where profit falls away from it. A profit that is constant has one maximum.
    """
    low, high = game.price_bounds
    first = clearing_price(aggregate(game.followers, low, high, game.scale), game.followers, game.capacity)
    parts = aggregate(game.followers, first, high, game.scale)
    parts = parts[parts.start < parts.end]
    # The slope is monotone between these three prices of a segment, so its signs there tell all.
    turn = parts.turn(game.unit_cost)
    signs = np.stack([parts.slope_sign(p, game.unit_cost) for p in (parts.start, turn, parts.end)], axis=1)
    owner, sign = np.nonzero(signs)[0], signs[signs != 0]
    rises, falls = np.flatnonzero(sign > 0), np.flatnonzero(sign < 0)
    if not sign.size:
        return np.array([first])
    tops = np.flatnonzero((sign[:-1] > 0) & (sign[1:] < 0))
    inside = owner[tops] == owner[tops + 1]
    inner = parts.maximisers(game.unit_cost)
    found = np.where(inside, inner[owner[tops]], parts.start[owner[tops + 1]])
    if falls.size and falls[0] == 0:
        found = np.concatenate(([first], found))
    if rises.size and rises[-1] == sign.size - 1:
        found = np.concatenate((found, [high]))
    return found


def _best_price(game: LeaderGame, low: float, high: float) -> float:
    """Best of the closed-form maximisers over the prices at which demand fits, best estimate first."""
    followers, cost, capacity = game.followers, game.unit_cost, game.capacity
    if low == 0 and np.isinf(capacity) and np.isinf(followers.demand(0.0)).any():
        raise ValueError("nothing limits demand as the price goes to zero: raise pmin or limit the units")
    parts = promising_segments(game, low, high)
    if isfinite(capacity):
        parts = parts.above(clearing_price(parts, followers, capacity))
    price, margin = parts.maximisers(cost), 2.0**-50 * parts.mass
    if followers.exponent > 1:
        price, margin = np.concatenate((price, parts.end)), np.tile(margin, 2)
    wanted = np.concatenate([parts.demand(p) for p in np.split(price, price.size // len(parts))])
    # Rounding in the running sums cannot hide a price whose profit is above this.
    hope = (price - cost) * np.minimum(wanted + margin, capacity)
    if margin.max() <= _CLOSE * wanted[(top := int(np.argmax(hope)))]:
        return _steady(game, parts, float(price[top]), low)
    best, best_profit = low, -np.inf
    for index in np.argsort(-hope, kind="stable"):
        if hope[index] <= best_profit + _CLOSE * abs(best_profit):
            break
        segment = int(index % len(parts))
        fresh = single_segment(followers, parts.start[segment], parts.end[segment], game.scale)
        for candidate in {float(price[index]), float(fresh.maximisers(cost)[0])}:
            if (found := game.profit(candidate)) > best_profit:
                best, best_profit = candidate, found
    return _steady(game, parts, best, low)


def _steady(game: LeaderGame, parts: Segments, price: float, low: float) -> float:
    """Step down by ulps where demand is so steep that the last bit of the price decides what is sold.

    There the double next to a kink, or to the price at which demand just fits, may lie on its wrong side.
    """
    above = float(np.nextafter(price, np.inf))
    near = parts[(parts.start <= above) & (parts.end >= price)]
    if price == game.price_bounds[1]:  # the kink may be at the bound itself, with the steep side beyond
        near = Segments.join([near, single_segment(game.followers, price, above, game.scale)])
    steepness, wanted = near.steepness(price)
    if steepness * price * 2.0**-52 <= 0.1 * _CLOSE * min(wanted, game.capacity):
        return price
    profit, below = game.profit(price), max(float(np.nextafter(price, 0.0)), low)
    while (found := game.profit(below)) > profit + _CLOSE * abs(profit):
        price, profit, below = below, found, max(float(np.nextafter(below, 0.0)), low)
    return price
