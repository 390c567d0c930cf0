"""All epochs of a market, read again and again: what is asked for, and what is found."""

import pytest

from offchain.chain.market import ComputeMarketClient, Epoch
from offchain.workers.epochs import OLD_SECONDS, Epochs
from tests.market_world import consumers_of, declare, epoch_spec, opened, pass_phase, provider_of
from tests.world import World


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the epochs that are asked for."""
    ids: list[int] = []
    epoch = ComputeMarketClient.epoch

    def noted(self: ComputeMarketClient, epoch_id: int) -> Epoch:
        ids.append(epoch_id)
        return epoch(self, epoch_id)

    monkeypatch.setattr(ComputeMarketClient, "epoch", noted)
    return ids


def test_those_that_take_declarations_are_found_the_newest_first(world: World) -> None:
    epochs = Epochs(world.connection)
    for _ in range(3):
        opened(world)
    assert [each.epoch_id for each in epochs.taking_declarations()] == [3, 2, 1]

    pass_phase(world, 3)
    opened(world)

    assert [each.epoch_id for each in epochs.taking_declarations()] == [4]


def test_a_declaration_is_seen_with_its_block(world: World) -> None:
    epochs = Epochs(world.connection)
    opened(world)
    assert epochs.taking_declarations()[0].consumer_count == 0

    declare(consumers_of(world)[0], 1)

    assert epochs.taking_declarations()[0].consumer_count == 1


def test_epochs_are_told_by_who_has_opened_them(world: World) -> None:
    epochs, other = Epochs(world.connection), consumers_of(world)[0]

    opened(world)

    assert epochs.of(provider_of(world).address) == [1]
    assert epochs.of(other.address) == []


def test_a_block_asks_once_and_what_is_old_is_not_asked_for_again(world: World, asked: list[int]) -> None:
    epochs = Epochs(world.connection)
    opened(world)
    pass_phase(world, 1)
    world.chain.set_time(world.connection.head().timestamp + OLD_SECONDS)
    opened(world)

    asked.clear()
    for _ in range(2):
        epochs.of(provider_of(world).address)
        epochs.taking_declarations()
    assert asked == [2, 1, 2]  # a new count is believed where its last epoch is there

    asked.clear()
    world.chain.mine(1)
    assert [each.epoch_id for each in epochs.taking_declarations()] == [2]
    assert asked == [2]


def test_a_number_that_another_epoch_has_after_a_reorganisation_is_that_epochs(world: World) -> None:
    """The other block may even have the same number and the same timestamp."""
    epochs, provider, other = Epochs(world.connection), provider_of(world), consumers_of(world)[0]
    go_back = world.chain.snapshot()
    opened(world)
    assert epochs.of(provider.address) == [1]
    before = world.connection.head()

    go_back()
    other.market.open(epoch_spec())

    assert world.connection.head()[:2] == before[:2]
    assert (epochs.of(provider.address), epochs.of(other.address)) == ([], [1])
