"""Groups: several kinds of followers who face one price, and rivals who already serve some of them."""

from dataclasses import dataclass

import numpy as np

from offchain.economics.followers import Change, Coefficients, FloatArray, PiecewiseFollowers


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
