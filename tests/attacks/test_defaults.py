"""Defaults: a provider or a consumer that has what it wants and does not do its part, or does another's.

Source: the class's usual name is the exchange without delivery, and griefing by silence (the free option of swaps).
Gain: money for nothing, work for nothing, or money of others that stays locked.
Defence: every purchase holds its cost and its share of the bond until it ends, and it ends by a deadline that
strangers can call. Nothing delivered: the consumer has both. Delivered, accepted or not: the provider has both.
Limits: any hash is a delivery, so rubbish costs its buyer all that it paid: the remedy is to check and to go elsewhere.
A provider that defaults forgoes the price and loses its bond share. So a default pays where what it saves or gets for
it is more than both, per unit: `price + bond / capacity`. A declared unit cost never is, because no price is below it;
a true cost can be, and so can what somebody else offers for the machine after the sale. Rubbish pays better than a
default, always: whom that does not deter the bond does not either.
"""

from collections.abc import Callable
from typing import Any

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
from tests.world import FUNDS, UNIT, Person, World


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


def pay(payer: Person, payee: Person, amount: int, vault: Any) -> None:
    payer.sender.send(vault.functions.move(payer.address, payee.address, amount))


def rents_dearly(world: World, amount: int, delivers: bool) -> None:
    """What it takes to deliver is a stranger's, and costs more than was declared."""
    if delivers:
        pay(provider_of(world), consumers_of(world)[3], amount, world.contract("vault"))


def is_offered_more(world: World, amount: int, delivers: bool) -> None:
    """A stranger pays for the same hours of the machine, if the consumer does not get them."""
    if not delivers:
        pay(consumers_of(world)[3], provider_of(world), amount, world.contract("vault"))


Temptation = Callable[[World, int, bool], None]


def earned(
    world: World, sold: tuple[int, int], tempt: Temptation, amount: int, delivers: bool
) -> tuple[int, int]:
    """What a purchase of one unit at 2 brings to its provider and to its consumer in the end; and undo it."""
    go_back = world.chain.snapshot()
    epoch_id, purchase_id = sold
    tempt(world, amount, delivers)
    if delivers:
        provider_of(world).market.deliver(epoch_id, purchase_id, RESULT)
    end(world, epoch_id)
    balances = provider_of(world).balance() - FUNDS, consumers_of(world)[0].balance() - FUNDS
    go_back()
    return balances


def test_a_default_loses_to_a_delivery_at_the_declared_cost_however_small_the_bond(world: World) -> None:
    """A tenth of a bond of 1, the least that this deployment takes, is below the unit cost of 1: it is the price of 2
    that is missed."""
    sold = bought(world, bond=UNIT)

    by_delivery, _ = earned(world, sold, rents_dearly, UNIT, delivers=True)
    by_default, _ = earned(world, sold, rents_dearly, UNIT, delivers=False)

    assert (by_delivery, by_default) == (UNIT, -UNIT // 10)


@pytest.mark.parametrize(("bond", "tempt"), [(5 * UNIT, is_offered_more), (20 * UNIT, rents_dearly)])
def test_a_default_pays_from_the_price_and_the_bond_share_on(
    world: World, bond: int, tempt: Temptation
) -> None:
    """The limit, measured to the wei on both sides of its edge. The consumer has its money back and the share either
    way; what it has lost is time."""
    sold, share = bought(world, bond=bond), bond // 10
    edge = BEST_PRICE + share

    for beyond in (-1, 1):
        by_delivery, _ = earned(world, sold, tempt, edge + beyond, delivers=True)
        by_default, consumers = earned(world, sold, tempt, edge + beyond, delivers=False)

        assert by_default - by_delivery == beyond
        assert consumers == share
