"""The solver against libraries that know nothing of it: cvxpy, SciPy's global search, nashpy."""

from importlib import import_module
from typing import Any

import nashpy as nash  # type: ignore[import-untyped]
import numpy as np
import pytest
from numpy.random import Generator
from scipy.optimize import differential_evolution  # type: ignore[import-untyped]

from offchain.economics import buckets
from offchain.economics.contest import tullock_equilibrium
from offchain.economics.contest_prices import solve_contest_prices
from offchain.economics.discriminatory import solve_discriminatory
from offchain.economics.followers import LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.instances import FAMILIES
from offchain.economics.leader import LeaderGame, solve_leader
from offchain.economics.report import followers_of
from tests.unit.economics import pricing_games as games
from tests.unit.economics import pricing_oracles as oracles

# cvxpy is typed, but its atoms are not exported to type checkers.
cp: Any = import_module("cvxpy")

ROUGH = 2e-6  # what the interior-point solver promises


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(23)


def tame(rng: Generator, n: int) -> tuple[Any, Any, Any]:
    return rng.lognormal(0, 1, n), rng.lognormal(0, 0.7, n), rng.lognormal(0.5, 1, n)


@pytest.mark.parametrize("tightness", [0.3, 2.0])
def test_log_prices_earn_what_cvxpy_earns(rng: Generator, tightness: float) -> None:
    value, efficiency, limit = tame(rng, 30)
    low, cost = 0.2, 0.3
    consumers = LogConsumers(value, efficiency, limit)
    high = float(consumers.choke.max())
    capacity = tightness * float(solve_discriminatory(consumers, np.inf, cost, (low, high)).sold)

    found = solve_discriminatory(consumers, capacity, cost, (low, high))

    # Revenue a k x / (1 + k x) = a - a / (1 + k x), with x between the demands at the price bounds.
    units = cp.Variable(30)
    revenue = cp.sum(value) - cp.sum(cp.multiply(value, cp.inv_pos(1 + cp.multiply(efficiency, units))))
    limits = [units >= consumers.demand(high), units <= consumers.demand(low), cp.sum(units) <= capacity]
    problem = cp.Problem(cp.Maximize(revenue - cost * cp.sum(units)), limits)
    problem.solve(solver=cp.CLARABEL)
    assert found.profit == pytest.approx(problem.value, rel=ROUGH)
    assert found.profit == pytest.approx(found.dual_bound, rel=1e-12)


@pytest.mark.parametrize("tightness", [0.3, 2.0])
def test_quad_prices_earn_what_cvxpy_earns(rng: Generator, tightness: float) -> None:
    value, slope, limit = tame(rng, 30)
    low, cost = 0.2, 0.3
    consumers = QuadConsumers(value, slope, limit)
    high = float(consumers.choke.max())
    capacity = tightness * float(solve_discriminatory(consumers, np.inf, cost, (low, high)).sold)

    found = solve_discriminatory(consumers, capacity, cost, (low, high))

    units = cp.Variable(30)
    profit = cp.sum(cp.multiply(value - cost, units)) - cp.sum(cp.multiply(slope, cp.square(units)))
    limits = [units >= consumers.demand(high), units <= consumers.demand(low), cp.sum(units) <= capacity]
    problem = cp.Problem(cp.Maximize(profit), limits)
    problem.solve(solver=cp.CLARABEL)
    assert found.profit == pytest.approx(problem.value, rel=ROUGH)


def test_contest_prices_earn_what_cvxpy_earns(rng: Generator) -> None:
    for _ in range(5):
        prizes, cost, cap = np.round(rng.lognormal(2, 1, 12), 6), 0.4, 3.0

        found = solve_contest_prices(prizes, cost, cap)

        shares, total = cp.Variable(12, nonneg=True), cp.Variable(nonneg=True)
        profit = cp.sum(cp.multiply(prizes, shares - cp.square(shares))) - cost * total
        limits = [cp.sum(shares) == 1, cp.multiply(prizes, 1 - shares) <= cap * total]
        problem = cp.Problem(cp.Maximize(profit), limits)
        problem.solve(solver=cp.CLARABEL)
        assert found.profit == pytest.approx(problem.value, rel=ROUGH)


def test_price_earns_at_least_what_differential_evolution_finds(rng: Generator) -> None:
    for _ in range(6):
        value, efficiency, limit = tame(rng, 8)
        consumers = LogConsumers(value, efficiency, limit)
        high = float(consumers.choke.max())

        found = solve_leader(consumers, np.inf, 0.2, (0.1, high))

        game = LeaderGame(consumers, np.inf, 0.2, (0.1, high))
        searched = differential_evolution(
            lambda p, game=game: -game.profit(float(p[0])), [(0.1, high)], seed=1, maxiter=300, tol=1e-12
        )
        assert found.profit >= -searched.fun * (1 - 1e-12)


def test_contest_equilibrium_is_one_of_the_discretised_bimatrix_game() -> None:
    """On a grid of efforts that contains it, the Nash equilibrium must be a pure one of the matrices."""
    prizes, costs = np.array([8.0, 8.0]), np.array([1.0, 3.0])
    efforts = tullock_equilibrium(prizes, costs).efforts
    grids = [np.unique(np.append(np.linspace(0.04, 4.03, 80), effort)) for effort in efforts]
    mine, theirs = np.meshgrid(*grids, indexing="ij")
    matrices = [prizes[0] * mine / (mine + theirs) - costs[0] * mine,
                prizes[1] * theirs / (mine + theirs) - costs[1] * theirs]  # fmt: skip
    sigma = [(grid == effort).astype(float) for grid, effort in zip(grids, efforts, strict=True)]

    assert all(nash.Game(*matrices).is_best_response(*sigma))
    np.testing.assert_allclose(efforts, [1.5, 0.5])  # X = 1 / (1/8 + 3/8) = 2, by hand


def test_number_of_local_maxima_equals_those_on_a_fine_grid(rng: Generator) -> None:
    several = 0
    for _ in range(30):
        value, efficiency, limit = tame(rng, 6)
        consumers = LogConsumers(value * rng.choice([1.0, 12.0], 6), efficiency, limit)
        solution = solve_leader(consumers, np.inf, 0.2, (0.1, float(consumers.choke.max())))

        prices = np.geomspace(*solution.game.price_bounds, 60_000)
        wanted = np.minimum(limit[:, None], np.maximum(0.0, consumers.value[:, None] / prices
                            - 1 / efficiency[:, None])).sum(axis=0)  # fmt: skip
        profits = (prices - 0.2) * wanted
        peaks = int(((profits[1:-1] > profits[:-2]) & (profits[1:-1] >= profits[2:])).sum())
        assert solution.local_maxima == peaks
        several += peaks > 1
    assert several > 5


@pytest.mark.parametrize("family", ["log_uniform", "quad_uniform", "power_uniform"])
def test_a_market_of_thousands_agrees_with_dense_search(rng: Generator, family: str) -> None:
    n = 3000
    inputs: dict[str, Any] = {
        "a": games.column(rng, n),
        "d": [round(x, 6) for x in rng.lognormal(0, 1, n)],
        "Q": None,
        "c": 0.3,
        "pmin": 0.1,
        "pmax": 60.0,
    }
    shapes: dict[str, dict[str, Any]] = {
        "log_uniform": {"k": games.column(rng, n)},
        "quad_uniform": {"b": games.column(rng, n, zeros=False)},
        "power_uniform": {"sigma": 0.4},
    }
    inputs |= shapes[family]
    followers = followers_of(FAMILIES[family].model_validate(inputs))

    found = solve_leader(followers, np.inf, 0.3, (0.1, 60.0))

    grid = oracles.profit_at(family, inputs, np.geomspace(0.3, 60.0, 4000))
    assert found.profit >= grid.max()
    assert found.profit == pytest.approx(grid.max(), rel=1e-4)


@pytest.mark.parametrize("kind", ["log", "quad", "both"])
def test_sieving_a_large_market_finds_the_price_of_sorting_it(
    rng: Generator, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, other, limit = tame(rng, 70_000)
    log, quad = LogConsumers(value, other, limit), QuadConsumers(value, other, limit)
    crowds: dict[str, PiecewiseFollowers] = {"log": log, "quad": quad, "both": Together((log, quad))}
    crowd = crowds[kind]
    for capacity in (np.inf, 0.1 * float(crowd.demand(0.3).sum())):
        sieved = solve_leader(crowd, capacity, 0.3, (0.1, 60.0))

        with monkeypatch.context() as patch:
            patch.setattr(buckets, "_SORT_ALL", 10**9)
            everything = solve_leader(crowd, capacity, 0.3, (0.1, 60.0))

        assert sieved.profit == pytest.approx(everything.profit, rel=1e-12)
        assert sieved.price == pytest.approx(everything.price, rel=1e-6)


def test_sieving_survives_consumers_a_billion_times_larger(
    rng: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large consumers who take their limits at any price must not drown the others in rounding."""
    monkeypatch.setattr(buckets, "_SORT_ALL", 0)
    for _ in range(20):
        value, efficiency, limit = tame(rng, 60)
        value[:5], limit[:5] = value[:5] * 1e9, limit[:5] * 1e-3
        consumers = LogConsumers(value, efficiency, limit)

        sieved = solve_leader(consumers, np.inf, 0.3, (0.1, 40.0))

        with monkeypatch.context() as patch:
            patch.setattr(buckets, "_SORT_ALL", 10**9)
            everything = solve_leader(consumers, np.inf, 0.3, (0.1, 40.0))
        assert sieved.profit == pytest.approx(everything.profit, rel=1e-11)
