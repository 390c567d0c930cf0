r"""A price for each consumer: the separable problem, its multiplier and a proof of optimality.

.. math:: \max_{p_i \in [p_{\min}, p_{\max}]} \sum_i (p_i - c) x_i(p_i)
          \quad \text{subject to} \quad \sum_i x_i(p_i) \le Q

With a multiplier mu for the capacity each consumer is priced alone at unit cost nu = c + mu:
sqrt(nu a k) for logarithmic and (a + nu) / 2 for quadratic utility, clipped to the prices that matter to
it. What it then buys is linear in 1 / sqrt(nu), or in nu, between two clips; so the sum is, between
consecutive breakpoints of nu, and the nu at which it meets the capacity is found by interpolation.
The revenue p(x) x is concave in x for both utilities, so this is the optimum, and weak duality proves it.
"""

from dataclasses import dataclass

import numpy as np

from offchain.economics.followers import FloatArray, LogConsumers, QuadConsumers
from offchain.economics.leader import SCARCITY_MARGIN, LeaderGame, first_come_first_served


@dataclass(frozen=True, slots=True, eq=False)
class DiscriminatorySolution:
    """Prices (money per unit) and demands (units), shape (n,), with the multiplier mu of the capacity.

    `allocations` differ from `demands` only where demand exceeds capacity at the highest price.
    """

    prices: FloatArray
    demands: FloatArray
    allocations: FloatArray
    unit_cost: float
    shadow_price: float
    dual_bound: float

    @property
    def sold(self) -> float:
        """Units sold."""
        return float(self.allocations.sum())

    @property
    def revenue(self) -> float:
        """What consumers pay, money."""
        return float((self.prices * self.allocations).sum())

    @property
    def profit(self) -> float:
        """Revenue less the cost of what is sold, money."""
        return float(((self.prices - self.unit_cost) * self.allocations).sum())

    @property
    def duality_gap(self) -> float:
        """No prices earn more than the profit plus this, money."""
        return self.dual_bound - self.profit

    def stationarity(
        self, consumers: LogConsumers | QuadConsumers, price_bounds: tuple[float, float]
    ) -> FloatArray:
        r"""How far each consumer's marginal revenue misses the marginal cost c + mu, shape (n,).

        Relative to the largest price. The revenue p(x) x has the derivative p**2 / (a k) for logarithmic
        and 2 p - a for quadratic utility. Zero also where a clip explains the miss: at the lowest price
        that matters a consumer can only be sold less, at the highest only more.
        """
        marginal = self.unit_cost + self.shadow_price
        if isinstance(consumers, LogConsumers):
            with np.errstate(divide="ignore", invalid="ignore"):
                revenue = np.where(consumers.choke > 0, self.prices**2 / consumers.choke, marginal)
        else:
            revenue = 2 * self.prices - consumers.value
        least, most = _price_ranges(consumers, price_bounds)
        miss = revenue - marginal
        miss = np.where(self.prices <= least, np.minimum(miss, 0.0), miss)
        miss = np.where(self.prices >= most, np.maximum(miss, 0.0) * (least < most), miss)
        return np.asarray(miss / (max(marginal, float(self.prices.max())) or 1.0))


def solve_discriminatory(
    consumers: LogConsumers | QuadConsumers,
    capacity: float,
    unit_cost: float,
    price_bounds: tuple[float, float],
) -> DiscriminatorySolution:
    """Find the best price for each consumer; O(n log n).

    Where a consumer buys nothing, its price is its choke price clipped to the bounds: any higher price
    is as good.

    Raises
    ------
    ValueError
        If the game is malformed, or if nothing bounds the sales as a price goes to a cost of zero.

    Examples
    --------
    >>> consumers = LogConsumers(value=[4.0, 9.0], efficiency=[1.0, 1.0])
    >>> solve_discriminatory(consumers, float("inf"), 1.0, (0.1, 10.0)).prices
    array([2., 3.])
    """
    LeaderGame(consumers, capacity, unit_cost, price_bounds)
    least, most = _price_ranges(consumers, price_bounds)
    if float(consumers.demand(most).sum()) > capacity * (1 + SCARCITY_MARGIN):
        return _rationed(consumers, capacity, unit_cost, price_bounds[1])
    marginal = _marginal_cost(consumers, least, most, capacity, unit_cost)
    prices = _monopoly_prices(consumers, marginal, least, most)
    units = consumers.demand(prices)
    if not np.isfinite(units).all():
        raise ValueError("nothing limits demand as the price goes to zero: raise pmin or limit the units")
    shadow = marginal - unit_cost
    bound = float(((prices - marginal) * units).sum()) + (shadow * capacity if shadow > 0 else 0.0)
    allocations = first_come_first_served(units, capacity)
    return DiscriminatorySolution(prices, units, allocations, unit_cost, shadow, bound)


def _rationed(
    consumers: LogConsumers | QuadConsumers, capacity: float, unit_cost: float, price: float
) -> DiscriminatorySolution:
    """Everybody pays the highest price, and the capacity goes to the first who come."""
    prices = np.full(consumers.value.shape, price)
    units = consumers.demand(price)
    # The multiplier is what one more unit would earn, and that is the whole margin.
    shadow = max(price - unit_cost, 0.0)
    allocations = first_come_first_served(units, capacity)
    bound = (price - unit_cost) * capacity
    return DiscriminatorySolution(prices, units, allocations, unit_cost, shadow, bound)


def _price_ranges(
    consumers: LogConsumers | QuadConsumers, price_bounds: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Prices of each consumer at which selling more or less is a choice, both clipped to the bounds.

    Below the first, a limit or a budget binds and raising the price pays; above the second, it buys nothing.
    """
    full = consumers.spent_until if isinstance(consumers, LogConsumers) else consumers.full_until
    low, high = price_bounds
    return np.clip(full, low, high), np.clip(consumers.choke, low, high)


def _monopoly_prices(
    consumers: LogConsumers | QuadConsumers, marginal: float, least: FloatArray, most: FloatArray
) -> FloatArray:
    """Best price of each consumer alone at one marginal cost, shape (n,)."""
    if isinstance(consumers, LogConsumers):
        wished = np.sqrt(marginal * consumers.choke)
    else:
        wished = (consumers.value + marginal) / 2
    return np.asarray(np.clip(wished, least, most))


def _marginal_cost(
    consumers: LogConsumers | QuadConsumers,
    least: FloatArray,
    most: FloatArray,
    capacity: float,
    unit_cost: float,
) -> float:
    """Smallest nu >= c at which what everybody buys fits into the capacity."""

    def sold(marginal: float) -> float:
        return float(consumers.demand(_monopoly_prices(consumers, marginal, least, most)).sum())

    if sold(unit_cost) <= capacity:
        return unit_cost
    buys = consumers.choke > 0
    ends = np.concatenate((least[buys], most[buys]))
    choke = np.tile(consumers.choke[buys], 2)
    points = ends**2 / choke if isinstance(consumers, LogConsumers) else 2 * ends - choke
    points = np.unique(np.concatenate(([unit_cost], points[points > unit_cost])))
    below, above = 0, points.size - 1
    while above - below > 1:
        middle = (below + above) // 2
        if sold(points[middle]) > capacity:
            below = middle
        else:
            above = middle
    inside = points[below] + (points[above] - points[below]) / 2
    return float(np.clip(_crossing(consumers, inside, least, most, capacity), points[below], points[above]))


def _crossing(
    consumers: LogConsumers | QuadConsumers,
    inside: float,
    least: FloatArray,
    most: FloatArray,
    capacity: float,
) -> float:
    """Marginal cost at which sales meet the capacity, by the formula that holds at the one `inside`."""
    prices = _monopoly_prices(consumers, inside, least, most)
    free = (least < prices) & (prices < most)
    left = capacity - float(consumers.demand(prices)[~free].sum())
    if not free.any():
        return np.inf
    if isinstance(consumers, LogConsumers):
        value, threshold = consumers.value[free], consumers.threshold[free]
        return float((np.sqrt(value * threshold).sum() / (left + threshold.sum())) ** 2)
    rate = 0.5 / consumers.slope[free]
    return float(((consumers.value[free] * rate).sum() - left) / rate.sum())
