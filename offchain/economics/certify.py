"""What proves a result of `pole price`: the cover of a posted price, or the multiplier of many."""

from typing import Any, cast

import numpy as np

from offchain.economics.cover import IntegerGame, walk_cover
from offchain.economics.discriminatory import solve_discriminatory
from offchain.economics.followers import LogConsumers, QuadConsumers
from offchain.economics.instances import Instance, OutsideInputs, UniformPrice, unbounded
from offchain.economics.outside import settle_outside
from offchain.economics.report import followers_of, leader_game
from offchain.economics.search import solve_any_demand
from offchain.economics.wad import to_wad

_REASONS = {
    "tullock_uniform": "the profit never falls with the price, so the highest price needs no other proof",
    "tullock_discriminatory": "the prices come from a concave program; no certificate is made of it",
    "multi_leader_clearing": "no leader's price is optimised; the gains of deviating are in the result",
    "coupled_train_mine": "the price is given",
}


def certificate(instance: Instance, price: float | None, tolerance: float) -> dict[str, Any]:
    """Certify the price of a game with one leader, or say in one line why there is no certificate."""
    family = instance.family
    try:
        if family in ("log_uniform", "quad_uniform") and price is not None:
            return _integer_cover(instance, price, tolerance)
        if family in ("power_uniform", "mixed_uniform", "tullock_outside"):
            return _searched_bound(instance, tolerance)
        if family in ("log_discriminatory", "quad_discriminatory"):
            return _multiplier(instance)
    except ValueError as error:
        return {"kind": "none", "reason": str(error)}
    return {"kind": "none", "reason": _REASONS[family]}


def _integer_cover(instance: Instance, price: float, tolerance: float) -> dict[str, Any]:
    """The walk that a contract repeats, in WAD integers."""
    game = IntegerGame.of(leader_game(instance))
    # Cutting the price to 18 decimals must not push it out of its bounds.
    posted = min(max(to_wad(price), game.start), game.price_cap)
    cover = walk_cover(game, posted, to_wad(tolerance))
    return {
        "kind": "cover, WAD integers",
        "verdict": cover.verdict.value,
        "priceWad": posted,
        "toleranceWad": cover.tolerance,
        "betterPriceWad": cover.better_price,
        "points": len(cover.points),
        "pointsWad": list(cover.points),
    }


def _searched_bound(instance: Instance, tolerance: float) -> dict[str, Any]:
    """A second opinion that knows nothing but the values of the demand."""
    if isinstance(inputs := instance.inputs, OutsideInputs):
        prizes, costs = np.array(inputs.V), unbounded(inputs.h)
        found = solve_any_demand(
            lambda price: settle_outside(prizes, costs, inputs.c, price).sold,
            np.inf,
            inputs.c,
            (max(inputs.pmin, inputs.pmax * 1e-9), inputs.pmax),
            tolerance,
        )
    else:
        game = leader_game(instance)
        found = solve_any_demand(
            lambda price: float(game.followers.demand(price).sum()),
            game.capacity,
            game.unit_cost,
            game.price_bounds,
            tolerance,
        )
    return {
        "kind": "cover, floating point",
        "tolerance": tolerance,
        "profit_bound": (1 + tolerance) * found.profit,
        "points": len(found.points),
        "prices": list(found.points),
    }


def _multiplier(instance: Instance) -> dict[str, Any]:
    """The multiplier, what it bounds the profit by, and each consumer's first-order condition."""
    inputs = cast(UniformPrice, instance.inputs)
    consumers = cast(LogConsumers | QuadConsumers, followers_of(inputs))
    capacity = np.inf if inputs.Q is None else inputs.Q
    found = solve_discriminatory(consumers, capacity, inputs.c, (inputs.pmin, inputs.pmax))
    return {
        "kind": "Lagrange multiplier",
        "shadow_price_mu": found.shadow_price,
        "profit_bound": found.dual_bound,
        "gap": found.duality_gap,
        "stationarity": found.stationarity(consumers, (inputs.pmin, inputs.pmax)).tolist(),
    }
