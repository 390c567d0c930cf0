"""Pricing over time: the bound holds against exhaustive search, and policies come near it."""

import itertools

import numpy as np
import pytest
from numpy.random import Generator

from offchain.economics.dynamic import DynamicGame, plan, run_myopic, run_replanned, run_with_worth
from offchain.economics.followers import LogConsumers, PiecewiseFollowers
from offchain.economics.leader import solve_leader


def game(rng: Generator, steps: int, n: int, stock: float, arrivals: float) -> DynamicGame:
    followers: list[PiecewiseFollowers] = [
        LogConsumers(rng.lognormal(0, 1, n), rng.lognormal(0, 0.8, n), rng.lognormal(0, 1, n))
        for _ in range(steps)
    ]
    return DynamicGame(tuple(followers), stock, rng.exponential(arrivals, steps), 0.2, (0.05, 30.0))


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(3)


def exhaustive(dynamic: DynamicGame, grid: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Best profit of all sequences of prices on a grid, by trying each."""
    best = 0.0
    for prices in itertools.product(grid, repeat=len(dynamic.steps)):
        stock, profit = dynamic.stock, 0.0
        for price, followers, arrival in zip(prices, dynamic.steps, dynamic.replenishment, strict=True):
            stock += float(arrival)
            sold = min(float(followers.demand(float(price)).sum()), stock)
            stock, profit = stock - sold, profit + (price - dynamic.unit_cost) * sold
        best = max(best, profit)
    return best


def test_bound_is_above_and_policies_below_every_sequence_of_prices(rng: Generator) -> None:
    for stock, arrivals in ((2.0, 1.0), (0.5, 3.0), (0.0, 1.0)):
        dynamic = game(rng, 3, 5, stock, arrivals)
        proved = plan(dynamic)

        searched = exhaustive(dynamic, np.geomspace(0.2, 30.0, 28))

        assert searched <= proved.bound * (1 + 1e-9)
        assert run_replanned(dynamic).profit <= proved.bound * (1 + 1e-9)
        assert (
            max(run_replanned(dynamic).profit, run_with_worth(dynamic, proved.worth).profit)
            >= searched * 0.97
        )


def test_worth_of_a_unit_never_rises_over_time(rng: Generator) -> None:
    worth = plan(game(rng, 6, 20, 3.0, 4.0)).worth

    assert (np.diff(worth) <= 1e-9).all()
    assert (worth >= 0).all()


def test_runs_never_sell_what_is_not_in_stock(rng: Generator) -> None:
    dynamic = game(rng, 5, 20, 3.0, 4.0)

    for run in (run_myopic(dynamic), run_replanned(dynamic)):
        assert (run.left >= 0).all()
        assert (np.cumsum(run.sold) <= dynamic.supply * (1 + 1e-12)).all()


def test_ample_stock_makes_every_step_the_one_step_game(rng: Generator) -> None:
    dynamic = game(rng, 3, 10, 1e6, 1.0)

    proved, run = plan(dynamic), run_replanned(dynamic)

    alone = [solve_leader(step, np.inf, 0.2, (0.05, 30.0)).profit for step in dynamic.steps]
    assert proved.bound == pytest.approx(sum(alone), rel=1e-9)
    assert run.profit == pytest.approx(sum(alone), rel=1e-9)


def test_a_shrinking_stock_is_worth_more_to_a_planner_than_to_a_myopic_leader(rng: Generator) -> None:
    dynamic = game(rng, 6, 30, 10.0, 0.0)
    shrinking = DynamicGame(dynamic.steps, 10.0, np.zeros(6), 0.2, (0.05, 30.0))

    assert run_with_worth(shrinking, plan(shrinking).worth).profit > 1.05 * run_myopic(shrinking).profit


def test_dynamic_game_refuses_a_replenishment_for_no_step(rng: Generator) -> None:
    with pytest.raises(ValueError, match="one replenishment for each"):
        DynamicGame(game(rng, 2, 3, 1.0, 1.0).steps, 1.0, np.zeros(3), 0.2, (0.1, 1.0))
