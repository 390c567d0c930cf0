"""What a worker opens in its own process, beside all that it has to do in time: not too much, and not twice."""

from dataclasses import replace
from pathlib import Path

import pytest

from offchain.chain.registry import Task
from offchain.cid import Cid
from offchain.learning.rows import SaltedRows, TrainingRowsInvalid
from offchain.storage import BlobMissing, BlobStore
from offchain.workers.task_rows import open_task_rows
from tests.unit.test_miner import manifest_of
from tests.world import World, toy_rows


class CountingStore(BlobStore):
    """Notes what is asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[Cid] = []

    def get(self, name: Cid, limit: int) -> bytes:
        self.asked.append(name)
        return super().get(name, limit)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path)


def drawn(world: World, store: BlobStore, rows: SaltedRows) -> Task:
    return world.drawn(world.spec(rows, manifest_hash=store.put(manifest_of(12).to_bytes()).digest))


def open_as_miner(world: World, store: BlobStore, task: Task, published: bytes) -> int:
    """How many rows there are."""
    deployment = world.connection.deployment
    return len(open_task_rows(store, task, published, deployment, world.miners[0].address).targets)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"row_count": 100_001}, "100,001 rows, and this worker takes 100,000"),
        (
            {"row_count": 65_537, "feature_count": 1024},
            "67,109,888 bytes of features, and this worker takes 67,108,864",
        ),
        (
            {"row_count": 65_537, "mapping_width": 1024},  # which no registry takes
            "67,109,888 bytes of features, and this worker takes 67,108,864",
        ),
    ],
    ids=["rows", "features", "mapped"],
)
def test_open_raises_before_it_fetches_more_than_a_worker_takes(
    world: World, store: CountingStore, changes: dict[str, int], reason: str
) -> None:
    task = replace(drawn(world, store, toy_rows()), **changes)  # type: ignore[arg-type]

    with pytest.raises(TrainingRowsInvalid, match=reason):
        open_as_miner(world, store, task, bytes(32))

    assert store.asked == []


@pytest.mark.parametrize(
    "changes",
    [{"row_count": 100_000, "mapping_width": 256}, {"row_count": 65_536, "feature_count": 1024}],
    ids=["rows", "features"],
)
def test_open_fetches_as_much_as_a_worker_takes(
    world: World, store: CountingStore, changes: dict[str, int]
) -> None:
    task = replace(drawn(world, store, toy_rows()), **changes)  # type: ignore[arg-type]

    with pytest.raises(TrainingRowsInvalid, match="another data set"):
        open_as_miner(world, store, task, bytes(32))


def test_open_looks_once_at_rows_that_are_not_the_tasks(world: World, store: CountingStore) -> None:
    task = drawn(world, store, rows := toy_rows())
    blob = rows.training_blob(world.data_node.registry.test_rows_of(task.task_id))
    false = store.put(blob[:-1] + bytes([blob[-1] ^ 1])).digest

    for _ in range(2):
        with pytest.raises(TrainingRowsInvalid, match="another root") as caught:
            open_as_miner(world, store, task, false)

    assert len(store.asked) == 2  # the manifest, and the rows
    assert len(caught.traceback) < 5  # nor are the rows held by the frames of those that refused them


def test_open_looks_at_what_is_published_anew(world: World, store: CountingStore) -> None:
    task = drawn(world, store, rows := toy_rows())
    blob = rows.training_blob(world.data_node.registry.test_rows_of(task.task_id))
    with pytest.raises(TrainingRowsInvalid):
        open_as_miner(world, store, task, store.put(bytes(len(blob))).digest)

    assert open_as_miner(world, store, task, store.put(blob).digest) == 8


def test_open_looks_again_for_what_the_storage_did_not_have(world: World, store: CountingStore) -> None:
    task = drawn(world, store, rows := toy_rows())
    blob = rows.training_blob(world.data_node.registry.test_rows_of(task.task_id))
    with pytest.raises(BlobMissing):
        open_as_miner(world, store, task, Cid.of(blob).digest)

    assert open_as_miner(world, store, task, store.put(blob).digest) == 8
