"""A messy file becomes a task, which is mined and settled, and its manifest encodes the file again."""

import json
import os
import pty
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.cid import Cid
from offchain.learning.encoding import encode_rows
from offchain.learning.limits import MAX_MANIFEST_BYTES
from offchain.learning.manifest import Manifest
from offchain.learning.rows import blob_size, open_training_blob
from offchain.learning.split import drawn_rows
from offchain.learning.table import read_table
from offchain.storage import BlobStore
from tests.integration.test_command_line import POLE, pole
from tests.world import World, deploy_world

PATIENCE = 60.0


@pytest.fixture(scope="module")
def world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts, people=2)


@pytest.fixture
def environment(world: World, tmp_path: Path) -> dict[str, str]:
    world.connection.deployment.save(tmp_path)
    url = str(world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
    own = {"POLE_RPC": url, "POLE_DEPLOYMENTS": str(tmp_path), "POLE_HOME": str(tmp_path), "COLUMNS": "100"}
    return {**os.environ, **own}


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """Who pays little leaves; the rest is noise and mess, as a German office programme writes it."""
    chance = random.Random(0)
    lines = ["Kunde;Umsatz;Stadt;Seit;Newsletter;Land;;Stadt;gekündigt"]
    for index in range(240):
        pay = chance.randint(1, 99)
        lines.append(
            f"K-{index * 7919 % 1000:03d};{pay},50 €;{chance.choice(['Köln', 'köln ', 'Bonn', ''])};"
            f"{chance.randint(1, 28):02d}.{chance.randint(1, 12):02d}.2021;{chance.choice(['ja', 'nein', 'k.A.'])};"
            f'DE;;"zwei\nZeilen";{"ja" if pay < 50 else "Nein" if index % 3 else "nein"}'
        )
    path = tmp_path / "kunden.csv"
    path.write_bytes("\r\n".join([*lines, *lines[1:3], ";;;;;;;;"]).encode("cp1252"))
    return path


READ = ("--target", "gekündigt", "--missing", "impute", "--flag-missing", "--absent", "k.A.")


def test_a_messy_file_is_posted_mined_and_settled(
    world: World, environment: dict[str, str], customers: Path
) -> None:
    options = (*READ, "--drop-duplicates", "--account", "dev:0", "--detach", "--yes")
    posted = pole(environment, "task", "post", str(customers), *options)

    assert posted.returncode == 0, posted.stderr
    assert "Windows-1252" in posted.stdout
    assert "2 rows repeat others: they are left out" in posted.stdout
    task_id = world.data_node.registry.task_count()
    world.chain.mine(3)
    serve = subprocess.Popen([str(POLE), "task", "serve", "--once", "--account", "dev:0"], env=environment)
    mine = subprocess.Popen(
        [str(POLE), "mine", "--task", str(task_id), "--account", "dev:1"], env=environment
    )
    try:
        while world.data_node.proof.commitment_count(task_id) == 0:
            assert mine.poll() is None
        world.close_commits(world.data_node.registry.task(task_id))
        assert mine.wait(PATIENCE) == 0
        assert serve.wait(PATIENCE) == 0
    finally:
        mine.kill()
        serve.kill()

    shown = json.loads(pole(environment, "task", "show", str(task_id), "--json").stdout)
    assert (shown["phase"], shown["winner"]) == ("SETTLED", world.miners[0].address)
    assert int(shown["leaderboard"][0]["score_wad"]) > 0.9 * 10**18  # a threshold of one feature
    assert_manifest_explains(world, environment, customers, task_id)


def assert_manifest_explains(world: World, environment: dict[str, str], file: Path, task_id: int) -> None:
    """The published manifest encodes the file to the rows that were published and committed to."""
    task = world.data_node.registry.task(task_id)
    blobs = BlobStore(Path(environment["POLE_HOME"]) / "blobs")
    manifest = Manifest.from_bytes(
        blobs.get(Cid.on_chain(task.manifest_hash, MAX_MANIFEST_BYTES), MAX_MANIFEST_BYTES)
    )
    published = world.data_node.registry.published_training_rows(task_id)
    assert published is not None
    hidden = drawn_rows(task.seed, task.row_count, task.test_count)
    size = blob_size(task.row_count, task.row_size, task.test_count)
    rows = open_training_blob(
        blobs.get(Cid.on_chain(published, size), size),
        data_root=task.data_root,
        row_count=task.row_count,
        row_size=task.row_size,
        test_indices=hidden,
    )
    table = read_table(file, "gekündigt")
    texts = {name: cells[: task.row_count] for name, cells in table.columns.items()}

    encoded = np.delete(encode_rows(manifest, texts), hidden, axis=0)

    assert [row[:-1] for row in rows] == [row.tobytes() for row in encoded]


def test_a_dry_run_shows_everything_and_sends_nothing(
    world: World, environment: dict[str, str], customers: Path
) -> None:
    before = world.chain.w3.eth.block_number

    shown = pole(environment, "task", "post", str(customers), *READ, "--dry-run", "--account", "dev:0")

    assert shown.returncode == 0, shown.stderr
    assert world.chain.w3.eth.block_number == before
    told = (
        "Left out: 'Land' is the same in every row",
        "Encoding loss: logistic scores",
        "gas at most",
        "100 POLE go",
        "line 2  K-000 | ",
    )
    assert [words for words in told if words not in shown.stdout] == []


def test_a_file_is_not_posted_by_a_script_that_does_not_say_so(
    world: World, environment: dict[str, str], customers: Path
) -> None:
    tasks = world.data_node.registry.task_count()

    ended = pole(environment, "task", "post", str(customers), *READ, "--account", "dev:0")

    assert (ended.returncode, world.data_node.registry.task_count()) == (2, tasks)
    assert "say --yes" in ended.stderr


@pytest.mark.parametrize(
    ("answer", "posted"), [("n\n", 0), ("y\n", 1), (None, 0)], ids=["no", "yes", "Ctrl-C"]
)
def test_a_person_is_asked_before_a_file_is_posted(
    world: World, environment: dict[str, str], customers: Path, answer: str | None, posted: int
) -> None:
    tasks = world.data_node.registry.task_count()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(POLE), "task", "post", str(customers), *READ, "--detach", "--account", "dev:0"],
        env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, is_answered = b"", False
    try:
        while chunk := _read(ours):
            said += chunk
            if b"[y/N]" in said and not is_answered:
                is_answered = True
                if answer is None:
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(ours, answer.encode())
        process.wait(PATIENCE)
    finally:
        process.kill()
        os.close(ours)

    assert said.index(b"gas at most") < said.index(b"Post this task? [y/N]")
    assert world.data_node.registry.task_count() - tasks == posted
    assert (b"Aborted!" in said) == (not posted)
    assert b"goes on" not in said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # its other end is closed
        return b""


def test_a_file_without_a_target_is_answered_with_its_columns(
    environment: dict[str, str], customers: Path
) -> None:
    ended = pole(environment, "task", "post", str(customers), "--account", "dev:0")

    assert ended.returncode == 2
    assert "there are 'Kunde', 'Umsatz', 'Stadt'" in ended.stderr
