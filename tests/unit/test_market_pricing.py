"""From declarations to a price that the contract accepts, whatever others declare."""

from typing import Any

import pytest

from offchain.chain.market import Declaration, Epoch, Utility
from offchain.economics.cover import IntegerGame, Verdict, walk_cover
from offchain.economics.integer import IntegerLog, IntegerQuad, IntegerTogether
from offchain.economics.wad import LARGEST
from offchain.workers.pricing import most_cost, provable_price

UNIT = 10**18


def epoch(**changes: Any) -> Epoch:
    fields: dict[str, Any] = dict.fromkeys(Epoch.__slots__, 0)
    fields |= {"price_floor": UNIT // 5, "price_cap": 10 * UNIT, "unit_cost": UNIT // 10}
    return Epoch(**(fields | {"capacity": 200 * UNIT, "tolerance_wad": UNIT // 1000} | changes))


def declared(index: int, utility: Utility, value: int, shape: int, limit: int) -> Declaration:
    return Declaration(1, index, value, shape, utility, False, "0x" + "11" * 20, limit)


@pytest.mark.parametrize(("below", "slope", "limit"), [(40, 1, 100), (50, 1, 100), (55, 1, 80), (40, 2, 50)])
def test_a_price_is_found_where_floats_cannot_tell_a_strangers_demand(
    below: int, slope: int, limit: int
) -> None:
    # The stranger wants a hundred units up to a price of a hundred and forty wei under 1 and none above 1.
    honest = declared(0, Utility.LOG, 4 * UNIT, UNIT, 50 * UNIT)
    stranger = declared(1, Utility.QUADRATIC, UNIT - below, slope, limit * UNIT)

    price = provable_price(epoch(), [honest, stranger])

    log = IntegerLog((4 * UNIT,), (UNIT,), (50 * UNIT,), (LARGEST,))
    quad = IntegerQuad((UNIT - below,), (slope,), (limit * UNIT,))
    game = IntegerGame(IntegerTogether((log, quad)), 200 * UNIT, UNIT // 10, UNIT // 5, 10 * UNIT)
    assert walk_cover(game, price, UNIT // 1000).verdict is Verdict.PROVED


def test_the_best_price_of_one_consumer_is_its_closed_form() -> None:
    # sqrt(c a k) with a = 4, k = 1, c = 0.1.
    price = provable_price(epoch(), [declared(0, Utility.LOG, 4 * UNIT, UNIT, 50 * UNIT)])

    assert price == pytest.approx(0.4**0.5 * UNIT, rel=1e-9)


@pytest.mark.parametrize(
    ("value", "efficiency", "limit", "floor", "cap", "cost"),
    [
        (4, 1, 100, 1, 10, 3 * UNIT),  # a - p / k at the floor: the limit never binds
        (4, 1, 1, 1, 10, 2 * UNIT + 1),  # a unit at the peak, a k / (1 + k d), and its next wei
        (4, 1, 1, 1, 2, 2 * UNIT),  # the cap is the peak
        (100, 1, 1, 1, 2, 2 * UNIT),  # beyond the cap
        (1, 1, 100, 2, 10, 0),  # worth less than the floor
    ],
)
def test_the_most_that_a_best_response_costs(
    value: int, efficiency: int, limit: int, floor: int, cap: int, cost: int
) -> None:
    numbers = [each * UNIT for each in (value, efficiency, limit, floor, cap)]

    assert most_cost(*numbers) == cost
