r"""Learning who the consumers are from what they buy, and pricing on the way.

A best response to a posted price is an equation in the consumer's type. Two purchases inside (0, d) at
different prices determine a logarithmic or a quadratic type; a purchase of nothing bounds the choke price
from above, a purchase of the whole limit bounds the price of the limit from below. A leader that knows
this needs a handful of prices, where a bandit over a grid of prices learns one number at a time.

The policy is optimism with a certificate: what is not known of a consumer is replaced by the largest
demand that fits its purchases, the cover search finds where that could earn most, and learning ends when
no price could earn more than (1 + tolerance) times what is certain already.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray

from offchain.economics.followers import FloatArray, LogConsumers, QuadConsumers
from offchain.economics.leader import solve_leader
from offchain.economics.search import SearchResult, solve_any_demand

Identify = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def identify_log(
    first_price: FloatArray, first_units: FloatArray, second_price: FloatArray, second_units: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Solve :math:`x = a / p - 1 / k` for the value a and the efficiency k from two purchases.

    Examples
    --------
    >>> a, k = identify_log(np.array([1.0]), np.array([3.0]), np.array([2.0]), np.array([1.0]))
    >>> float(a[0]), float(k[0])
    (4.0, 1.0)
    """
    value = (first_units - second_units) / (1.0 / first_price - 1.0 / second_price)
    return value, 1.0 / (value / first_price - first_units)


def identify_quad(
    first_price: FloatArray, first_units: FloatArray, second_price: FloatArray, second_units: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Solve :math:`x = (a - p) / b` for the value a and the slope b from two purchases.

    Examples
    --------
    >>> a, b = identify_quad(np.array([1.0]), np.array([1.0]), np.array([2.0]), np.array([0.5]))
    >>> float(a[0]), float(b[0])
    (3.0, 2.0)
    """
    slope = (second_price - first_price) / (first_units - second_units)
    return first_price + slope * first_units, slope


@dataclass(slots=True, eq=False)
class Knowledge:
    """What the purchases of consumers with known limits say about their types.

    Attributes
    ----------
    kind : LogConsumers or QuadConsumers
    limit : ndarray, shape (n,), units
    none_from : ndarray, shape (n,), lowest price at which nothing was bought: the choke price is not above
    full_until : ndarray, shape (n,), highest price at which the limit was bought: it binds up to there
    price, units : ndarray, shape (n,), the first purchase inside the limits, NaN if there was none
    first, second : ndarray, shape (n,), the parameters of the type, NaN where it is not identified
    """

    kind: type[LogConsumers] | type[QuadConsumers]
    limit: FloatArray
    none_from: FloatArray = field(init=False)
    full_until: FloatArray = field(init=False)
    price: FloatArray = field(init=False)
    units: FloatArray = field(init=False)
    first: FloatArray = field(init=False)
    second: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        size = self.limit.shape
        self.none_from, self.full_until = np.full(size, inf), np.zeros(size)
        self.price, self.units = np.full(size, np.nan), np.full(size, np.nan)
        self.first, self.second = np.full(size, np.nan), np.full(size, np.nan)

    @property
    def identified(self) -> NDArray[np.bool_]:
        """Whose type is known, shape (n,)."""
        return ~np.isnan(self.first)

    def observe(self, price: float, bought: FloatArray) -> None:
        """Learn from what everybody bought at one price."""
        nothing, everything = bought <= 0, bought >= self.limit
        self.none_from[nothing] = np.minimum(self.none_from[nothing], price)
        full = everything & ~nothing
        self.full_until[full] = np.maximum(self.full_until[full], price)
        inside = ~nothing & ~everything
        # Two purchases at almost one price would divide one rounding error by another.
        again = inside & ~self.identified & (np.abs(self.price - price) > 1e-4 * price)
        identify: Identify = identify_log if self.kind is LogConsumers else identify_quad
        self.first[again], self.second[again] = identify(
            self.price[again], self.units[again], np.full(int(again.sum()), price), bought[again]
        )
        fresh = inside & np.isnan(self.price)
        self.price[fresh], self.units[fresh] = price, bought[fresh]

    def certain_demand(self, price: float) -> FloatArray:
        """Smallest demand that fits the purchases of each consumer, shape (n,), units."""
        least = np.where(price <= self.full_until, self.limit, 0.0)
        scale = np.maximum(self.price / price, 1.0) if self.kind is LogConsumers else 1.0
        seen = ~np.isnan(self.price) & (price <= self.price)
        least = np.where(seen, np.maximum(least, np.minimum(self.units * scale, self.limit)), least)
        return self._exact(price, least)

    def possible_demand(self, price: float) -> FloatArray:
        """Largest demand that fits the purchases of each consumer, shape (n,), units."""
        most = np.where(price >= self.none_from, 0.0, self.limit)
        # A logarithmic demand falls at least as fast as 1 / p.
        scale = np.minimum(self.price / price, 1.0) if self.kind is LogConsumers else 1.0
        seen = ~np.isnan(self.price) & (price >= self.price)
        most = np.where(seen, np.minimum(most, self.units * scale), most)
        return self._exact(price, most)

    def _exact(self, price: float, otherwise: FloatArray) -> FloatArray:
        known = self.identified
        if known.any():
            otherwise[known] = self.known_consumers().demand(price)
        return otherwise

    def known_consumers(self) -> LogConsumers | QuadConsumers:
        """Those whose type is identified; at least one."""
        known = self.identified
        return self.kind(self.first[known], self.second[known], self.limit[known])


@dataclass(slots=True)
class TypeLearner:
    """A leader that learns types: halves the gap between posted prices around the most hopeful one.

    Raises
    ------
    ValueError
        If a limit is infinite: nothing then bounds what an unknown consumer might buy.
    """

    knowledge: Knowledge
    capacity: float
    unit_cost: float
    price_bounds: tuple[float, float]
    tolerance: float = 0.005
    _posted: list[float] = field(init=False, default_factory=list)
    _settled: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if not np.isfinite(self.knowledge.limit).all():
            raise ValueError("learning needs limits: without one an unknown consumer might buy anything")

    def choose(self) -> float:
        """The price to post."""
        if self._settled is not None:
            return self._settled
        certain, sure = self._best_certain()
        hopeful = self._search(self.knowledge.possible_demand)
        if hopeful.profit <= sure * (1 + self.tolerance):
            self._settled = certain
            return certain
        # Where demand is unknown the hope is at the end of a gap; its middle tells more.
        below = max((p for p in self._posted if p < hopeful.price), default=self._low)
        above = min((p for p in self._posted if p > hopeful.price), default=self.price_bounds[1])
        return float(np.sqrt(below * above)) if above > 1.02 * below else hopeful.price

    def learn(self, price: float, bought: FloatArray) -> None:
        """Take in what everybody bought at the price posted."""
        if self._settled is None:
            self._posted.append(price)
            self.knowledge.observe(price, bought)

    @property
    def _low(self) -> float:
        return max(self.price_bounds[0], self.unit_cost, self.price_bounds[1] * 1e-6)

    def _search(self, demand: Callable[[float], FloatArray]) -> SearchResult:
        return solve_any_demand(
            lambda price: float(demand(price).sum()),
            self.capacity,
            self.unit_cost,
            self.price_bounds,
            self.tolerance,
        )

    def _best_certain(self) -> tuple[float, float]:
        """The best price by what is certain: found by search, or exactly among those who are identified."""
        found, known = self._search(self.knowledge.certain_demand), self.knowledge.identified
        if not known.any():
            return found.price, found.profit
        consumers = self.knowledge.known_consumers()
        exact = solve_leader(consumers, self.capacity, self.unit_cost, self.price_bounds).price
        sold = min(float(self.knowledge.certain_demand(exact).sum()), self.capacity)
        profit = (exact - self.unit_cost) * sold
        return (exact, profit) if profit >= found.profit else (found.price, found.profit)


@dataclass(slots=True)
class GridUcb:
    """Upper confidence bounds over a grid of prices (Auer, Cesa-Bianchi and Fischer 2002).

    Profits are scaled by the largest seen so far, because a leader who knows no demand knows no scale.
    """

    prices: FloatArray
    _totals: FloatArray = field(init=False)
    _counts: NDArray[np.int64] = field(init=False)
    _largest: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._totals = np.zeros(self.prices.shape)
        self._counts = np.zeros(self.prices.shape, dtype=np.int64)

    def choose(self) -> int:
        """Index of the price to post: each once, then the largest upper bound."""
        if (self._counts == 0).any():
            return int(np.argmin(self._counts))
        width = np.sqrt(2 * np.log(self._counts.sum()) / self._counts)
        return int(np.argmax(self._totals / self._counts + (self._largest or 1.0) * width))

    def learn(self, index: int, profit: float) -> None:
        """Take in what one price earned."""
        self._totals[index] += profit
        self._counts[index] += 1
        self._largest = max(self._largest, profit)


@dataclass(slots=True)
class ExploreThenCommit:
    """Post each price of a grid `rounds` times, then the one that earned most for good."""

    prices: FloatArray
    rounds: int
    _totals: FloatArray = field(init=False)
    _posted: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._totals = np.zeros(self.prices.shape)

    def choose(self) -> int:
        """Index of the price to post."""
        exploring = self._posted < self.rounds * self.prices.size
        return self._posted % self.prices.size if exploring else int(np.argmax(self._totals))

    def learn(self, index: int, profit: float) -> None:
        """Take in what one price earned."""
        if self._posted < self.rounds * self.prices.size:
            self._totals[index] += profit
        self._posted += 1


def next_base_fee(price: float, sold: float, target: float, price_bounds: tuple[float, float]) -> float:
    """Move the price like EIP-1559 does: by up to an eighth, with sales above or below their target.

    The baseline that runs on chain without any knowledge of demand or cost.

    Examples
    --------
    >>> next_base_fee(8.0, 2.0, 1.0, (1.0, 100.0)), next_base_fee(8.0, 0.0, 1.0, (1.0, 100.0))
    (9.0, 7.0)
    """
    if isnan(sold) or not target > 0:
        raise ValueError("need sales that are a number and a positive target")
    pressure = min(max((sold - target) / target, -1.0), 1.0)
    return min(max(price * (1 + pressure / 8), price_bounds[0]), price_bounds[1])
