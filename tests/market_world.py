"""Epochs of the compute market, for tests."""

from dataclasses import replace

from offchain.chain.market import EpochSpec, Utility
from tests.world import UNIT, Person, World

JOB = b"\x0a" * 32
RESULT = b"\x0b" * 32

# One log consumer with a = 4 and k = 1 and a unit cost of 1: the best price is sqrt(c a k) = 2, and at that it wants
# a / p - 1 / k = 1 unit. It never pays more than a - p_0 / k = 3.
BEST_PRICE = 2 * UNIT


def epoch_spec(**changes: int) -> EpochSpec:
    """Ten units at a cost of 1, to be sold for 1 to 10, with a bond of 20."""
    spec = EpochSpec(
        capacity=10 * UNIT,
        unit_cost=UNIT,
        price_floor=UNIT,
        price_cap=10 * UNIT,
        bond=20 * UNIT,
        tolerance_wad=UNIT // 100,
        max_consumers=10,
        declare_seconds=100,
        price_seconds=100,
        buy_seconds=100,
        leftover_seconds=100,
        deliver_seconds=100,
        accept_seconds=100,
    )
    return replace(spec, **changes)


def provider_of(world: World) -> Person:
    """Who sells."""
    return world.people[0]


def consumers_of(world: World) -> list[Person]:
    """Who buys."""
    return world.people[1:]


def held(world: World) -> int:
    """What the vault keeps for the market."""
    return world.people[0].vault.balance_of(world.people[0].market.address)


def declare(person: Person, epoch_id: int, value: int = 4, shape: int = 1, limit: int = 100) -> int:
    """Declare a log utility in whole units."""
    return person.market.declare(epoch_id, Utility.LOG, value * UNIT, shape * UNIT, limit * UNIT)


def pass_phase(world: World, epoch_id: int) -> None:
    """Let time pass to the end of the phase."""
    ends_at = provider_of(world).market.phase_ends_at(epoch_id)
    assert ends_at is not None
    world.chain.set_time(ends_at)


def opened(world: World, **changes: int) -> int:
    """An epoch that takes declarations."""
    return provider_of(world).market.open(epoch_spec(**changes))


def declared(world: World, count: int = 1, **changes: int) -> int:
    """An epoch with as many equal consumers, that waits for its price."""
    epoch_id = opened(world, **changes)
    for person in consumers_of(world)[:count]:
        declare(person, epoch_id)
    pass_phase(world, epoch_id)
    return epoch_id


def priced(world: World, count: int = 1, price: int = BEST_PRICE, **changes: int) -> int:
    """An epoch with an accepted price."""
    epoch_id = declared(world, count, **changes)
    provider_of(world).market.post_price(epoch_id, price)
    return epoch_id


def bought(world: World, **changes: int) -> tuple[int, int]:
    """An epoch and a purchase of one unit at a price of 2, by the first consumer."""
    epoch_id = priced(world, **changes)
    return epoch_id, consumers_of(world)[0].market.buy(epoch_id, 0, UNIT, JOB)


def delivered(world: World) -> tuple[int, int]:
    """An epoch and a delivered purchase."""
    epoch_id, purchase_id = bought(world)
    provider_of(world).market.deliver(epoch_id, purchase_id, RESULT)
    return epoch_id, purchase_id
