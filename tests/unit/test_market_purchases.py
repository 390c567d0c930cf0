"""The compute market: buy, deliver, accept or time out; I-4 and I-5."""

import pytest

from offchain.chain import errors
from offchain.chain.market import Purchase, cost_of
from offchain.chain.phase import EpochPhase, PurchaseStatus
from tests.market_world import (
    BEST_PRICE,
    JOB,
    RESULT,
    bought,
    consumers_of,
    declare,
    declared,
    delivered,
    held,
    opened,
    pass_phase,
    priced,
    provider_of,
)
from tests.world import FUNDS, UNIT, World

# buy


def test_buy_pays_the_cost_and_gives_the_excess_back(world: World) -> None:
    consumer = consumers_of(world)[0]
    epoch_id = priced(world)

    purchase_id = consumer.market.buy(epoch_id, 0, UNIT, JOB)

    assert purchase_id == 1
    assert consumer.balance() == FUNDS - 2 * UNIT
    expected = (epoch_id, 1, consumer.address, UNIT, PurchaseStatus.BOUGHT, JOB, bytes(32))
    assert consumer.market.purchases(epoch_id) == [Purchase(*expected)]
    epoch = consumer.market.epoch(epoch_id)
    assert (epoch.sold_units, epoch.units_left) == (UNIT, 9 * UNIT)
    # A tenth of the capacity is sold, and with it a tenth of the bond of 20.
    assert epoch.free_bond == 18 * UNIT
    assert held(world) == 22 * UNIT


def test_i5_buy_never_costs_more_than_price_times_units(world: World) -> None:
    consumer = consumers_of(world)[0]
    epoch_id = priced(world)
    units = 333_333_333_333_333_333

    consumer.market.buy(epoch_id, 0, units, JOB)

    paid = FUNDS - consumer.balance()
    assert paid * UNIT <= BEST_PRICE * units
    assert paid == cost_of(BEST_PRICE, units) == 666_666_666_666_666_666


def test_buy_reverts_above_the_best_response(world: World) -> None:
    epoch_id = priced(world)

    with pytest.raises(errors.DemandExceeded) as caught:
        consumers_of(world)[0].market.buy(epoch_id, 0, UNIT + 1, JOB)

    assert (caught.value.requestedUnits, caught.value.demandedUnits) == (UNIT + 1, UNIT)


def test_i4_buy_reverts_when_capacity_is_exceeded(world: World) -> None:
    # Both want two units at the price of the cap, and there are three.
    epoch_id = priced(world, 2, 4 * UNIT // 3, capacity=3 * UNIT, price_cap=4 * UNIT // 3)
    first, second = consumers_of(world)[:2]
    wanted = first.market.best_response(epoch_id, 0, 4 * UNIT // 3)
    first.market.buy(epoch_id, 0, wanted, JOB)

    with pytest.raises(errors.CapacityExceeded) as caught:
        second.market.buy(epoch_id, 1, wanted, JOB)

    assert wanted // 10 == 2 * UNIT // 10
    assert caught.value.remainingUnits == 3 * UNIT - wanted
    second.market.buy(epoch_id, 1, 3 * UNIT - wanted, JOB)
    assert second.market.epoch(epoch_id).units_left == 0


def test_buy_tells_a_consumer_that_it_could_not_get_resources(world: World) -> None:
    epoch_id = priced(world, 2, 4 * UNIT // 3, capacity=2 * UNIT, price_cap=4 * UNIT // 3)
    first, second = consumers_of(world)[:2]
    first.market.buy(epoch_id, 0, 2 * UNIT, JOB)

    with pytest.raises(errors.SoldOut):
        second.market.buy(epoch_id, 1, UNIT, JOB)

    second.market.return_lock(epoch_id, 1)
    assert second.balance() == FUNDS


def test_buy_reverts_the_second_time(world: World) -> None:
    epoch_id, _ = bought(world)

    with pytest.raises(errors.DeclarationClosed):
        consumers_of(world)[0].market.buy(epoch_id, 0, 1, JOB)


def test_buy_reverts_with_the_declaration_of_another(world: World) -> None:
    epoch_id = priced(world, 2, price=BEST_PRICE)

    with pytest.raises(errors.NotConsumer):
        consumers_of(world)[0].market.buy(epoch_id, 1, UNIT, JOB)


@pytest.mark.parametrize("index", [1, 1999, 2000, 2**64])
def test_buy_reverts_when_there_is_no_such_declaration(world: World, index: int) -> None:
    epoch_id = priced(world)

    with pytest.raises(errors.UnknownDeclaration):
        consumers_of(world)[0].market.buy(epoch_id, index, UNIT, JOB)


def test_buy_reverts_when_no_units_are_asked_for(world: World) -> None:
    epoch_id = priced(world)

    with pytest.raises(errors.UnitsMissing):
        consumers_of(world)[0].market.buy(epoch_id, 0, 0, JOB)


def test_buy_reverts_before_the_price_and_after_the_window(world: World) -> None:
    epoch_id = declared(world)
    with pytest.raises(errors.WrongEpochPhase):
        consumers_of(world)[0].market.buy(epoch_id, 0, UNIT, JOB)

    epoch_id = priced(world)
    pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase):
        consumers_of(world)[0].market.buy(epoch_id, 0, UNIT, JOB)


# buy leftover


def test_buy_leftover_sells_to_anyone_what_is_left(world: World) -> None:
    epoch_id, _ = bought(world)
    pass_phase(world, epoch_id)
    undeclared = consumers_of(world)[3]

    purchase_id = undeclared.market.buy_leftover(epoch_id, 9 * UNIT, JOB)

    assert purchase_id == 2
    assert undeclared.balance() == FUNDS - 18 * UNIT
    assert undeclared.market.epoch(epoch_id).units_left == 0
    with pytest.raises(errors.SoldOut):
        undeclared.market.buy_leftover(epoch_id, 1, JOB)


def test_buy_leftover_reverts_when_it_is_dust(world: World) -> None:
    # A thousandth of a unit at 2 costs 0.002, twice the least; a ten-thousandth costs a fifth of it.
    epoch_id, _ = bought(world)
    pass_phase(world, epoch_id)
    undeclared = consumers_of(world)[3]

    with pytest.raises(errors.PurchaseTooSmall):
        undeclared.market.buy_leftover(epoch_id, UNIT // 10_000, JOB)
    undeclared.market.buy_leftover(epoch_id, UNIT // 1000, JOB)


def test_buy_leftover_reverts_in_the_window_of_the_declared_and_after_its_own(world: World) -> None:
    epoch_id = priced(world)
    undeclared = consumers_of(world)[3].market
    with pytest.raises(errors.WrongEpochPhase):
        undeclared.buy_leftover(epoch_id, UNIT, JOB)

    pass_phase(world, epoch_id)
    pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase):
        undeclared.buy_leftover(epoch_id, UNIT, JOB)


def test_i4_buy_leftover_reverts_when_capacity_is_exceeded(world: World) -> None:
    epoch_id, _ = bought(world)
    pass_phase(world, epoch_id)

    with pytest.raises(errors.CapacityExceeded):
        consumers_of(world)[3].market.buy_leftover(epoch_id, 9 * UNIT + 1, JOB)


def test_buy_leftover_reverts_when_the_vault_is_unfunded(world: World) -> None:
    epoch_id = priced(world, capacity=1_000 * UNIT)
    pass_phase(world, epoch_id)

    with pytest.raises(errors.BalanceTooLow):
        consumers_of(world)[3].market.buy_leftover(epoch_id, 501 * UNIT, JOB)


# return lock


def test_return_lock_gives_all_back_and_gives_up_the_place(world: World) -> None:
    consumer = consumers_of(world)[0]
    epoch_id = priced(world)

    consumer.market.return_lock(epoch_id, 0)

    assert consumer.balance() == FUNDS
    with pytest.raises(errors.DeclarationClosed):
        consumer.market.buy(epoch_id, 0, UNIT, JOB)
    with pytest.raises(errors.DeclarationClosed):
        consumer.market.return_lock(epoch_id, 0)


def test_return_lock_is_for_the_consumer_while_it_can_buy_and_for_anyone_after(world: World) -> None:
    epoch_id = priced(world)
    stranger = consumers_of(world)[2].market
    with pytest.raises(errors.NotConsumer):
        stranger.return_lock(epoch_id, 0)

    pass_phase(world, epoch_id)
    stranger.return_lock(epoch_id, 0)

    assert consumers_of(world)[0].balance() == FUNDS


def test_return_lock_reverts_before_there_is_a_price(world: World) -> None:
    epoch_id = declared(world)

    with pytest.raises(errors.WrongEpochPhase):
        consumers_of(world)[0].market.return_lock(epoch_id, 0)


def test_an_epoch_without_a_price_gives_all_money_back(world: World) -> None:
    epoch_id = declared(world, 2)
    pass_phase(world, epoch_id)
    stranger = consumers_of(world)[3].market

    assert stranger.phase_of(epoch_id) is EpochPhase.UNPRICED
    assert stranger.phase_ends_at(epoch_id) is None
    stranger.return_lock(epoch_id, 0)
    stranger.return_lock(epoch_id, 1)
    stranger.release_bond(epoch_id)

    assert [person.balance() for person in world.people[:3]] == [FUNDS] * 3
    assert held(world) == 0


# deliver


def test_deliver_records_the_result(world: World) -> None:
    epoch_id, purchase_id = bought(world)

    provider_of(world).market.deliver(epoch_id, purchase_id, RESULT)

    purchase = provider_of(world).market.purchase(epoch_id, purchase_id)
    assert (purchase.status, purchase.result_hash) == (PurchaseStatus.DELIVERED, RESULT)


def test_deliver_reverts_when_the_caller_is_not_the_provider(world: World) -> None:
    epoch_id, purchase_id = bought(world)

    with pytest.raises(errors.NotProvider):
        consumers_of(world)[0].market.deliver(epoch_id, purchase_id, RESULT)


def test_deliver_reverts_when_there_is_no_such_purchase(world: World) -> None:
    epoch_id, _ = bought(world)

    for purchase_id in (0, 2):
        with pytest.raises(errors.WrongPurchaseStatus) as caught:
            provider_of(world).market.deliver(epoch_id, purchase_id, RESULT)
        assert caught.value.actual is PurchaseStatus.NONE


def test_deliver_reverts_the_second_time(world: World) -> None:
    epoch_id, purchase_id = delivered(world)

    with pytest.raises(errors.WrongPurchaseStatus):
        provider_of(world).market.deliver(epoch_id, purchase_id, b"\x0c" * 32)


def test_deliver_reverts_past_its_deadline(world: World) -> None:
    epoch_id, purchase_id = bought(world)
    for _ in range(3):
        pass_phase(world, epoch_id)

    with pytest.raises(errors.WrongEpochPhase) as caught:
        provider_of(world).market.deliver(epoch_id, purchase_id, RESULT)

    assert caught.value.actual is EpochPhase.ACCEPT


# accept and settle


def test_accept_pays_the_provider_and_frees_its_bond_share(world: World) -> None:
    epoch_id, purchase_id = delivered(world)
    before = provider_of(world).balance()

    consumers_of(world)[0].market.accept(epoch_id, purchase_id)

    assert provider_of(world).balance() - before == 2 * UNIT + 2 * UNIT
    assert provider_of(world).market.purchase(epoch_id, purchase_id).status is PurchaseStatus.PAID


def test_accept_reverts_when_nothing_was_delivered(world: World) -> None:
    epoch_id, purchase_id = bought(world)

    with pytest.raises(errors.WrongPurchaseStatus):
        consumers_of(world)[0].market.accept(epoch_id, purchase_id)


def test_accept_reverts_when_the_caller_is_not_the_consumer(world: World) -> None:
    epoch_id, purchase_id = delivered(world)

    with pytest.raises(errors.NotBuyer):
        provider_of(world).market.accept(epoch_id, purchase_id)


def test_accept_reverts_the_second_time(world: World) -> None:
    epoch_id, purchase_id = delivered(world)
    consumers_of(world)[0].market.accept(epoch_id, purchase_id)

    with pytest.raises(errors.WrongPurchaseStatus):
        consumers_of(world)[0].market.accept(epoch_id, purchase_id)


def test_silence_pays_after_the_window(world: World) -> None:
    epoch_id, purchase_id = delivered(world)
    before = provider_of(world).balance()
    for _ in range(3):
        pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase) as caught:
        consumers_of(world)[2].market.settle(epoch_id, purchase_id)
    assert caught.value.expected is EpochPhase.OVER

    pass_phase(world, epoch_id)
    consumers_of(world)[2].market.settle(epoch_id, purchase_id)

    assert provider_of(world).balance() - before == 4 * UNIT


def test_missed_delivery_refunds_and_pays_from_the_bond(world: World) -> None:
    epoch_id, purchase_id = bought(world)
    pass_phase(world, epoch_id)
    pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase) as caught:
        consumers_of(world)[2].market.settle(epoch_id, purchase_id)
    assert caught.value.expected is EpochPhase.ACCEPT

    pass_phase(world, epoch_id)
    consumers_of(world)[2].market.settle(epoch_id, purchase_id)

    # One of ten units: the cost back, and a tenth of the bond of 20.
    assert consumers_of(world)[0].balance() == FUNDS + 2 * UNIT
    assert provider_of(world).market.purchase(epoch_id, purchase_id).status is PurchaseStatus.REFUNDED
    with pytest.raises(errors.WrongPurchaseStatus):
        consumers_of(world)[2].market.settle(epoch_id, purchase_id)


def test_bond_suffices_when_all_units_are_sold_and_none_delivered(world: World) -> None:
    # Sevenths of the bond are not whole, and are rounded down.
    epoch_id = priced(world, 3, capacity=7, price=3 * UNIT, price_cap=3 * UNIT)
    for index, units in enumerate((1, 2, 4)):
        consumers_of(world)[index].market.buy(epoch_id, index, units, JOB)
    for _ in range(3):
        pass_phase(world, epoch_id)

    for purchase_id in (1, 2, 3):
        provider_of(world).market.settle(epoch_id, purchase_id)
    provider_of(world).market.release_bond(epoch_id)

    assert held(world) == 0


# release bond


def test_release_bond_gives_back_what_stands_for_unsold_units(world: World) -> None:
    epoch_id, _ = bought(world)
    pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase):
        consumers_of(world)[0].market.release_bond(epoch_id)

    pass_phase(world, epoch_id)
    consumers_of(world)[0].market.release_bond(epoch_id)

    assert provider_of(world).balance() == FUNDS - 2 * UNIT
    with pytest.raises(errors.NothingToRelease):
        consumers_of(world)[0].market.release_bond(epoch_id)


def test_release_bond_reverts_when_there_is_no_epoch(world: World) -> None:
    with pytest.raises(errors.WrongEpochPhase):
        consumers_of(world)[0].market.release_bond(3)


# what a provider can do for itself


def test_a_provider_that_buys_from_itself_ends_with_what_it_had(world: World) -> None:
    provider = provider_of(world)
    epoch_id = opened(world)
    declare(provider, epoch_id)
    pass_phase(world, epoch_id)
    provider.market.post_price(epoch_id, BEST_PRICE)
    purchase_id = provider.market.buy(epoch_id, 0, UNIT, JOB)
    provider.market.deliver(epoch_id, purchase_id, RESULT)
    provider.market.accept(epoch_id, purchase_id)
    pass_phase(world, epoch_id)
    pass_phase(world, epoch_id)

    provider.market.release_bond(epoch_id)

    assert provider.balance() == FUNDS
    assert held(world) == 0
