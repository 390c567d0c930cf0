"""The compute market: open, declare, price; when its phases end."""

from dataclasses import astuple, replace

import pytest

from offchain.chain import errors, market
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.market import LARGEST_DECLARED, Declaration, Utility, Walk
from offchain.chain.phase import EpochPhase
from tests.market_world import (
    BEST_PRICE,
    consumers_of,
    declare,
    declared,
    epoch_spec,
    opened,
    pass_phase,
    priced,
    provider_of,
)
from tests.world import FUNDS, MARKET_BOUNDS, UNIT, Person, World

# open


def test_open_reverts_when_the_declarations_would_end_past_32_bits(
    world: World, artifacts: dict[str, Artifact]
) -> None:
    """2**32 seconds after 1970 is in 2106; a clock that wraps would have an epoch end before it began."""
    provider, bounds = provider_of(world), replace(MARKET_BOUNDS, max_window_seconds=2**32 - 1)
    deployer = Web3Deployer(world.chain.w3, dev_account(9), artifacts)
    address = deployer.create("ComputeMarket", provider.vault.address, astuple(bounds))
    patient = world.chain.w3.eth.contract(address, abi=deployer.abi("ComputeMarket"))  # type: ignore[call-overload]
    provider.vault.set_operator(address, True)

    longest = 2**32 - 1 - (world.chain.now() + 1)
    with pytest.raises(errors.SafeCastOverflowedUintDowncast):
        provider.sender.send(patient.functions.open(astuple(epoch_spec(declare_seconds=longest + 1))))
    provider.sender.send(patient.functions.open(astuple(epoch_spec(declare_seconds=longest))))

    assert patient.functions.epochCount().call() == 1


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
    market = world.contract("market")

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
    view = world.contract("market").functions.declaration(epoch_id, 0)
    assert tuple(view.call()) == (4 * UNIT, UNIT, Utility.LOG, False, consumer.address, 100 * UNIT)


@pytest.mark.parametrize(
    ("utility", "value", "shape", "limit", "most", "wei"),
    [
        # p min(d, a / p - 1 / k): the limit binds up to p = a k / (1 + k d) = 8 / 4, and 2 * 3 is the most.
        (Utility.LOG, 8, 1, 3, 6, 3),
        # The limit binds up to p = 100 / 1.01, beyond the cap of 10.
        (Utility.LOG, 100, 1, 1, 10, 0),
        # p (a - p) / b is highest at a / 2 = 3: 9 / 2 in units of b = 2.
        (Utility.QUADRATIC, 6, 2, 100, 4.5, 2),
        # The limit binds up to p = a - b d = 6 - 2 = 4 > 3, and 4 * 1 is the most.
        (Utility.QUADRATIC, 6, 2, 1, 4, 1),
        # a / 2 = 20 is beyond the cap, where 10 (40 - 10) / 5 = 60.
        (Utility.QUADRATIC, 40, 5, 100, 60, 0),
        # a / 2 = 0.75 is below the floor of 1, where 1 (1.5 - 1) / 2 = 0.25.
        (Utility.QUADRATIC, 1.5, 2, 100, 0.25, 0),
    ],
)
def test_lock_is_the_hand_worked_one(
    world: World, utility: Utility, value: float, shape: int, limit: int, most: float, wei: int
) -> None:
    epoch_id = opened(world)

    consumers_of(world)[0].market.declare(epoch_id, utility, int(value * UNIT), shape * UNIT, limit * UNIT)

    # Where the price of the most is within the bounds, its units are counted at the next wei: a wei for each whole
    # unit, rounded up, so that the lock covers a price between the two.
    assert consumers_of(world)[0].market.lock_of(epoch_id, 0) == int(most * UNIT) + wei


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


def test_post_price_takes_the_cap_where_somebody_would_pay_any_price(world: World) -> None:
    # The largest numbers that a declaration takes: its first unit is worth 2**170 / 10**18 wei, above every price.
    epoch_id = opened(world)
    consumers_of(world)[0].market.declare(
        epoch_id, Utility.LOG, LARGEST_DECLARED, LARGEST_DECLARED, 20 * UNIT
    )
    pass_phase(world, epoch_id)

    with pytest.raises(errors.PriceRefuted):
        provider_of(world).market.post_price(epoch_id, 9 * UNIT)
    provider_of(world).market.post_price(epoch_id, 10 * UNIT)

    assert provider_of(world).market.epoch(epoch_id).price == 10 * UNIT


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

    receipt = provider_of(world).market.post_price(epoch_id, BEST_PRICE, 2)
    first = stranger.walk_of(epoch_id)
    stranger.continue_walk(epoch_id, 3)
    second = stranger.walk_of(epoch_id)
    stranger.continue_walk(epoch_id)

    assert first.price == second.price == BEST_PRICE
    assert UNIT < first.point < second.point
    (told,) = world.contract("market").events.PriceWalked().process_receipt(receipt)
    assert dict(told["args"]) == {"epochId": epoch_id, "price": BEST_PRICE, "point": first.point}
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


def test_client_goes_on_with_a_walk_that_is_half_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market, "WALK_GAS", market.LOAD_GAS + 2 * market.POINT_GAS)
    provider = provider_of(world).market
    whole = provider.prove_price(declared(world, tolerance_wad=UNIT // 20), BEST_PRICE)
    epoch_id = declared(world, tolerance_wad=UNIT // 20)
    provider.post_price(epoch_id, BEST_PRICE, 2)

    rest = provider.prove_price(epoch_id, BEST_PRICE)

    assert len(rest) == len(whole) - 1
    assert provider.epoch(epoch_id).price == BEST_PRICE


def test_client_posts_another_price_than_the_one_on_its_way(world: World) -> None:
    epoch_id = declared(world)
    provider = provider_of(world).market
    provider.post_price(epoch_id, int(2.5 * UNIT), 1)

    provider.prove_price(epoch_id, BEST_PRICE)

    assert provider.epoch(epoch_id).price == BEST_PRICE


def test_client_tells_that_a_walk_that_it_goes_on_with_is_refuted(world: World) -> None:
    epoch_id = declared(world)
    provider, too_high = provider_of(world).market, int(2.5 * UNIT)
    provider.post_price(epoch_id, too_high, 1)

    with pytest.raises(errors.PriceRefuted) as caught:
        provider.prove_price(epoch_id, too_high)

    assert caught.value.price == too_high


def test_continue_walk_reverts_when_no_price_was_posted_or_its_time_is_over(world: World) -> None:
    epoch_id = declared(world)
    with pytest.raises(errors.PriceMissing):
        provider_of(world).market.continue_walk(epoch_id)

    provider_of(world).market.post_price(epoch_id, BEST_PRICE, 1)
    pass_phase(world, epoch_id)
    with pytest.raises(errors.WrongEpochPhase):
        provider_of(world).market.continue_walk(epoch_id)


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
