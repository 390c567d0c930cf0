"""The provider among orders that cannot be read, or are more than it has memory for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from offchain.canonical import Json
from offchain.chain.phase import EpochPhase, PurchaseStatus
from offchain.cid import Cid
from offchain.compute.work import Work
from offchain.storage import BlobCorrupt, BlobStore, BlobTooLarge, StorageAway, StorageError
from offchain.workers import provider as provider_module
from offchain.workers.home import Home
from offchain.workers.provider import Move, Plan, Provider
from tests.market_world import consumers_of, declare, epoch_spec, pass_phase, priced, provider_of
from tests.training import EXECUTOR, after
from tests.unit.compute.jobs import endless_job, make_spec
from tests.world import UNIT, World

NO_JOB = b"what is refused as soon as it is read"
HIDDEN = Cid.of(b"what only its buyer can read")
GATEWAY = "https://gateway"

Failing = Callable[[Cid], StorageError | None]


class Faulty(BlobStore):
    """A folder that fails for some names."""

    def __init__(self, place: Path, failing: Failing) -> None:
        super().__init__(place)
        self.failing = failing

    def get(self, name: Cid, limit: int) -> bytes:
        """The blob, or the failure."""
        if (error := self.failing(name)) is not None:
            raise error
        return super().get(name, limit)


def hides_one(name: Cid) -> StorageError | None:
    """As a gateway does for a name that it does not find."""
    return StorageAway(GATEWAY, "it answers 504 Gateway Time-out") if name == HIDDEN else None


def is_away(name: Cid) -> StorageError | None:
    return StorageAway(GATEWAY, "no answer in time")


def seller(world: World, root: Path, failing: Failing) -> Provider:
    """A provider whose storage fails for some names."""
    home = Home.of(root, world.connection, provider_of(world).address)
    faulty = replace(home, blobs=Faulty(root / "blobs", failing))
    return Provider(provider_of(world).sender, faulty, Plan(epoch_spec(), 0, 1), EXECUTOR)


def order(world: World, epoch_id: int, names: list[Cid]) -> None:
    """As many consumers buy a unit each."""
    for index, name in enumerate(names):
        consumers_of(world)[index].market.buy(epoch_id, index, UNIT, name.digest)


def statuses(provider: Provider, epoch_id: int) -> list[PurchaseStatus]:
    return [each.status for each in provider.market.purchases(epoch_id)]


def to_last_call(world: World, epoch_id: int) -> None:
    while provider_of(world).market.phase_of(epoch_id) != EpochPhase.DELIVER:
        pass_phase(world, epoch_id)


def test_an_order_that_a_gateway_hides_keeps_no_other_from_its_answer(world: World, tmp_path: Path) -> None:
    provider = seller(world, tmp_path, hides_one)
    epoch_id = priced(world, 2)
    order(world, epoch_id, [HIDDEN, BlobStore(tmp_path / "blobs").put(NO_JOB)])

    with pytest.raises(StorageAway):
        provider.step(epoch_id)

    assert statuses(provider, epoch_id) == [PurchaseStatus.BOUGHT, PurchaseStatus.DELIVERED]


@pytest.mark.parametrize("started_again", [False, True])
def test_an_order_that_a_gateway_hides_is_refused_at_the_last_call(
    world: World, tmp_path: Path, started_again: bool
) -> None:
    """Such a gateway never says that there is nothing: only what can be read tells that it is well."""
    known = BlobStore(tmp_path / "blobs").put(NO_JOB)

    def hides_all_others(name: Cid) -> StorageError | None:
        return None if name == known else StorageAway(GATEWAY, "it answers 504 Gateway Time-out")

    provider = seller(world, tmp_path, hides_all_others)
    epoch_id = priced(world, 2)
    order(world, epoch_id, [HIDDEN, known])
    with pytest.raises(StorageAway):
        provider.step(epoch_id)
    to_last_call(world, epoch_id)
    if started_again:
        provider = seller(world, tmp_path, hides_all_others)

    assert provider.step(epoch_id) == Move.SERVE

    assert statuses(provider, epoch_id) == [PurchaseStatus.DELIVERED] * 2


def test_the_only_order_of_an_epoch_is_refused_where_the_storage_answers_about_others(
    world: World, tmp_path: Path
) -> None:
    provider = seller(world, tmp_path, hides_one)
    epoch_id = priced(world)
    order(world, epoch_id, [HIDDEN])
    to_last_call(world, epoch_id)

    provider.step(epoch_id)

    assert statuses(provider, epoch_id) == [PurchaseStatus.DELIVERED]


def test_no_order_is_refused_while_the_storage_gives_nothing(world: World, tmp_path: Path) -> None:
    provider = seller(world, tmp_path, lambda _: None)
    epoch_id = priced(world, 2)
    blobs = BlobStore(tmp_path / "blobs")
    order(world, epoch_id, [blobs.put(NO_JOB), HIDDEN])
    provider.step(epoch_id)
    to_last_call(world, epoch_id)
    provider = seller(world, tmp_path, is_away)

    with pytest.raises(StorageAway):
        provider.step(epoch_id)

    assert statuses(provider, epoch_id) == [PurchaseStatus.DELIVERED, PurchaseStatus.BOUGHT]


@pytest.mark.parametrize(
    "error", [BlobCorrupt(HIDDEN, GATEWAY), BlobTooLarge(HIDDEN, GATEWAY, 16 * 1024)], ids=["others", "more"]
)
def test_wrong_bytes_are_no_reason_to_refuse_before_the_last_call(
    world: World, tmp_path: Path, error: StorageError
) -> None:
    """A gateway's page may come with the status 200."""
    wrong = {HIDDEN}
    provider = seller(world, tmp_path, lambda name: error if name in wrong else None)
    epoch_id = priced(world, 2)
    order(world, epoch_id, [HIDDEN])

    provider.step(epoch_id)
    assert statuses(provider, epoch_id) == [PurchaseStatus.BOUGHT]

    to_last_call(world, epoch_id)
    provider.step(epoch_id)
    assert statuses(provider, epoch_id) == [PurchaseStatus.DELIVERED]


def test_a_job_that_takes_more_memory_than_any_may_is_refused_and_not_refunded(
    world: World, tmp_path: Path
) -> None:
    """Who ordered one iteration of it got its money back, and a share of the bond."""
    provider, blobs = seller(world, tmp_path, lambda _: None), BlobStore(tmp_path / "blobs")
    rows = bytes(2 * 86_704)
    hyperparameters: Json = {"hidden_layer_sizes": [255], "alpha": 0.01, "solver": "lbfgs"}
    spec = make_spec(rows, 1, 2, "mlp", 1, hyperparameters=hyperparameters)
    blobs.put(rows)
    epoch_id = priced(world)
    order(world, epoch_id, [blobs.put(spec.to_bytes())])

    assert after(Move.SERVE, provider.step, epoch_id) == Move.WAIT

    (answered,) = provider.market.purchases(epoch_id)
    assert b"more than a job may take" in blobs.get(Cid.on_chain(answered.result_hash, 10_000), 10_000)


def test_no_more_orders_are_open_than_their_rows_have_room(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, blobs = seller(world, tmp_path, lambda _: None), BlobStore(tmp_path / "blobs")
    job = endless_job()
    blobs.put(job.rows)
    specs = [job.spec.model_copy(update={"seed": seed, "iterations": 1}) for seed in range(3)]
    epoch_id = priced(world, 3)
    order(world, epoch_id, [blobs.put(spec.to_bytes()) for spec in specs])
    monkeypatch.setattr(provider_module, "MAX_OPEN", 2)
    begun: list[Work] = []
    monkeypatch.setattr(provider._jobs, "answer", lambda work, about: begun.append(work))

    for _ in range(2):
        provider.step(epoch_id)
    assert [work.spec for work in begun] == [spec.to_bytes() for spec in specs[:2]] * 2

    to_last_call(world, epoch_id)
    pass_phase(world, epoch_id)
    provider.step(epoch_id)
    assert provider._orders == {}  # nor is any kept that can be answered no more


def test_an_epoch_that_nobody_declared_in_is_followed_at_once(world: World, tmp_path: Path) -> None:
    home = Home.of(tmp_path, world.connection, provider_of(world).address)
    plan = Plan(epoch_spec(), 5 * UNIT, 3)
    provider = Provider(provider_of(world).sender, home, plan, EXECUTOR)
    (first,) = provider.epochs()
    assert provider.epochs() == [first]
    pass_phase(world, first)
    assert provider.market.phase_of(first) == EpochPhase.PRICE

    _, second = provider.epochs()

    assert provider.market.epoch(second).capacity == 15 * UNIT
    assert provider.epochs() == [first, second]
    assert not provider.opens_no_more([first, second])
    before = provider_of(world).balance()
    pass_phase(world, first)
    assert provider.step(first) == Move.SETTLE
    assert provider_of(world).balance() == before + 20 * UNIT
    assert provider.step(first) == Move.DONE


def test_an_epoch_with_a_declaration_is_not_followed_before_it_is_sold(world: World, tmp_path: Path) -> None:
    home = Home.of(tmp_path, world.connection, provider_of(world).address)
    provider = Provider(provider_of(world).sender, home, Plan(epoch_spec(), 0, 3), EXECUTOR)
    (epoch_id,) = provider.epochs()
    declare(consumers_of(world)[0], epoch_id)
    pass_phase(world, epoch_id)
    assert provider.market.phase_of(epoch_id) == EpochPhase.PRICE

    assert provider.epochs() == [epoch_id]
