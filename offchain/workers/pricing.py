"""From the declarations of an epoch to the price that its provider posts."""

from collections.abc import Sequence

import numpy as np

from offchain.chain.market import WAD, Declaration, Epoch, Utility
from offchain.economics.followers import LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.leader import solve_leader
from offchain.economics.wad import to_wad


def followers_of(declarations: Sequence[Declaration]) -> PiecewiseFollowers:
    """The declared consumers, at least one, as the solver takes them: by kind, each in the order of declaring."""
    kinds: list[PiecewiseFollowers] = []
    for utility, make in ((Utility.LOG, LogConsumers), (Utility.QUADRATIC, QuadConsumers)):
        if some := [d for d in declarations if d.utility is utility]:
            value, shape, limit = np.array([(d.value, d.shape, d.limit) for d in some], np.float64).T / WAD
            kinds.append(make(value, shape, limit))
    return kinds[0] if len(kinds) == 1 else Together(tuple(kinds))


def best_price(epoch: Epoch, declarations: Sequence[Declaration]) -> int:
    """The price that earns the provider most, WAD, within the bounds of the epoch."""
    found = solve_leader(
        followers_of(declarations),
        epoch.capacity / WAD,
        epoch.unit_cost / WAD,
        (epoch.price_floor / WAD, epoch.price_cap / WAD),
    )
    return min(max(to_wad(found.price), epoch.price_floor), epoch.price_cap)
