"""Random games of each family against the independent search in `pricing_oracles`.

Set POLESTAR_GAMES to try more of them than the few that keep the suite short.
"""

import json
import os
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from offchain.economics import buckets, groups
from offchain.economics.followers import LogConsumers
from offchain.economics.instances import read_instances
from offchain.economics.report import solve_instance
from offchain.economics.segments import aggregate, clearing_price
from tests.unit.economics import pricing_games as games
from tests.unit.economics import pricing_oracles as oracles

COUNT = int(os.environ.get("POLESTAR_GAMES", "60"))
# Below this part of all money at stake a profit is a difference of rounding errors.
ROUNDING = 1e-13

Inputs = dict[str, Any]
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:tests.unit.economics.pricing_oracles")


def solved(family: str, inputs: Inputs) -> dict[str, Any]:
    instances, _ = read_instances(json.dumps({"family": family, "inputs": inputs}))
    return solve_instance(instances[0])


def numbers(column: list[float]) -> NDArray[np.float64]:
    return np.array(column, dtype=np.float64)


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(20260101)


@pytest.mark.parametrize("family", sorted(oracles.DEMANDS))
def test_one_price_earns_as_much_as_search_between_all_breakpoints(family: str, rng: Generator) -> None:
    for _ in range(COUNT):
        inputs = games.uniform_game(rng, family)

        price = solved(family, inputs)["price"]

        best = oracles.best_profit(family, inputs, grid=60)
        earned = float(oracles.profit_at(family, inputs, numbers([price]))[0])
        assert inputs["pmin"] <= price <= inputs["pmax"], inputs
        assert earned >= best - 1e-9 * abs(best) - ROUNDING * sum(inputs["a"]), inputs


@pytest.mark.parametrize("bins", [4, 256])
@pytest.mark.parametrize("family", sorted(oracles.DEMANDS))
def test_sieving_breakpoints_in_buckets_loses_no_optimum(
    family: str, bins: int, rng: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a million consumers go through, on games small enough to search."""
    monkeypatch.setattr(buckets, "_SORT_ALL", 0)
    monkeypatch.setattr(buckets, "_BUCKETS", bins)
    monkeypatch.setattr(groups, "_PART", 2)
    for _ in range(COUNT // 2):
        inputs = games.uniform_game(rng, family)

        price = solved(family, inputs)["price"]

        best = oracles.best_profit(family, inputs, grid=60)
        earned = float(oracles.profit_at(family, inputs, numbers([price]))[0])
        assert earned >= best - 1e-9 * abs(best) - ROUNDING * sum(inputs["a"]), inputs


@pytest.mark.parametrize("family", sorted(set(oracles.DEMANDS) - {"mixed_uniform"}))
def test_allocations_never_exceed_demand_or_capacity(family: str, rng: Generator) -> None:
    for _ in range(COUNT):
        inputs = games.uniform_game(rng, family)

        found = solved(family, inputs)

        given, wanted = numbers(found["fifo_allocations"]), numbers(found["demands"])
        assert (given <= wanted).all() and (given >= 0).all()
        assert given.sum() <= oracles.capacity_of(inputs) * (1 + 1e-12)
        assert given.sum() == pytest.approx(found["sold"], rel=1e-9, abs=1e-12)
        assert found["scarce"] is False or found["price"] == inputs["pmax"]


def test_contest_efforts_equal_bisection_on_the_shares(rng: Generator) -> None:
    for _ in range(5 * COUNT):
        inputs = games.contest_game(rng)

        found = solved("tullock_uniform", inputs)

        prizes = numbers(inputs["V"])
        costs = np.full(prizes.shape, inputs["pmax"])
        expected = oracles.contest_efforts(prizes, costs, oracles.numbers(inputs["d"]))
        np.testing.assert_allclose(found["demands"], expected, atol=1e-9 * expected.sum(), rtol=0)


def test_outside_option_price_earns_as_much_as_a_grid_with_all_jumps(rng: Generator) -> None:
    for _ in range(COUNT):
        inputs = games.outside_game(rng)
        low, high, costs = inputs["pmin"], inputs["pmax"], numbers(inputs["h"])
        jumps = costs[(costs >= low) & (costs <= high)]
        grid = np.unique(np.concatenate((np.linspace(max(low, 1e-9), high, 60), jumps, [high])))

        price = solved("tullock_outside", inputs)["price"]

        best = max(oracles.outside_profit(inputs, float(p)) for p in grid)
        assert low <= price <= high
        assert oracles.outside_profit(inputs, price) >= best - 1e-9 * abs(best), inputs


@pytest.mark.parametrize("family", ["log_discriminatory", "quad_discriminatory"])
def test_discriminatory_prices_reach_the_lagrangian_bound(family: str, rng: Generator) -> None:
    for _ in range(max(COUNT // 4, 1)):
        inputs = games.discriminatory_game(rng, family)
        units = oracles.DEMANDS[family.replace("discriminatory", "uniform")](inputs)
        capacity, rounding = oracles.capacity_of(inputs), ROUNDING * sum(inputs["a"])

        found = solved(family, inputs)

        bound, prices = oracles.discriminatory_bound(family, inputs), numbers(found["prices"])
        sold = np.diagonal(units(prices))
        earned = float(((prices - inputs["c"]) * sold).sum())
        if float(units(numbers([inputs["pmax"]])).sum()) > capacity * (1 + 1e-12):
            earned = (inputs["pmax"] - inputs["c"]) * capacity
        else:
            assert sold.sum() <= capacity * (1 + 1e-9) + 1e-12
        assert earned >= bound - 1e-9 * abs(bound) - rounding, inputs
        assert found["profit"] == pytest.approx(earned, rel=1e-9, abs=rounding)


def test_contest_prices_earn_their_profit_when_the_contest_is_played(rng: Generator) -> None:
    for _ in range(max(COUNT // 4, 1)):
        inputs = games.contest_prices_game(rng)

        prices = numbers(solved("tullock_discriminatory", inputs)["prices"])

        positive = np.maximum(prices, 1e-300)
        efforts = oracles.contest_efforts(numbers(inputs["V"]), positive)
        best = oracles.contest_prices_profit(inputs)
        assert (prices <= inputs["pmax"]).all()
        assert float(((prices - inputs["c"]) * efforts).sum()) >= best - 1e-8 * abs(best), inputs


def test_clearing_deviations_gain_what_a_search_gains(rng: Generator) -> None:
    for _ in range(COUNT):
        inputs = games.clearing_game(rng)

        found = solved("multi_leader_clearing", inputs)

        price, supply = found["clearing_price"], sum(inputs["capacities"])
        if not 0 < price < inputs["pmax"]:
            continue
        wanted = float(oracles.log_demand(inputs)(numbers([price])).sum())
        # Demand is a difference of numbers of the size of 1 / k.
        noise = 1e-15 * sum(1 / k for k in inputs["k"] if k > 0)
        assert wanted == pytest.approx(supply, rel=1e-9, abs=10 * noise)
        for leader, gain in enumerate(found["best_deviation_gain"]):
            expected, stake = oracles.deviation_gain(inputs, price, leader)
            cost = price + inputs["costs"][leader]
            assert gain == pytest.approx(expected, rel=0, abs=1e-9 * stake + 100 * noise * cost), inputs


def test_coupled_consumers_gain_nothing_by_deviating(rng: Generator) -> None:
    for _ in range(COUNT):
        inputs = games.coupled_game(rng)
        limits = oracles.numbers(inputs["d"])
        if np.count_nonzero((numbers(inputs["V"]) > 0) & (limits > 0)) < 2:
            continue

        found = solved("coupled_train_mine", inputs)

        training, mining = numbers(found["training"]), numbers(found["mining"])
        gains, stakes = oracles.coupled_gains(inputs, training, mining)
        assert (gains <= 1e-9 * stakes).all(), inputs
        assert (training + mining <= limits * (1 + 1e-12)).all()


def test_demand_at_the_clearing_price_never_exceeds_the_capacity(rng: Generator) -> None:
    """Not by one unit in the last place, which a contract would refuse."""
    for _ in range(COUNT):
        value, efficiency, limit = (rng.lognormal(0, 1, 5) for _ in range(3))
        consumers = LogConsumers(value, efficiency, limit)
        capacity = 0.5 * float(consumers.demand(0.3).sum())

        price = clearing_price(aggregate(consumers, 0.1, 60.0, 1.0), consumers, capacity)

        assert float(consumers.demand(price).sum()) <= capacity
