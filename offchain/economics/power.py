"""Followers with the utility of constant elasticity, whose demand never ends."""

from dataclasses import dataclass

import numpy as np

from offchain.economics.followers import (
    Change,
    Coefficients,
    FloatArray,
    column,
    distinct,
    limits_or_none,
    same_length,
)


@dataclass(frozen=True, slots=True, eq=False)
class PowerConsumers:
    r"""Consumers with the utility of constant elasticity.

    .. math:: u_i(x) = a_i \frac{x^{1 - \sigma}}{1 - \sigma} - p x, \quad
              x_i(p) = \min(d_i, (a_i / p)^{1 / \sigma})

    Parameters
    ----------
    value : ndarray, shape (n,), a_i, money per unit**(1 - sigma)
    sigma : float in (0, 1), common to all
    limit : ndarray, shape (n,), d_i, units, infinity for none; without limits if omitted

    Examples
    --------
    >>> PowerConsumers(value=[4.0], sigma=0.5).demand(2.0)
    array([4.])
    """

    value: FloatArray
    sigma: float
    limit: FloatArray | None = None

    def __post_init__(self) -> None:
        value = column("value", self.value)
        limit = limits_or_none(self.limit, value)
        same_length(value=value, limit=limit)
        if not 0 < self.sigma < 1:
            raise ValueError("sigma must lie strictly between 0 and 1")
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "limit", limit)

    @property
    def size(self) -> int:
        """Number of followers."""
        return int(self.value.size)

    @property
    def exponent(self) -> float:
        """The elasticity of demand, 1 / sigma > 1."""
        return 1.0 / self.sigma

    @property
    def caps(self) -> FloatArray:
        """The limits, which are never None once the consumers are built."""
        assert self.limit is not None
        return self.limit

    @property
    def full_until(self) -> FloatArray:
        """Prices a / d**sigma up to which each consumer takes all of its limit."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.value > 0, self.value / self.caps**self.sigma, 0.0)

    def demand(self, price: float | FloatArray) -> FloatArray:
        """Best response x_i(p) of each consumer to one price or to its own, shape (n,), units."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            wanted = np.where(self.value > 0, (self.value / price) ** self.exponent, 0.0)
        return np.minimum(self.caps, wanted)

    def utility(self, price: float, units: FloatArray) -> FloatArray:
        """Utility a x**(1 - sigma) / (1 - sigma) - p x, shape (n,), money."""
        return self.value * units ** (1 - self.sigma) / (1 - self.sigma) - price * units

    def breakpoints(self) -> FloatArray:
        """Where somebody's limit stops to bind."""
        return distinct(self.full_until)

    def coefficients(self, price: float, scale: float) -> Coefficients:
        """Sum the pieces that hold just above `price`."""
        full = self.full_until > price
        return Coefficients(float(self._weights(scale)[~full].sum()), float(self.caps[full].sum()), 0.0)

    def changes(self, scale: float) -> tuple[Change, ...]:
        """Limit, then the free piece (a / p)**(1 / sigma)."""
        return (Change(self.full_until, self._weights(scale), -self.caps, None),)

    def _weights(self, scale: float) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.asarray((self.value / scale) ** self.exponent)
