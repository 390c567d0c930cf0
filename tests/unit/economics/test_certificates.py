"""Certificates: best responses to the wei, covers in integers, multipliers of many prices."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.random import Generator

from offchain.cli import main
from offchain.economics.cover import MOST_POINTS, Cover, IntegerGame, Verdict, verify_cover, walk_cover
from offchain.economics.followers import LogConsumers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.integer import IntegerFollowers, IntegerLog, IntegerQuad
from offchain.economics.kkt import is_best_response, misallocated
from offchain.economics.leader import LeaderGame, LeaderSolution, solve_leader
from offchain.economics.wad import LARGEST, WAD, to_wad

PERCENT = WAD // 100


def rounded(numbers: Any) -> Any:
    return np.round(numbers, 6)


def solution(rng: Generator, kind: str, n: int = 500) -> LeaderSolution:
    value, other = rounded(rng.lognormal(0, 1, n)), rounded(rng.lognormal(0, 0.8, n) + 1e-6)
    limit = rounded(rng.lognormal(0.5, 1, n))
    consumers = LogConsumers(value, other, limit) if kind == "log" else QuadConsumers(value, other, limit)
    cost = float(rounded(np.quantile(consumers.choke, 0.2)))
    high = float(rounded(consumers.choke.max()))
    capacity = float(rounded(rng.choice([0.3, 2.0]) * consumers.demand(cost).sum()))
    return solve_leader(consumers, capacity, cost, (cost / 2, high))


def price_at(found: LeaderSolution, part: float) -> float:
    """The price above the optimum at which profit has fallen to `part` of it, by bisection."""
    low, high = found.price, found.game.price_bounds[1]
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if found.game.profit(middle) > part * found.profit else (low, middle)
    return high


def exact_log(a: int, k: int, d: int, price: int) -> Fraction:
    """Demand in exact rationals, from the formula in the conventions."""
    free = Fraction(a, price) - Fraction(WAD, k)
    return min(Fraction(d), max(Fraction(0), free * WAD))


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(11)


@pytest.fixture
def consumers(rng: Generator) -> IntegerLog:
    columns = (
        rng.integers(0, 9 * 10**18, 300),
        rng.integers(1, 10**18, 300),
        rng.integers(0, 3 * 10**18, 300),
    )
    value, efficiency, limit = (tuple(map(int, column)) for column in columns)
    return IntegerLog(value, efficiency, limit, (LARGEST,) * 300)


def test_units_are_the_exact_rational_rounded_each_way(consumers: IntegerLog) -> None:
    price = 1_234_567_890_123_456_789

    down, up = consumers.units_down(price), consumers.units_up(price)

    columns = zip(consumers.value, consumers.efficiency, consumers.limit, strict=True)
    for exact, low, high in zip((exact_log(*row, price) for row in columns), down, up, strict=True):
        assert low <= exact < low + 1
        assert high - 1 < exact <= high


@pytest.mark.parametrize("kind", ["log", "quad"])
def test_best_response_is_accepted_and_ten_wei_are_detected(rng: Generator, kind: str) -> None:
    game = IntegerGame.of(solution(rng, kind, 100).game)
    price = 2 * game.unit_cost + 7

    units = game.followers.units_down(price)

    assert misallocated(game.followers, price, units) == ()
    for index, x in enumerate(units):
        assert not is_best_response(game.followers, index, price, x + 10)
        assert not is_best_response(game.followers, index, price, x - 10)


def test_best_response_respects_a_budget() -> None:
    poor = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (WAD,))

    units = poor.units_down(3 * WAD)

    assert units == (WAD // 3,)  # the budget of one coin, where 4 / 3 - 1 would be wanted as well
    assert misallocated(poor, 2 * WAD, (WAD // 2,)) == ()
    assert misallocated(poor, 2 * WAD, (WAD // 2 + 10,)) == (0,)


@pytest.mark.parametrize("kind", ["log", "quad"])
def test_cover_proves_the_optimum_with_about_sixty_points(rng: Generator, kind: str) -> None:
    sizes = []
    for _ in range(8):
        found = solution(rng, kind)
        game = IntegerGame.of(found.game)

        cover = walk_cover(game, to_wad(found.price), PERCENT)

        assert cover.verdict is Verdict.PROVED
        assert verify_cover(game, cover)
        sizes.append(len(cover.points))
    assert np.mean(sizes) < 100


@pytest.mark.parametrize("kind", ["log", "quad"])
def test_cover_refutes_a_price_two_percent_worse_with_a_better_one(rng: Generator, kind: str) -> None:
    for _ in range(8):
        found = solution(rng, kind)
        game = IntegerGame.of(found.game)
        worse = to_wad(price_at(found, 0.98))

        cover = walk_cover(game, worse, PERCENT)

        assert cover.verdict is Verdict.REFUTED
        assert cover.better_price is not None
        assert found.game.profit(cover.better_price / WAD) > 1.009 * found.game.profit(worse / WAD)


def test_cover_size_does_not_depend_on_the_number_of_consumers(rng: Generator) -> None:
    sizes = []
    for n in (50, 500, 5000):
        found = solution(rng, "log", n)
        sizes.append(len(walk_cover(IntegerGame.of(found.game), to_wad(found.price), PERCENT).points))

    assert max(sizes) < 200


def test_no_price_beats_a_proved_one_by_more_than_the_tolerance(rng: Generator) -> None:
    found = solution(rng, "log", 40)
    game = IntegerGame.of(found.game)
    for posted in np.linspace(found.price * 0.8, found.price * 1.25, 60):
        cover = walk_cover(game, to_wad(float(posted)), PERCENT)

        beaten = found.profit > 1.01 * found.game.profit(float(posted)) * (1 + 1e-12)

        assert (cover.verdict is Verdict.PROVED) != beaten


def test_cover_of_nothing_earned_names_a_price_that_earns() -> None:
    one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))
    game = IntegerGame(one, LARGEST, WAD, WAD, 10 * WAD)

    cover = walk_cover(game, 5 * WAD, PERCENT)

    assert cover.verdict is Verdict.REFUTED
    assert cover.better_price is not None and game.profit_down(cover.better_price) > 0


def test_cover_proves_any_price_when_nobody_buys() -> None:
    none = IntegerLog((0,), (WAD,), (LARGEST,), (LARGEST,))

    cover = walk_cover(IntegerGame(none, LARGEST, WAD, WAD, 10 * WAD), 5 * WAD, PERCENT)

    assert cover.verdict is Verdict.PROVED


def test_cover_names_the_floor_when_nothing_else_earns() -> None:
    """Who values a unit at 1.05 buys at 1, the floor, and at none of the prices that halve the way to the cap."""
    one = IntegerLog((WAD * 105 // 100,), (WAD,), (LARGEST,), (LARGEST,))
    game = IntegerGame(one, LARGEST, WAD // 2, WAD, 10 * WAD)

    cover = walk_cover(game, 5 * WAD, PERCENT)

    assert (cover.verdict, cover.better_price) == (Verdict.REFUTED, WAD)


@pytest.mark.parametrize("tolerance", [0, WAD])
def test_walk_refuses_a_tolerance_of_nothing_or_all(tolerance: int) -> None:
    one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))

    with pytest.raises(ValueError, match="tolerance must be between 0 and 1"):
        walk_cover(IntegerGame(one, LARGEST, WAD, WAD, 10 * WAD), 2 * WAD, tolerance)


def test_walk_stops_undecided_after_as_many_points_as_it_may_take() -> None:
    """Demand is nearly 4 / p, so at no cost every price earns the same, and each step is as short as the tolerance."""
    one = IntegerLog((4 * WAD,), (10**9 * WAD,), (LARGEST,), (LARGEST,))

    cover = walk_cover(IntegerGame(one, LARGEST, 0, WAD, 10 * WAD), 2 * WAD, WAD // 10**5)

    assert cover.verdict is Verdict.UNDECIDED
    assert cover.better_price is None
    assert len(cover.points) == MOST_POINTS
    assert list(cover.points) == sorted(cover.points)


def test_verify_refuses_a_cover_with_a_point_left_out(rng: Generator) -> None:
    found = solution(rng, "log", 60)
    game = IntegerGame.of(found.game)
    proof = walk_cover(game, to_wad(found.price), PERCENT)
    middle = len(proof.points) // 2
    holed = proof.points[:middle] + proof.points[middle + 1 :]

    assert verify_cover(game, proof)
    assert not verify_cover(game, Cover(proof.price, PERCENT, holed, Verdict.PROVED))
    assert not verify_cover(game, Cover(proof.price, PERCENT, proof.points[1:], Verdict.PROVED))
    assert not verify_cover(game, Cover(proof.price, PERCENT, proof.points[:-1], Verdict.PROVED))


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), 79_228_162_515.0])  # 2**96 is 79,228,162,514.26 WAD
def test_to_wad_refuses_what_has_no_fixed_point_form(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"fixed-point|too large"):
        to_wad(wrong)


def test_integers_are_refused_beyond_96_bits() -> None:
    with pytest.raises(ValueError, match="96 bits"):
        IntegerQuad((2**96,), (1,), (1,))


def test_no_product_of_the_walk_exceeds_256_bits() -> None:
    seen: list[int] = []

    class Watched(int):
        """An integer that remembers every product and sum it takes part in."""

        def _keep(self, number: int) -> "Watched":
            seen.append(abs(number))
            return Watched(number)

        def __mul__(self, other: int) -> "Watched":
            return self._keep(int(self) * int(other))

        def __add__(self, other: int) -> "Watched":
            return self._keep(int(self) + int(other))

        def __sub__(self, other: int) -> "Watched":
            return self._keep(int(self) - int(other))

        __rmul__, __radd__ = __mul__, __add__

    top = Watched(LARGEST)
    followers: IntegerFollowers = IntegerLog((top, top), (top, Watched(1)), (top, top), (top, top))
    game = IntegerGame(followers, top, Watched(0), Watched(1), top)

    for price in (Watched(1), Watched(LARGEST // 2), top):
        game.profit_down(price)
        walk_cover(game, price, WAD - 1)

    assert max(seen).bit_length() <= 256


def test_discriminatory_certificate_has_no_gap_and_no_stationarity_error(tmp_path: Path) -> None:
    game = {
        "family": "log_discriminatory",
        "inputs": {"a": [4.0, 9.0, 1.0, 2.0], "k": [1.0, 1.0, 0.5, 3.0], "d": [None, 0.5, None, None],
                   "c": 1.0, "Q": 1.2, "pmin": 0.1, "pmax": 10.0},
    }  # fmt: skip
    file = tmp_path / "game.json"
    file.write_text(json.dumps(game))

    result = CliRunner().invoke(main, ["price", str(file), "--certificate", "0.01"])

    proof = json.loads(result.stdout)["certificate"]
    assert proof["shadow_price_mu"] > 0
    assert abs(proof["gap"]) <= 1e-12 * proof["profit_bound"]
    assert np.abs(proof["stationarity"]).max() < 1e-12


def test_price_prints_a_proved_cover_on_request(tmp_path: Path) -> None:
    inputs = {"a": [4.0], "k": [1.0], "d": [None], "c": 1.0, "Q": None, "pmin": 0.1, "pmax": 10.0}
    file, chart = tmp_path / "game.json", tmp_path / "chart.png"
    file.write_text(json.dumps({"family": "log_uniform", "inputs": inputs}))

    result = CliRunner().invoke(main, ["price", str(file), "--certificate", "0.01", "--plot", str(chart)])

    proof = json.loads(result.stdout)["certificate"]
    points = proof.pop("pointsWad")
    assert proof == {
        "kind": "cover, WAD integers",
        "verdict": "proved",
        "priceWad": 2 * WAD,  # (p - 1)(4 / p - 1) is largest there
        "toleranceWad": PERCENT,
        "betterPriceWad": None,
        "points": len(points),
    }
    one = IntegerLog((4 * WAD,), (WAD,), (LARGEST,), (LARGEST,))
    cover = Cover(2 * WAD, PERCENT, tuple(points), Verdict.PROVED)
    assert verify_cover(IntegerGame(one, LARGEST, WAD, WAD // 10, 10 * WAD), cover)
    assert chart.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("family", "inputs", "sold"),
    [
        # One miner alone has nobody to compete with; two of prize 100 spend 50 while 50 each is above the option.
        ("tullock_outside", {"V": [100.0, 100.0], "h": [5.0, 5.0]}, lambda p: 50 / p if p <= 5 else 0.0),
        ("power_uniform", {"a": [4.0], "sigma": 0.5, "d": [None], "Q": None}, lambda p: (4 / p) ** 2),
    ],
)
def test_price_prints_a_cover_of_all_prices_in_floating_point(
    family: str, inputs: dict[str, Any], sold: Any, tmp_path: Path
) -> None:
    file = tmp_path / "game.json"
    file.write_text(json.dumps({"family": family, "inputs": {**inputs, "c": 1.0, "pmin": 0.0, "pmax": 10.0}}))

    result = CliRunner().invoke(main, ["price", str(file), "--certificate", "0.01"])

    proof = json.loads(result.stdout)["certificate"]
    prices = np.array(proof.pop("prices"))
    bound = proof.pop("profit_bound")
    assert proof == {"kind": "cover, floating point", "tolerance": 0.01, "points": len(prices)}
    assert prices[0] <= 1.0
    # From one point to the next nobody buys more than at the first, and no price is higher than the second.
    steps = zip(prices, [*prices[1:], 10.0], strict=True)
    assert all((high - 1.0) * sold(max(low, 1.0)) <= bound * (1 + 1e-9) for low, high in steps)


def test_numbers_beyond_96_bits_are_the_reason_for_no_certificate(tmp_path: Path) -> None:
    inputs = {"a": [1e12], "k": [1.0], "d": [None], "c": 1.0, "Q": None, "pmin": 0.1, "pmax": 10.0}
    file = tmp_path / "game.json"
    file.write_text(json.dumps({"family": "log_uniform", "inputs": inputs}))

    result = CliRunner().invoke(main, ["price", str(file), "--certificate", "0.01"])

    proof = json.loads(result.stdout)["certificate"]
    assert proof["kind"] == "none"
    assert "too large for 96 bits" in proof["reason"]


def test_leader_game_refuses_crossed_bounds() -> None:
    with pytest.raises(ValueError, match="price bounds"):
        LeaderGame(LogConsumers([1.0], [1.0]), 1.0, 0.0, (2.0, 1.0))  # type: ignore[arg-type]


def test_every_shared_instance_is_certified_or_told_why_not() -> None:
    vectors = Path(__file__).parents[2] / "vectors" / "stackelberg.json"

    result = CliRunner().invoke(main, ["price", str(vectors), "--certificate", "0.01"])

    assert result.exit_code == 0
    for game in json.loads(result.stdout):
        proof = game["certificate"]
        if proof["kind"].startswith("cover, WAD"):
            assert proof["verdict"] == "proved"
        elif proof["kind"] == "none":
            assert proof["reason"]
        else:
            assert game["profit"] <= proof["profit_bound"] * (1 + 1e-12) <= game["profit"] * 1.0101


def test_a_mixed_crowd_wants_what_its_kinds_want_and_its_best_price_is_proved(rng: Generator) -> None:
    log, quad = (solution(rng, kind, 30).game.followers for kind in ("log", "quad"))
    found = solve_leader(Together((log, quad)), 40.0, 0.5, (0.5, 20.0))
    game, price = IntegerGame.of(found.game), to_wad(found.price)

    kinds = (IntegerLog.of(log), IntegerQuad.of(quad))  # type: ignore[arg-type]

    assert game.followers.units_down(price) == kinds[0].units_down(price) + kinds[1].units_down(price)
    assert game.followers.most(30, price) == kinds[1].limit[0]
    assert walk_cover(game, price, PERCENT).verdict is Verdict.PROVED
    assert misallocated(game.followers, price, game.followers.units_down(price)) == ()
