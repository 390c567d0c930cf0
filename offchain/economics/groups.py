"""Groups: several kinds of followers who face one price, and rivals who already serve some of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offchain.economics.followers import (
    Change,
    Coefficients,
    FloatArray,
    LogConsumers,
    PiecewiseFollowers,
    QuadConsumers,
)
from offchain.economics.power import PowerConsumers


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Followers of several kinds at one price; their columns are concatenated in the order given.

    Raises
    ------
    ValueError
        If the kinds fall with different powers of the price, so that their sum has no closed form.

    Examples
    --------
    >>> from offchain.economics.followers import LogConsumers, QuadConsumers
    >>> both = Together((LogConsumers([4.0], [1.0]), QuadConsumers([3.0], [2.0])))
    >>> both.demand(2.0)
    array([1. , 0.5])
    """

    kinds: tuple[PiecewiseFollowers, ...]

    def __post_init__(self) -> None:
        if len({kind.exponent for kind in self.kinds}) != 1:
            raise ValueError("kinds must fall with the same power of the price")

    @property
    def size(self) -> int:
        """Number of followers."""
        return sum(kind.size for kind in self.kinds)

    @property
    def exponent(self) -> float:
        """The power of the inverse price that all kinds share."""
        return self.kinds[0].exponent

    def demand(self, price: float) -> FloatArray:
        """Best responses of all kinds, concatenated, units."""
        return np.concatenate([kind.demand(price) for kind in self.kinds])

    def utility(self, price: float, units: FloatArray) -> FloatArray:
        """Utilities of all kinds, concatenated, money."""
        found, first = [], 0
        for kind in self.kinds:
            size = kind.demand(price).size
            found.append(kind.utility(price, units[first : first + size]))
            first += size
        return np.concatenate(found)

    def breakpoints(self) -> FloatArray:
        """Breakpoints of all kinds."""
        return np.asarray(np.unique(np.concatenate([kind.breakpoints() for kind in self.kinds])))

    def coefficients(self, price: float, scale: float) -> Coefficients:
        """Sum the coefficients of all kinds."""
        columns = zip(*(kind.coefficients(price, scale) for kind in self.kinds), strict=True)
        return Coefficients(*(sum(numbers) for numbers in columns))

    def changes(self, scale: float) -> tuple[Change, ...]:
        """List the changes of all kinds."""
        return tuple(change for kind in self.kinds for change in kind.changes(scale))


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """What is left of the followers' demand when rivals serve `taken` units of it first.

    Efficient rationing: rivals serve those who value the units most. The rivals appear as one more
    follower with demand -`taken`, so the sum is the residual, which is negative where nothing is left.
    """

    followers: PiecewiseFollowers
    taken: float

    @property
    def size(self) -> int:
        """Number of followers."""
        return self.followers.size + 1

    @property
    def exponent(self) -> float:
        """The power of the inverse price of the followers."""
        return self.followers.exponent

    def demand(self, price: float) -> FloatArray:
        """Demands of the followers, and after them minus what the rivals take."""
        return np.append(self.followers.demand(price), -self.taken)

    def utility(self, price: float, units: FloatArray) -> FloatArray:
        """Utilities of the followers; the rivals' entry is zero."""
        return np.append(self.followers.utility(price, units[:-1]), 0.0)

    def breakpoints(self) -> FloatArray:
        """Breakpoints of the followers."""
        return self.followers.breakpoints()

    def coefficients(self, price: float, scale: float) -> Coefficients:
        """Coefficients of the followers less the units taken."""
        inverse, constant, linear = self.followers.coefficients(price, scale)
        return Coefficients(inverse, constant - self.taken, linear)

    def changes(self, scale: float) -> tuple[Change, ...]:
        """Changes of the followers: what the rivals take does not change."""
        return self.followers.changes(scale)


# Consumers handled at a time: their columns then stay in the cache from one step to the next.
_PART = 1 << 15
_INDEPENDENT = (LogConsumers, QuadConsumers, PowerConsumers)


def parts(followers: PiecewiseFollowers) -> Iterator[PiecewiseFollowers]:
    """Cut consumers who do not depend on each other into groups whose columns fit a processor's cache.

    The parts share memory with the whole; kinds that depend on each other, like miners, stay together.
    """
    if isinstance(followers, Together):
        for kind in followers.kinds:
            yield from parts(kind)
    elif isinstance(followers, _INDEPENDENT) and followers.size > _PART:
        for first in range(0, followers.size, _PART):
            yield chosen(followers, slice(first, first + _PART))
    else:
        yield followers


def chosen(followers: PiecewiseFollowers, which: slice | NDArray[np.intp]) -> PiecewiseFollowers:
    """Some of the consumers, if they do not depend on each other; all of the followers if they do."""
    if not isinstance(followers, _INDEPENDENT):
        return followers
    some: PiecewiseFollowers = object.__new__(type(followers))  # the columns have been checked before
    for name in type(followers).__slots__:
        data = getattr(followers, name)
        object.__setattr__(some, name, data[which] if isinstance(data, np.ndarray) else data)
    return some


def total_coefficients(followers: PiecewiseFollowers, price: float, scale: float) -> Coefficients:
    """Sum the pieces that hold just above `price`, part by part."""
    columns = zip(*(part.coefficients(price, scale) for part in parts(followers)), strict=True)
    return Coefficients(*(sum(numbers) for numbers in columns))
