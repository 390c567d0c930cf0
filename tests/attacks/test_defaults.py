"""Defaults: a provider or a consumer that has what it wants and does not do its part, or does another's.

Source: the class's usual name is the exchange without delivery, and griefing by silence (the free option of swaps).
Gain: money for nothing, work for nothing, or money of others that stays locked.
Defence: every purchase holds its cost and its share of the bond until it ends, and it ends by a deadline that
strangers can call. Nothing delivered: the consumer has both. Delivered, accepted or not: the provider has both.
Limits: any hash is a delivery, so rubbish costs its buyer all that it paid: the remedy is to check and to go elsewhere.
A provider that defaults loses its bond share and saves its unit cost: with `bond / capacity` below the unit cost that
is cheaper than to deliver where it has no other use for the money, so a consumer should look at the bond first.
"""

from collections.abc import Callable

import pytest

from offchain.chain import errors
from offchain.chain.phase import EpochPhase, PurchaseStatus
from tests.market_world import (
    BEST_PRICE,
    JOB,
    RESULT,
    bought,
    consumers_of,
    declared,
    delivered,
    epoch_spec,
    held,
    opened,
    pass_phase,
    priced,
    provider_of,
)
from tests.world import FUNDS, UNIT, World


def pass_to(world: World, epoch_id: int, phase: EpochPhase) -> None:
    while provider_of(world).market.phase_of(epoch_id) is not phase:
        pass_phase(world, epoch_id)


def end(world: World, epoch_id: int) -> None:
    """What a stranger can do for an epoch whose parties are gone."""
    stranger, market = consumers_of(world)[3].market, provider_of(world).market
    while market.phase_ends_at(epoch_id) is not None:
        pass_phase(world, epoch_id)
    for declaration in market.declarations(epoch_id):
        if not declaration.closed:
            stranger.return_lock(epoch_id, declaration.index)
    for purchase in market.purchases(epoch_id):
        if purchase.status in (PurchaseStatus.BOUGHT, PurchaseStatus.DELIVERED):
            stranger.settle(epoch_id, purchase.purchase_id)
    if market.epoch(epoch_id).free_bond:
        stranger.release_bond(epoch_id)


def sold_twice(world: World) -> int:
    """Two purchases of one unit each at a price of 2, with a bond share of 2 each."""
    epoch_id = priced(world, 2)
    for index, consumer in enumerate(consumers_of(world)[:2]):
        consumer.market.buy(epoch_id, index, UNIT, JOB)
    return epoch_id


def walked_in_part(world: World) -> int:
    epoch_id = declared(world, 2)
    provider_of(world).market.post_price(epoch_id, BEST_PRICE, 1)
    return epoch_id


def delivered_in_part(world: World) -> int:
    epoch_id = sold_twice(world)
    provider_of(world).market.deliver(epoch_id, 1, RESULT)
    return epoch_id


# Where the provider stops, and what it, and each of two consumers, have then against before, in units of money.
STOPS: dict[Callable[[World], int], tuple[int, int, int]] = {
    opened: (0, 0, 0),
    lambda world: declared(world, 2): (0, 0, 0),
    walked_in_part: (0, 0, 0),
    lambda world: priced(world, 2): (0, 0, 0),
    sold_twice: (-4, 2, 2),
    delivered_in_part: (0, -2, 2),
}
NAMES = ["opened", "declared", "walked in part", "priced", "sold", "delivered in part"]


@pytest.mark.parametrize(("stop", "ends"), STOPS.items(), ids=NAMES)
def test_strangers_end_what_a_provider_left(
    world: World, stop: Callable[[World], int], ends: tuple[int, int, int]
) -> None:
    epoch_id = stop(world)

    end(world, epoch_id)

    assert held(world) == 0
    assert tuple((person.balance() - FUNDS) // UNIT for person in world.people[:3]) == ends
    assert world.people[4].balance() == FUNDS


def test_a_consumer_that_never_accepts_pays(world: World) -> None:
    epoch_id, purchase_id = delivered(world)
    pass_to(world, epoch_id, EpochPhase.ACCEPT)
    with pytest.raises(errors.WrongEpochPhase):
        provider_of(world).market.settle(epoch_id, purchase_id)

    pass_to(world, epoch_id, EpochPhase.OVER)
    provider_of(world).market.settle(epoch_id, purchase_id)

    assert consumers_of(world)[0].balance() == FUNDS - 2 * UNIT
    with pytest.raises(errors.WrongPurchaseStatus):
        consumers_of(world)[0].market.settle(epoch_id, purchase_id)


def test_a_delivery_by_another_provider_is_refused(world: World) -> None:
    epoch_id, purchase_id = bought(world)
    rival = consumers_of(world)[3]
    rivals = rival.market.open(epoch_spec())

    with pytest.raises(errors.NotProvider):
        rival.market.deliver(epoch_id, purchase_id, RESULT)
    with pytest.raises(errors.WrongPurchaseStatus):  # in its own epoch there is no such purchase
        rival.market.deliver(rivals, purchase_id, RESULT)

    assert provider_of(world).market.purchase(epoch_id, purchase_id).status is PurchaseStatus.BOUGHT


def test_a_delivery_for_another_purchase_leaves_this_one_owed(world: World) -> None:
    epoch_id = delivered_in_part(world)
    with pytest.raises(errors.WrongPurchaseStatus):
        provider_of(world).market.deliver(epoch_id, 1, JOB)  # a second time, with another result
    with pytest.raises(errors.NotBuyer):
        consumers_of(world)[1].market.accept(epoch_id, 1)
    pass_to(world, epoch_id, EpochPhase.ACCEPT)

    with pytest.raises(errors.WrongEpochPhase):
        provider_of(world).market.deliver(epoch_id, 2, RESULT)  # too late
    consumers_of(world)[1].market.settle(epoch_id, 2)

    assert provider_of(world).market.purchase(epoch_id, 1).result_hash == RESULT
    assert consumers_of(world)[1].balance() == FUNDS + 2 * UNIT


def test_rubbish_is_a_delivery(world: World) -> None:
    """The limit, measured: the buyer loses all that it paid, and the provider has it without any cost."""
    epoch_id, purchase_id = bought(world)
    provider_of(world).market.deliver(epoch_id, purchase_id, b"\xde" * 32)

    end(world, epoch_id)

    assert consumers_of(world)[0].balance() == FUNDS - 2 * UNIT
    assert provider_of(world).balance() == FUNDS + 2 * UNIT


@pytest.mark.parametrize(("bond", "cheaper"), [(5, True), (20, False)])
def test_a_small_bond_makes_default_cheaper_than_delivery(world: World, bond: int, cheaper: bool) -> None:
    """The limit, measured: per unit a default loses `bond / capacity`, and saves the unit cost of 1. The consumer gets
    its money back with the share either way; what it has lost is time."""
    epoch_id, _ = bought(world, bond=bond * UNIT)

    end(world, epoch_id)

    lost = FUNDS - provider_of(world).balance()
    assert (lost < provider_of(world).market.epoch(epoch_id).unit_cost) is cheaper
    assert lost == bond * UNIT // 10
    assert consumers_of(world)[0].balance() == FUNDS + lost
