"""The miner among tasks that are not what they should be, and with a data directory from before."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from offchain.chain.phase import Phase
from offchain.chain.registry import Task
from offchain.cid import Cid, Codec
from offchain.compute.errors import JobRefused
from offchain.compute.executor import JobExecutor
from offchain.learning.manifest import ClassTarget, Manifest, NumberColumn
from offchain.learning.rows import SaltedRows, TrainingRowsInvalid
from offchain.storage import BlobCorrupt, BlobTooLarge
from offchain.workers import miner as miner_module
from offchain.workers.errors import FundsTooLow, RevealTooLarge, ScorerUnsupported, SecretsLost
from offchain.workers.home import Home, ModelSecret
from offchain.workers.miner import Miner, Move
from offchain.workers.missed import utc
from tests.stories import RIGHT, SALT, WRONG, commit
from tests.training import EXECUTOR, LIMITS, after
from tests.unit.compute.jobs import endless_job
from tests.world import Person, World, toy_rows


@pytest.fixture
def home(world: World, tmp_path: Path) -> Home:
    return Home.of(tmp_path, world.connection, world.miners[0].address)


@pytest.fixture
def miner(world: World, home: Home) -> Miner:
    return Miner(world.miners[0].sender, home, "ridge", 0, EXECUTOR)


def manifest_of(row_count: int) -> Manifest:
    """What the bytes of toy rows mean."""
    columns = tuple(NumberColumn(name=name, offset=0.0, scale=1.0) for name in "xy")
    names = ClassTarget(names=("below", "above"))
    return Manifest(name="toy", description="", source="", row_count=row_count, columns=columns, target=names)


def published(
    world: World,
    home: Home,
    rows: SaltedRows,
    blob: bytes | None = None,
    described: int | None = None,
    **changes: object,
) -> Task:
    """A drawn task over toy rows whose manifest and training rows are in the miner's storage."""
    row_count = int(str(changes.get("row_count", len(rows.rows))))
    manifest_hash = home.blobs.put(manifest_of(described or row_count).to_bytes()).digest
    task = world.drawn(world.spec(rows, manifest_hash=manifest_hash, **changes))
    if blob is None:
        blob = rows.training_blob(world.data_node.registry.test_rows_of(task.task_id))
    world.data_node.registry.publish(task.task_id, home.blobs.put(blob).digest)
    return task


def test_a_miner_trains_and_commits_when_all_is_well(world: World, home: Home, miner: Miner) -> None:
    task = published(world, home, toy_rows(24))

    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT
    assert miner.step(task.task_id) == Move.WAIT
    assert home.load_model(task) is not None


def test_a_miner_trains_on_rows_that_ipfs_keeps_as_several_blocks(
    world: World, home: Home, miner: Miner
) -> None:
    rows = SaltedRows(toy_rows(100).rows * 80, bytes(32))

    task = published(world, home, rows)

    blob = rows.training_blob(world.data_node.registry.test_rows_of(task.task_id))
    assert Cid.of(blob).codec is Codec.DAG_PB
    assert miner.registry.published_training_rows(task.task_id) == Cid.of(blob).digest
    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT
    assert home.load_model(task) is not None


def test_a_miner_refuses_a_task_of_absurdly_many_rows(world: World, home: Home, miner: Miner) -> None:
    task = published(world, home, toy_rows(), blob=b"few", row_count=2**32 - 1)

    with pytest.raises(TrainingRowsInvalid, match="4,294,967,295 rows, and this worker takes 100,000"):
        miner.step(task.task_id)

    assert home.load_model(task) is None


def test_a_miner_finds_no_rows_where_a_few_are_named_for_thousands(
    world: World, home: Home, miner: Miner
) -> None:
    # So many rows are a tree of blocks, under a name that a few bytes cannot have.
    task = published(world, home, toy_rows(), blob=b"few", row_count=100_000)

    assert miner.step(task.task_id) == Move.TRAIN
    assert home.load_model(task) is None


def test_a_miner_refuses_training_rows_that_are_another_blob(world: World, home: Home, miner: Miner) -> None:
    task = published(world, home, toy_rows(), blob=bytes(10_000))

    with pytest.raises(BlobTooLarge):
        miner.step(task.task_id)


def test_a_miner_refuses_training_rows_that_were_changed_in_the_storage(
    world: World, home: Home, miner: Miner
) -> None:
    task = published(world, home, rows := toy_rows())
    blob = rows.training_blob(world.data_node.registry.test_rows_of(task.task_id))
    (path,) = [path for path in home.root.rglob("*") if path.is_file() and path.read_bytes() == blob]
    path.write_bytes(blob[:-1] + b"?")

    with pytest.raises(BlobCorrupt):
        miner.step(task.task_id)


def test_a_miner_refuses_a_manifest_of_another_data_set(world: World, home: Home, miner: Miner) -> None:
    task = published(world, home, toy_rows(), described=13)

    with pytest.raises(TrainingRowsInvalid, match="another data set"):
        miner.step(task.task_id)


def test_a_miner_leaves_a_task_of_another_scorer(world: World, home: Home, miner: Miner) -> None:
    task = published(world, home, toy_rows(24))
    scorers = miner.proof.connection.deployment.scorers
    ours = scorers["DenseScorer"]
    try:
        scorers["DenseScorer"] = ours.model_copy(update={"address": world.data_node.address})
        with pytest.raises(ScorerUnsupported):
            miner.step(task.task_id)
    finally:
        scorers["DenseScorer"] = ours

    assert home.load_model(task) is None


def test_a_miner_of_trees_is_told_that_a_task_wants_dense_models(world: World, home: Home) -> None:
    task = published(world, home, toy_rows(24))
    miner = Miner(world.miners[0].sender, home, "tree", 0, EXECUTOR)

    with pytest.raises(ScorerUnsupported, match="the task wants dense models, and tree makes trees"):
        miner.step(task.task_id)


def test_a_miner_that_is_started_again_tells_of_the_model_that_it_goes_on_with(
    world: World, home: Home, miner: Miner, caplog: pytest.LogCaptureFixture
) -> None:
    task = published(world, home, toy_rows(24))
    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT
    caplog.set_level(logging.INFO)
    again = Miner(world.miners[0].sender, home, "svm", 0, EXECUTOR)

    moves = [again.step(task.task_id) for _ in range(2)]

    assert moves == [Move.WAIT, Move.WAIT]
    (said,) = [line for line in caplog.messages if "goes on" in line]
    assert f"task {task.task_id}: goes on with the model that was committed to before: " in said
    assert said.endswith("estimator RidgeClassifier; --estimator is not used for it")


def test_a_miner_tells_how_a_task_ended_for_it(
    world: World, home: Home, miner: Miner, caplog: pytest.LogCaptureFixture
) -> None:
    task = world.drawn(world.spec(rows := toy_rows()))
    home.save_model(task, ModelSecret(RIGHT, SALT))
    caplog.set_level(logging.INFO)
    assert miner.step(task.task_id) == Move.COMMIT
    commit(world.miners[1], task, WRONG)
    world.disclose(task, rows)
    world.miners[1].proof.reveal(task.task_id, SALT, WRONG)

    moves = [miner.step(task.task_id) for _ in range(3)]

    assert moves == [Move.REVEAL, Move.SETTLE, Move.DONE]
    assert caplog.messages[-1] == (
        f"task {task.task_id}: it is settled: scored 1.0000, rank 1 of 2, and won 100 POLE"
    )


def test_a_miner_tells_of_no_task_that_had_ended_before_but_of_the_one_it_is_to_follow(
    world: World, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    task = world.drawn(world.spec(toy_rows()))
    world.chain.set_time(task.commit_ends_at + 100)
    world.miners[1].proof.abort(task.task_id)
    caplog.set_level(logging.INFO)

    for follows in (False, True):
        miner = Miner(world.miners[0].sender, home, "ridge", 0, EXECUTOR)
        if follows:
            miner.follow(task.task_id)
        assert miner.step(task.task_id) == Move.DONE

    assert [line for line in caplog.messages if "task" in line] == [
        f"task {task.task_id}: it is aborted, as nobody committed to it, and nobody is paid"
    ]


def test_a_miner_tells_that_a_task_is_aborted_as_it_was_not_disclosed(
    world: World, miner: Miner, caplog: pytest.LogCaptureFixture
) -> None:
    task = world.drawn(world.spec(toy_rows()))
    commit(world.miners[1], task, RIGHT)
    world.chain.set_time(task.commit_ends_at + 100)
    caplog.set_level(logging.INFO)
    miner.follow(task.task_id)

    assert miner.step(task.task_id) == Move.DONE

    assert caplog.messages == [
        f"task {task.task_id}: it is aborted, as its test rows were not disclosed in time, and nobody is paid"
    ]


def test_a_miner_without_a_bond_does_not_train_and_tells_what_it_missed(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    poor = Person(world.connection, 8)
    home = Home.of(tmp_path, world.connection, poor.address)
    miner = Miner(poor.sender, home, "ridge", 0, EXECUTOR)
    task = published(world, home, toy_rows(24))

    with pytest.raises(FundsTooLow) as caught:
        miner.step(task.task_id)

    assert (caught.value.available, caught.value.needed) == (0, task.miner_bond)
    assert miner._searches == {}
    world.chain.set_time(task.commit_ends_at)
    assert miner.step(task.task_id) == Move.DONE
    assert caplog.messages[-1] == (
        f"task {task.task_id}: nothing was trained, as the bond of 5 POLE was not to be had before"
        f" {utc(task.commit_ends_at)}: this costs the chance of the reward of 100 POLE, and no bond"
    )


def test_a_miner_that_gets_its_bond_in_time_trains(world: World, tmp_path: Path) -> None:
    poor = Person(world.connection, 8)
    home = Home.of(tmp_path, world.connection, poor.address)
    miner = Miner(poor.sender, home, "ridge", 0, EXECUTOR)
    task = published(world, home, toy_rows(24))
    with pytest.raises(FundsTooLow):
        miner.step(task.task_id)

    poor.token.mint(poor.address, task.miner_bond)  # outside of the vault is enough

    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT


def test_somebody_elses_draw_is_told_of_as_no_failure(
    world: World, miner: Miner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task = world.drawn(world.spec(toy_rows()))
    monkeypatch.setattr(miner.proof, "phase_of", lambda _: Phase.DRAW)
    monkeypatch.setattr(miner, "_is_due", lambda *_: True)
    caplog.set_level(logging.INFO)

    assert miner.step(task.task_id) == Move.DRAW

    assert caplog.messages == [
        f"task {task.task_id}: somebody else was first, or its phase has ended: task {task.task_id} is drawn"
    ]


def test_a_miner_says_once_that_rows_are_nowhere(
    world: World, home: Home, miner: Miner, caplog: pytest.LogCaptureFixture
) -> None:
    task = published(world, home, toy_rows(), blob=b"few", row_count=100_000)
    caplog.set_level(logging.INFO)

    for _ in range(3):
        miner.step(task.task_id)

    assert len([line for line in caplog.messages if "no blob" in line]) == 1


def test_a_miner_without_its_secrets_still_claims(world: World, miner: Miner) -> None:
    task = world.drawn(world.spec(toy_rows()))
    commit(world.miners[0], task, RIGHT)
    with pytest.raises(SecretsLost, match="else the bond is lost at the deadline"):
        miner.step(task.task_id)
    world.chain.set_time(task.commit_ends_at + 100)

    moves = [miner.step(task.task_id) for _ in range(3)]

    assert moves == [Move.ABORT, Move.CLAIM, Move.DONE]


def test_a_miner_without_its_secrets_is_done_with_what_is_over(world: World, miner: Miner) -> None:
    task = world.drawn(world.spec(rows := toy_rows()))
    commit(world.miners[0], task, RIGHT)
    world.disclose(task, rows)
    world.miners[0].proof.reveal(task.task_id, SALT, RIGHT)

    moves = [miner.step(task.task_id) for _ in range(2)]

    assert moves == [Move.SETTLE, Move.DONE]
    assert world.data_node.proof.phase_of(task.task_id) == Phase.SETTLED


@pytest.mark.parametrize(
    ("reveal_seconds", "most_transactions"),
    [
        (10, 1),  # less than the 24 seconds that one takes, and one is always tried
        (95, 3),
        (96, 4),
        (10**6, 64),  # however long the window
    ],
)
def test_a_model_is_kept_only_where_its_reveal_fits_the_window(
    world: World,
    home: Home,
    miner: Miner,
    monkeypatch: pytest.MonkeyPatch,
    reveal_seconds: int,
    most_transactions: int,
) -> None:
    monkeypatch.setattr(miner_module, "rows_per_reveal", lambda *_: 10)
    drawn = world.drawn(world.spec(toy_rows()))
    task = replace(drawn, reveal_seconds=reveal_seconds, test_count=10 * most_transactions)

    with pytest.raises(RevealTooLarge):
        miner.keep(replace(task, test_count=task.test_count + 1), RIGHT, {})
    assert home.load_model(task) is None

    miner.keep(task, RIGHT, {})
    assert home.load_model(task) is not None


def test_a_miner_reveals_while_another_task_is_trained_for(world: World, home: Home, tmp_path: Path) -> None:
    first = published(world, home, rows := toy_rows(24))
    with pytest.raises(TimeoutError), JobExecutor.local(1, LIMITS) as executor:
        miner = Miner(world.miners[0].sender, home, "ridge", 0, executor)
        assert after(Move.TRAIN, miner.step, first.task_id) == Move.COMMIT
        hours = executor.submit(endless_job().work)  # all that this machine can do at a time
        world.disclose(first, rows)
        second = published(world, home, toy_rows(26))

        assert miner.step(second.task_id) == Move.TRAIN
        assert miner.step(first.task_id) == Move.REVEAL

        hours.outcome(timeout=0)


def test_a_task_that_nothing_can_be_trained_for_is_tried_once(world: World, home: Home) -> None:
    task = published(world, home, toy_rows(4), test_count=1)  # three rows are too few for the folds
    miner = Miner(world.miners[0].sender, home, "logistic", 0, EXECUTOR)
    with pytest.raises(JobRefused) as first:
        after(Move.TRAIN, miner.step, task.task_id)

    with pytest.raises(JobRefused) as again:
        miner.step(task.task_id)

    assert again.value is first.value
    assert home.load_model(task) is None


def test_a_search_that_is_too_late_is_given_up(world: World, home: Home, miner: Miner) -> None:
    task = published(world, home, toy_rows(24))
    assert miner.step(task.task_id) == Move.TRAIN
    world.chain.set_time(task.commit_ends_at)

    assert miner.step(task.task_id) == Move.DONE
    assert miner._searches == {}
