"""The market's Solidity and Python agree bit for bit: demand, locks, the cover walk; and contract and solver agree.

`POLE_FUZZ_CASES` and `POLE_MARKET_EPOCHS=200` try many more games than the few that keep the suite short.
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from offchain.chain import errors
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.market import LARGEST_DECLARED, EpochSpec, Utility
from offchain.chain.phase import EpochPhase
from offchain.economics.cover import Cover, Verdict, walk_cover
from offchain.economics.integer import IntegerTogether
from offchain.economics.leader import LeaderSolution, solve_leader
from offchain.economics.wad import LARGEST, WAD, to_wad
from offchain.workers.pricing import most_cost
from tests.market_games import Consumer, MarketGame, random_game
from tests.market_world import JOB, consumers_of, pass_phase, provider_of
from tests.world import UNIT, World

CASES = int(os.environ.get("POLE_FUZZ_CASES", "60"))
EPOCHS = int(os.environ.get("POLE_MARKET_EPOCHS", "8"))
MOST_POINTS = 1500
fuzz = settings(max_examples=CASES, deadline=None)

# Numbers of any size, small ones as often as large ones; and numbers as people would choose them.
wild = st.integers(0, 96).flatmap(lambda bits: st.integers(0, 2**bits - 1))
tame = st.integers(1, 20_000).map(lambda thousandths: thousandths * WAD // 1000)
amounts = st.one_of(wild, tame)
utilities = st.sampled_from(Utility)
declared = st.one_of(wild.map(lambda n: min(n, LARGEST_DECLARED)), tame)
consumers = st.builds(Consumer, utilities, declared, declared.map(lambda n: max(n, 1)), declared)
prices = amounts.map(lambda n: max(n, 1))
STEPS = {Verdict.PROVED: 1, Verdict.REFUTED: 2, Verdict.UNDECIDED: 2}


@pytest.fixture(scope="module")
def twins(artifacts: dict[str, Artifact]) -> Iterator[Any]:
    with anvil_chain() as chain:
        address = Web3Deployer(chain.w3, dev_account(0), artifacts).create("MarketTwins")
        yield chain.w3.eth.contract(address, abi=artifacts["MarketTwins"].abi).functions  # type: ignore[call-overload]


def exact_demand(consumer: Consumer, price: int) -> Fraction:
    """Units in rational numbers, from the first-order condition u'(x) = p."""
    a, s, d, p = (Fraction(n, WAD) for n in (consumer.value, consumer.shape, consumer.limit, price))
    if s == 0:
        return Fraction(0)
    wanted = a / p - 1 / s if consumer.utility is Utility.LOG else (a - p) / s
    return min(d, max(wanted, Fraction(0)))


@fuzz
@given(consumer=consumers, price=prices)
def test_demand_is_the_exact_one_rounded_either_way(twins: Any, consumer: Consumer, price: int) -> None:
    exact = exact_demand(consumer, price) * WAD

    down, up = twins.units(consumer.as_tuple(), price).call()

    assert (down, up) == (exact.__floor__(), exact.__ceil__())


@fuzz
@given(consumer=consumers, bounds=st.tuples(prices, prices), data=st.data())
def test_a_lock_is_never_below_a_best_response_and_hardly_above_the_highest(
    twins: Any, consumer: Consumer, bounds: tuple[int, int], data: st.DataObject
) -> None:
    floor, cap = sorted(bounds)
    lock = twins.mostCost(consumer.as_tuple(), floor, cap).call()
    if consumer.utility is Utility.LOG:
        assert most_cost(consumer.value, consumer.shape, consumer.limit, floor, cap) == lock

    a, s, d = (Fraction(n, WAD) for n in (consumer.value, consumer.shape, consumer.limit))
    peaks = [a / 2, a - s * d] if consumer.utility is Utility.QUADRATIC else [a * s / (1 + s * d)]
    tried = {min(max(int(peak * WAD) + step, floor), cap) for peak in peaks for step in (-1, 0, 1, 2)}
    tried |= {floor, cap, data.draw(st.integers(floor, cap))}
    costs = [price * exact_demand(consumer, price) for price in tried]
    assert lock >= max(costs)
    # At the peak it is worked out with the next wei of the price and the next wei of a unit.
    slack = max(
        (price + 1) * (exact_demand(consumer, max(price - 1, 1)) + Fraction(1, WAD)) for price in tried
    )
    assert lock <= slack + 1


@st.composite
def games(draw: st.DrawFn) -> MarketGame:
    """Mixed crowds with bounds around what they would pay, or anywhere."""
    crowd = draw(st.lists(consumers, min_size=0, max_size=9))
    cost = draw(amounts)
    floor = draw(st.one_of(st.just(max(cost, 1)), prices.map(lambda n: min(max(cost, 1) + n, LARGEST - 1))))
    cap = draw(prices.map(lambda n: min(floor + n, LARGEST)))
    assume(max(cost, 1) <= floor <= cap and cost < cap)
    capacity = draw(st.one_of(tame, wild.map(lambda n: n % 2**88 + 1)))
    tolerance = draw(st.sampled_from([WAD // 100, WAD // 20, WAD // 200, WAD - 1]))
    return MarketGame(tuple(crowd), capacity, cost, floor, cap, tolerance)


@fuzz
@given(game=games(), data=st.data())
def test_walk_is_the_same(twins: Any, game: MarketGame, data: st.DataObject) -> None:
    price = data.draw(st.integers(game.price_floor, game.price_cap))
    assume(len(walk(game, price).points) < MOST_POINTS)

    check_walk(twins, game, price)


@fuzz
@given(seed=st.integers(0, 2**32), size=st.integers(1, 40), scarce=st.booleans(), where=st.floats(0.9, 1.1))
def test_walk_is_the_same_around_the_best_price(
    twins: Any, seed: int, size: int, scarce: bool, where: float
) -> None:
    game = random_game(np.random.default_rng(seed), size, scarce)
    price = min(max(to_wad(solve(game).price * where), game.price_floor), game.price_cap)
    assume(len(walk(game, price).points) < MOST_POINTS)

    check_walk(twins, game, price)


def test_walk_finds_a_better_price_where_nobody_buys(twins: Any) -> None:
    # A unit is worth 3 at most, so that a price of 10 earns nothing, as does the unit cost, where the walk stops.
    # Halving from the cap to the cost tries 10, 5.5, 3.25 and 2.125, where 0.875 units are sold.
    crowd = (Consumer(Utility.QUADRATIC, 3 * WAD, WAD, 2 * WAD),)
    game = MarketGame(crowd, 10 * WAD, WAD, WAD, 10 * WAD, WAD // 100)

    step, better, points = twins.walk([crowd[0].as_tuple()], game.as_tuple(), 10 * WAD, 2).call()

    assert (step, better, points) == (STEPS[Verdict.REFUTED], 2_125 * WAD // 1000, [WAD])
    check_walk(twins, game, 10 * WAD)


def test_walk_is_undecided_where_the_search_for_a_better_price_ends_below_the_floor(twins: Any) -> None:
    # At the floor half a unit of 10**-18 is wanted: one rounded up, so that zero profit is not proved, and none rounded
    # down, so that nothing is known to earn more. Halving from the cap to the cost tries 10, 5.5, 3.25, 2.125, 1.5625.
    fussy = Consumer(Utility.QUADRATIC, 2 * WAD + 1, 2 * WAD, WAD)
    game = MarketGame((fussy,), 10 * WAD, WAD, 2 * WAD, 10 * WAD, WAD // 100)

    step, better, points = twins.walk([fussy.as_tuple()], game.as_tuple(), 2 * WAD, 2).call()

    assert (step, better, points) == (STEPS[Verdict.UNDECIDED], 0, [2 * WAD])
    check_walk(twins, game, 2 * WAD)


def test_walk_is_undecided_where_the_roundings_are_larger_than_the_tolerance(twins: Any) -> None:
    # One unit of 10**-18 is wanted at the price, and one and a half at the floor, where two count against the price but
    # one is all that is certain to be sold.
    fussy = Consumer(Utility.QUADRATIC, 5 * WAD + 3, 2 * WAD, WAD)
    game = MarketGame((fussy,), 10 * WAD, WAD, 5 * WAD, 10 * WAD, WAD // 100)

    step, better, points = twins.walk([fussy.as_tuple()], game.as_tuple(), 5 * WAD + 1, 2).call()

    assert (step, better, points) == (STEPS[Verdict.UNDECIDED], 0, [5 * WAD])
    check_walk(twins, game, 5 * WAD + 1)


@fuzz
@given(game=games(), data=st.data())
def test_sums_are_the_same(twins: Any, game: MarketGame, data: st.DataObject) -> None:
    price = data.draw(prices)

    down, up, rising = twins.sums([c.as_tuple() for c in game.consumers], price).call()

    followers = game.integer.followers
    assert (down, up) == (sum(followers.units_down(price)), sum(followers.units_up(price)))
    assert rising == up


def walk(game: MarketGame, price: int) -> Cover:
    """The walk in Python."""
    return walk_cover(game.integer, price, game.tolerance)


def check_walk(twins: Any, game: MarketGame, price: int) -> None:
    """Verdict, points and refuting price."""
    cover = walk(game, price)
    crowd = [consumer.as_tuple() for consumer in game.consumers]
    step, better, points = twins.walk(crowd, game.as_tuple(), price, len(cover.points) + 1).call()

    assert step == STEPS[cover.verdict]
    assert tuple(points) == cover.points
    assert better == (cover.better_price or 0)


def solve(game: MarketGame) -> LeaderSolution:
    """The optimum in floats."""
    numbers = (game.capacity, game.unit_cost, game.price_floor, game.price_cap)
    capacity, cost, low, high = (number / WAD for number in numbers)
    return solve_leader(game.followers, capacity, cost, (low, high))


def worse_price(solution: LeaderSolution, game: MarketGame) -> int:
    """A price that earns 2% less than the best, on whichever side of it there is one."""
    target, best = 0.98 * solution.profit, to_wad(solution.price)
    far = [end for end in (game.price_cap, game.price_floor) if solution.game.profit(end / WAD) < target]
    low, high = far[0], best
    while abs(high - low) > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if solution.game.profit(middle / WAD) < target else (low, middle)
    return low


def declared_epoch(world: World, game: MarketGame) -> int:
    """An epoch of the game that waits for its price; consumers take turns in declaring."""
    numbers = (game.capacity, game.unit_cost, game.price_floor, game.price_cap, UNIT, game.tolerance)
    spec = EpochSpec(*numbers, 100, *(10_000,) * 6)
    epoch_id = provider_of(world).market.open(spec)
    for place, consumer in enumerate(game.consumers):
        numbers_of = (consumer.utility, consumer.value, consumer.shape, consumer.limit)
        buyer(world, place).market.declare(epoch_id, *numbers_of)
    pass_phase(world, epoch_id)
    return epoch_id


def buyer(world: World, place: int) -> Any:
    """Who declares in a place."""
    people = consumers_of(world)
    return people[place % len(people)]


def wanting(game: MarketGame) -> MarketGame:
    """Without those who would declare dust: who want next to nothing at the floor."""
    some = [c for c in game.consumers if exact_demand(c, game.price_floor) * game.price_floor > UNIT // 100]
    return MarketGame(tuple(some), game.capacity, game.unit_cost, game.price_floor, game.price_cap)


@pytest.mark.parametrize("seed", range(EPOCHS))
def test_contract_and_solver_agree(world: World, chain: LocalChain, seed: int) -> None:
    rng = np.random.default_rng(1_000 + seed)
    game = wanting(random_game(rng, int(rng.integers(3, 9)), scarce=seed % 4 == 3))
    solution = solve(game)
    best = min(max(to_wad(solution.price), game.price_floor), game.price_cap)
    provider = provider_of(world).market
    epoch_id = declared_epoch(world, game)

    with pytest.raises(errors.PriceRefuted):
        provider.post_price(epoch_id, worse_price(solution, game))
    provider.post_price(epoch_id, best)

    assert provider.phase_of(epoch_id) is EpochPhase.BUY
    followers = game.integer.followers
    assert isinstance(followers, IntegerTogether)
    floats = iter(solve_at(game, best))
    by_kind = sorted(range(len(game.consumers)), key=lambda place: game.consumers[place].utility)
    bought = 0
    for place, integer in zip(by_kind, followers.units_down(best), strict=True):
        units = provider.best_response(epoch_id, place, best)
        # Floats know a demand to sixteen digits, the integers to the wei of a unit.
        assert units == integer
        assert abs(units - next(floats) * WAD) <= 1 + units * 1e-12
        left = game.capacity - bought
        if units > left:
            with pytest.raises((errors.CapacityExceeded, errors.SoldOut)):
                buyer(world, place).market.buy(epoch_id, place, units, JOB)
            units = left
        if units:
            buyer(world, place).market.buy(epoch_id, place, units, JOB)
        bought += units
    assert (
        bought == provider.epoch(epoch_id).sold_units == min(sum(followers.units_down(best)), game.capacity)
    )


def solve_at(game: MarketGame, price: int) -> list[float]:
    """Demands in floats, by kind."""
    return [float(units) for units in game.followers.demand(price / WAD)]
