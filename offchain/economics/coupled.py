r"""Consumers who train and mine from one allowance: the coupled equilibrium at a given price.

.. math:: u_i = a_i \ln(1 + k_i t_i) + V_i \frac{m_i}{M} - p (t_i + m_i), \quad
          t_i, m_i \ge 0, \quad t_i + m_i \le d_i, \quad M = \sum_j m_j

A consumer whose allowance binds acts as if the price were q_i >= p. At a given M both uses fall with q,
so q_i is the root of a quadratic; and the share m_i / M falls with M, because the marginal worth
V (1 - s) / M of mining falls in s and in M while that of training rises in both. So the equilibrium is the
M at which shares add up to one, and it is unique. With fewer than two who could mine nobody mines.
"""

from dataclasses import dataclass

import numpy as np

from offchain.economics.followers import FloatArray, bounds, column, same_length

_HALVINGS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class CoupledEquilibrium:
    """Units of training and of mining of each consumer, and their utilities, shape (n,)."""

    training: FloatArray
    mining: FloatArray
    utilities: FloatArray

    @property
    def mining_total(self) -> float:
        """Units of mining of all."""
        return float(self.mining.sum())

    @property
    def sold(self) -> float:
        """Units bought by all."""
        return float((self.training + self.mining).sum())


@dataclass(frozen=True, slots=True, eq=False)
class CoupledConsumers:
    """Values a and efficiencies k of training, prizes V of mining, and limits d, shape (n,) each.

    Examples
    --------
    Without value from training this is the contest of two equal miners.

    >>> both = CoupledConsumers([0.0, 0.0], [1.0, 1.0], [100.0, 100.0], [50.0, 50.0])
    >>> [round(units, 12) for units in both.equilibrium(2.0).mining]
    [12.5, 12.5]
    """

    value: FloatArray
    efficiency: FloatArray
    prize: FloatArray
    limit: FloatArray

    def __post_init__(self) -> None:
        for name in ("value", "efficiency", "prize"):
            object.__setattr__(self, name, column(name, getattr(self, name)))
        object.__setattr__(self, "limit", bounds("limit", self.limit))
        same_length(value=self.value, efficiency=self.efficiency, prize=self.prize, limit=self.limit)

    def equilibrium(self, price: float) -> CoupledEquilibrium:
        """Find the Nash equilibrium at one price, which must be positive."""
        if not 0 < price < np.inf:
            raise ValueError(f"price must be positive and finite, not {price}")
        total = self._mining_total(price)
        training, mining = self._responses(price, total)
        share = mining / total if total > 0 else np.zeros(mining.shape)
        earned = self.value * np.log1p(self.efficiency * training) + self.prize * share
        return CoupledEquilibrium(training, mining, earned - price * (training + mining))

    def _mining_total(self, price: float) -> float:
        miners = (self.prize > 0) & (self.limit > 0)
        if np.count_nonzero(miners) < 2:
            return 0.0
        # No share is positive where M reaches the largest V / p, and all are near one where M is tiny.
        low, high = 0.0, float(self.prize.max()) / price
        for _ in range(_HALVINGS):
            middle = low + (high - low) / 2 if low > 0 else high * 2.0**-8
            if not low < middle < high:
                break
            if self._responses(price, middle)[1].sum() > middle:
                low = middle
            else:
                high = middle
        return low

    def _responses(self, price: float, total: float) -> tuple[FloatArray, FloatArray]:
        """Training and mining of each consumer when everybody's mining adds up to `total`."""
        full = self._effective_price(price, total)
        training, mining = self._uses(np.maximum(full, price), total)
        bound = full > price
        # Where the allowance binds, the smaller use is the more exact one.
        training_bound = np.where(training < mining, training, self.limit - mining)
        mining_bound = np.where(training < mining, self.limit - training, mining)
        clipped = (np.clip(x, 0.0, self.limit) for x in (training_bound, mining_bound))
        training_bound, mining_bound = clipped
        return np.where(bound, training_bound, training), np.where(bound, mining_bound, mining)

    def _uses(self, prices: FloatArray, total: float) -> tuple[FloatArray, FloatArray]:
        choke = self.value * self.efficiency
        with np.errstate(divide="ignore", invalid="ignore"):
            training = np.where(choke > prices, self.value / prices - 1.0 / self.efficiency, 0.0)
            mining = np.where(self.prize > 0, total * (1.0 - prices * total / self.prize), 0.0)
        return np.maximum(training, 0.0), np.maximum(mining, 0.0)

    def _effective_price(self, price: float, total: float) -> FloatArray:
        """Price at which each consumer would just use up its limit; no more than `price` if it has room."""
        training, mining = self._uses(np.full(self.value.shape, price), total)
        tight = training + mining > self.limit
        found = np.full(self.value.shape, price)
        a, k, v, d = (x[tight] for x in (self.value, self.efficiency, self.prize, self.limit))
        choke_train = a * k
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            head = 1.0 / k
            choke_mine = np.where((v > 0) & (total > 0), v / total, 0.0)
            only_train = a / (d + head)
            only_mine = np.where(choke_mine > 0, choke_mine * (1.0 - d / total), 0.0)
            curve, room = total / choke_mine, total - head - d
            root = np.sqrt(room**2 + 4 * a * curve)
            both = np.where(room > 0, (room + root) / (2 * curve), 2 * a / (root - room))
        lower = np.minimum(choke_train, choke_mine)
        mostly = np.where(choke_train > choke_mine, only_train, only_mine)
        with np.errstate(invalid="ignore"):
            found[tight] = np.where(mostly >= lower, mostly, both)
        return found
