"""From the declarations of an epoch to the price that its provider posts."""

from collections.abc import Sequence

import numpy as np

from offchain.chain.market import WAD, Declaration, Epoch, Utility
from offchain.economics.cover import IntegerGame, walk_cover
from offchain.economics.followers import LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.integer import (
    IntegerFollowers,
    IntegerLog,
    IntegerQuad,
    IntegerTogether,
    ceiling_division,
)
from offchain.economics.leader import solve_leader
from offchain.economics.wad import LARGEST, to_wad

MOST_REFUTATIONS = 1000


def followers_of(declarations: Sequence[Declaration]) -> PiecewiseFollowers:
    """The declared consumers, at least one, as the solver takes them: by kind, each in the order of declaring."""
    kinds: list[PiecewiseFollowers] = []
    for utility, make in ((Utility.LOG, LogConsumers), (Utility.QUADRATIC, QuadConsumers)):
        if some := [d for d in declarations if d.utility is utility]:
            value, shape, limit = np.array([(d.value, d.shape, d.limit) for d in some], np.float64).T / WAD
            kinds.append(make(value, shape, limit))
    return kinds[0] if len(kinds) == 1 else Together(tuple(kinds))


def provable_price(epoch: Epoch, declarations: Sequence[Declaration]) -> int:
    """The price to post, WAD: the best one in floats, or a better one where the integers refute that.

    Declarations are others' and may be such that floats cannot tell their demand. A refuting price earns more than
    (1 + tolerance) times what it refutes, so a few hundred of them lead to one that stands.
    """
    game = IntegerGame(
        _integers(declarations), epoch.capacity, epoch.unit_cost, epoch.price_floor, epoch.price_cap
    )
    price = best_price(epoch, declarations)
    for _ in range(MOST_REFUTATIONS):
        better = walk_cover(game, price, epoch.tolerance_wad).better_price
        if better is None:
            break
        price = better
    return price


def most_cost(value: int, efficiency: int, limit: int, price_floor: int, price_cap: int) -> int:
    """What a log declaration locks, WAD: the twin of `Demand.mostCost`, where that is explained."""
    peak = WAD * value * efficiency // (WAD * WAD + efficiency * limit)
    low = max(min(peak, price_cap), price_floor)
    high = low + 1 if price_floor <= peak < price_cap else low
    (units,) = IntegerLog((value,), (efficiency,), (limit,), (LARGEST,)).units_up(low)
    return min(ceiling_division(high * units, WAD), value)


def _integers(declarations: Sequence[Declaration]) -> IntegerFollowers:
    log, quad = ([d for d in declarations if d.utility is kind] for kind in (Utility.LOG, Utility.QUADRATIC))
    columns = [
        (tuple(d.value for d in some), tuple(d.shape for d in some), tuple(d.limit for d in some))
        for some in (log, quad)
    ]
    return IntegerTogether((IntegerLog(*columns[0], (LARGEST,) * len(log)), IntegerQuad(*columns[1])))


def best_price(epoch: Epoch, declarations: Sequence[Declaration]) -> int:
    """The price that earns the provider most, WAD, within the bounds of the epoch."""
    found = solve_leader(
        followers_of(declarations),
        epoch.capacity / WAD,
        epoch.unit_cost / WAD,
        (epoch.price_floor / WAD, epoch.price_cap / WAD),
    )
    return min(max(to_wad(found.price), epoch.price_floor), epoch.price_cap)
