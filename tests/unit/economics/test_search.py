"""The search for any demand that never rises: within its tolerance of the best, jumps included."""

import math

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from offchain.economics.outside import settle_outside, solve_outside
from offchain.economics.search import solve_any_demand
from tests.unit.economics import pricing_games as games

Array = NDArray[np.float64]


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("tolerance", [0.1, 0.01, 0.001])
def test_search_is_within_its_tolerance_on_step_demand(rng: Generator, tolerance: float) -> None:
    for _ in range(40):
        reserve, units = rng.lognormal(0, 1, 12), rng.lognormal(0, 1, 12)
        cost = float(rng.choice([0.0, 0.3]))

        def demand(p: float, reserve: Array = reserve, units: Array = units) -> float:
            return float(units[reserve >= p].sum())

        found = solve_any_demand(demand, 9.0, cost, (0.01, 20.0), tolerance)

        # By hand: with unit demand in steps, some reservation price or pmin is optimal.
        best = max((r - cost) * min(units[reserve >= r].sum(), 9.0) for r in np.append(reserve, 0.01))
        assert found.profit >= best / (1 + tolerance) * (1 - 1e-12)
        assert found.profit == (found.price - cost) * min(units[reserve >= found.price].sum(), 9.0)


def test_search_agrees_with_the_exact_price_for_miners_who_can_leave(rng: Generator) -> None:
    for _ in range(10):
        inputs = games.outside_game(rng)
        prizes, costs = np.array(inputs["V"]), np.array(inputs["h"])
        bounds = (max(inputs["pmin"], 1e-3), max(inputs["pmax"], 2e-3))
        exact = solve_outside(prizes, costs, inputs["c"], bounds)

        def sold(p: float, prizes: Array = prizes, costs: Array = costs) -> float:
            return settle_outside(prizes, costs, 0.0, p).sold

        found = solve_any_demand(sold, math.inf, inputs["c"], bounds, 0.01)

        assert exact.profit / 1.01 * (1 - 1e-9) <= found.profit <= exact.profit * (1 + 1e-9)


def test_search_earns_nothing_where_nobody_buys() -> None:
    assert solve_any_demand(lambda p: 0.0, 1.0, 1.0, (0.0, 5.0), 0.01).profit == 0.0


def test_search_refuses_unlimited_sales_at_no_cost() -> None:
    with pytest.raises(ValueError, match="unlimited"):
        solve_any_demand(lambda p: math.inf if p == 0 else 1 / p - 0.1, math.inf, 0.0, (0.0, 5.0), 0.01)
