"""Best responses in integers: the exact rational demand, rounded down or up by less than one wei.

All quantities are WAD integers below 2**96. With a, k, d, B, p as integers, the logarithmic demand is

    x = min(d, 1e18 B / p, 1e18 (a k - 1e18 p) / (p k)),   nothing where a k <= 1e18 p or k = 0,

and the quadratic one is x = min(d, 1e18 (a - p) / b), nothing where a <= p. Each is one fraction of
products below 2**256, so a single division rounds it: `units_down` takes the floor, which is what a
contract sells, and `units_up` the ceiling, which no true demand exceeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from offchain.economics.followers import LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.wad import LARGEST, WAD, to_wad


class IntegerFollowers(Protocol):
    """Followers whose demand is known to the wei."""

    @property
    def size(self) -> int:
        """Number of followers."""
        ...

    def units_down(self, price: int) -> tuple[int, ...]:
        """Demand of each follower, rounded down."""
        ...

    def units_up(self, price: int) -> tuple[int, ...]:
        """Demand of each follower, rounded up."""
        ...

    def marginal_excess(self, index: int, price: int, units: int) -> int:
        """A number with the sign of one follower's marginal utility at `units` less the price."""
        ...

    def most(self, index: int, price: int) -> int:
        """What a follower may buy at most: its limit, or what its budget affords, rounded down."""
        ...


def floor_division(numerator: int, denominator: int) -> int:
    """Divide two integers that are not negative and round down."""
    return numerator // denominator


def ceiling_division(numerator: int, denominator: int) -> int:
    """Divide two integers that are not negative and round up."""
    return -(-numerator // denominator)


Division = Callable[[int, int], int]


def _check(columns: Sequence[tuple[int, ...]]) -> None:
    if len({len(column) for column in columns}) != 1:
        raise ValueError("columns differ in length")
    if any(not 0 <= number <= LARGEST for column in columns for number in column):
        raise ValueError("every number must be a WAD integer of at most 96 bits")


@dataclass(frozen=True, slots=True)
class IntegerLog:
    """Logarithmic consumers: values a, efficiencies k, limits d and budgets B, WAD.

    Examples
    --------
    A third of a unit has no last digit: a = 4, k = 1, p = 3.

    >>> one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))
    >>> one.units_down(3 * WAD), one.units_up(3 * WAD)
    ((333333333333333333,), (333333333333333334,))
    """

    value: tuple[int, ...]
    efficiency: tuple[int, ...]
    limit: tuple[int, ...]
    budget: tuple[int, ...]

    def __post_init__(self) -> None:
        _check((self.value, self.efficiency, self.limit, self.budget))

    @property
    def size(self) -> int:
        """Number of consumers."""
        return len(self.value)

    @classmethod
    def of(cls, consumers: LogConsumers) -> "IntegerLog":
        """Convert the floats; exact for at most 18 decimals."""
        budgets = consumers.budget
        spend = [float("inf")] * consumers.value.size if budgets is None else budgets.tolist()
        columns = (consumers.value.tolist(), consumers.efficiency.tolist(), consumers.caps.tolist(), spend)
        return cls(*(tuple(map(to_wad, column)) for column in columns))

    def units_down(self, price: int) -> tuple[int, ...]:
        """Demand of each consumer at a positive price, rounded down."""
        return self._units(price, floor_division)

    def units_up(self, price: int) -> tuple[int, ...]:
        """Demand of each consumer at a positive price, rounded up."""
        return self._units(price, ceiling_division)

    def marginal_excess(self, index: int, price: int, units: int) -> int:
        """Sign of a k / (1 + k x) - p: that of 1e18 a k - p (1e36 + k x)."""
        value, efficiency = self.value[index], self.efficiency[index]
        return WAD * value * efficiency - price * (WAD * WAD + efficiency * units)

    def most(self, index: int, price: int) -> int:
        """The limit, or what the budget affords if there is one."""
        if self.budget[index] == LARGEST:
            return self.limit[index]
        return min(self.limit[index], WAD * self.budget[index] // price)

    def _units(self, price: int, divide: Division) -> tuple[int, ...]:
        found = []
        for a, k, d, budget in zip(self.value, self.efficiency, self.limit, self.budget, strict=True):
            head = a * k - WAD * price
            if head <= 0:
                found.append(0)
                continue
            wanted = min(d, divide(WAD * head, price * k))
            found.append(wanted if budget == LARGEST else min(wanted, divide(WAD * budget, price)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class IntegerQuad:
    """Quadratic consumers: values a, slopes b > 0 and limits d, WAD."""

    value: tuple[int, ...]
    slope: tuple[int, ...]
    limit: tuple[int, ...]

    def __post_init__(self) -> None:
        _check((self.value, self.slope, self.limit))
        if 0 in self.slope:
            raise ValueError("slopes must be positive")

    @property
    def size(self) -> int:
        """Number of consumers."""
        return len(self.value)

    @classmethod
    def of(cls, consumers: QuadConsumers) -> "IntegerQuad":
        """Convert the floats; exact for at most 18 decimals."""
        columns = (consumers.value.tolist(), consumers.slope.tolist(), consumers.caps.tolist())
        return cls(*(tuple(map(to_wad, column)) for column in columns))

    def units_down(self, price: int) -> tuple[int, ...]:
        """Demand of each consumer, rounded down."""
        return self._units(price, floor_division)

    def units_up(self, price: int) -> tuple[int, ...]:
        """Demand of each consumer, rounded up."""
        return self._units(price, ceiling_division)

    def marginal_excess(self, index: int, price: int, units: int) -> int:
        """Sign of a - b x - p: that of 1e18 (a - p) - b x."""
        return WAD * (self.value[index] - price) - self.slope[index] * units

    def most(self, index: int, price: int) -> int:
        """The limit."""
        return self.limit[index]

    def _units(self, price: int, divide: Division) -> tuple[int, ...]:
        columns = zip(self.value, self.slope, self.limit, strict=True)
        return tuple(min(d, divide(WAD * max(a - price, 0), b)) for a, b, d in columns)


@dataclass(frozen=True, slots=True)
class IntegerTogether:
    """Followers of several kinds at one price; their columns are concatenated in the order given.

    Examples
    --------
    >>> log = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))
    >>> both = IntegerTogether((log, IntegerQuad((3 * WAD,), (2 * WAD,), (LARGEST,))))
    >>> both.units_down(2 * WAD)
    (1000000000000000000, 500000000000000000)
    """

    kinds: tuple[IntegerFollowers, ...]

    @property
    def size(self) -> int:
        """Number of followers."""
        return sum(kind.size for kind in self.kinds)

    def units_down(self, price: int) -> tuple[int, ...]:
        """Demand of each follower, rounded down."""
        return tuple(units for kind in self.kinds for units in kind.units_down(price))

    def units_up(self, price: int) -> tuple[int, ...]:
        """Demand of each follower, rounded up."""
        return tuple(units for kind in self.kinds for units in kind.units_up(price))

    def marginal_excess(self, index: int, price: int, units: int) -> int:
        """See the kind that the follower is of."""
        kind, place = self._find(index)
        return kind.marginal_excess(place, price, units)

    def most(self, index: int, price: int) -> int:
        """See the kind that the follower is of."""
        kind, place = self._find(index)
        return kind.most(place, price)

    def _find(self, index: int) -> tuple[IntegerFollowers, int]:
        for kind in self.kinds:
            if index < kind.size:
                return kind, index
            index -= kind.size
        raise IndexError("there are fewer followers")


def integer_followers(followers: PiecewiseFollowers) -> IntegerFollowers:
    """Convert logarithmic and quadratic consumers, together or alone; exact for at most 18 decimals.

    Raises
    ------
    ValueError
        If a kind has no integer demand.
    """
    if isinstance(followers, Together):
        return IntegerTogether(tuple(map(integer_followers, followers.kinds)))
    if isinstance(followers, LogConsumers):
        return IntegerLog.of(followers)
    if isinstance(followers, QuadConsumers):
        return IntegerQuad.of(followers)
    raise ValueError(f"{type(followers).__name__} have no integer demand")
