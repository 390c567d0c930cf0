"""Misreported utilities: a consumer declares what makes a better price for it, or a worse one for others.

Source: demand reduction in auctions (Ausubel and Cramton, 2002), spoofing in order books. A price that is posted for
declared utilities is not incentive compatible, and this one does not claim to be.
Gain: a lower price, paid by the provider; or, by a rival of others, a higher one. The provider itself can declare in
its own epoch, under its address or another: the proof then holds a price that it chose, up to what its lock buys.
Defence: a declaration locks what it says that it would pay, and an accepted price is the best for what was declared, so
a lie costs its lock's idle time. The provider's floor and capacity bound what a lie can do. A consumer's own
declaration bounds what it pays, and it need not buy: proved is that the price is best for what was declared, by
whomever.
Limit, measured by `benchmarks/misreport.py` (docs/results/misreport.md) for the best lie of one among equal consumers,
with as much money locked as by the truth: the price, which is 2 by the truth at a unit cost of 1, what the liar gains
of its surplus, and what the provider loses of its profit, where capacity is twice what is wanted.

    share of demand     1%      5%      10%     25%     50%     100%
    price               1.841   1.674   1.566   1.382   1.250   1.001
    gain                +22%    +50%    +70%    +111%   +142%   +210%
    loss                1.4%    6.3%    12.0%   27.6%   49.9%   99.8%

Where capacity is three fifths of what is wanted, up to a tenth of demand gains nothing, and half of it 21%.

Worked by hand: n - 1 honest consumers with a = 4, k = 1 want 4 / p - 1 each and earn the provider n - 1 at 2. So a step
of x units at r is the best price from x = (n - 1) (2 - r)^2 / (r (r - 1)) on.
"""

from math import log, sqrt

import pytest

from benchmarks.misreport import HONEST_LOCK, PLENTY, SCARCE, Crowd, units_at
from offchain.chain import errors
from offchain.chain.market import Utility
from tests.attacks.test_defaults import end
from tests.market_world import (
    BEST_PRICE,
    JOB,
    RESULT,
    consumers_of,
    declare,
    opened,
    pass_phase,
    provider_of,
)
from tests.world import FUNDS, UNIT, Person, World

# By the truth a consumer has 4 ln 2 for one unit, and pays 2.
SURPLUS = 4 * log(2) - 2


@pytest.mark.parametrize(
    ("size", "most", "price"),
    [
        # x r = 3 gives (n - 1) (2 - r)^2 = 3 (r - 1).
        (4, lambda price: HONEST_LOCK / price, (5 - sqrt(5)) / 2),
        (100, lambda price: HONEST_LOCK / price, (399 - sqrt(399**2 - 4 * 99 * 399)) / 198),
        # x = 4 / r - 1 gives (n - 1) (2 - r)^2 = (4 - r) (r - 1).
        (4, units_at, (17 - sqrt(33)) / 8),
        # All of the capacity of 2 n sold at r earns what the others do at 2: (r - 1) 2 n = n - 1.
        (10, lambda price: float("inf"), 1.45),
    ],
)
def test_the_best_lies_are_the_hand_worked_ones(size: int, most: object, price: float) -> None:
    found = Crowd(size, PLENTY).best_lie(most)  # type: ignore[arg-type]

    assert found.price == pytest.approx(price, abs=1e-3)
    assert found.gain == pytest.approx((4 * log(4 / price) - 4 + price) / SURPLUS - 1, abs=0.01)


def test_scarcity_leaves_a_small_liar_nothing() -> None:
    """The price clears: 4 / 2.5 - 1 = 0.6 units for each. Who wants less lets others pay less, and has less."""
    found = Crowd(20, SCARCE).best_lie(units_at)

    assert Crowd(20, SCARCE).price == pytest.approx(2.5, abs=1e-6)
    assert 0 <= found.gain < 0.005


def step(world: World, epoch_id: int, price: int, units: int, person: Person | None = None) -> int:
    """Declare a step, by the last consumer or another: so many units up to a price, and none two wei above it."""
    liar = person or consumers_of(world)[3]
    return liar.market.declare(epoch_id, Utility.QUADRATIC, price + -(-units // UNIT), 1, units)


@pytest.mark.parametrize(
    # A fiftieth more than the step that ties, because the tolerance of a hundredth would leave the honest price in.
    ("size", "price", "units"),
    [(2, 1.3, 1.323077), (4, 1.4, 2.078572), (20, 1.72, 1.730388)],
    ids=["50%", "25%", "5%"],
)
def test_a_liar_lowers_the_price_and_buys(world: World, size: int, price: float, units: float) -> None:
    provider, liar = provider_of(world), consumers_of(world)[3]
    epoch_id = opened(world, capacity=2 * size * UNIT, max_consumers=size)
    lie_index = step(world, epoch_id, int(price * UNIT), int(units * UNIT))
    honest = [declare(consumers_of(world)[0], epoch_id) for _ in range(size - 1)]
    assert liar.market.lock_of(epoch_id, lie_index) <= HONEST_LOCK * UNIT
    pass_phase(world, epoch_id)

    with pytest.raises(errors.PriceRefuted):
        provider.market.post_price(epoch_id, BEST_PRICE)
    provider.market.post_price(epoch_id, int(price * UNIT))
    for index in honest:
        wanted = provider.market.best_response(epoch_id, index, int(price * UNIT))
        consumers_of(world)[0].market.buy(epoch_id, index, wanted, JOB)
    wanted = int(units_at(price) * UNIT)
    bought = min(wanted, int(units * UNIT))
    liar.market.buy(epoch_id, lie_index, bought, JOB)
    pass_phase(world, epoch_id)
    if rest := min(wanted - bought, provider.market.epoch(epoch_id).units_left):
        liar.market.buy_leftover(epoch_id, rest, JOB)

    utility = 4 * log(1 + (bought + rest) / UNIT) - (FUNDS - liar.balance()) / UNIT
    assert utility / SURPLUS - 1 == pytest.approx(Crowd(size, PLENTY).outcome(price).gain, abs=1e-6)
    assert utility > 1.35 * SURPLUS


class Play:
    """An epoch of three honest consumers, with phantom demand or without it, to its end and back.

    profit, surplus : what the provider earns, and each of the three gains, in units of money
    idle : what the last consumer has paid for nothing, wei
    """

    def __init__(self, world: World, phantom: Person | None, leftover: int = 0) -> None:
        """leftover : units that the last consumer, who has declared nothing, takes at the end."""
        go_back = world.chain.snapshot()
        provider, honest, last = provider_of(world), consumers_of(world)[:3], consumers_of(world)[3]
        epoch_id = opened(world)
        if phantom is not None:
            step(world, epoch_id, 3 * UNIT, 7 * UNIT // 2, phantom)
        indices = [declare(person, epoch_id) for person in honest]
        pass_phase(world, epoch_id)
        if phantom is None:
            provider.market.post_price(epoch_id, BEST_PRICE)
        else:
            with pytest.raises(errors.PriceRefuted):
                provider.market.post_price(epoch_id, BEST_PRICE)
            provider.market.post_price(epoch_id, 3 * UNIT)
        price = provider.market.epoch(epoch_id).price
        bought = [provider.market.best_response(epoch_id, index, price) for index in indices]
        for person, index, units in zip(honest, indices, bought, strict=True):
            person.market.buy(epoch_id, index, units, JOB)
        pass_phase(world, epoch_id)
        if leftover:
            last.market.buy_leftover(epoch_id, leftover * UNIT, JOB)
        for purchase in provider.market.purchases(epoch_id):
            provider.market.deliver(epoch_id, purchase.purchase_id, RESULT)
        end(world, epoch_id)

        sold = sum(bought) / UNIT + leftover
        self.profit = (provider.balance() - FUNDS) / UNIT - sold  # of units that cost 1
        self.surplus = [
            4 * log(1 + units / UNIT) - (FUNDS - person.balance()) / UNIT
            for person, units in zip(honest, bought, strict=True)
        ]
        self.idle = FUNDS - last.balance() - leftover * price
        go_back()


def test_phantom_demand_of_a_rival_raises_the_price_for_others(world: World) -> None:
    """A rival wants three and a half units up to a price of 3, which it never buys. With it 3 is the best price, for
    (p - 1) (12 / p + 1 / 2) rises; without it three honest consumers buy a third of a unit each instead of one, the
    provider earns 2 instead of 3, and the rival has paid gas."""
    true, false = Play(world, None), Play(world, consumers_of(world)[3])

    assert [true.profit, *true.surplus] == pytest.approx([3, *[SURPLUS] * 3])
    assert [false.profit, false.idle] == pytest.approx([2, 0])
    assert max(false.surplus) < 0.2 * min(true.surplus)


def test_phantom_demand_of_the_provider_itself_serves_what_it_knows_of_who_does_not_declare(
    world: World,
) -> None:
    """The same declaration by the provider, which no rule forbids and no rule could, for it has other addresses. By
    what was declared it loses by it. But two units are bought at the end at either price, and bring 4 instead of 2:
    it earns 6 instead of 5, for the idle time of a lock, and the honest consumers bear it."""
    provider = provider_of(world)

    true, false = Play(world, None, leftover=2), Play(world, provider, leftover=2)

    assert [true.profit, false.profit] == pytest.approx([5, 6])
    assert max(false.surplus) < 0.2 * min(true.surplus)
