r"""The leader's price for a contest whose miners have an outside option.

Miner i can supply itself at unit cost h_i. It buys from the leader if p <= h_i, so its unit cost is
min(p, h_i), and the leader sells only to those who buy. Profit jumps down just above each h_i, which is
where a buyer leaves; a tie goes to the leader, so the supremum is attained.

As the price rises the contest's total X never rises and p X never falls. So each miner leaves the
leader at most once (at its h_i), is priced out at most once while it buys (p X = V_i), and comes back at
most once while it supplies itself (X = V_i / h_i): at most 3 n events, between which

.. math:: X = \frac{m - 1}{p S + H}, \quad
          \text{sold} = X (b - p X S), \quad S = \sum_{\text{buyers}} 1 / V_i, \quad
          H = \sum_{\text{others}} h_i / V_i

for m active miners of whom b buy. The derivative of the profit has the sign of a linear function of the
price there, so one stationary point at most competes with the ends of the piece.
"""

import heapq
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from offchain.economics.contest import Contest, tullock_equilibrium
from offchain.economics.followers import FloatArray, bounds, column, same_length

# The running sums are compensated, so that profits are good to about 1e-15; the best few are summed afresh.
_FINALISTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class OutsideSolution:
    """The optimal price; money, units, and for each miner whether it buys from the leader."""

    price: float
    profit: float
    revenue: float
    sold: float
    contest: Contest
    buys: NDArray[np.bool_]


def solve_outside(
    prizes: FloatArray, outside_costs: FloatArray, unit_cost: float, price_bounds: tuple[float, float]
) -> OutsideSolution:
    """Find the price that maximises (p - c) times the units sold to those who buy; O(n log n).

    Parameters
    ----------
    prizes : ndarray, shape (n,), V_i, money
    outside_costs : ndarray, shape (n,), h_i > 0, money per unit, infinity for no outside option
    unit_cost : float, c
    price_bounds : (pmin, pmax), pmax > 0

    Examples
    --------
    With nobody able to leave, the highest price is best.

    >>> solve_outside([100.0, 100.0], [9.0, 9.0], 0.5, (0.5, 2.0)).price
    2.0
    """
    prizes, costs = column("prizes", prizes), bounds("outside_costs", outside_costs)
    same_length(prizes=prizes, outside_costs=costs)
    low, high = price_bounds
    if not (0 <= low <= high < np.inf and high > 0 and unit_cost >= 0 and (costs > 0).all()):
        raise ValueError("prices must satisfy 0 <= pmin <= pmax, pmax > 0; outside costs must be positive")
    rated = [(piece.profit(p, unit_cost), p) for piece in _pieces(prizes, costs, low, high)
             for p in piece.candidates(unit_cost)]  # fmt: skip
    finalists = sorted(rated, key=lambda pair: -pair[0])[:_FINALISTS]
    solutions = (settle_outside(prizes, costs, unit_cost, price) for _, price in finalists)
    return max(solutions, key=lambda solution: solution.profit)


def settle_outside(
    prizes: FloatArray, outside_costs: FloatArray, unit_cost: float, price: float
) -> OutsideSolution:
    """Work out what one price leads to."""
    contest = tullock_equilibrium(prizes, np.minimum(price, outside_costs))
    buys = price <= outside_costs
    sold = float(contest.efforts[buys].sum())
    return OutsideSolution(price, (price - unit_cost) * sold, price * sold, sold, contest, buys)


class _Piece(NamedTuple):
    """Prices [low, high] at which the same miners are active and the same of them buy."""

    low: float
    high: float
    active: int
    buyers: int
    buyer_sum: float
    other_sum: float

    def profit(self, price: float, unit_cost: float) -> float:
        spread = price * self.buyer_sum + self.other_sum
        if not spread > 0:
            return 0.0
        total = (self.active - 1) / spread
        return (price - unit_cost) * total * (self.buyers - price * total * self.buyer_sum)

    def candidates(self, unit_cost: float) -> tuple[float, ...]:
        """The right end, and the stationary point if it is inside.

        Profit is proportional to (p - c)(u + v p) / (S p + H)**2 with u = b H and v = (b - m + 1) S.
        """
        s, h = self.buyer_sum, self.other_sum
        u, v = self.buyers * h, (self.buyers - self.active + 1) * s
        slope, constant = 2 * v * h - s * (u - unit_cost * v), (u - unit_cost * v) * h + 2 * s * unit_cost * u
        if slope >= 0 or not self.low < (stationary := constant / -slope) < self.high:
            return (self.low, self.high)
        return (stationary, self.high)


class _Sum:
    """A running sum with its rounding error carried along (Neumaier 1974)."""

    def __init__(self) -> None:
        self._sum, self._error = 0.0, 0.0

    def add(self, term: float) -> None:
        total = self._sum + term
        larger, smaller = (self._sum, term) if abs(self._sum) >= abs(term) else (term, self._sum)
        self._error += (larger - total) + smaller
        self._sum = total

    @property
    def value(self) -> float:
        return self._sum + self._error


def _pieces(prizes: FloatArray, costs: FloatArray, low: float, high: float) -> list[_Piece]:
    """Sweep the price upwards from event to event."""
    # Up to the lowest outside cost everybody buys and the spend is constant, so raising the price pays.
    start = max(low, min(float(costs.min()), high))
    sweep = _Sweep(prizes, costs, start)
    pieces, price = [], start
    while price < high:
        following = min(max(sweep.next_event(), price), high)
        pieces.append(sweep.piece(price, following))
        price = following
        if price < high:
            sweep.advance()
    return pieces or [sweep.piece(start, high)]


class _Sweep:
    """Who is active and who buys, as the price rises."""

    def __init__(self, prizes: FloatArray, costs: FloatArray, price: float) -> None:
        self._prizes, self._costs = prizes.tolist(), costs.tolist()
        self._active = (tullock_equilibrium(prizes, np.minimum(price, costs)).efforts > 0).tolist()
        self._buys = (price <= costs).tolist()
        self._buyer_sum, self._other_sum = _Sum(), _Sum()
        self._count, self._buyers = sum(self._active), 0
        indices = np.flatnonzero(prizes > 0).tolist()
        self._leaving = [i for i in sorted(indices, key=self._costs.__getitem__) if self._buys[i]][::-1]
        self._pricing_out = [i for i in sorted(indices, key=self._prizes.__getitem__) if self._buys[i]][::-1]
        self._waiting: list[tuple[float, int]] = []
        for i in indices:
            if self._active[i]:
                self._count_in(i, 1)
            elif not self._buys[i]:
                heapq.heappush(self._waiting, (self._costs[i] / self._prizes[i], i))

    def piece(self, low: float, high: float) -> _Piece:
        sums = self._buyer_sum.value, self._other_sum.value
        return _Piece(low, high, self._count, self._buyers, *sums)

    def next_event(self) -> float:
        return min(self._leave_price(), self._exit_price(), self._entry_price())

    def advance(self) -> None:
        leave, out, back = self._leave_price(), self._exit_price(), self._entry_price()
        if leave <= min(out, back):
            i = self._leaving.pop()
            if self._active[i]:
                self._count_in(i, -1)
            self._buys[i] = False
            if self._active[i]:
                self._count_in(i, 1)
            else:
                heapq.heappush(self._waiting, (self._costs[i] / self._prizes[i], i))
        elif out <= back:
            i = self._pricing_out.pop()
            self._count_in(i, -1)
            self._active[i] = False
            self._count -= 1
        else:
            _, i = heapq.heappop(self._waiting)
            self._active[i] = True
            self._count += 1
            self._count_in(i, 1)

    def _count_in(self, i: int, sign: int) -> None:
        if self._buys[i]:
            self._buyers += sign
            self._buyer_sum.add(sign / self._prizes[i])
        else:
            self._other_sum.add(sign * self._costs[i] / self._prizes[i])

    def _leave_price(self) -> float:
        return self._costs[self._leaving[-1]] if self._leaving else np.inf

    def _exit_price(self) -> float:
        """Price at which p X reaches the smallest prize among the active buyers."""
        while self._pricing_out and not (
            self._buys[self._pricing_out[-1]] and self._active[self._pricing_out[-1]]
        ):
            self._pricing_out.pop()
        if not self._pricing_out:
            return np.inf
        prize = self._prizes[self._pricing_out[-1]]
        room = (self._count - 1) - prize * self._buyer_sum.value
        return prize * self._other_sum.value / room if room > 0 else np.inf

    def _entry_price(self) -> float:
        """Price at which X falls to the largest V / h among the inactive who supply themselves."""
        if not self._waiting or self._buyers == 0:
            return np.inf
        ratio = self._waiting[0][0]
        return float(((self._count - 1) * ratio - self._other_sum.value) / self._buyer_sum.value)
