"""A killer order: an attacker declares in the order in which a quicksort is at its worst.

A price is proved over the declarations in the order of what they would pay at most. Who declares chooses that number
and its place, so the order is the attacker's.

Source: M. D. McIlroy, "A Killer Adversary for Quicksort", Software: Practice and Experience 29 (1999); a denial of
service by algorithmic complexity (CWE-407). Until it was found here the contract sorted with solady's quicksort, which
recursed until the stack was full: from 520 such declarations on nobody could prove a price.
Gain: the provider sells nothing in the epoch, for the gas of the declarations and the idle time of their locks.
Defence: the declarations are shuffled before they are sorted, by a hash of them all: whoever changes one to suit an
order has changed the order.
"""

from collections.abc import Sequence
from functools import cache

from tests.market_world import consumers_of, opened, pass_phase, provider_of
from tests.world import MARKET_BOUNDS, UNIT, World

COUNT = 600
LEAST = MARKET_BOUNDS.min_lock
FLOOR = UNIT  # of the epochs, and the unit cost


class Adversary:
    """Answers comparisons so that a pivot is always nearly the smallest; a number is fixed when it has to be."""

    def __init__(self, count: int) -> None:
        self.numbers: list[int | None] = [None] * count
        self.fixed = 0
        self._candidate = -1

    def fix(self, item: int) -> None:
        self.numbers[item] = self.fixed
        self.fixed += 1

    def less(self, one: int, other: int) -> bool:
        if self.numbers[one] is None and self.numbers[other] is None and one != other:
            self.fix(one if one == self._candidate else other)
        a, b = self.numbers[one], self.numbers[other]
        if a is None:
            self._candidate = one  # what is not fixed yet will be above all that is
            return False
        if b is None:
            self._candidate = other
            return True
        return a < b


def quicksort(items: list[int], ask: Adversary) -> int:
    """Compare as solady's does: the pivot is the median of first, middle and last. Tells how deep it recurses."""
    deepest, open_ = 0, [(0, len(items) - 1, 1)]
    while open_:
        low, high, depth = open_.pop()
        deepest = max(deepest, depth)
        if high - low <= 12:
            _insert(items, low, high, ask)
            continue
        middle = (low + high) // 2
        first, pivot, last = items[low], items[middle], items[high]
        if not ask.less(first, pivot):
            first, pivot = pivot, first
        if not ask.less(pivot, last):
            pivot, last = last, pivot
            if not ask.less(first, pivot):
                first, pivot = pivot, first
        items[low], items[middle], items[high] = first, pivot, last
        cut = _partition(items, low, high, pivot, ask)
        open_ += [(low, cut, depth + 1), (cut + 1, high, depth + 1)]
    return deepest


def _partition(items: list[int], low: int, high: int, pivot: int, ask: Adversary) -> int:
    left, right = low, high
    while True:
        left += 1
        while ask.less(items[left], pivot):
            left += 1
        right -= 1
        while ask.less(pivot, items[right]):
            right -= 1
        if left >= right:
            return right
        items[left], items[right] = items[right], items[left]


def _insert(items: list[int], low: int, high: int, ask: Adversary) -> None:
    for place in range(low + 1, high + 1):
        item = items[place]
        while place > low and ask.less(item, items[place - 1]):
            items[place] = items[place - 1]
            place -= 1
        items[place] = item


@cache
def killer_order(count: int) -> tuple[int, ...]:
    """The numbers below `count` in the order that the adversary makes of them."""
    adversary = Adversary(count)
    depth = quicksort(list(range(count)), adversary)
    for item in range(count):
        if adversary.numbers[item] is None:
            adversary.fix(item)
    assert depth > count // 3  # and not some logarithm
    return tuple(number for number in adversary.numbers if number is not None)


def proof_gas(world: World, ranks: Sequence[int]) -> int:
    """What a price takes to be proved among declarations that would pay a wei more for each rank."""
    attacker, provider = consumers_of(world)[3], provider_of(world).market
    epoch_id = opened(world, max_consumers=len(ranks), declare_seconds=10_000)
    eth, terms = world.chain.w3.eth, {"from": attacker.address, "gas": 300_000}
    functions = world.contract("market").functions
    sent = [
        functions.declareQuadratic(epoch_id, FLOOR + 2 * LEAST + rank, UNIT, 4 * LEAST).transact(terms)
        for rank in ranks
    ]
    for hash_ in sent:
        assert eth.wait_for_transaction_receipt(hash_)["status"] == 1
    pass_phase(world, epoch_id)
    # (p - 1) (1.002 - p) is the most half way; the wei of the ranks are far below the tolerance.
    receipt = provider.post_price(epoch_id, FLOOR + LEAST)
    assert provider.epoch(epoch_id).price == FLOOR + LEAST
    return int(receipt["gasUsed"])


def test_a_killer_order_costs_the_provider_no_more_than_any_other(world: World) -> None:
    killer = proof_gas(world, killer_order(COUNT))
    rising = proof_gas(world, range(COUNT))

    print(f"the proof among {COUNT}: {killer:,} in a killer order, {rising:,} in a rising one")
    assert killer < 1.2 * rising
