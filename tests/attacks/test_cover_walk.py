"""A cover walk that does not end: consumers declare what makes the proof of any price long, or impossible.

Source: gas griefing and unbounded loops (SWC-128), as in the GovernMental payout (2016).
Gain: an epoch without a price, in which a provider earns nothing and a rival does.
Defence: each step multiplies price less unit cost by (1 + tolerance) at least, whatever consumers declare. From a
first point p_1 to the cap there are at most log((cap - cost) / (p_1 - cost)) / log(1 + tolerance) of them, and p_1 is
the floor, or behind it where that is the unit cost, by (1 + tolerance) profit / capacity at least. Consumers can at
most take the provider to the bound, never beyond; the walk goes on over as many transactions as it needs, and anybody
can send them.
Limit: a provider that admits many consumers and a wide range pays for it. From a floor of 0.01 to a cap of 10 at a
tolerance of 1% the longest walk has 695 points: among 40 consumers one transaction of 3.7 million gas, among the 2,000
that an epoch admits at most 47 transactions of 14 million each, most of it to load the declarations again. The 2,000
declarations cost attackers 183 million, little more than a quarter of that. A provider that sets `maxConsumers` and a
price window to match, or a floor that is no thousandth of the cap, does not depend on them.
"""

from math import ceil, log

import numpy as np
import pytest

from offchain.chain import errors, market
from offchain.chain.market import LARGEST_DECLARED, Walk
from offchain.chain.transactions import MAX_TRANSACTION_GAS
from offchain.economics.cover import IntegerGame, Verdict, walk_cover
from offchain.economics.integer import IntegerLog, IntegerQuad, IntegerTogether
from offchain.economics.wad import LARGEST
from tests.market_world import consumers_of, declared, opened, pass_phase, provider_of
from tests.world import UNIT, World

TOLERANCE = UNIT // 100
# One that wants a / p at every price: what is earned is the same at all, and each step is as short as it can be.
EVEN = (UNIT, LARGEST_DECLARED, LARGEST_DECLARED)


def most_points(first: float, cap: float, tolerance: float) -> int:
    """How many points a walk can have from the first one behind the floor; prices less unit cost."""
    return 1 + ceil(log(cap / first) / log(1 + tolerance))


def even_game(consumers: int) -> IntegerGame:
    a, k, d = zip(*[EVEN] * consumers, strict=True)
    return IntegerGame(IntegerLog(a, k, d, (LARGEST,) * consumers), LARGEST, 0, UNIT // 100, 10 * UNIT)


def random_crowd(rng: np.random.Generator, size: int) -> IntegerTogether:
    """Consumers of all kinds that a declaration can have: steep, flat, hungry and modest."""

    def draw(low: float, high: float) -> tuple[int, ...]:
        return tuple(int(10 ** rng.uniform(low, high)) for _ in range(size))

    log_ones = IntegerLog(draw(15, 25), draw(15, 25), draw(15, 25), (LARGEST,) * size)
    return IntegerTogether((log_ones, IntegerQuad(draw(18.01, 19), draw(0, 22), draw(15, 25))))


@pytest.mark.parametrize("seed", range(8))
def test_no_crowd_takes_the_walk_beyond_its_bound(seed: int) -> None:
    followers = random_crowd(np.random.default_rng(seed), 10)
    floor, cap, tolerance = UNIT // 100, 10 * UNIT, UNIT // 20
    game = IntegerGame(followers, 1000 * UNIT, 0, floor, cap)
    prices = [int(floor * 1000 ** (step / 4000)) for step in range(4000)]

    walk = walk_cover(game, max(prices, key=game.profit_down), tolerance)

    # The best price of the grid has more than 1 / 1.002 of the best profit, so each step is 1.05 / 1.002 at least.
    assert walk.verdict is Verdict.PROVED
    assert len(walk.points) <= most_points(0.01, 10, 1.05 / 1.002 - 1)


def test_the_bound_is_reached() -> None:
    bound = most_points(0.01, 10, 0.01)

    walk = walk_cover(even_game(1), 5 * UNIT, TOLERANCE)

    assert bound == 696
    assert walk.verdict is Verdict.PROVED
    assert len(walk.points) in (bound - 1, bound)


def test_a_floor_at_the_unit_cost_is_left_at_the_first_step() -> None:
    """Here strangers can make the first step short, by wanting all of the capacity at the floor alone: from 330
    points to 452. Capacity bounds it, and each further one costs them a lock."""
    honest, hungry = IntegerLog((4 * UNIT,), (UNIT,), (LARGEST,), (LARGEST,)), (UNIT + UNIT // 10_000, 1)
    alone = IntegerGame(honest, 10 * UNIT, UNIT, UNIT, 10 * UNIT)
    crowded = IntegerTogether((honest, IntegerQuad((hungry[0],), (hungry[1],), (10 * UNIT,))))
    steered = IntegerGame(crowded, 10 * UNIT, UNIT, UNIT, 10 * UNIT)

    walks = [walk_cover(game, 2 * UNIT, TOLERANCE) for game in (alone, steered)]

    assert [walk.verdict for walk in walks] == [Verdict.PROVED] * 2
    assert len(walks[0].points) < len(walks[1].points) <= 1 + most_points(1.01 / 10, 9, 0.01)


def test_roundings_of_many_do_not_refuse_the_best_price(world: World) -> None:
    """A hundred strangers whose demand is never whole, at the finest tolerance: it takes a profit of less than a
    thousand wei for each of them to leave a price undecided."""
    rng = np.random.default_rng(1)
    odd = [int(rng.integers(10**15, 2 * 10**15)) * 2 + 1 for _ in range(100)]
    strangers = IntegerQuad(tuple(UNIT + value for value in odd), (3,) * 100, tuple(odd))
    honest = IntegerLog((4 * UNIT,), (UNIT,), (LARGEST,), (LARGEST,))
    game = IntegerGame(IntegerTogether((honest, strangers)), 10 * UNIT, UNIT, UNIT, 10 * UNIT)

    walk = walk_cover(game, 2 * UNIT, UNIT // 1000)

    assert walk.verdict is Verdict.PROVED
    epoch_id = opened(
        world, max_consumers=101, tolerance_wad=UNIT // 1000, capacity=10 * UNIT, declare_seconds=1000
    )
    market_ = world.contract("market").functions
    crowd = [market_.declareLog(epoch_id, 4 * UNIT, UNIT, LARGEST_DECLARED)]
    crowd += [market_.declareQuadratic(epoch_id, UNIT + value, 3, value) for value in odd]
    for declaration in crowd:
        consumers_of(world)[0].sender.send(declaration)
    pass_phase(world, epoch_id)
    provider_of(world).market.post_price(epoch_id, 2 * UNIT)
    assert provider_of(world).market.epoch(epoch_id).price == 2 * UNIT


def test_the_longest_walk_is_paid_for(world: World) -> None:
    """Measured: what a point costs among the consumers that make the longest walk, and so what 2,000 would."""
    consumers, provider = 40, provider_of(world).market
    epoch_id = opened(
        world, unit_cost=0, price_floor=UNIT // 100, max_consumers=consumers, capacity=2**88 - 1
    )
    declaration = world.contract("market").functions.declareLog(epoch_id, *EVEN)
    for _ in range(consumers):
        consumers_of(world)[0].sender.send(declaration)
    pass_phase(world, epoch_id)

    receipt = provider.post_price(epoch_id, 5 * UNIT)

    points = len(walk_cover(even_game(consumers), 5 * UNIT, TOLERANCE).points) - 1
    per_point = receipt["gasUsed"] / (points * consumers)
    print(f"{points} points, {receipt['gasUsed']:,} gas, {per_point:.0f} for a consumer and point")
    assert per_point < market.POINT_GAS + 20
    points_at_once = market.points_per_transaction(2000)
    assert ceil(points / points_at_once) == 47
    assert 2000 * (market.LOAD_GAS + points_at_once * per_point) < MAX_TRANSACTION_GAS


@pytest.mark.parametrize("gas", [60_000, 80_000, 100_000, 120_000, 140_000, 200_000, 400_000])
def test_a_walk_without_gas_stays_where_it_was(world: World, gas: int) -> None:
    """A stranger continues the walk with too little gas, to leave it half way: it goes on, or nothing happens."""
    epoch_id = declared(world)
    provider, w3 = provider_of(world), world.chain.w3
    provider.market.post_price(epoch_id, 2 * UNIT, 1)
    before = provider.market.walk_of(epoch_id)
    stranger = consumers_of(world)[3].address
    call = world.contract("market").functions.continueWalk(epoch_id, market.ALL_POINTS)

    sent = w3.eth.wait_for_transaction_receipt(call.transact({"from": stranger, "gas": gas}))

    if sent["status"] == 1:
        assert provider.market.epoch(epoch_id).price == 2 * UNIT
    else:
        assert provider.market.walk_of(epoch_id) == before
        with pytest.raises(errors.WrongEpochPhase):
            consumers_of(world)[0].market.buy(epoch_id, 0, UNIT, bytes(32))
        provider.market.continue_walk(epoch_id)
    assert provider.market.walk_of(epoch_id) == Walk(0, 0)


def test_a_stranger_cannot_lead_a_walk_astray(world: World) -> None:
    """It can walk for the provider, step by step, and pays for that."""
    epoch_id = declared(world, tolerance_wad=UNIT // 20)
    provider, stranger = provider_of(world).market, consumers_of(world)[3].market
    provider.post_price(epoch_id, 2 * UNIT, 1)

    while not provider.phase_of(epoch_id).has_price:
        stranger.continue_walk(epoch_id, 1)

    assert provider.epoch(epoch_id).price == 2 * UNIT
