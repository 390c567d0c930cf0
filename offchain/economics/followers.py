"""Followers: price-taking consumers, as frozen arrays that answer a price with their best response.

Every consumer here maximises a concave utility minus what it pays, so its demand is continuous,
non-increasing and made of pieces alpha / p**theta + beta - gamma p between its breakpoints. The exact
leader (`offchain.economics.leader`) needs nothing but these pieces.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class Coefficients(NamedTuple):
    """Aggregate demand inverse * (scale / p)**theta + constant - linear * p, just above one price."""

    inverse: float
    constant: float
    linear: float


class Change(NamedTuple):
    """What each consumer adds to the coefficients as the price rises past `at`; None stands for zeros."""

    at: FloatArray
    inverse: FloatArray | None
    constant: FloatArray | None
    linear: FloatArray | None


@runtime_checkable
class Followers(Protocol):
    """Anybody whose total demand never rises with the price."""

    def demand(self, price: float) -> FloatArray:
        """Best response of each follower to one price, in units."""
        ...

    def utility(self, price: float, units: FloatArray) -> FloatArray:
        """Utility of each follower that pays `price` for each of its `units`, in money."""
        ...

    def breakpoints(self) -> FloatArray:
        """Prices, ascending and distinct, at which the formula of somebody's demand changes."""
        ...


@runtime_checkable
class PiecewiseFollowers(Followers, Protocol):
    """Followers whose demand comes in pieces, which is what an exact leader can solve in closed form."""

    @property
    def size(self) -> int:
        """Number of followers."""
        ...

    @property
    def exponent(self) -> float:
        """The power theta >= 1 of the inverse price in every piece."""
        ...

    def coefficients(self, price: float, scale: float) -> Coefficients:
        """Sum the pieces that hold just above `price`."""
        ...

    def changes(self, scale: float) -> tuple[Change, ...]:
        """List the steps of the coefficients, at most three for each consumer."""
        ...


def column(name: str, data: ArrayLike) -> FloatArray:
    """Check one column of parameters: one dimension, not empty, finite, not negative."""
    values = bounds(name, data)
    if np.isinf(values.max()):
        raise ValueError(f"{name} must be finite")
    return values


def bounds(name: str, data: ArrayLike) -> FloatArray:
    """Check one column of upper bounds, in which infinity stands for no bound.

    Warning: an array of doubles is not copied; whoever changes it later changes a consumer unchecked.
    """
    values = np.asarray(data, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"{name} must be a list with at least one number")
    if not (least := values.min()) >= 0:
        raise ValueError(f"{name} must not be negative or NaN")
    # The bits of a negative zero would put it among the largest prices.
    return values + 0.0 if least == 0 else values


def same_length(**columns: FloatArray) -> None:
    """Raise unless all columns describe the same number of consumers."""
    if len({values.size for values in columns.values()}) > 1:
        sizes = ", ".join(f"{name} has {values.size}" for name, values in columns.items())
        raise ValueError(f"columns differ in length: {sizes}")


def limits_or_none(limit: ArrayLike | None, value: FloatArray) -> FloatArray:
    """The limits given, or none for anybody."""
    return np.full(value.shape, np.inf) if limit is None else bounds("limit", limit)


def _sum_where(chosen: NDArray[np.bool_], numbers: FloatArray) -> float:
    return float(np.where(chosen, numbers, 0.0).sum())


def distinct(*prices: FloatArray) -> FloatArray:
    """Sort prices, without repetitions and without those at which nothing happens: zero and infinity."""
    found = np.unique(np.concatenate(prices))
    return np.asarray(found[(found > 0) & np.isfinite(found)])


@dataclass(frozen=True, slots=True, eq=False)
class LogConsumers:
    r"""Consumers with logarithmic utility: a job's progress slows down as it goes on.

    .. math:: u_i(x) = a_i \ln(1 + k_i x) - p x, \quad 0 \le x \le d_i, \quad p x \le B_i

    so that demand is :math:`x_i(p) = \min(d_i, B_i / p, \max(0, a_i / p - 1 / k_i))`.

    Parameters
    ----------
    value : ndarray, shape (n,), a_i, money
    efficiency : ndarray, shape (n,), k_i, 1 / units
    limit : ndarray, shape (n,), d_i, units, infinity for none; without limits if omitted
    budget : ndarray, shape (n,), B_i, money, infinity for none; without budgets if omitted

    Raises
    ------
    ValueError
        On a negative number, a NaN, an empty column or columns of different length.

    Examples
    --------
    >>> LogConsumers(value=[4.0], efficiency=[1.0]).demand(2.0)
    array([1.])
    """

    value: FloatArray
    efficiency: FloatArray
    limit: FloatArray | None = None
    budget: FloatArray | None = None

    def __post_init__(self) -> None:
        value, efficiency = column("value", self.value), column("efficiency", self.efficiency)
        limit = limits_or_none(self.limit, value)
        budget = None if self.budget is None else bounds("budget", self.budget)
        same_length(
            value=value, efficiency=efficiency, limit=limit, budget=value if budget is None else budget
        )
        for name, data in (
            ("value", value),
            ("efficiency", efficiency),
            ("limit", limit),
            ("budget", budget),
        ):
            object.__setattr__(self, name, data)

    @property
    def size(self) -> int:
        """Number of followers."""
        return int(self.value.size)

    @property
    def exponent(self) -> float:
        """Demand falls with the first power of the price."""
        return 1.0

    @property
    def caps(self) -> FloatArray:
        """The limits, which are never None once the consumers are built."""
        assert self.limit is not None
        return self.limit

    @property
    def threshold(self) -> FloatArray:
        """Units of head start, 1 / k: what the marginal utility a / (1 / k + x) adds to x."""
        with np.errstate(divide="ignore"):
            return np.asarray(1.0 / self.efficiency)

    @property
    def choke(self) -> FloatArray:
        """Prices a k from which on each consumer buys nothing."""
        return np.asarray(self.value * self.efficiency)

    @property
    def full_until(self) -> FloatArray:
        """Prices up to which each consumer takes all of its limit."""
        return self._full_until(self.threshold, self.choke)

    def _full_until(self, threshold: FloatArray, choke: FloatArray) -> FloatArray:
        prices = self.caps + threshold
        np.divide(self.value, prices, out=prices)
        # Rounding may put the price of a limit of nothing above the choke price.
        np.minimum(prices, choke, out=prices)
        if self.budget is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                limited = (self.caps > 0) & np.isfinite(self.budget)
                np.minimum(prices, np.where(limited, self.budget / self.caps, np.inf), out=prices)
        return prices

    @property
    def spent_until(self) -> FloatArray:
        """Prices up to which the limit or the budget binds."""
        if self.budget is None:
            return self.full_until
        with np.errstate(invalid="ignore"):
            binding = np.where(self.value > self.budget, self.efficiency * (self.value - self.budget), 0.0)
        return np.maximum(self.full_until, binding)

    def demand(self, price: float | FloatArray) -> FloatArray:
        """Best response x_i(p) of each consumer to one price or to its own, shape (n,), units."""
        with np.errstate(divide="ignore", invalid="ignore"):
            wanted = np.divide(self.value, price)
            wanted -= self.threshold
            if not np.all(price):
                wanted[np.isnan(wanted)] = 0.0  # who values nothing makes 0 / 0 of a price of zero
            np.maximum(wanted, 0.0, out=wanted)
            if self.budget is not None:
                np.minimum(wanted, np.where(self.budget > 0, self.budget / price, 0.0), out=wanted)
        return np.minimum(wanted, self.caps, out=wanted)

    def utility(self, price: float, units: FloatArray) -> FloatArray:
        """Utility a ln(1 + k x) - p x, shape (n,), money."""
        return np.asarray(self.value * np.log1p(self.efficiency * units) - price * units)

    def breakpoints(self) -> FloatArray:
        """Where somebody's limit or budget starts to bind, or somebody stops buying."""
        return distinct(self.full_until, self.spent_until, self.choke)

    def coefficients(self, price: float, scale: float) -> Coefficients:
        """Sum the pieces that hold just above `price`."""
        if np.isinf(price):
            return Coefficients(0.0, 0.0, 0.0)
        threshold, choke = self.threshold, self.choke
        full = self._full_until(threshold, choke)
        spent = full if self.budget is None else self.spent_until
        free = (spent <= price) & (price < choke)
        inverse = _sum_where(free, self.value)
        constant = _sum_where(full > price, self.caps) - _sum_where(free, threshold)
        if self.budget is not None:
            inverse += _sum_where((full <= price) & (price < spent), self.budget)
        return Coefficients(inverse / scale, constant, 0.0)

    def changes(self, scale: float) -> tuple[Change, ...]:
        """Limit, then budget, then the free piece a / p - 1 / k, then nothing."""
        value = self.value if scale == 1 else self.value / scale
        threshold, choke = self.threshold, self.choke
        leave = Change(choke, -value, threshold, None)
        full = self._full_until(threshold, choke)
        if self.budget is None:
            if not full.any():
                return (leave,)
            return (Change(full, value, -(threshold + self.caps), None), leave)
        spent = self.spent_until
        budgeted = spent > full
        money = np.where(budgeted, self.budget, 0.0) / scale
        first = np.where(budgeted, money, value)
        loss = np.where(budgeted, 0.0, -threshold) - self.caps
        second = np.where(budgeted, value - money, 0.0)
        return (
            Change(full, first, loss, None),
            Change(spent, second, np.where(budgeted, -threshold, 0.0), None),
            leave,
        )


@dataclass(frozen=True, slots=True, eq=False)
class QuadConsumers:
    r"""Consumers with quadratic utility, whose demand is a straight line.

    .. math:: u_i(x) = a_i x - b_i x^2 / 2 - p x, \quad x_i(p) = \mathrm{clip}((a_i - p) / b_i, 0, d_i)

    Parameters
    ----------
    value : ndarray, shape (n,), a_i, money per unit
    slope : ndarray, shape (n,), b_i > 0, money per square unit
    limit : ndarray, shape (n,), d_i, units, infinity for none; without limits if omitted

    Examples
    --------
    >>> QuadConsumers(value=[3.0, 1.0], slope=[2.0, 1.0]).demand(2.0)
    array([0.5, 0. ])
    """

    value: FloatArray
    slope: FloatArray
    limit: FloatArray | None = None

    def __post_init__(self) -> None:
        value, slope = column("value", self.value), column("slope", self.slope)
        limit = limits_or_none(self.limit, value)
        same_length(value=value, slope=slope, limit=limit)
        if not (slope > 0).all():
            raise ValueError("slope must be positive")
        for name, data in (("value", value), ("slope", slope), ("limit", limit)):
            object.__setattr__(self, name, data)

    @property
    def size(self) -> int:
        """Number of followers."""
        return int(self.value.size)

    @property
    def exponent(self) -> float:
        """No piece has an inverse part; one keeps them compatible with logarithmic consumers."""
        return 1.0

    @property
    def caps(self) -> FloatArray:
        """The limits, which are never None once the consumers are built."""
        assert self.limit is not None
        return self.limit

    @property
    def choke(self) -> FloatArray:
        """Prices a from which on each consumer buys nothing."""
        return self.value

    @property
    def full_until(self) -> FloatArray:
        """Prices up to which each consumer takes all of its limit."""
        return np.maximum(self.value - self.slope * self.caps, 0.0)

    def demand(self, price: float | FloatArray) -> FloatArray:
        """Best response x_i(p) of each consumer to one price or to its own, shape (n,), units."""
        return np.clip((self.value - price) / self.slope, 0.0, self.caps)

    def utility(self, price: float, units: FloatArray) -> FloatArray:
        """Utility a x - b x**2 / 2 - p x, shape (n,), money."""
        return (self.value - price - self.slope * units / 2) * units

    def breakpoints(self) -> FloatArray:
        """Where somebody's limit stops to bind, or somebody stops buying."""
        return distinct(self.full_until, self.choke)

    def coefficients(self, price: float, scale: float) -> Coefficients:
        """Sum the pieces that hold just above `price`."""
        full = self.full_until > price
        free = ~full & (price < self.value)
        constant = self.caps[full].sum() + (self.value[free] / self.slope[free]).sum()
        return Coefficients(0.0, float(constant), float((1.0 / self.slope[free]).sum()))

    def changes(self, scale: float) -> tuple[Change, ...]:
        """Limit, then the line (a - p) / b, then nothing."""
        intercept, rate = self.value / self.slope, 1.0 / self.slope
        return (
            Change(self.full_until, None, intercept - self.caps, rate),
            Change(self.value, None, -intercept, -rate),
        )
