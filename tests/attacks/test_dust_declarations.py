"""Dust declarations: an attacker fills an epoch with consumers that want next to nothing.

Source: the class's usual name is dusting, or storage griefing.
Gain: honest consumers find the epoch full, and the provider proves its price among thousands.
Defence: a declaration locks `minLock` at least and writes its own two words, so dust costs its sender more than it
costs anybody else; an epoch admits `maxConsumers`, 2,000 at most. Who finds it full buys what is left, at its price.
Limit: places are first come, first served. Measured: a declaration costs the attacker 91,000 gas, and the provider
4,250 to load, in each transaction of its walk, and 133 for each point at which it still wants something: dust wants
nothing from the first point on. To fill an epoch of 2,000 takes 182.5 million gas, and the idle time of as many
`minLock`, which come back; the provider proves its price in one transaction of 8.7 million.
"""

from typing import Any

import pytest

from offchain.chain import errors, market
from tests.market_world import BEST_PRICE, JOB, consumers_of, declare, opened, pass_phase, provider_of
from tests.world import FUNDS, MARKET_BOUNDS, UNIT, World

PLACES = 2000  # as many as an epoch can have
# A quadratic utility that wants a thousandth of a unit at the floor of 1, and less above: the least lock.
DUST = (UNIT + MARKET_BOUNDS.min_lock, UNIT, MARKET_BOUNDS.min_lock)
# It earns (p - 1) (1.001 - p): the most half way.
BEST_DUST_PRICE = UNIT + MARKET_BOUNDS.min_lock // 2


def gas_of(receipt: Any) -> int:
    return int(receipt["gasUsed"])


def dust(world: World, epoch_id: int) -> list[int]:
    """All places of an epoch, and what each cost."""
    attacker = consumers_of(world)[3]
    declaration = world.contract("market").functions.declareQuadratic(epoch_id, *DUST)
    free = provider_of(world).market.epoch(epoch_id)
    eth, terms = world.chain.w3.eth, {"from": attacker.address, "gas": 300_000}
    sent = [declaration.transact(terms) for _ in range(free.max_consumers - free.consumer_count)]
    return [gas_of(eth.wait_for_transaction_receipt(hash_)) for hash_ in sent]


def test_dust_costs_its_sender_more_than_the_provider(world: World) -> None:
    provider, honest, attacker = provider_of(world).market, *consumers_of(world)[::3]
    proofs = []
    for max_consumers in (1, PLACES):
        epoch_id = opened(world, max_consumers=max_consumers, declare_seconds=10_000)
        declare(honest, epoch_id)
        costs = dust(world, epoch_id) if max_consumers > 1 else []
        pass_phase(world, epoch_id)
        proofs.append(gas_of(provider.post_price(epoch_id, BEST_PRICE)))

    spent = sum(costs)
    more = proofs[1] - proofs[0]
    print(
        f"a declaration {spent // len(costs):,}; the proof {proofs[0]:,} alone, {more // len(costs):,} more each"
    )
    assert spent // len(costs) < 100_000
    assert more < spent / 20
    assert proofs[1] < 9_000_000  # one transaction
    assert attacker.balance() <= FUNDS - len(costs) * MARKET_BOUNDS.min_lock


def test_who_finds_an_epoch_full_buys_what_is_left(world: World) -> None:
    epoch_id = opened(world, max_consumers=3)
    dust(world, epoch_id)
    honest, provider = consumers_of(world)[0], provider_of(world).market
    with pytest.raises(errors.EpochFull):
        declare(honest, epoch_id)

    pass_phase(world, epoch_id)
    provider.post_price(epoch_id, BEST_DUST_PRICE)
    pass_phase(world, epoch_id)
    honest.market.buy_leftover(epoch_id, UNIT, JOB)
    for index in range(3):
        honest.market.return_lock(epoch_id, index)

    # The limit: nobody but dust had a say in the price, and the locks are back.
    assert honest.balance() == FUNDS - market.cost_of(BEST_DUST_PRICE, UNIT)
    assert consumers_of(world)[3].balance() == FUNDS


@pytest.mark.parametrize("limit", [MARKET_BOUNDS.min_lock - 2, 0])
def test_less_than_dust_is_refused(world: World, limit: int) -> None:
    epoch_id = opened(world)

    with pytest.raises(errors.LockTooLow):
        consumers_of(world)[3].market.declare(epoch_id, market.Utility.QUADRATIC, *DUST[:2], limit)
