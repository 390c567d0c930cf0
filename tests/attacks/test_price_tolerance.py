"""A price that is not the best: a provider posts one that suits it for other reasons than what it earns.

Source: the class's usual name is a false optimality proof. Here there is none to forge: the contract walks a cover.
Gain: a higher price than the leader's of the game, or a lower one for a friend.
Defence: a price is accepted only where no other earns more than (1 + tolerance) times as much.
Limit: the tolerance itself. Profit is flat at its top, so a tolerance of 1% of it leaves 7.3% of the price above the
best one and 6.8% below; the widest that the deployment allows, 5%, leaves 16.7% and 14.3%; the finest, 0.1%, 2.3%
and 2.2%.

The optimum is worked by hand. A log consumer with a = 4, k = 1 at a unit cost of 1 wants 4 / p - 1, so a price p earns
5 - p - 4 / p: 1 at the best price of 2. With a tolerance e a price is as good as allowed where that is 1 / (1 + e):
at the roots of p^2 - (5 - 1 / (1 + e)) p + 4.
"""

from decimal import Decimal, getcontext

import pytest

from offchain.chain import errors
from tests.market_world import BEST_PRICE, declared, provider_of
from tests.world import UNIT, World

getcontext().prec = 60

# The closer a price is to a root, the shorter are the steps at the best one: at a hundredth of this a walk takes ten
# times the gas, 20 million and more.
STEP_ASIDE = Decimal("2e-5")


def roots(tolerance: Decimal) -> tuple[Decimal, Decimal]:
    half = (5 - 1 / (1 + tolerance)) / 2
    width = (half * half - 4).sqrt()
    return half - width, half + width


@pytest.mark.parametrize("side", ["below the best price", "above the best price"])
@pytest.mark.parametrize("tolerance", ["0.001", "0.01", "0.05"])
def test_the_tolerance_ends_where_it_says(world: World, tolerance: str, side: str) -> None:
    epoch_id = declared(world, tolerance_wad=int(Decimal(tolerance) * UNIT))
    provider = provider_of(world).market
    sign = -1 if side.startswith("below") else 1
    root = roots(Decimal(tolerance))[(sign + 1) // 2]
    outside, inside = (int(root * (1 + step * sign) * UNIT) for step in (STEP_ASIDE, -STEP_ASIDE))

    with pytest.raises(errors.PriceRefuted) as caught:
        provider.post_price(epoch_id, outside)
    provider.post_price(epoch_id, inside)

    assert provider.epoch(epoch_id).price == inside
    better = Decimal(caught.value.betterPrice) / UNIT
    posted = Decimal(outside) / UNIT
    assert 5 - better - 4 / better > 5 - posted - 4 / posted


@pytest.mark.parametrize(
    ("tolerance", "below", "above"), [("0.001", 2.2, 2.3), ("0.01", 6.8, 7.3), ("0.05", 14.3, 16.7)]
)
def test_what_the_tolerance_leaves_of_the_price(tolerance: str, below: float, above: float) -> None:
    low, high = roots(Decimal(tolerance))

    assert [round(float(abs(root / 2 - 1)) * 100, 1) for root in (low, high)] == [below, above]
    assert BEST_PRICE == 2 * UNIT
