"""Properties of the leader's price and the followers' answers that hold for every game.

`POLESTAR_EXAMPLES=5000` tries many more games than the few that keep the suite short.
"""

import os

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from offchain.economics.contest import Miners
from offchain.economics.cover import IntegerGame, Verdict, verify_cover, walk_cover
from offchain.economics.followers import LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.groups import Residual, Together
from offchain.economics.kkt import misallocated
from offchain.economics.leader import LeaderGame, solve_leader
from offchain.economics.power import PowerConsumers
from offchain.economics.segments import aggregate
from offchain.economics.wad import WAD, to_wad

games = settings(
    max_examples=int(os.environ.get("POLESTAR_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

amounts = st.integers(0, 50_000).map(lambda n: n / 1000)
positive = st.integers(1, 50_000).map(lambda n: n / 1000)
Columns = list[tuple[float, float, float | None]]
columns = st.lists(st.tuples(amounts, positive, st.one_of(st.none(), amounts)), min_size=1, max_size=8)
kinds = st.sampled_from(["log", "quad", "power", "mixed", "budget"])
bounds = st.tuples(positive, positive).map(lambda pair: (min(pair), max(pair)))
capacities = st.one_of(st.just(np.inf), positive)


def followers(kind: str, rows: Columns, money: float = 1.0, units: float = 1.0) -> PiecewiseFollowers:
    """The same consumers with money counted in other coins, or units in other packs."""
    first, second = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    limit = np.array([np.inf if r[2] is None else r[2] for r in rows]) * units
    if kind == "quad":
        return QuadConsumers(first * money / units, second * money / units**2, limit)
    if kind == "power":
        return PowerConsumers(first * money / units**0.4, 0.6, limit)
    log = LogConsumers(
        first * money, second / units, limit, first * money * 0.4 if kind == "budget" else None
    )
    return Together((log, Miners(second * money))) if kind == "mixed" else log


@games
@given(kinds, columns, bounds, amounts, capacities)
def test_no_price_on_a_fine_grid_beats_the_solver(
    kind: str, rows: Columns, prices: tuple[float, float], cost: float, capacity: float
) -> None:
    crowd = followers(kind, rows)

    found = solve_leader(crowd, capacity, cost, prices)

    game = LeaderGame(crowd, capacity, cost, prices)
    grid = np.unique(np.clip(np.append(np.linspace(*prices, 300), crowd.breakpoints()), *prices))
    best = max(game.profit(float(price)) for price in grid)
    assert prices[0] <= found.price <= prices[1]
    assert found.profit >= best - 1e-9 * abs(best) - 1e-12


@games
@given(kinds, columns, bounds, amounts, capacities, st.sampled_from([0.001, 0.37, 1000.0]))
def test_scaling_money_scales_profit(
    kind: str, rows: Columns, prices: tuple[float, float], cost: float, capacity: float, scale: float
) -> None:
    plain = solve_leader(followers(kind, rows), capacity, cost, prices)

    low, high = prices
    scaled = solve_leader(
        followers(kind, rows, money=scale), capacity, cost * scale, (low * scale, high * scale)
    )

    tolerance = 1e-9 * abs(plain.profit) + 1e-11
    assert abs(scaled.profit / scale - plain.profit) <= tolerance


@games
@given(kinds, columns, bounds, amounts, capacities, st.sampled_from([0.001, 0.37, 1000.0]))
def test_scaling_units_leaves_profit(
    kind: str, rows: Columns, prices: tuple[float, float], cost: float, capacity: float, scale: float
) -> None:
    plain = solve_leader(followers(kind, rows), capacity, cost, prices)

    low, high = prices
    crowd = followers(kind, rows, units=scale)
    scaled = solve_leader(crowd, capacity * scale, cost / scale, (low / scale, high / scale))

    assert abs(scaled.profit - plain.profit) <= 1e-9 * abs(plain.profit) + 1e-11


@games
@given(kinds, columns, bounds, amounts, positive, positive)
def test_adding_capacity_never_lowers_profit(
    kind: str, rows: Columns, prices: tuple[float, float], cost: float, capacity: float, more: float
) -> None:
    assume(cost <= prices[1])  # a leader forced below its cost loses more the more it sells
    crowd = followers(kind, rows)

    small = solve_leader(crowd, capacity, cost, prices).profit

    large = solve_leader(crowd, capacity + more, cost, prices).profit
    assert large >= small - 1e-9 * abs(small) - 1e-12


@games
@given(st.sampled_from(["log", "quad", "power"]), columns, positive, st.floats(0, 2))
def test_utility_at_demand_is_never_below_any_other(
    kind: str, rows: Columns, price: float, part: float
) -> None:
    crowd = followers(kind, rows)

    demand = crowd.demand(price)

    limit = np.array([np.inf if r[2] is None else r[2] for r in rows])
    other = np.minimum(np.where(demand > 0, demand * part, part), limit)
    best, rival = crowd.utility(price, demand), crowd.utility(price, other)
    assert (best >= rival - 1e-9 * (1 + np.abs(best) + price * (demand + other))).all()


@games
@given(kinds, columns, positive, positive)
def test_demand_never_rises_with_the_price(kind: str, rows: Columns, price: float, rise: float) -> None:
    crowd = followers(kind, rows)

    cheap, dear = crowd.demand(price), crowd.demand(price + rise)

    assert (dear <= cheap * (1 + 1e-12) + 1e-12).all()


@games
@given(kinds, columns, bounds, st.floats(0, 1), st.sampled_from([0.0, 3.0]))
def test_pieces_add_up_to_the_demand(
    kind: str, rows: Columns, prices: tuple[float, float], where: float, taken: float
) -> None:
    crowd, (low, high) = followers(kind, rows), prices
    price, scale = low + where * (high - low), 1.0 if crowd.exponent == 1 else high
    assume(not np.isclose(np.append(crowd.breakpoints(), high), price, rtol=1e-9).any())
    left = Residual(crowd, taken)

    inverse, constant, linear = left.coefficients(price, scale)
    pieces = aggregate(left, low, high, scale)

    demand, rounding = float(left.demand(price).sum()), 1e-9 * (1 + float(crowd.demand(low).sum()))
    assert abs(inverse * (scale / price) ** crowd.exponent + constant - linear * price - demand) <= rounding
    piece = pieces[(pieces.start <= price) & (price < pieces.end)]
    assert abs(piece.demand(np.array([price])) - demand) <= rounding


@games
@given(kinds, columns, bounds, amounts)
def test_allocations_at_capacity_are_the_demand_cut_in_order(
    kind: str, rows: Columns, prices: tuple[float, float], cost: float
) -> None:
    crowd = followers(kind, rows)
    capacity = 0.3 * float(crowd.demand(prices[1]).sum())

    found = solve_leader(crowd, capacity, cost, prices)

    left = capacity
    for wanted, given_units in zip(found.demands, found.allocations, strict=True):
        assert abs(given_units - min(wanted, max(left, 0.0))) <= 1e-12 * (1 + wanted)
        left -= wanted


@games
@given(st.sampled_from(["log", "quad", "budget"]), columns, bounds, amounts, positive)
def test_optimal_price_is_proved_and_its_demand_accepted_in_integers(
    kind: str, rows: Columns, prices: tuple[float, float], cost: float, capacity: float
) -> None:
    assume(cost < prices[1])
    found = solve_leader(followers(kind, rows), capacity, cost, prices)
    game = IntegerGame.of(found.game)
    posted = min(max(to_wad(found.price), game.start), game.price_cap)
    assume(found.profit > 1e-6)

    cover = walk_cover(game, posted, WAD // 100)

    assert cover.verdict is Verdict.PROVED
    assert verify_cover(game, cover)
    assert misallocated(game.followers, posted, game.followers.units_down(posted)) == ()


@games
@given(st.sampled_from(["log", "quad"]), columns, bounds, amounts, positive, st.floats(0, 1))
def test_no_walk_passes_a_price_that_another_beats(
    kind: str, rows: Columns, prices: tuple[float, float], cost: float, capacity: float, where: float
) -> None:
    assume(cost < prices[1])
    found = solve_leader(followers(kind, rows), capacity, cost, prices)
    game = IntegerGame.of(found.game)
    posted = game.start + int(where * (game.price_cap - game.start))
    beaten = found.profit > 1.01 * found.game.profit(posted / WAD) * (1 + 1e-9) + 1e-12

    cover = walk_cover(game, posted, WAD // 100)

    if beaten:
        assert cover.verdict is Verdict.REFUTED
        assert cover.better_price is not None
        assert game.profit_down(cover.better_price) > game.profit_up(posted)
