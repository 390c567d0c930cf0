r"""A price for each miner of a contest: prices that make the strong pay more.

The leader sets p_i in (0, pmax], miners play the Nash equilibrium at unit costs p_i, and the leader earns
:math:`\sum_i (p_i - c) x_i`. A miner with share :math:`s_i > 0` has :math:`p_i X = V_i (1 - s_i)`, so the
leader may choose shares and the total instead:

.. math:: \max_{s, X} \sum_i V_i s_i (1 - s_i) - c X \quad \text{subject to} \quad
          \sum_i s_i = 1, \quad s_i \ge \max(0, 1 - p_{\max} X / V_i)

which is concave. With a multiplier lambda for the shares, miners in order of their prizes fall into three
runs: the strongest pay pmax (V >= 2 pmax X - lambda), the next have s = (1 - lambda / V) / 2, and those
with V <= lambda stay out. Both lambda (given X) and X (by the derivative in X, which falls) are found by
bisection over prefix sums, and polished by the 2 x 2 linear system that holds for the runs found.
"""

from dataclasses import dataclass

import numpy as np

from offchain.economics.contest import tullock_equilibrium
from offchain.economics.followers import FloatArray, column

_HALVINGS = 200


@dataclass(frozen=True, slots=True, eq=False)
class ContestPrices:
    """Prices (money per unit) and efforts (units), shape (n,); profit and revenue in money."""

    prices: FloatArray
    efforts: FloatArray
    profit: float
    revenue: float
    uniform_profit: float

    @property
    def total(self) -> float:
        """Units sold."""
        return float(self.efforts.sum())


def solve_contest_prices(prizes: FloatArray, unit_cost: float, highest_price: float) -> ContestPrices:
    """Find the best price for each miner; O(n log n).

    Parameters
    ----------
    prizes : ndarray, shape (n,), V_i, money
    unit_cost : float, c
    highest_price : float, pmax > 0

    Examples
    --------
    Two equal miners: nothing is gained over the highest price for both.

    >>> solve_contest_prices([100.0, 100.0], 0.5, 2.0).profit
    37.5
    """
    prizes = column("prizes", prizes)
    if not (0 < highest_price < np.inf and 0 <= unit_cost < np.inf):
        raise ValueError("the highest price must be positive and finite, the unit cost not negative")
    uniform = tullock_equilibrium(prizes, np.full(prizes.shape, highest_price)).total
    uniform_profit = (highest_price - unit_cost) * uniform
    if uniform == 0:
        prices = np.full(prizes.shape, highest_price)
        return ContestPrices(prices, np.zeros(prizes.shape), 0.0, 0.0, 0.0)
    game = _SharedPrize(np.sort(prizes[prizes > 0])[::-1], unit_cost, highest_price)
    total, multiplier = game.solve(uniform)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where(prizes > 0, (1.0 - multiplier / prizes) / 2, 0.0)
        bound = np.where(prizes > 0, 1.0 - highest_price * total / prizes, 0.0)
    shares = np.maximum(0.0, np.maximum(free, bound))
    prices = np.minimum(highest_price, prizes * (1.0 - shares) / total)
    efforts = shares * total
    revenue = float((prizes * shares * (1.0 - shares)).sum())
    return ContestPrices(prices, efforts, revenue - unit_cost * total, revenue, uniform_profit)


class _SharedPrize:
    """The concave program for prizes in descending order."""

    def __init__(self, prizes: FloatArray, unit_cost: float, highest_price: float) -> None:
        self._cost, self._cap = unit_cost, highest_price
        self._ascending = prizes[::-1].copy()
        self._inverse = np.concatenate(([0.0], np.cumsum(1.0 / prizes)))

    def solve(self, uniform_total: float) -> tuple[float, float]:
        """The optimal total X and the multiplier lambda of the shares."""
        low, high = uniform_total, 2 * uniform_total
        while self._gain(high) > self._cost:
            low, high = high, 2 * high
        for _ in range(_HALVINGS):
            middle = low + (high - low) / 2
            if not low < middle < high:
                break
            if self._gain(middle) > self._cost:
                low = middle
            else:
                high = middle
        return self._polish(low + (high - low) / 2)

    def _runs(self, total: float, multiplier: float) -> tuple[int, int]:
        """How many pay the highest price, and how many are active."""
        reach = self._cap * total
        size, bar = self._ascending.size, max(reach, 2 * reach - multiplier)
        capped = size - int(np.searchsorted(self._ascending, bar, side="left"))
        active = size - int(np.searchsorted(self._ascending, multiplier, side="right"))
        return capped, max(active, capped)

    def _share_sum(self, total: float, multiplier: float) -> float:
        capped, active = self._runs(total, multiplier)
        inverse = self._inverse
        free = (active - capped) - multiplier * (inverse[active] - inverse[capped])
        return float(capped - self._cap * total * inverse[capped] + free / 2)

    def _multiplier(self, total: float) -> float:
        low, high = 0.0, float(self._ascending[-1])
        for _ in range(_HALVINGS):
            middle = low + (high - low) / 2
            if not low < middle < high:
                break
            if self._share_sum(total, middle) > 1:
                low = middle
            else:
                high = middle
        return low + (high - low) / 2

    def _gain(self, total: float) -> float:
        """Derivative of the best revenue in the total: what loosening the highest price is worth."""
        multiplier = self._multiplier(total)
        capped, _ = self._runs(total, multiplier)
        # Each capped miner's bound has the multiplier lambda - V (1 - 2 s) = lambda + V - 2 pmax X.
        inverse = self._inverse[capped]
        return float(self._cap * (capped + (multiplier - 2 * self._cap * total) * inverse))

    def _polish(self, total: float) -> tuple[float, float]:
        """Solve the linear system of the runs at `total`, unless the solution leaves them."""
        multiplier = self._multiplier(total)
        capped, active = runs = self._runs(total, multiplier)
        strong, middle = self._inverse[capped], self._inverse[active] - self._inverse[capped]
        matrix = np.array([[-self._cap * strong, -middle / 2], [-2 * self._cap * strong, strong]])
        right = np.array([1 - capped - (active - capped) / 2, self._cost / self._cap - capped])
        if capped == 0 or np.linalg.matrix_rank(matrix) < 2:
            return total, multiplier
        polished, better = np.linalg.solve(matrix, right)
        return (
            (float(polished), float(better)) if self._runs(polished, better) == runs else (total, multiplier)
        )
