r"""The cover certificate: a proof in integers that no price earns much more than the posted one.

Demand never rises with the price. So if :math:`p_0 = \max(p_{\min}, c)` and

.. math:: p_{j+1} = c + (1 + \varepsilon) \frac{\pi}{\min(D(p_j), Q)}

then no price in :math:`[p_j, p_{j+1}]` earns more than :math:`(1 + \varepsilon) \pi`: it is at most
:math:`p_{j+1}` and sells at most :math:`\min(D(p_j), Q)`. Walked past pmax, the posted price with profit
pi is proved; at a step that does not advance, :math:`p_j` itself earns at least
:math:`(1 + \varepsilon) \pi` and refutes it. The walk needs the posted price and nothing else, so a
contract can do it alone.

**The arithmetic, to be repeated bit for bit.** Prices p, c, pmin, pmax, the tolerance e, the capacity Q
and all parameters of the followers are WAD integers below 2**96.

1. *Posted profit, rounded down.* ``S = min(sum of units_down(p), Q)`` and ``profit = (p - c) * S``, which
   carries 36 decimals and is not rounded. Each follower's demand is rounded down by less than one wei.
2. *Sales at a point, rounded up.* ``U = min(sum of units_up(p_j), Q)``. If U = 0, nobody buys from p_j
   on, and the price is proved.
3. *The step, rounded down.* ``p_{j+1} = c + ((1e18 + e) * profit) // (1e18 * U)``. The numerator is below
   2**96 * 2**96 * 2**61 = 2**253.
4. If ``p_{j+1} <= p_j``, the walk stops at p_j; if ``p_{j+1} >= pmax``, the price is proved.

**Why a bad price can never pass.** Let pi be the true profit of the posted price, with demand in real
numbers. Rounding 1 gives profit <= pi. Rounding 2 gives U >= the true sales at p_j, and so, demand being
non-increasing, U >= the true sales at any price from p_j on. Rounding 3 gives
(p_{j+1} - c) * U <= (1 + e) * profit. Hence every price in [p_j, p_{j+1}] truly earns at most
(p_{j+1} - c) * U <= (1 + e) * pi. All three roundings err to the side of shorter steps: they can refuse a
good price, never pass a bad one. And a good price is refused only if e * pi is smaller than what the
roundings can take away, about one wei for each follower and one wei of price for each unit sold.

Zero profit proves nothing unless nobody buys at p_0. A better price is then looked for by halving the
distance from pmax to c.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from offchain.economics.integer import IntegerFollowers, integer_followers
from offchain.economics.leader import LeaderGame
from offchain.economics.wad import LARGEST, WAD, to_wad

# At a tolerance of a millionth a cover of a range of prices of 1 : 1e12 has 28 million points; no contract
# walks that far, and neither does a verifier who has better things to do.
MOST_POINTS = 100_000


class Verdict(Enum):
    """What a walk found out about a posted price."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"  # the tolerance is finer than the roundings, or needs too many points


@dataclass(frozen=True, slots=True)
class IntegerGame:
    """One leader's game in WAD integers.

    Raises
    ------
    ValueError
        If the cap is not above cost, so that no price earns anything, or a number exceeds 96 bits.
    """

    followers: IntegerFollowers
    capacity: int
    unit_cost: int
    price_floor: int
    price_cap: int

    def __post_init__(self) -> None:
        numbers = (self.capacity, self.unit_cost, self.price_floor, self.price_cap)
        if any(not 0 <= number <= LARGEST for number in numbers):
            raise ValueError("every number must be a WAD integer of at most 96 bits")
        if not (self.price_floor <= self.price_cap and self.unit_cost < self.price_cap):
            raise ValueError("no cover: the price cap must be above the unit cost and not below the floor")

    @classmethod
    def of(cls, game: LeaderGame) -> "IntegerGame":
        """Convert a game of logarithmic and quadratic consumers; exact for at most 18 decimals."""
        low, high = game.price_bounds
        return cls(
            integer_followers(game.followers), *map(to_wad, (game.capacity, game.unit_cost, low, high))
        )

    @property
    def start(self) -> int:
        """Where the cover begins: below, nobody earns anything. At least one wei."""
        return max(self.price_floor, self.unit_cost, 1)

    def profit_down(self, price: int) -> int:
        """Profit with 36 decimals, never more than the true one."""
        return (price - self.unit_cost) * min(sum(self.followers.units_down(price)), self.capacity)

    def profit_up(self, price: int) -> int:
        """Profit with 36 decimals, never less than the true one."""
        return (price - self.unit_cost) * self.sales_up(price)

    def sales_up(self, price: int) -> int:
        """Units sold, never less than the true number."""
        return min(sum(self.followers.units_up(price)), self.capacity)


@dataclass(frozen=True, slots=True)
class Cover:
    """The walk for one posted price: its points, and a price that earns more, if it was refuted."""

    price: int
    tolerance: int
    points: tuple[int, ...]
    verdict: Verdict
    better_price: int | None = None


def walk_cover(game: IntegerGame, price: int, tolerance: int) -> Cover:
    """Walk the cover for a posted price; all arguments WAD.

    Raises
    ------
    ValueError
        If the price is outside the bounds or below cost, or the tolerance is not in (0, 1).

    Examples
    --------
    One consumer with a = 4 and k = 1, and a cost of 1: the best price is 2, and 3 is not good enough.

    >>> from offchain.economics.integer import IntegerLog
    >>> one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))
    >>> game = IntegerGame(one, LARGEST, WAD, WAD // 10, 10 * WAD)
    >>> walk_cover(game, 2 * WAD, WAD // 100).verdict
    <Verdict.PROVED: 'proved'>
    >>> refuted = walk_cover(game, 3 * WAD, WAD // 100)
    >>> refuted.verdict, game.profit_down(refuted.better_price) > game.profit_up(3 * WAD)
    (<Verdict.REFUTED: 'refuted'>, True)
    """
    if not game.start <= price <= game.price_cap:
        raise ValueError("the posted price must be within the bounds and not below cost")
    if not 0 < tolerance < WAD:
        raise ValueError("the tolerance must be between 0 and 1")
    reach = (WAD + tolerance) * game.profit_down(price)
    point, points = game.start, [game.start]
    while point < game.price_cap and (sales := game.sales_up(point)) > 0:
        following = game.unit_cost + reach // (WAD * sales)
        if following <= point:
            return _stopped(game, price, tolerance, tuple(points))
        if len(points) == MOST_POINTS:
            return Cover(price, tolerance, tuple(points), Verdict.UNDECIDED)
        point = following
        points.append(point)
    return Cover(price, tolerance, tuple(points), Verdict.PROVED)


def verify_cover(game: IntegerGame, cover: Cover) -> bool:
    """Check a proof by its points alone, by multiplication: each step short enough, and none missing."""
    points = cover.points
    if not points or points[0] > game.start or not game.start <= cover.price <= game.price_cap:
        return False
    reach = (WAD + cover.tolerance) * game.profit_down(cover.price)
    for point, following in pairwise(points):
        if (following - game.unit_cost) * WAD * game.sales_up(max(point, game.start)) > reach:
            return False
    return points[-1] >= game.price_cap or game.sales_up(max(points[-1], game.start)) == 0


def _stopped(game: IntegerGame, price: int, tolerance: int, points: tuple[int, ...]) -> Cover:
    """The last point does not advance: it refutes the price if it earns more, all roundings considered."""
    posted, candidates = game.profit_up(price), [points[-1]]
    if game.profit_down(price) == 0:
        width = game.price_cap - game.unit_cost
        halved = (game.unit_cost + (width >> shift) for shift in range(width.bit_length()))
        candidates += [candidate for candidate in halved if candidate >= game.start]
    for candidate in candidates:
        if game.profit_down(candidate) > posted:
            return Cover(price, tolerance, points, Verdict.REFUTED, candidate)
    return Cover(price, tolerance, points, Verdict.UNDECIDED)
