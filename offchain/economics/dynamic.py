r"""Prices over time: a stock that is sold down, replenished, and worth more the scarcer it is.

In step t the leader posts p_t and sells x_t = D_t(p_t), but never more in total than what has arrived:

.. math:: \max \sum_t (p_t - c) x_t \quad \text{subject to} \quad
          \sum_{s \le t} x_s \le R_t = S + \sum_{s \le t} r_s \quad \text{for every } t

for an initial stock S and replenishments r_t (units kept from step to step; the paper's shrinking
resource is r = 0). With multipliers lambda_t >= 0 the steps separate: each is the one-step game at unit
cost c + mu_t, where :math:`\mu_t = \sum_{s \ge t} \lambda_s` is what a unit is worth to the future, and

.. math:: L(\lambda) = \sum_t \max_p (p - c - \mu_t) D_t(p) + \sum_t \lambda_t R_t

is an upper bound of what any policy earns, including those that know everything. L is convex, and the
demand at each step's optimum gives its slope; Kelley's cutting planes minimise it. Profit is not concave
in the price, so the bound may stay above the best policy; what is claimed of a policy is its distance
from the bound.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog  # type: ignore[import-untyped]

from offchain.economics.followers import FloatArray, PiecewiseFollowers
from offchain.economics.leader import solve_leader

_CUTS = 200

# The price of a step, from the step and the stock before it is sold.
PriceRule = Callable[[int, float], float]


@dataclass(frozen=True, slots=True, eq=False)
class DynamicGame:
    """Followers of each step, initial stock and replenishments (units), unit cost and price bounds.

    `replenishment[t]` arrives before step t is sold; the first adds to the stock at once.
    """

    steps: tuple[PiecewiseFollowers, ...]
    stock: float
    replenishment: FloatArray
    unit_cost: float
    price_bounds: tuple[float, float]

    def __post_init__(self) -> None:
        arrivals = np.asarray(self.replenishment, dtype=np.float64)
        if not self.steps or arrivals.shape != (len(self.steps),):
            raise ValueError("need at least one step and one replenishment for each")
        if not (arrivals >= 0).all() or not 0 <= self.stock < np.inf:
            raise ValueError("stock and replenishments must not be negative or NaN")
        object.__setattr__(self, "replenishment", arrivals)

    @property
    def supply(self) -> FloatArray:
        """Units that have arrived up to each step, R_t, shape (T,)."""
        return np.asarray(self.stock + np.cumsum(self.replenishment))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Worth mu_t of a unit in each step, shape (T,), and the bound that it proves, money."""

    worth: FloatArray
    bound: float


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Prices posted, units sold and what is left after each step, shape (T,); profit in money."""

    prices: FloatArray
    sold: FloatArray
    left: FloatArray
    profit: float


def plan(game: DynamicGame, tolerance: float = 1e-9) -> Plan:
    """Minimise the bound over the worth of units by cutting planes.

    Parameters
    ----------
    tolerance : float, relative distance to the smallest bound at which to stop

    Examples
    --------
    One consumer a = 4, k = 1 in each of two steps, and one unit in all. Half a unit sells at 8 / 3, where
    revenue rises by a k / (1 + k x)**2 = 16 / 9 a unit; that less the cost is what a unit is worth.

    >>> from offchain.economics.followers import LogConsumers
    >>> one = LogConsumers([4.0], [1.0])
    >>> found = plan(DynamicGame((one, one), 1.0, np.zeros(2), 1.0, (0.1, 10.0)))
    >>> found.worth.round(3), round(found.bound, 6)
    (array([0.778, 0.778]), 1.666667)
    """
    steps, supply = len(game.steps), game.supply
    arrived = np.diff(supply, prepend=0.0)
    margin = max(game.price_bounds[1] - game.unit_cost, 0.0)
    best = Plan(np.zeros(steps), np.inf)
    worth = np.zeros(steps)
    cuts: list[tuple[FloatArray, FloatArray]] = []
    for _ in range(_CUTS):
        solved = [_step(game, t, worth[t]) for t in range(steps)]
        profits, units = (np.array(numbers) for numbers in zip(*solved, strict=True))
        # L in terms of mu: lambda_t = mu_t - mu_{t+1}, so the supply enters by what arrives at t.
        value = float(profits.sum() + (worth * arrived).sum())
        if value < best.bound:
            best = Plan(worth, value)
        cuts.append((profits + units * worth, units))
        worth, lower = _lowest(cuts, arrived, margin)
        if best.bound - lower <= tolerance * abs(best.bound):
            break
    return best


def _step(game: DynamicGame, t: int, worth: float) -> tuple[float, float]:
    """Best profit of one step at unit cost c + worth, not less than nothing, and the units it sells."""
    solution = solve_leader(game.steps[t], np.inf, game.unit_cost + worth, game.price_bounds)
    # A leader that loses on every unit at the highest price may also sell nothing.
    return (solution.profit, solution.sold) if solution.profit > 0 else (0.0, 0.0)


def _lowest(
    cuts: list[tuple[FloatArray, FloatArray]], arrived: FloatArray, margin: float
) -> tuple[FloatArray, float]:
    """Minimise the cutting planes: variables mu (non-increasing, in [0, margin]) and one value per step."""
    steps = arrived.size
    rows, right = [], []
    for heights, units in cuts:
        for t in range(steps):
            # value_t >= height - units * mu_t
            row = np.zeros(2 * steps)
            row[t], row[steps + t] = -units[t], -1.0
            rows.append(row)
            right.append(-heights[t])
    for t in range(steps - 1):
        row = np.zeros(2 * steps)
        row[t], row[t + 1] = -1.0, 1.0
        rows.append(row)
        right.append(0.0)
    limits = [(0.0, margin)] * steps + [(0.0, None)] * steps
    found = linprog(np.concatenate((arrived, np.ones(steps))), np.array(rows), np.array(right), bounds=limits)
    if not found.success:
        raise RuntimeError(f"the bound could not be minimised: {found.message}")
    return np.asarray(found.x[:steps]), float(found.fun)


def run_with_worth(game: DynamicGame, worth: FloatArray) -> Run:
    """Post in each step the best price at unit cost c + mu_t for what is in stock."""

    def price(t: int, stock: float) -> float:
        cost = game.unit_cost + float(worth[t])
        return solve_leader(game.steps[t], stock, cost, game.price_bounds).price

    return _run(game, price)


def run_replanned(game: DynamicGame) -> Run:
    """Plan anew before each step, with what is in stock then: for steps that turn out differently."""

    def price(t: int, stock: float) -> float:
        arrivals = np.concatenate(([0.0], game.replenishment[t + 1 :]))
        rest = DynamicGame(game.steps[t:], stock, arrivals, game.unit_cost, game.price_bounds)
        cost = game.unit_cost + float(plan(rest, 1e-6).worth[0])
        return solve_leader(game.steps[t], stock, cost, game.price_bounds).price

    return _run(game, price)


def run_myopic(game: DynamicGame) -> Run:
    """Maximise each step's own profit, as if no step followed."""
    return run_with_worth(game, np.zeros(len(game.steps)))


def _run(game: DynamicGame, price_of: PriceRule) -> Run:
    stock, prices, sold, left = game.stock, [], [], []
    for t, followers in enumerate(game.steps):
        stock += float(game.replenishment[t])
        price = price_of(t, stock)
        units = min(float(followers.demand(price).sum()), stock)
        stock -= units
        prices.append(price)
        sold.append(units)
        left.append(stock)
    profit = float(((np.array(prices) - game.unit_cost) * np.array(sold)).sum())
    return Run(np.array(prices), np.array(sold), np.array(left), profit)
