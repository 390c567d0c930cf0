"""The paper's experiment: a provider sells a stock of units to consumers, one epoch for each time step.

In every step each consumer declares a logarithmic utility, the provider posts the price that is best for what it
has left, and units go first come, first served. What is not sold is carried into the next step, and so much is
added. All amounts are WAD integers, as on chain; who sells is behind one seam (`Market`), so that a contract and
the arithmetic here can be compared to the last digit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from offchain.economics.followers import LogConsumers
from offchain.economics.leader import solve_leader
from offchain.economics.wad import WAD, to_wad

Integers = NDArray[np.object_]
_MICRO = WAD // 10**6


class Declared(NamedTuple):
    """The consumers of one step: values, efficiencies and limits, WAD, shape (n,)."""

    value: Integers
    efficiency: Integers
    limit: Integers

    @property
    def size(self) -> int:
        """How many consumers declare."""
        return len(self.value)

    def followers(self) -> LogConsumers:
        """The consumers as the solver takes them."""
        return LogConsumers(*map(_floats, self))


@dataclass(frozen=True, slots=True)
class Offer:
    """What the provider offers in a step, WAD: capacity in units, prices in money per unit."""

    capacity: int
    unit_cost: int
    price_floor: int
    price_cap: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """A provider's stock, what is added to it before each later step, its prices; and who comes, by a seed."""

    consumers: int
    steps: int
    seed: int
    stock: int
    replenishment: int
    unit_cost: int
    price_floor: int
    price_cap: int

    def declared(self) -> Iterator[Declared]:
        """The consumers of each step, drawn anew: the jobs that they have differ from step to step.

        Values of 3 to 15, efficiencies of 0.05 to 0.3 and limits of 20 to 60 iterations: short trainings.
        """
        rng = np.random.default_rng(self.seed)

        def draw(low: float, high: float) -> Integers:
            micros = rng.integers(round(low * 1e6), round(high * 1e6), self.consumers)
            return np.asarray(micros.astype(object) * _MICRO)

        for _ in range(self.steps):
            yield Declared(draw(3, 15), draw(0.05, 0.3), draw(20, 60))


def paper_scenario(consumers: int, steps: int, seed: int, replenishment: float = 2.0) -> Scenario:
    """A stock that suffices for the first steps only: 30 units, and then `replenishment` a step, per consumer.

    The price may be 0.2 to 1, the unit costs 0.1.
    """
    return Scenario(
        consumers=consumers,
        steps=steps,
        seed=seed,
        stock=30 * WAD * consumers,
        replenishment=to_wad(replenishment) * consumers,
        unit_cost=WAD // 10,
        price_floor=WAD // 5,
        price_cap=WAD,
    )


class Market(Protocol):
    """Where an epoch is traded."""

    def trade(self, offer: Offer, declared: Declared, price: int, demands: Integers) -> Integers:
        """Post a price for an offer; gives the units that each consumer bought, in the order of coming.

        demands : shape (n,), what each will want at the price
        """
        ...


class PlainMarket:
    """The market without a chain."""

    def trade(self, offer: Offer, declared: Declared, price: int, demands: Integers) -> Integers:
        """See Market."""
        return served(demands, offer.capacity)


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one time step; WAD, but for the profits, which hold a logarithm.

    demands, units, costs : shape (n,), what each consumer wanted, bought, and paid
    consumer_profits : ndarray, shape (n,), money, utility less cost
    """

    index: int
    offer: Offer
    price: int
    demands: Integers
    units: Integers
    costs: Integers
    consumer_profits: NDArray[np.float64]

    @property
    def sold(self) -> int:
        """Units sold."""
        return int(self.units.sum())

    @property
    def remaining(self) -> int:
        """Units left."""
        return self.offer.capacity - self.sold

    @property
    def is_bound(self) -> bool:
        """Whether the price is at its cap."""
        return self.price == self.offer.price_cap

    @property
    def empty_handed(self) -> NDArray[np.intp]:
        """The consumers that wanted units and could not get any."""
        return np.flatnonzero((self.demands > 0) & (self.units == 0))

    @property
    def provider_profit(self) -> float:
        """Revenue less the cost of what was sold, money."""
        return (int(self.costs.sum()) - self.offer.unit_cost * self.sold / WAD) / WAD


def run(scenario: Scenario, market: Market) -> Iterator[Step]:
    """Trade step by step."""
    stock = scenario.stock
    for index, declared in enumerate(scenario.declared(), start=1):
        offer = Offer(stock, scenario.unit_cost, scenario.price_floor, scenario.price_cap)
        price = best_price(offer, declared)
        demands = best_responses(declared, price)
        units = market.trade(offer, declared, price, demands)
        step = _step(index, offer, declared, price, demands, units)
        stock = step.remaining + scenario.replenishment
        yield step


def best_price(offer: Offer, declared: Declared) -> int:
    """The leader's price, cut to 18 decimals within its bounds."""
    low, high = offer.price_floor / WAD, offer.price_cap / WAD
    found = solve_leader(declared.followers(), offer.capacity / WAD, offer.unit_cost / WAD, (low, high))
    return min(max(to_wad(found.price), offer.price_floor), offer.price_cap)


def best_responses(declared: Declared, price: int) -> Integers:
    """Demands at a price, rounded down: `IntegerLog.units_down` for arrays of integers of any length.

    >>> two = Declared(*(np.array([4 * WAD, WAD], object), np.array([WAD, WAD], object),
    ...                  np.array([9 * WAD, WAD], object)))
    >>> best_responses(two, 3 * WAD)
    array([333333333333333333, 0], dtype=object)
    """
    head = declared.value * declared.efficiency - WAD * price
    wants = np.flatnonzero(head > 0)
    demands: Integers = np.zeros(declared.size, object)
    efficiency, limit = declared.efficiency[wants], declared.limit[wants]
    demands[wants] = np.minimum(limit, WAD * head[wants] // (price * efficiency))
    return demands


def served(demands: Integers, capacity: int) -> Integers:
    """First come, first served: each gets its demand, or what is left."""
    before = np.concatenate((np.zeros(1, object), np.cumsum(demands)[:-1]))
    return np.asarray(np.minimum(demands, np.maximum(capacity - before, 0)))


def _step(
    index: int, offer: Offer, declared: Declared, price: int, demands: Integers, units: Integers
) -> Step:
    costs: Integers = price * units // WAD
    value, efficiency = _floats(declared.value), _floats(declared.efficiency)
    profits = value * np.log1p(efficiency * _floats(units)) - _floats(costs)
    return Step(index, offer, price, demands, units, costs, profits)


def _floats(amounts: Integers) -> NDArray[np.float64]:
    return amounts.astype(np.float64) / WAD
