"""From the declarations of an epoch to the price that its provider posts."""

from collections.abc import Sequence

from offchain.chain.market import WAD, Declaration, Epoch, Utility
from offchain.economics.followers import LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.leader import solve_leader
from offchain.economics.wad import to_wad


def followers_of(declarations: Sequence[Declaration]) -> PiecewiseFollowers:
    """The declared consumers as the solver takes them; at least one, and all of one form."""
    columns = [
        [declared.value / WAD for declared in declarations],
        [declared.shape / WAD for declared in declarations],
        [declared.limit / WAD for declared in declarations],
    ]
    if {declared.utility for declared in declarations} == {Utility.LOG}:
        return LogConsumers(*columns)
    return QuadConsumers(*columns)


def best_price(epoch: Epoch, declarations: Sequence[Declaration]) -> int:
    """The price that earns the provider most, WAD, within the bounds of the epoch."""
    found = solve_leader(
        followers_of(declarations),
        epoch.capacity / WAD,
        epoch.unit_cost / WAD,
        (epoch.price_floor / WAD, epoch.price_cap / WAD),
    )
    return min(max(to_wad(found.price), epoch.price_floor), epoch.price_cap)
