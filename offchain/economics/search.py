"""The leader's price for any demand that never rises: a search to within a stated tolerance.

Nothing is known of the demand but its values, so nothing is exact; the cover bound still makes it global.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

# Prices tried before the walk, each half as far from cost as the one before: a first step that is not tiny.
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A price and its profit; no price in the bounds earns more than (1 + tolerance) times that."""

    price: float
    profit: float
    tolerance: float
    points: tuple[float, ...]


def solve_any_demand(
    demand: Callable[[float], float],
    capacity: float,
    unit_cost: float,
    price_bounds: tuple[float, float],
    tolerance: float,
) -> SearchResult:
    r"""Walk a cover of the prices, improving the best price on the way.

    From the point p_j no price up to :math:`c + (1 + \varepsilon) \pi / \min(D(p_j), Q)` earns more than
    :math:`(1 + \varepsilon) \pi`, where pi is the best profit so far. Each step multiplies the distance
    from cost by at least :math:`1 + \varepsilon`, so the search ends after
    :math:`O(\ln((p_{\max} - c) / (p_1 - c)) / \varepsilon)` evaluations of the demand. Nothing is found
    of a demand that ends closer to cost than the price range times 2**-60.

    Parameters
    ----------
    demand : callable, total units wanted at a price; must not rise with the price, may jump down
    capacity : float, Q, units, infinity for none
    unit_cost : float, c
    price_bounds : (pmin, pmax)
    tolerance : float, epsilon > 0, relative

    Raises
    ------
    ValueError
        If the tolerance is not positive, the bounds are crossed, or unlimited demand meets no capacity.

    Examples
    --------
    Everybody buys one unit up to a price of 3, where demand jumps to nothing.

    >>> found = solve_any_demand(lambda p: 1.0 if p <= 3 else 0.0, math.inf, 1.0, (0.0, 10.0), 0.01)
    >>> 2.0 / 1.01 <= found.profit <= 2.0
    True
    """
    low, high = price_bounds
    if not (tolerance > 0 and 0 <= low <= high < math.inf and 0 <= unit_cost < math.inf):
        raise ValueError("need a positive tolerance, 0 <= pmin <= pmax and a cost that is not negative")

    def sales(price: float) -> float:
        return min(demand(price), capacity)

    def profit(price: float) -> float:
        return (price - unit_cost) * sales(price)

    start = max(low, unit_cost)
    if start >= high:
        return SearchResult(high, profit(high), tolerance, (high,))
    halved = (unit_cost + math.ldexp(high - unit_cost, -k) for k in range(_HALVINGS))
    best = max((start, *(price for price in halved if price >= start)), key=profit)
    best_profit, point, points = profit(best), start, []
    if best_profit <= 0:
        return SearchResult(start, 0.0, tolerance, (start,))
    while point < high:
        points.append(point)
        wanted = sales(point)
        if wanted <= 0:
            break
        if math.isinf(wanted):
            raise ValueError("demand is unlimited at the lowest price: raise pmin or limit the capacity")
        if (point - unit_cost) * wanted > best_profit:
            best, best_profit = point, (point - unit_cost) * wanted
        # Between neighbouring doubles there is no price to cover.
        point = max(unit_cost + (1 + tolerance) * best_profit / wanted, math.nextafter(point, math.inf))
    return SearchResult(best, best_profit, tolerance, tuple(points))
