r"""Several leaders with capacities: the price that sells them out, and whether anybody gains by leaving it.

At the clearing price p0 demand equals the capacity of all leaders. Nobody gains by undercutting, because
all are sold out already. A leader that raises its price serves the residual demand
:math:`(D(p) - Q_{-j})^+` that is left when its rivals have sold out to those who value units most
(efficient rationing, Kreps and Scheinkman 1983). So p0 is a pure Nash equilibrium if no leader's best
residual price earns more than :math:`(p_0 - c_j) Q_j`.
"""

from dataclasses import dataclass

import numpy as np

from offchain.economics.followers import FloatArray, PiecewiseFollowers, column, same_length
from offchain.economics.groups import Residual
from offchain.economics.leader import SCARCITY_MARGIN, solve_leader
from offchain.economics.segments import aggregate, clearing_price

# A gain below this part of what is at stake is rounding.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Clearing:
    """The clearing price, and the best deviation of each leader, shape (j,): its gain and its price."""

    price: float
    gains: FloatArray
    deviation_prices: FloatArray

    @property
    def is_equilibrium(self) -> bool:
        """Whether no leader gains by raising its price."""
        return bool((self.gains == 0).all())


def solve_clearing(
    followers: PiecewiseFollowers, unit_costs: FloatArray, capacities: FloatArray, highest_price: float
) -> Clearing:
    """Find the clearing price and each leader's best deviation from it; O(j n log n).

    Parameters
    ----------
    followers : PiecewiseFollowers
    unit_costs, capacities : ndarray, shape (j,)
    highest_price : float, pmax

    Notes
    -----
    Where demand never reaches the capacity of all, the clearing price is zero; where it exceeds that
    capacity even at the highest price, it is the highest price and nobody can raise it.

    Examples
    --------
    One leader that is sold out at p0 = 1 but would rather sell less at a price of 2.

    >>> from offchain.economics.followers import LogConsumers
    >>> found = solve_clearing(LogConsumers([4.0], [1.0]), np.array([1.0]), np.array([3.0]), 10.0)
    >>> found.price, found.gains, found.deviation_prices
    (1.0, array([1.]), array([2.]))
    """
    costs, supplies = column("unit_costs", unit_costs), column("capacities", capacities)
    same_length(unit_costs=costs, capacities=supplies)
    if not 0 < highest_price < np.inf:
        raise ValueError(f"the highest price must be positive and finite, not {highest_price}")
    price = _price_for(followers, float(supplies.sum()), 0.0, highest_price)
    deviations = [
        _best_deviation(followers, price, highest_price, cost, supply, float(np.delete(supplies, j).sum()))
        for j, (cost, supply) in enumerate(zip(costs.tolist(), supplies.tolist(), strict=True))
    ]
    gains, prices = (np.array(numbers) for numbers in zip(*deviations, strict=True))
    return Clearing(price, gains, prices)


def _price_for(followers: PiecewiseFollowers, units: float, low: float, high: float) -> float:
    """Smallest price in [low, high] at which no more than `units` are wanted; `high` if there is none."""
    scale = 1.0 if followers.exponent == 1 else high
    return clearing_price(aggregate(followers, low, high, scale), followers, units)


def _best_deviation(
    followers: PiecewiseFollowers, start: float, high: float, cost: float, supply: float, rivals: float
) -> tuple[float, float]:
    """Gain and price of the best price above `start`, against selling out at `start`."""
    if float(followers.demand(start).sum()) <= rivals:
        return 0.0, start  # Rivals serve everybody: nothing is sold, here or above.
    end = _price_for(followers, rivals, start, high)
    best = solve_leader(Residual(followers, rivals), supply, cost, (start, end))
    stay = (start - cost) * _sells(followers, start, supply, rivals)
    earned = best.profit
    if float(followers.demand(high).sum()) <= rivals:
        earned = max(earned, 0.0)  # From `end` on nothing is left to sell, whatever rounding leaves there.
    gain = earned - stay
    stake = abs(best.revenue) + abs(stay) + cost * supply
    return (gain, best.price) if gain > _NOTHING * stake else (0.0, start)


def _sells(followers: PiecewiseFollowers, price: float, supply: float, rivals: float) -> float:
    """What a leader sells at the clearing price: all it has, unless there is too much at a price of zero."""
    wanted = float(followers.demand(price).sum())
    if wanted >= (supply + rivals) * (1 - SCARCITY_MARGIN):
        return supply
    return min(supply, max(wanted - rivals, 0.0))
