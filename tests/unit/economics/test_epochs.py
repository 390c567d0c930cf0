"""The experiment over epochs: exact demands, first come first served, the stock, the paper's lines."""

import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest

from offchain.economics.cover import IntegerGame, Verdict, walk_cover
from offchain.economics.curve import LearningCurve, fit_curve
from offchain.economics.epochs import (
    Declared,
    Integers,
    Offer,
    PlainMarket,
    Scenario,
    Step,
    best_price,
    best_responses,
    paper_scenario,
    run,
    served,
)
from offchain.economics.experiments.epochs_report import paper_lines, row_of, write_report
from offchain.economics.followers import LogConsumers
from offchain.economics.integer import IntegerLog
from offchain.economics.wad import LARGEST, WAD


def integers(*numbers: int) -> Integers:
    return np.array(numbers, dtype=object)


@pytest.mark.parametrize("seed", range(5))
def test_demands_are_those_of_the_integer_definition(seed: int) -> None:
    (declared,) = paper_scenario(50, 1, seed).declared()
    columns = [tuple(map(int, column)) for column in declared]
    definition = IntegerLog(columns[0], columns[1], columns[2], (LARGEST,) * 50)

    for price in (WAD // 5, WAD // 3, WAD - 1, WAD):
        assert tuple(best_responses(declared, price)) == definition.units_down(price)


def test_demands_are_those_of_the_float_definition_to_its_precision() -> None:
    (declared,) = paper_scenario(200, 1, 3).declared()

    demands = best_responses(declared, WAD // 2).astype(float) / WAD

    as_floats = LogConsumers(*(column.astype(float) / WAD for column in declared))
    assert demands == pytest.approx(as_floats.demand(0.5), rel=1e-12, abs=1e-12)


def test_units_go_first_come_first_served() -> None:
    # Hand-worked: 7 units for demands of 3, 0, 5 and 2.
    assert list(served(integers(3, 0, 5, 2), 7)) == [3, 0, 4, 0]


@pytest.mark.parametrize("seed", range(20))
def test_every_price_is_one_that_the_cover_proves(seed: int) -> None:
    for step, declared in zip(
        run(paper_scenario(5, 6, seed), PlainMarket()), paper_scenario(5, 6, seed).declared(), strict=True
    ):
        columns = [tuple(map(int, column)) for column in declared]
        followers = IntegerLog(columns[0], columns[1], columns[2], (LARGEST,) * 5)
        offer = step.offer
        game = IntegerGame(followers, offer.capacity, offer.unit_cost, offer.price_floor, offer.price_cap)
        assert walk_cover(game, step.price, WAD // 100).verdict == Verdict.PROVED


def test_the_stock_is_what_was_left_and_what_was_added() -> None:
    scenario = paper_scenario(3, 10, 0)

    steps = list(run(scenario, PlainMarket()))

    arrived = scenario.stock + 9 * scenario.replenishment
    assert sum(step.sold for step in steps) + steps[-1].remaining == arrived
    assert all(step.remaining >= 0 for step in steps)


def test_the_same_seed_gives_the_same_steps_and_another_seed_others() -> None:
    first, again, other = (
        [row_of(step) for step in run(paper_scenario(3, 4, seed), PlainMarket())] for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


def test_the_default_scenario_shows_an_inner_price_the_bound_and_scarcity() -> None:
    steps = list(run(paper_scenario(3, 10, 0), PlainMarket()))

    assert steps[0].offer.price_floor < steps[0].price < steps[0].offer.price_cap
    assert any(step.is_bound and len(step.empty_handed) for step in steps)


def step_of(price: int, demands: Integers, units: Integers, profits: list[float]) -> Step:
    offer = Offer(3 * WAD, WAD // 10, WAD // 5, WAD)
    return Step(2, offer, price, demands, units, price * units // WAD, np.array(profits))


def test_a_step_is_told_in_the_papers_words() -> None:
    step = step_of(WAD, integers(2 * WAD, WAD, WAD), integers(2 * WAD, WAD, 0), [0.5918, 0.25, 0.0])

    # The lines of the paper's printed output.
    assert paper_lines(step) == [
        "Time Step 2: Optimal Price Set by CPP: 1.0000",
        "Consumer 1 Profit: 0.5918",
        "Consumer 2 Profit: 0.2500",
        "Consumer 3 could not get resources.",
        "CPP Profit: 2.7000",
        "CPP Remaining Resources: 0.0000",
    ]


def test_a_crowd_is_told_in_sum() -> None:
    (step, *_) = run(paper_scenario(100, 1, 0), PlainMarket())

    lines = paper_lines(step)

    assert len(lines) == 1 + 20 + 3
    assert "All 100 Consumers Profit" in lines[21]


def test_a_report_holds_what_happened(tmp_path: Path) -> None:
    scenario = paper_scenario(3, 4, 0)
    rows = [row_of(step) for step in run(scenario, PlainMarket())]

    write_report(tmp_path, "simulation", scenario, rows, "pole simulate --offchain")

    table = list(csv.DictReader((tmp_path / "simulation.csv").open()))
    assert [float(line["price"]) for line in table] == [row.price_wad / WAD for row in rows]
    document = json.loads((tmp_path / "simulation.json").read_text())
    assert document["steps"][0]["units_wad"] == list(rows[0].units_wad)
    assert document["scenario"]["seed"] == 0
    assert "0.5918) cannot be derived" in (tmp_path / "simulation.md").read_text().replace("\n", " ")
    assert (tmp_path / "simulation.png").read_bytes().startswith(b"\x89PNG")


def test_many_consumers_take_little_time() -> None:
    scenario = paper_scenario(100_000, 3, 0)

    started = time.monotonic()
    steps = sum(1 for _ in run(scenario, PlainMarket()))

    assert steps == 3
    assert time.monotonic() - started < 6.0  # 100 steps in less than a minute leave 0.6 s for each


def test_a_price_is_kept_within_its_bounds() -> None:
    scenario = Scenario(1, 1, 0, WAD, 0, 0, WAD, WAD)
    (declared,) = scenario.declared()

    assert best_price(Offer(WAD, 0, WAD, WAD), declared) == WAD


def test_nobody_wants_units_above_the_worth_of_the_first() -> None:
    declared = Declared(integers(2 * WAD), integers(WAD // 2), integers(9 * WAD))  # a k = 1

    assert list(best_responses(declared, WAD)) == [0]
    assert list(best_responses(declared, WAD - 1)) != [0]


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_curve_is_found_again(noise: float) -> None:
    truth = LearningCurve(0.3, 0.15, 0.4, 0.0)
    x = [i for i in (0, 1, 2, 4, 8, 16) for _ in range(4)]
    rng = np.random.default_rng(0)

    found = fit_curve(x, [truth.score(i) + noise * rng.standard_normal() for i in x])

    assert found.score(24) == pytest.approx(truth.score(24), abs=1e-6 + 3 * noise)
    assert found.residual == pytest.approx(noise, abs=1e-6 + noise / 2)


def test_a_flat_curve_is_worth_nothing() -> None:
    utility = fit_curve([0, 1, 2, 4], [0.5, 0.5, 0.5, 0.5]).utility(100.0, 50.0)

    assert utility.value == pytest.approx(0.0, abs=1e-6)


def test_a_falling_curve_is_worth_nothing() -> None:
    utility = fit_curve([0, 1, 2, 4], [0.9, 0.7, 0.6, 0.5]).utility(100.0, 50.0)

    assert utility.value == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("start", [-50.0, -1.0, 0.0, 0.4])
@pytest.mark.parametrize(("gain", "efficiency"), [(30.0, 0.01), (3.0, 100.0), (2000.0, 4.6e-5)])
def test_no_best_response_costs_more_than_the_reward(start: float, gain: float, efficiency: float) -> None:
    """R² falls without bound: a mean guessed badly made a score of one worth many times the reward."""
    a, k, limit = LearningCurve(start, gain, efficiency, 0.0).utility(100.0, 10_000.0)

    costs = [price * min(limit, a / price - 1 / k) for price in np.geomspace(1e-6, 1e6, 1000)]

    assert 0 < max(costs) <= 100.0


def test_a_curve_declares_the_reward_times_its_gain_up_to_the_best_score() -> None:
    # Hand-worked: 0.5 + 0.25 ln(1 + x) reaches 1 at e^2 - 1.
    utility = LearningCurve(0.5, 0.25, 1.0, 0.0).utility(100.0, 50.0)

    assert utility == pytest.approx((25.0, 1.0, np.exp(2) - 1))
    assert LearningCurve(0.5, 0.25, 1.0, 0.0).utility(100.0, 3.0).limit == 3.0


@pytest.mark.parametrize(
    ("iterations", "scores"),
    [
        ([1, 2], [0.1, 0.2]),
        ([2, 2, 2], [0.1, 0.2, 0.3]),
        ([1, 2, 3], [0.1, float("nan"), 0.3]),
        ([-1, 2, 3], [0, 0, 0]),
    ],
)
def test_points_that_make_no_curve_are_refused(iterations: list[float], scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"curve needs|must be finite"):
        fit_curve(iterations, scores)
