"""Solve an instance and name the results: one function for each family."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from offchain.economics.clearing import solve_clearing
from offchain.economics.contest import Miners, solve_contest_leader
from offchain.economics.contest_prices import solve_contest_prices
from offchain.economics.coupled import CoupledConsumers
from offchain.economics.discriminatory import solve_discriminatory
from offchain.economics.followers import (
    LogConsumers,
    PiecewiseFollowers,
    QuadConsumers,
)
from offchain.economics.groups import Together
from offchain.economics.instances import (
    ClearingInputs,
    ContestInputs,
    ContestPricesInputs,
    CoupledInputs,
    Inputs,
    Instance,
    InvalidInstanceError,
    LogInputs,
    MixedInputs,
    OutsideInputs,
    PowerInputs,
    QuadInputs,
    UniformPrice,
    unbounded,
)
from offchain.economics.leader import LeaderGame, LeaderSolution, solve_leader
from offchain.economics.outside import solve_outside
from offchain.economics.power import PowerConsumers

Report = dict[str, Any]


def solve_instance(instance: Instance) -> Report:
    """Solve one instance; the keys are those that the shared vectors expect of its family.

    Raises
    ------
    InvalidInstanceError
        If the game has no solution.
    """
    try:
        return _REPORTS[instance.family](instance.inputs)
    except InvalidInstanceError:
        raise
    except ValueError as error:
        raise InvalidInstanceError(f"{instance.id or instance.family}: {error}") from error


def named_result(instance: Instance) -> Report:
    """Solve one instance and put its family, and its name if it has one, before the results."""
    name = {} if instance.id is None else {"id": instance.id}
    return {**name, "family": instance.family, **solve_instance(instance)}


def leader_game(instance: Instance) -> LeaderGame:
    """Build the game of one leader and one price.

    Raises
    ------
    InvalidInstanceError
        If the family is another game.
    """
    if not instance.family.endswith("_uniform") or not isinstance(instance.inputs, UniformPrice):
        raise InvalidInstanceError(f"{instance.family} is not a game of price takers at one price")
    return _game(instance.inputs)


def leader_solution(instance: Instance) -> LeaderSolution:
    """Solve the game of one leader and one price.

    Raises
    ------
    InvalidInstanceError
        If the family is another game.
    """
    return _solve(leader_game(instance))


def followers_of(inputs: Inputs) -> PiecewiseFollowers:
    """Build the followers of a family with one price."""
    match inputs:
        case MixedInputs():
            return Together((_log_consumers(inputs), Miners(np.array(inputs.V))))
        case LogInputs():
            return _log_consumers(inputs)
        case QuadInputs():
            return QuadConsumers(np.array(inputs.a), np.array(inputs.b), unbounded(inputs.d))
        case PowerInputs():
            return PowerConsumers(np.array(inputs.a), inputs.sigma, unbounded(inputs.d))
    raise TypeError(f"{type(inputs).__name__} has no price-taking followers")


def _log_consumers(inputs: LogInputs | ClearingInputs) -> LogConsumers:
    budgets = inputs.B if isinstance(inputs, LogInputs) else None
    return LogConsumers(
        np.array(inputs.a),
        np.array(inputs.k),
        unbounded(inputs.d),
        None if budgets is None else unbounded(budgets),
    )


def _capacity(inputs: UniformPrice) -> float:
    return np.inf if inputs.Q is None else inputs.Q


def _game(inputs: UniformPrice) -> LeaderGame:
    return LeaderGame(followers_of(inputs), _capacity(inputs), inputs.c, (inputs.pmin, inputs.pmax))


def _solve(game: LeaderGame) -> LeaderSolution:
    return solve_leader(game.followers, game.capacity, game.unit_cost, game.price_bounds)


def _uniform(inputs: UniformPrice) -> Report:
    found = _solve(_game(inputs))
    return {
        "price": found.price,
        "profit": found.profit,
        "revenue": found.revenue,
        "total_demand": found.total_demand,
        "sold": found.sold,
        "scarce": found.scarce,
        "demands": found.demands.tolist(),
        "fifo_allocations": found.allocations.tolist(),
        "consumer_utility_at_allocation": found.utilities.tolist(),
    }


def _mixed(inputs: MixedInputs) -> Report:
    found, training = _solve(_game(inputs)), len(inputs.a)
    mining = found.demands[training:]
    return {
        "price": found.price,
        "profit": found.profit,
        "revenue": found.revenue,
        "sold": found.sold,
        "training_demands": found.demands[:training].tolist(),
        "mining_demands": mining.tolist(),
        "mining_total": float(mining.sum()),
        "mining_spend": float(mining.sum() * found.price),
        "active_miners": int(np.count_nonzero(mining)),
        "mining_utilities": found.game.followers.utility(found.price, found.demands)[training:].tolist(),
    }


def _contest(inputs: ContestInputs) -> Report:
    found = solve_contest_leader(np.array(inputs.V), unbounded(inputs.d), inputs.c, inputs.pmax)
    return {
        "price": found.price,
        "total_demand": found.contest.total,
        "demands": found.contest.efforts.tolist(),
        "revenue": found.revenue,
        "profit": found.profit,
        "utilities": found.contest.utilities.tolist(),
        "active": int(np.count_nonzero(found.contest.efforts)),
        "capped": found.capped,
    }


def _outside(inputs: OutsideInputs) -> Report:
    costs = unbounded(inputs.h)
    found = solve_outside(np.array(inputs.V), costs, inputs.c, (inputs.pmin, inputs.pmax))
    return {
        "price": found.price,
        "profit": found.profit,
        "revenue": found.revenue,
        "total_hash": found.contest.total,
        "efforts": found.contest.efforts.tolist(),
        "buys_from_leader": found.buys.tolist(),
        "sold": found.sold,
        "price_equals_some_h": bool((costs == found.price).any()),
    }


def _discriminatory(inputs: LogInputs | QuadInputs) -> Report:
    consumers = cast(LogConsumers | QuadConsumers, followers_of(inputs))
    bounds = (inputs.pmin, inputs.pmax)
    found = solve_discriminatory(consumers, _capacity(inputs), inputs.c, bounds)
    uniform = solve_leader(consumers, _capacity(inputs), inputs.c, bounds)
    return {
        "prices": found.prices.tolist(),
        "demands": found.demands.tolist(),
        "profit": found.profit,
        "revenue": found.revenue,
        "sold": found.sold,
        "shadow_price_mu": found.shadow_price,
        "uniform_price": uniform.price,
        "uniform_profit": uniform.profit,
    }


def _contest_prices(inputs: ContestPricesInputs) -> Report:
    found = solve_contest_prices(np.array(inputs.V), inputs.c, inputs.pmax)
    return {
        "profit": found.profit,
        "revenue": found.revenue,
        "total_demand": found.total,
        "prices": found.prices.tolist(),
        "demands": found.efforts.tolist(),
        "uniform_profit": found.uniform_profit,
    }


def _clearing(inputs: ClearingInputs) -> Report:
    costs, capacities = np.array(inputs.costs), np.array(inputs.capacities)
    found = solve_clearing(_log_consumers(inputs), costs, capacities, inputs.pmax)
    return {
        "clearing_price": found.price,
        "is_pure_ne": found.is_equilibrium,
        "best_deviation_gain": found.gains.tolist(),
        "best_deviation_price": found.deviation_prices.tolist(),
    }


def _coupled(inputs: CoupledInputs) -> Report:
    value, efficiency, prize = np.array(inputs.a), np.array(inputs.k), np.array(inputs.V)
    consumers = CoupledConsumers(value, efficiency, prize, unbounded(inputs.d))
    found = consumers.equilibrium(inputs.price)
    return {
        "mining_total": found.mining_total,
        "training": found.training.tolist(),
        "mining": found.mining.tolist(),
        "sold": found.sold,
        "utilities": found.utilities.tolist(),
    }


_REPORTS: dict[str, Callable[[Any], Report]] = {
    "log_uniform": _uniform,
    "quad_uniform": _uniform,
    "power_uniform": _uniform,
    "mixed_uniform": _mixed,
    "tullock_uniform": _contest,
    "tullock_outside": _outside,
    "log_discriminatory": _discriminatory,
    "quad_discriminatory": _discriminatory,
    "tullock_discriminatory": _contest_prices,
    "multi_leader_clearing": _clearing,
    "coupled_train_mine": _coupled,
}
