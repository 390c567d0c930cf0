"""Small games worked by hand, at the edges that random games do not reach."""

import numpy as np
import pytest

from offchain.economics.clearing import solve_clearing
from offchain.economics.contest import Miners, solve_contest_leader
from offchain.economics.coupled import CoupledConsumers
from offchain.economics.cover import IntegerGame
from offchain.economics.curve import fit_curve
from offchain.economics.discriminatory import solve_discriminatory
from offchain.economics.dynamic import DynamicGame, run_with_worth
from offchain.economics.followers import LogConsumers
from offchain.economics.groups import Residual
from offchain.economics.integer import IntegerLog
from offchain.economics.kkt import misallocated
from offchain.economics.leader import LeaderGame, local_maximisers, solve_leader
from offchain.economics.learning_types import Knowledge
from offchain.economics.power import PowerConsumers
from offchain.economics.search import solve_any_demand
from offchain.economics.wad import LARGEST, WAD


def test_leaders_with_too_much_share_what_is_wanted_for_nothing() -> None:
    """Four units for one consumer who takes two at most, and all of them up to 4 / 3 = a / (d + 1 / k)."""
    consumer = LogConsumers([4.0], [1.0], [2.0])  # type: ignore[arg-type]

    found = solve_clearing(consumer, np.array([0.5, 0.5]), np.array([3.0, 1.0]), 10.0)

    # The first sells the one unit that the second has not, at a loss of 1 / 2; at 4 / 3 it gains 5 / 6 by it.
    assert found.price == 0.0
    assert found.gains == pytest.approx([5 / 6 + 1 / 2, 0.0])
    assert found.deviation_prices == pytest.approx([4 / 3, 0.0])
    assert not found.is_equilibrium


def test_leaders_who_are_sold_out_at_a_good_price_stay_there() -> None:
    """Half a unit each sells at 2. For p > 2 the residual earns (p - 1)(4 / p - 3 / 2), which falls from 1 / 2 on."""
    consumer = LogConsumers([4.0], [1.0])  # type: ignore[arg-type]

    found = solve_clearing(consumer, np.array([1.0, 1.0]), np.array([0.5, 0.5]), 10.0)

    assert found.price == pytest.approx(2.0)
    assert found.gains.tolist() == [0.0, 0.0]
    assert found.is_equilibrium


@pytest.mark.parametrize("highest", [0.0, np.inf, np.nan])
def test_clearing_refuses_a_highest_price_that_is_none(highest: float) -> None:
    consumer = LogConsumers([4.0], [1.0])  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="highest price must be positive and finite"):
        solve_clearing(consumer, np.array([0.5]), np.array([3.0]), highest)


def test_miners_want_without_limit_what_costs_nothing_unless_the_contest_leaves_them_out() -> None:
    """Together two prizes of 100 are worth 1 / (1 / 100 + 1 / 100) = 50, which a prize of 1 does not reach."""
    miners = Miners([100.0, 100.0, 1.0])  # type: ignore[arg-type]

    assert miners.demand(0.0).tolist() == [np.inf, np.inf, 0.0]
    assert miners.demand(0.5).tolist() == pytest.approx([50.0, 50.0, 0.0])


def test_a_miner_that_may_buy_nothing_is_not_counted_among_the_capped() -> None:
    prizes, limits = np.array([100.0, 100.0, 100.0]), np.array([np.inf, 1.0, 0.0])

    found = solve_contest_leader(prizes, limits, 0.5, 2.0)

    # The first answers one unit with the best response sqrt(100 * 1 / 2) - 1.
    assert found.contest.efforts == pytest.approx([50**0.5 - 1, 1.0, 0.0])
    assert found.capped == 1


def test_coupled_consumers_refuse_a_limit_for_nobody() -> None:
    with pytest.raises(ValueError, match="limit has 2"):
        CoupledConsumers([1.0], [1.0], [1.0], [1.0, 2.0])  # type: ignore[arg-type]


def test_many_prices_without_a_capacity_have_a_bound_without_a_shadow_price() -> None:
    """One consumer with a = 4 and k = 1 at a cost of 1: profit (p - 1)(4 / p - 1) is largest at 2."""
    consumer = LogConsumers([4.0], [1.0])  # type: ignore[arg-type]

    found = solve_discriminatory(consumer, np.inf, 1.0, (0.1, 10.0))

    assert found.prices == pytest.approx([2.0])
    assert found.shadow_price == 0.0
    assert found.dual_bound == pytest.approx(1.0)


def test_a_run_tells_prices_sales_and_stock_step_by_step() -> None:
    """Units are worth nothing: each step takes 2, its best price alone, and sells 4 / 2 - 1 = 1 of what is there."""
    consumer = LogConsumers([4.0], [1.0])  # type: ignore[arg-type]
    game = DynamicGame((consumer, consumer), 2.5, np.array([0.0, 0.5]), 1.0, (0.1, 10.0))

    run = run_with_worth(game, np.zeros(2))

    assert run.prices == pytest.approx([2.0, 2.0])
    assert run.sold == pytest.approx([1.0, 1.0])
    assert run.left == pytest.approx([1.5, 1.0])
    assert run.profit == pytest.approx(2.0)


def test_what_rivals_leave_has_the_utilities_of_the_followers_and_none_for_the_rivals() -> None:
    consumer = LogConsumers([4.0], [1.0])  # type: ignore[arg-type]

    left = Residual(consumer, 0.25)

    assert left.demand(2.0).tolist() == [1.0, -0.25]
    assert left.utility(2.0, left.demand(2.0)) == pytest.approx([4 * np.log(2) - 2, 0.0])


def test_miners_alone_make_the_highest_price_the_best() -> None:
    """Two prizes of 100 spend 50 at any price, so 25 units at 2: (2 - 0.5) 25 = 37.5."""
    found = solve_leader(Miners([100.0, 100.0]), np.inf, 0.5, (0.5, 2.0))  # type: ignore[arg-type]

    assert found.price == 2.0
    assert found.profit == pytest.approx(37.5)


@pytest.mark.parametrize(("cost", "highest"), [(0.5, 0.0), (-0.5, 2.0)])
def test_contest_refuses_a_price_of_nothing_and_a_cost_below_it(cost: float, highest: float) -> None:
    with pytest.raises(ValueError, match="highest price must be positive and the unit cost not negative"):
        solve_contest_leader(np.array([100.0, 100.0]), np.array([np.inf, np.inf]), cost, highest)


def test_who_values_nothing_wants_nothing_even_for_nothing() -> None:
    assert LogConsumers([0.0, 4.0], [1.0, 1.0]).demand(0.0).tolist() == [0.0, np.inf]  # type: ignore[arg-type]


def test_a_unit_more_is_worth_the_margin_when_the_highest_price_rations() -> None:
    """At the highest price of 1.5 the consumer wants 4 / 1.5 - 1 = 5 / 3 units, of which there is a half."""
    consumer = LogConsumers([4.0], [1.0])  # type: ignore[arg-type]

    found = solve_discriminatory(consumer, 0.5, 1.0, (0.1, 1.5))

    assert found.prices.tolist() == [1.5]
    assert found.shadow_price == 0.5
    assert found.dual_bound == found.profit == pytest.approx(0.25)


def test_curve_meets_the_means_of_points_at_two_iterations() -> None:
    """Three parameters can meet two means; what the points at 0 deviate, 0.1 each, is left."""
    found = fit_curve([0, 0, 4], [0.2, 0.4, 0.9])

    assert [found.score(0), found.score(4)] == pytest.approx([0.3, 0.9])
    assert found.residual == pytest.approx((0.02 / 3) ** 0.5)
    assert (found.tried, found.tried_score) == (4.0, 0.9)


@pytest.mark.parametrize(
    ("iterations", "scores"),
    [
        ([1, 1, 1], [0.1, 0.2, 0.3]),
        ([0, 4], [0.3, 0.9]),
        ([0, 1, 4], [0.3, 0.9]),
        ([0, 1, -4], [0.3, 0.4, 0.9]),
    ],
)
def test_curve_refuses_points_that_fix_none(iterations: list[float], scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"points|not negative"):
        fit_curve(iterations, scores)


def test_quantities_have_96_bits() -> None:
    assert LARGEST == 79_228_162_514_264_337_593_543_950_335


@pytest.mark.parametrize(("cost", "floor", "cap"), [(2, 1, 2), (1, 3, 2)])
def test_integer_game_refuses_a_cap_that_earns_nothing_or_is_below_the_floor(
    cost: int, floor: int, cap: int
) -> None:
    one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))

    with pytest.raises(ValueError, match="cap"):
        IntegerGame(one, LARGEST, cost * WAD, floor * WAD, cap * WAD)


def test_an_allocation_is_accepted_one_wei_from_the_exact_one_and_no_further() -> None:
    """At 2 the marginal utility 4 / (1 + x) is the price at exactly one unit."""
    one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))

    refused = [off for off in range(-3, 4) if misallocated(one, 2 * WAD, [WAD + off])]

    assert refused == [-3, -2, 2, 3]


@pytest.mark.parametrize(("prices", "top"), [((3.0, 10.0), 3.0), ((1.0, 1.5), 1.5), ((1.0, 10.0), 2.0)])
def test_a_bound_is_a_maximum_where_profit_falls_away_from_it(
    prices: tuple[float, float], top: float
) -> None:
    """Profit (p - 1)(4 / p - 1) rises to 2 and falls from there."""
    consumer = LogConsumers([4.0], [1.0])  # type: ignore[arg-type]

    assert local_maximisers(LeaderGame(consumer, np.inf, 1.0, prices)) == pytest.approx([top])


@pytest.mark.parametrize(("capacity", "price", "profit"), [(np.inf, 2.0, 8.0), (3.0, 4 / 3**0.5, 4 * 3**0.5)])
def test_a_power_market_may_be_searched_from_a_price_of_nothing(
    capacity: float, price: float, profit: float
) -> None:
    """Demand is min(4, (4 / p)**2), so revenue rises up to 2, or to where the capacity is left, and falls beyond."""
    consumer = PowerConsumers([4.0], 0.5, [4.0])  # type: ignore[arg-type]

    found = solve_leader(consumer, capacity, 0.0, (0.0, 10.0))

    assert (found.price, found.profit) == pytest.approx((price, profit))


def test_search_of_a_single_price_finds_it() -> None:
    found = solve_any_demand(lambda price: 3.0, 2.0, 1.0, (4.0, 4.0), 0.01)

    assert (found.price, found.profit, found.points) == (4.0, 6.0, (4.0,))


def test_one_purchase_bounds_what_is_bought_at_other_prices() -> None:
    """One unit at 2 costs 2. What is spent, a - p / k, falls with the price: at 4 it is no more, at 1 no less."""
    knowledge = Knowledge(LogConsumers, np.array([10.0]))

    knowledge.observe(2.0, np.array([1.0]))

    assert knowledge.possible_demand(4.0).tolist() == [0.5]
    assert knowledge.possible_demand(1.0).tolist() == [10.0]
    assert knowledge.certain_demand(1.0).tolist() == [2.0]
    assert knowledge.certain_demand(4.0).tolist() == [0.0]
