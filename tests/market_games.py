"""Games of the compute market: random ones, in the words of the contract and of the economics."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from offchain.chain.market import Utility
from offchain.economics.cover import IntegerGame
from offchain.economics.followers import LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.integer import IntegerLog, IntegerQuad, IntegerTogether
from offchain.economics.wad import LARGEST, WAD, to_wad


@dataclass(frozen=True, slots=True)
class Consumer:
    """What a consumer declares, WAD."""

    utility: Utility
    value: int
    shape: int
    limit: int

    def as_tuple(self) -> tuple[object, ...]:
        """A Declaration as the ABI takes it, of nobody in particular."""
        return (self.value, self.shape, self.utility, False, "0x" + "00" * 20, self.limit)


@dataclass(frozen=True, slots=True)
class MarketGame:
    """An epoch's numbers, WAD."""

    consumers: tuple[Consumer, ...]
    capacity: int
    unit_cost: int
    price_floor: int
    price_cap: int
    tolerance: int = WAD // 100

    def as_tuple(self) -> tuple[int, ...]:
        """A Game of the cover walk as the ABI takes it."""
        return (self.capacity, self.unit_cost, self.price_floor, self.price_cap, self.tolerance)

    def of(self, utility: Utility) -> list[Consumer]:
        """The consumers of one kind."""
        return [consumer for consumer in self.consumers if consumer.utility is utility]

    @property
    def integer(self) -> IntegerGame:
        """The same game as `walk_cover` takes it; consumers by kind."""
        log, quad = self.of(Utility.LOG), self.of(Utility.QUADRATIC)
        columns = [[(c.value, c.shape, c.limit) for c in kind] for kind in (log, quad)]
        (a, k, d), (v, b, m) = (tuple(zip(*rows, strict=True)) or ((), (), ()) for rows in columns)
        followers = IntegerTogether((IntegerLog(a, k, d, (LARGEST,) * len(a)), IntegerQuad(v, b, m)))
        return IntegerGame(followers, self.capacity, self.unit_cost, self.price_floor, self.price_cap)

    @property
    def followers(self) -> PiecewiseFollowers:
        """The consumers in floats, by kind."""
        kinds: list[PiecewiseFollowers] = []
        for utility, make in ((Utility.LOG, LogConsumers), (Utility.QUADRATIC, QuadConsumers)):
            if some := self.of(utility):
                columns = np.array([(c.value, c.shape, c.limit) for c in some], float).T / WAD
                kinds.append(make(*columns))
        return Together(tuple(kinds))


def random_game(rng: Generator, size: int, scarce: bool = False) -> MarketGame:
    """Consumers of both kinds with all the decimals that floats have, and prices around what they would pay."""
    consumers = []
    for _ in range(size):
        utility = Utility(int(rng.integers(0, 2)))
        value, limit = rng.lognormal(1, 0.7), rng.lognormal(1, 0.8)
        shape = rng.lognormal(0, 0.6)
        consumers.append(Consumer(utility, *map(to_wad, (value, shape, limit))))
    cost = to_wad(float(rng.uniform(0.05, 0.5)))
    floor, cap = cost + to_wad(float(rng.uniform(0, 0.2))), to_wad(float(rng.uniform(4, 40)))
    if scarce:
        cap = floor + to_wad(0.3)
    wanted = sum(
        MarketGame(tuple(consumers), 1, cost, floor, cap).integer.followers.units_down(
            cap if scarce else floor
        )
    )
    capacity = int(wanted * rng.uniform(0.1, 0.9 if scarce else 1.5))
    return MarketGame(tuple(consumers), max(capacity, 1), cost, floor, cap)
