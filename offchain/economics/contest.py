r"""The mining contest: a prize is shared in proportion to effort, and effort costs money.

Miner i maximises :math:`V_i x_i / X - c_i x_i` over :math:`0 \le x_i \le d_i`, with :math:`X = \sum_j x_j`
(Tullock 1980). The Nash equilibrium is unique (Szidarovszky and Okuguchi 1997) and comes from the share
function :math:`s_i(X) = \min(d_i / X, \max(0, 1 - c_i X / V_i))`, which never rises: the equilibrium is
the X at which shares add up to one (Cornes and Hartley 2005). Best-response iteration can cycle, and the
formula that takes everybody to be active goes negative.

A lone miner has no equilibrium, because the smallest effort wins the whole prize: it buys nothing, and
its share is counted as nothing.
"""

from dataclasses import dataclass

import numpy as np

from offchain.economics.followers import Change, Coefficients, FloatArray, bounds, column, same_length


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Efforts at the Nash equilibrium, shape (n,), units, and their total."""

    prizes: FloatArray
    unit_costs: FloatArray
    efforts: FloatArray
    total: float

    @property
    def utilities(self) -> FloatArray:
        """Utility V x / X - c x of each miner, shape (n,), money."""
        if self.total == 0:
            return np.zeros(self.efforts.shape)
        return np.asarray(self.prizes * (self.efforts / self.total) - self.unit_costs * self.efforts)


def tullock_equilibrium(
    prizes: FloatArray, unit_costs: FloatArray, limits: FloatArray | None = None
) -> Contest:
    """Find the Nash equilibrium of the contest in O(n log n).

    Parameters
    ----------
    prizes : ndarray, shape (n,), V_i >= 0, money
    unit_costs : ndarray, shape (n,), c_i > 0, money per unit
    limits : ndarray, shape (n,), d_i, units, infinity for none; without limits if omitted

    Examples
    --------
    Two equal miners with V = 100 and a unit cost of 2 spend a quarter of a prize each.

    >>> tullock_equilibrium(np.array([100.0, 100.0]), np.array([2.0, 2.0])).efforts
    array([12.5, 12.5])
    """
    limits = np.full(prizes.shape, np.inf) if limits is None else limits
    rivals = (prizes > 0) & (limits > 0)
    if np.count_nonzero(rivals) < 2:
        return Contest(prizes, unit_costs, np.zeros(prizes.shape), 0.0)
    ratios, caps = unit_costs[rivals] / prizes[rivals], limits[rivals]
    total = _uncapped_total(ratios) if np.isinf(caps).all() else _capped_total(ratios, caps)
    efforts = np.zeros(prizes.shape)
    efforts[rivals] = _efforts(total, ratios, caps)
    return Contest(prizes, unit_costs, efforts, total)


def active_threshold(ratios: FloatArray) -> tuple[int, float]:
    """Count the active miners, those with the smallest c / V, and sum their c / V.

    The n-th is active if c_n / V_n < 1 / X_n, where X_n = (n - 1) / sum of the n smallest ratios.
    """
    ordered = np.sort(ratios)
    sums = np.cumsum(ordered)
    # Rounding must not turn two miners, who are always both active, into one.
    active = max(int(np.count_nonzero(ordered * np.arange(ratios.size) < sums)), min(ratios.size, 2))
    return active, float(ordered[:active].sum())


def _uncapped_total(ratios: FloatArray) -> float:
    active, ratio_sum = active_threshold(ratios)
    return (active - 1) / ratio_sum


def _efforts(total: float, ratios: FloatArray, caps: FloatArray) -> FloatArray:
    return np.minimum(caps, total * np.maximum(0.0, 1.0 - ratios * total))


def _capped_total(ratios: FloatArray, caps: FloatArray) -> float:
    """Search the breakpoints of the share functions for the piece on which shares add up to one."""
    # A cap d binds between the roots of d / X = 1 - r X, if there are any.
    reach = np.sqrt(
        np.maximum(1.0 - 4.0 * ratios * caps, 0.0, where=np.isfinite(caps), out=np.zeros(caps.shape))
    )
    binds = np.isfinite(caps) & (4.0 * ratios * caps < 1.0)
    first, last = 2.0 * caps[binds] / (1.0 + reach[binds]), (1.0 + reach[binds]) / (2.0 * ratios[binds])
    points = np.unique(np.concatenate((first, last, 1.0 / ratios)))
    below, above = -1, points.size - 1
    while above - below > 1:
        middle = (below + above) // 2
        if _efforts(points[middle], ratios, caps).sum() >= points[middle]:
            below = middle
        else:
            above = middle
    lower, upper = (points[below] if below >= 0 else 0.0), points[above]
    inside = lower + (upper - lower) / 2
    wanted = inside * (1.0 - ratios * inside)
    free, full = (wanted > 0) & (wanted < caps), (wanted > 0) & (wanted >= caps)
    return float(np.clip(_total_on_piece(ratios[free], caps[full]), lower, upper))


def _total_on_piece(free: FloatArray, full: FloatArray) -> float:
    """Positive root of R X**2 - (m - 1) X - K = 0 for m free miners, R their ratios, K the limits reached."""
    if not free.size:
        return float(full.sum())
    surplus, product = free.size - 1, 4.0 * float(free.sum()) * float(full.sum())
    return float((surplus + np.sqrt(surplus**2 + product)) / (2.0 * free.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Miners:
    """Miners without limits as followers at one price: together they spend y, whatever the price.

    At price p the contest has X = y / p with y = (n - 1) / sum of 1 / V over the n active miners, who are
    the same at every price.

    Parameters
    ----------
    prize : ndarray, shape (n,), V_i, money

    Examples
    --------
    >>> Miners([100.0, 100.0]).demand(2.0)
    array([12.5, 12.5])
    """

    prize: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "prize", column("prize", self.prize))

    @property
    def size(self) -> int:
        """Number of followers."""
        return int(self.prize.size)

    @property
    def exponent(self) -> float:
        """A constant spend falls with the first power of the price, in units."""
        return 1.0

    def equilibrium(self, price: float) -> Contest:
        """The contest at one price."""
        return tullock_equilibrium(self.prize, np.full(self.prize.shape, price))

    def spend(self) -> float:
        """What all miners together spend at any price, money."""
        return self.equilibrium(1.0).total

    def demand(self, price: float) -> FloatArray:
        """Efforts bought, shape (n,), units; unlimited at price zero."""
        if price == 0:
            return np.where(self.equilibrium(1.0).efforts > 0, np.inf, 0.0)
        return self.equilibrium(price).efforts

    def utility(self, price: float, units: FloatArray) -> FloatArray:
        """Utility V x / X - p x of each miner when all buy `units`, shape (n,), money."""
        total = float(units.sum())
        return np.asarray(self.prize * (units / total if total > 0 else 0.0) - price * units)

    def breakpoints(self) -> FloatArray:
        """None: the formula is the same at every price."""
        return np.empty(0)

    def coefficients(self, price: float, scale: float) -> Coefficients:
        """The spend is the whole demand."""
        return Coefficients(self.spend() / scale, 0.0, 0.0)

    def changes(self, scale: float) -> tuple[Change, ...]:
        """None."""
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class ContestSolution:
    """A leader's single price for a contest and what follows from it; money, and units for `contest`."""

    price: float
    revenue: float
    profit: float
    contest: Contest
    capped: int


def solve_contest_leader(
    prizes: FloatArray, limits: FloatArray, unit_cost: float, highest_price: float
) -> ContestSolution:
    """Price a contest whose miners cannot buy elsewhere: the highest price is optimal.

    Miners' total spend p X(p) never falls and X(p) never rises with the price, so (p - c) X(p) never
    falls.

    Examples
    --------
    >>> solve_contest_leader([100.0, 100.0], [np.inf, np.inf], 0.5, 2.0).profit
    37.5
    """
    prizes, limits = column("prizes", prizes), bounds("limits", limits)
    same_length(prizes=prizes, limits=limits)
    if not (highest_price > 0 and unit_cost >= 0):
        raise ValueError("the highest price must be positive and the unit cost not negative")
    contest = tullock_equilibrium(prizes, np.full(prizes.shape, highest_price), limits)
    capped = int(np.count_nonzero((contest.efforts >= limits) & (contest.efforts > 0)))
    revenue = highest_price * contest.total
    return ContestSolution(highest_price, revenue, revenue - unit_cost * contest.total, contest, capped)
