"""The compute market: open, declare, price, buy, deliver, accept or time out; I-4 and I-5."""

from dataclasses import astuple
from typing import Any

import pytest

from offchain.chain import errors, market
from offchain.chain.market import LARGEST_DECLARED, Declaration, Purchase, Utility, Walk, cost_of
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
    epoch_spec,
    opened,
    pass_phase,
    priced,
    provider_of,
)
from tests.world import FUNDS, MARKET_BOUNDS, UNIT, Person, World


def held(world: World) -> int:
    """What the vault keeps for the market."""
    return world.people[0].vault.balance_of(world.people[0].market.address)


# open


def test_open_takes_the_bond_and_counts_ids_from_one(world: World) -> None:
    ids = [opened(world), opened(world)]

    provider = provider_of(world)
    assert ids == [1, 2]
    assert provider.market.epoch_count() == 2
    assert provider.balance() == FUNDS - 2 * 20 * UNIT
    epoch = provider.market.epoch(1)
    assert (epoch.provider, epoch.capacity, epoch.bond, epoch.free_bond, epoch.consumer_count) == (
        provider.address,
        10 * UNIT,
        20 * UNIT,
        20 * UNIT,
        0,
    )
    assert provider.market.phase_of(1) is EpochPhase.DECLARE


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"capacity": 0}, errors.CapacityMissing),
        ({"price_floor": 0, "unit_cost": 0}, errors.InvalidPrices),
        ({"price_floor": UNIT - 1}, errors.InvalidPrices),
        ({"price_floor": 11 * UNIT}, errors.InvalidPrices),
        ({"price_cap": UNIT}, errors.InvalidPrices),
        ({"bond": UNIT - 1}, errors.BondTooLow),
        ({"tolerance_wad": UNIT // 1000 - 1}, errors.ToleranceOutOfBounds),
        ({"tolerance_wad": UNIT // 20 + 1}, errors.ToleranceOutOfBounds),
        ({"max_consumers": 0}, errors.ConsumerLimitOutOfBounds),
        ({"max_consumers": 2001}, errors.ConsumerLimitOutOfBounds),
        ({"declare_seconds": 9}, errors.WindowOutOfBounds),
        ({"price_seconds": 9}, errors.WindowOutOfBounds),
        ({"buy_seconds": 7 * 86_400 + 1}, errors.WindowOutOfBounds),
        ({"leftover_seconds": 0}, errors.WindowOutOfBounds),
        ({"deliver_seconds": 9}, errors.WindowOutOfBounds),
        ({"accept_seconds": 9}, errors.WindowOutOfBounds),
        ({"bond": FUNDS + 1}, errors.BalanceTooLow),
    ],
)
def test_open_reverts_when_the_spec_does_not_keep_to_its_bounds(
    world: World, changes: dict[str, int], error: type[errors.ContractError]
) -> None:
    with pytest.raises(error):
        opened(world, **changes)


def test_bounds_are_the_ones_of_the_deployment(world: World) -> None:
    market: Any = world.contract("market")

    assert market.functions.bounds().call() == astuple(MARKET_BOUNDS)
    assert market.functions.MAX_CONSUMERS().call() == 2000


# declare


def test_declare_locks_the_most_that_a_best_response_costs(world: World) -> None:
    consumer = consumers_of(world)[0]
    epoch_id = opened(world)

    index = declare(consumer, epoch_id)

    # a = 4, k = 1: spending is 4 - p, the most at the floor of 1.
    assert index == 0
    assert consumer.balance() == FUNDS - 3 * UNIT
    assert consumer.market.lock_of(epoch_id, 0) == 3 * UNIT
    (found,) = consumer.market.declarations(epoch_id)
    expected = (epoch_id, 0, 4 * UNIT, UNIT, Utility.LOG, False, consumer.address, 100 * UNIT)
    assert found == Declaration(*expected)


@pytest.mark.parametrize(
    ("utility", "value", "shape", "limit", "most"),
    [
        # p min(d, a / p - 1 / k): the limit binds up to p = a k / (1 + k d) = 8 / 4, and 2 * 3 is the most.
        (Utility.LOG, 8, 1, 3, 6),
        # The limit binds up to p = 100 / 1.01, beyond the cap of 10.
        (Utility.LOG, 100, 1, 1, 10),
        # p (a - p) / b is highest at a / 2 = 3: 9 / 2 in units of b = 2.
        (Utility.QUADRATIC, 6, 2, 100, 4.5),
        # The limit binds up to p = a - b d = 6 - 2 = 4 > 3, and 4 * 1 is the most.
        (Utility.QUADRATIC, 6, 2, 1, 4),
        # a / 2 = 20 is beyond the cap, where 10 (40 - 10) / 5 = 60.
        (Utility.QUADRATIC, 40, 5, 100, 60),
        # a / 2 = 0.75 is below the floor of 1, where 1 (1.5 - 1) / 2 = 0.25.
        (Utility.QUADRATIC, 1.5, 2, 100, 0.25),
    ],
)
def test_lock_is_the_hand_worked_one(
    world: World, utility: Utility, value: float, shape: int, limit: int, most: float
) -> None:
    epoch_id = opened(world)

    consumers_of(world)[0].market.declare(epoch_id, utility, int(value * UNIT), shape * UNIT, limit * UNIT)

    # Where the price of the most is between two wei, the lock covers both.
    lock = consumers_of(world)[0].market.lock_of(epoch_id, 0)
    assert int(most * UNIT) <= lock <= int(most * UNIT) + 10


def test_declare_gives_each_declaration_of_an_account_its_own_index(world: World) -> None:
    epoch_id = opened(world)

    indices = [declare(consumers_of(world)[0], epoch_id) for _ in range(2)]

    assert indices == [0, 1]
    assert consumers_of(world)[0].balance() == FUNDS - 6 * UNIT


def test_declare_reverts_after_its_window(world: World) -> None:
    epoch_id = opened(world)
    pass_phase(world, epoch_id)

    with pytest.raises(errors.WrongEpochPhase) as caught:
        declare(consumers_of(world)[0], epoch_id)

    assert (caught.value.expected, caught.value.actual) == (EpochPhase.DECLARE, EpochPhase.PRICE)


def test_declare_reverts_when_there_is_no_epoch(world: World) -> None:
    with pytest.raises(errors.WrongEpochPhase) as caught:
        declare(consumers_of(world)[0], 7)

    assert caught.value.actual is EpochPhase.UNKNOWN


def test_declare_reverts_when_the_epoch_is_full(world: World) -> None:
    epoch_id = opened(world, max_consumers=1)
    declare(consumers_of(world)[0], epoch_id)

    with pytest.raises(errors.EpochFull):
        declare(consumers_of(world)[1], epoch_id)


@pytest.mark.parametrize(
    ("utility", "value", "shape", "limit"),
    [
        (Utility.LOG, 1, UNIT, UNIT),  # dust
        (Utility.LOG, 4 * UNIT, 0, UNIT),  # no efficiency
        (Utility.LOG, 4 * UNIT, UNIT, 0),  # wants nothing
        (Utility.LOG, UNIT, UNIT, UNIT),  # values a first unit at the floor
        (Utility.QUADRATIC, UNIT, UNIT, UNIT),
        (Utility.QUADRATIC, 0, UNIT, UNIT),
    ],
)
def test_declare_reverts_when_it_would_lock_dust(
    world: World, utility: Utility, value: int, shape: int, limit: int
) -> None:
    epoch_id = opened(world)

    with pytest.raises(errors.LockTooLow):
        consumers_of(world)[0].market.declare(epoch_id, utility, value, shape, limit)


def test_declare_reverts_when_a_quadratic_utility_has_no_slope(world: World) -> None:
    epoch_id = opened(world)

    with pytest.raises(errors.SlopeMissing):
        consumers_of(world)[0].market.declare(epoch_id, Utility.QUADRATIC, UNIT, 0, UNIT)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_declare_reverts_when_a_number_does_not_fit(world: World, place: int) -> None:
    epoch_id = opened(world, price_cap=2 * UNIT)
    numbers = [4 * UNIT, UNIT, UNIT]
    numbers[place] = LARGEST_DECLARED + 1

    with pytest.raises(errors.NumberTooLarge):
        consumers_of(world)[0].market.declare(epoch_id, Utility.LOG, *numbers)

    numbers[place] = LARGEST_DECLARED
    assert consumers_of(world)[0].market.declare(epoch_id, Utility.LOG, *numbers) == 0


def test_declare_reverts_when_the_vault_is_unfunded(world: World) -> None:
    epoch_id = opened(world)
    poor = Person(world.connection, 7)
    poor.vault.set_operator(poor.market.address, True)

    with pytest.raises(errors.BalanceTooLow):
        declare(poor, epoch_id)


# price


def test_post_price_accepts_the_best_one(world: World) -> None:
    epoch_id = declared(world)

    provider_of(world).market.post_price(epoch_id, BEST_PRICE)

    market = provider_of(world).market
    assert market.phase_of(epoch_id) is EpochPhase.BUY
    assert market.epoch(epoch_id).price == BEST_PRICE
    assert market.best_response(epoch_id, 0, BEST_PRICE) == UNIT
    assert market.walk_of(epoch_id) == Walk(0, 0)


def test_post_price_reverts_and_names_a_better_one(world: World) -> None:
    epoch_id = declared(world)

    with pytest.raises(errors.PriceRefuted) as caught:
        provider_of(world).market.post_price(epoch_id, 3 * UNIT)

    # Profit is (p - 1) (4 / p - 1) = 5 - p - 4 / p, and 2 / 3 at a price of 3.
    better = caught.value.betterPrice / UNIT
    assert 5 - better - 4 / better > 2 / 3


def test_post_price_accepts_any_when_nobody_declared(world: World) -> None:
    epoch_id = declared(world, count=0)

    provider_of(world).market.post_price(epoch_id, 7 * UNIT)

    assert provider_of(world).market.epoch(epoch_id).price == 7 * UNIT


def test_post_price_reverts_when_the_tolerance_is_finer_than_the_roundings(world: World) -> None:
    # One wei above cost somebody wants units, but between two wei no price earns anything.
    epoch_id = opened(world)
    consumers_of(world)[0].market.declare(epoch_id, Utility.QUADRATIC, UNIT + 1, 1, UNIT)
    pass_phase(world, epoch_id)

    with pytest.raises(errors.PriceUndecided) as caught:
        provider_of(world).market.post_price(epoch_id, UNIT)

    assert caught.value.point == UNIT


@pytest.mark.parametrize("price", [UNIT - 1, 10 * UNIT + 1])
def test_post_price_reverts_outside_the_bounds(world: World, price: int) -> None:
    epoch_id = declared(world)

    with pytest.raises(errors.PriceOutOfBounds):
        provider_of(world).market.post_price(epoch_id, price)


def test_post_price_reverts_when_the_caller_is_not_the_provider(world: World) -> None:
    epoch_id = declared(world)

    with pytest.raises(errors.NotProvider):
        consumers_of(world)[0].market.post_price(epoch_id, BEST_PRICE)


def test_post_price_reverts_while_consumers_declare_and_past_the_deadline(world: World) -> None:
    epoch_id = opened(world)
    with pytest.raises(errors.WrongEpochPhase):
        provider_of(world).market.post_price(epoch_id, BEST_PRICE)

    pass_phase(world, epoch_id)
    pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase) as caught:
        provider_of(world).market.post_price(epoch_id, BEST_PRICE)

    assert caught.value.actual is EpochPhase.UNPRICED


def test_post_price_reverts_the_second_time(world: World) -> None:
    epoch_id = priced(world)

    with pytest.raises(errors.WrongEpochPhase):
        provider_of(world).market.post_price(epoch_id, BEST_PRICE)


def test_post_price_reverts_when_it_may_go_no_step(world: World) -> None:
    epoch_id = declared(world)

    with pytest.raises(errors.PointsMissing):
        provider_of(world).market.post_price(epoch_id, BEST_PRICE, 0)


def test_walk_goes_on_over_several_transactions_by_anyone(world: World) -> None:
    epoch_id = declared(world)
    stranger = consumers_of(world)[2].market

    provider_of(world).market.post_price(epoch_id, BEST_PRICE, 2)
    first = stranger.walk_of(epoch_id)
    stranger.continue_walk(epoch_id, 3)
    second = stranger.walk_of(epoch_id)
    stranger.continue_walk(epoch_id)

    assert first.price == second.price == BEST_PRICE
    assert UNIT < first.point < second.point
    assert stranger.epoch(epoch_id).price == BEST_PRICE


def test_walk_reverts_on_its_way_and_another_price_starts_anew(world: World) -> None:
    epoch_id = declared(world)
    provider = provider_of(world).market
    too_high = int(2.5 * UNIT)
    provider.post_price(epoch_id, too_high, 1)

    with pytest.raises(errors.PriceRefuted) as caught:
        consumers_of(world)[0].market.continue_walk(epoch_id)

    assert caught.value.price == too_high
    provider.post_price(epoch_id, BEST_PRICE, 1)
    assert provider.walk_of(epoch_id).price == BEST_PRICE


def test_client_walks_a_long_cover_in_several_transactions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if a transaction had gas for two points of one consumer.
    monkeypatch.setattr(market, "WALK_GAS", market.LOAD_GAS + 2 * market.POINT_GAS)
    epoch_id = declared(world, tolerance_wad=UNIT // 20)

    receipts = provider_of(world).market.prove_price(epoch_id, BEST_PRICE)

    assert len(receipts) > 1
    assert provider_of(world).market.epoch(epoch_id).price == BEST_PRICE


def test_continue_walk_reverts_when_no_price_was_posted_or_its_time_is_over(world: World) -> None:
    epoch_id = declared(world)
    with pytest.raises(errors.PriceMissing):
        provider_of(world).market.continue_walk(epoch_id)

    provider_of(world).market.post_price(epoch_id, BEST_PRICE, 1)
    pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase):
        provider_of(world).market.continue_walk(epoch_id)


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


# views


def test_views_revert_when_there_is_no_epoch_or_declaration(world: World) -> None:
    market = consumers_of(world)[0].market

    with pytest.raises(errors.UnknownEpoch):
        market.epoch(1)
    with pytest.raises(errors.UnknownEpoch):
        market.declarations(1)
    epoch_id = opened(world)
    with pytest.raises(errors.UnknownDeclaration):
        market.lock_of(epoch_id, 0)
    declare(consumers_of(world)[0], epoch_id)
    with pytest.raises(errors.PriceOutOfBounds):
        market.best_response(epoch_id, 0, 0)


def test_phases_end_when_the_spec_says(world: World) -> None:
    market = provider_of(world).market
    windows = {"declare": 11, "price": 12, "buy": 13, "leftover": 14, "deliver": 15, "accept": 16}
    epoch_id = opened(world, **{f"{name}_seconds": seconds for name, seconds in windows.items()})
    ends = [market.phase_ends_at(epoch_id)]
    pass_phase(world, epoch_id)
    ends.append(market.phase_ends_at(epoch_id))
    market.post_price(epoch_id, BEST_PRICE)
    accepted_at = world.chain.now()
    phases = []
    while (ends_at := market.phase_ends_at(epoch_id)) is not None:
        phases.append((market.phase_of(epoch_id), ends_at - accepted_at))
        pass_phase(world, epoch_id)

    assert ends[0] is not None and ends[1] == ends[0] + 12
    assert phases == [
        (EpochPhase.BUY, 13),
        (EpochPhase.LEFTOVER, 13 + 14),
        (EpochPhase.DELIVER, 13 + 14 + 15),
        (EpochPhase.ACCEPT, 13 + 14 + 15 + 16),
    ]
    assert market.phase_of(epoch_id) is EpochPhase.OVER


def test_spec_is_stored_as_given(world: World) -> None:
    spec = epoch_spec(capacity=3, unit_cost=4, price_floor=5, price_cap=6, tolerance_wad=UNIT // 50)

    epoch = provider_of(world).market.epoch(provider_of(world).market.open(spec))

    stored = {name: getattr(epoch, name) for name in spec.__slots__ if name != "declare_seconds"}
    assert stored == {name: getattr(spec, name) for name in stored}
    assert epoch.declare_ends_at == world.chain.now() + spec.declare_seconds
