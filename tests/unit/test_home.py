"""A worker's state: kept through any end of its process, and one process for each account."""

import errno
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from offchain.chain.registry import Task
from offchain.economics.curve import LearningCurve
from offchain.learning.rows import SaltedRows
from offchain.storage import BlobStore
from offchain.workers.errors import AccountBusy, StateUnreadable
from offchain.workers.home import Home, ModelSecret, Order
from tests.stories import RIGHT, SALT, WRONG
from tests.world import World, toy_rows

HOLDER = """
import sys, time
from pathlib import Path
from offchain.storage import BlobStore
from offchain.workers.home import Home
folder = Path(sys.argv[1])
with Home(folder.parent, folder, BlobStore(folder)).hold():
    print("held", flush=True)
    time.sleep(600)
"""
WRITER = """
import sys
from pathlib import Path
from offchain.learning.rows import SaltedRows
from offchain.storage import BlobStore
from offchain.workers.home import Home
folder = Path(sys.argv[1])
home = Home(folder.parent, folder, BlobStore(folder))
for number in range(10**6):
    rows = SaltedRows(tuple(number.to_bytes(4, "big") * 8 for _ in range(2000)), number.to_bytes(32, "big"))
    home.save_rows(rows)
    print(rows.root().hex(), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, tmp_path / "account", BlobStore(tmp_path))


@pytest.fixture
def task(world: World) -> Task:
    return world.drawn(world.spec(toy_rows()))


def start(program: str, home: Home) -> "subprocess.Popen[str]":
    """A process of its own that uses a data directory."""
    command = [sys.executable, "-c", program, str(home.account_folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_rows_come_back_as_they_were(home: Home) -> None:
    rows = SaltedRows((b"\x00\x01\x02", b"\x03\x04\xff"), bytes(range(32)))

    home.save_rows(rows)

    assert home.load_rows(rows.root()) == rows
    assert home.load_rows(bytes(32)) is None


def test_a_model_is_kept_for_its_task_alone(home: Home, task: Task) -> None:
    home.save_model(task, ModelSecret(RIGHT, SALT))

    # After a local chain was started anew, another task has the id of the first.
    namesake = replace(task, data_root=bytes(32))

    assert home.load_model(task) == ModelSecret(RIGHT, SALT)
    assert home.load_model(namesake) is None


def test_a_model_that_is_kept_is_never_overwritten(home: Home, task: Task) -> None:
    home.save_model(task, ModelSecret(RIGHT, SALT))

    home.save_model(task, ModelSecret(WRONG, SALT))

    assert home.load_model(task) == ModelSecret(RIGHT, SALT)


def test_the_last_order_for_a_task_counts(home: Home, task: Task) -> None:
    order = Order(1, 10**20, 3, 2**96 - 1, LearningCurve(0.3, 0.6, 0.5, 0.01))
    home.save_order(task, order)
    later = replace(order, epoch_id=2, closed=True, jobs={"0a": '{"seed":0}'})

    home.save_order(task, later)

    assert home.load_order(task) == later


def test_an_order_of_version_2_is_read_and_does_not_tell_its_jobs(home: Home, task: Task) -> None:
    home.save_rows(SaltedRows((b"row",), bytes(32)))  # makes the state
    curve = {"start": 0.3, "gain": 0.6, "efficiency": 0.5, "residual": 0.01, "tried": 8.0, "tried_score": 0.7}
    order = {"epoch_id": 1, "value": 5, "efficiency": 3, "limit": 7, "curve": curve, "closed": False}
    content = json.dumps(order | {"collected": False})
    with sqlite3.connect(home.account_folder / "state.db") as state:
        state.execute("INSERT INTO orders VALUES (?, ?, ?)", (task.task_id, task.data_root, content))
        state.execute("PRAGMA user_version = 2")

    assert home.load_order(task) == Order(1, 5, 3, 7, LearningCurve(**curve), jobs=None)


def test_the_state_is_for_its_owners_eyes(home: Home, task: Task) -> None:
    home.save_model(task, ModelSecret(RIGHT, SALT))

    modes = [stat.S_IMODE(path.stat().st_mode) for path in home.account_folder.iterdir()]

    assert modes
    assert {mode & 0o077 for mode in modes} == {0}


def test_hold_reverts_while_another_process_holds_the_account(home: Home) -> None:
    with start(HOLDER, home) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        with pytest.raises(AccountBusy, match="another process works as account"), home.hold():
            pass

        holder.send_signal(signal.SIGKILL)


def test_hold_succeeds_after_the_holder_was_killed(home: Home) -> None:
    with start(HOLDER, home) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGKILL)

    with home.hold():
        held = True

    assert held


def test_rows_are_there_whole_once_they_were_saved_whenever_the_process_is_killed(home: Home) -> None:
    saved = []
    for lines in (1, 2, 3, 5, 8):
        with start(WRITER, home) as writer:
            assert writer.stdout is not None
            saved += [bytes.fromhex(writer.stdout.readline()) for _ in range(lines)]
            writer.send_signal(signal.SIGKILL)

    found = [home.load_rows(root) for root in saved]

    assert all(rows is not None and rows.root() == root for rows, root in zip(found, saved, strict=True))


def test_open_reverts_on_a_state_of_another_version(home: Home) -> None:
    home.save_rows(SaltedRows((b"row",), bytes(32)))
    with sqlite3.connect(home.account_folder / "state.db") as state:
        state.execute("PRAGMA user_version = 4")

    with pytest.raises(StateUnreadable, match="version 4"):
        home.load_rows(bytes(32))


def test_open_reverts_on_what_is_no_state(home: Home) -> None:
    home.account_folder.mkdir(parents=True)
    (home.account_folder / "state.db").write_bytes(b"no database" * 1000)

    with pytest.raises(StateUnreadable, match="not a database"):
        home.load_rows(bytes(32))


@pytest.fixture
def damaged(home: Home) -> Home:
    """A state of several pages, of which the last were overwritten."""
    home.save_rows(SaltedRows((bytes(50_000),), bytes(32)))
    with (home.account_folder / "state.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (os.fstat(file.fileno()).st_size - 8192))
    return home


def test_hold_reverts_on_a_damaged_state_and_says_what_mends_it(damaged: Home) -> None:
    with pytest.raises(StateUnreadable) as caught, damaged.hold():
        pass

    said = str(caught.value)
    assert said.startswith(f"the state in {damaged.account_folder / 'state.db'} cannot be used: ")
    assert "restore your backup" in said
    assert "bonds of open commitments" in said


def test_hold_takes_a_whole_state_and_leaves_no_file(home: Home) -> None:
    home.save_rows(SaltedRows((b"row",), bytes(32)))
    with home.hold():
        names = {path.name for path in home.account_folder.iterdir()}

    assert names == {"lock", "state.db"}


def test_a_state_that_breaks_while_it_is_used_says_what_mends_it(home: Home) -> None:
    with home.hold():
        (home.account_folder / "state.db").write_bytes(b"no database" * 1000)

        with pytest.raises(StateUnreadable, match="restore your backup"):
            home.load_rows(bytes(32))


@pytest.mark.parametrize(
    ("number", "cure"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "name a data directory that you can write to")],
)
def test_hold_names_the_folder_and_the_cure_where_it_cannot_be_written(
    home: Home, monkeypatch: pytest.MonkeyPatch, number: int, cure: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(StateUnreadable) as caught, home.hold():
        pass

    assert str(home.account_folder) in str(caught.value)
    assert cure in str(caught.value)


def test_a_state_on_a_full_disk_says_to_make_room(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(path: Path) -> sqlite3.Connection:
        state = sqlite3.connect(path, isolation_level=None)
        state.execute("PRAGMA max_page_count = 12")
        return state

    home.save_rows(SaltedRows((b"row",), bytes(32)))
    monkeypatch.setattr("offchain.workers.home._connect", small)

    with pytest.raises(StateUnreadable, match=r"is full: make room there, or .*--home"):
        home.save_rows(SaltedRows((bytes(200_000),), bytes(32)))
