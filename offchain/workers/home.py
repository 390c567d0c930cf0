"""Where a worker keeps what it must not lose: secrets before they are committed to, and shared blobs.

::

    <root>/blobs/                                  content-addressed, shared between workers, unless they are elsewhere
    <root>/<chain id>-<proof>/<account>/           private to one account
        state.db                                   SQLite: rows and salts, models and salts, orders, what jobs gave
        lock                                       held by the one process that works as the account
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_data_path

from offchain.chain.connection import Connection
from offchain.chain.registry import Task
from offchain.economics.curve import LearningCurve
from offchain.index.store import MAKE_ROOM, NAME_ANOTHER, cure_of
from offchain.learning.rows import SaltedRows
from offchain.storage import BlobStore
from offchain.workers.errors import AccountBusy, StateUnreadable

VERSION = 3
LOCK_SECONDS = 30.0  # that a write waits for another process's, before it fails
RESTORE = (
    "restore your backup of it; without it the bonds of open commitments and tasks burn at their deadlines"
)
_CURES = {
    sqlite3.SQLITE_FULL: MAKE_ROOM,
    sqlite3.SQLITE_IOERR: f"is the disk full? {MAKE_ROOM}",
    sqlite3.SQLITE_READONLY: NAME_ANOTHER,
}
# A local chain that is started anew has the same contracts and task ids, and other tasks: hence the data root.
SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS rows (
    data_root BLOB PRIMARY KEY, secret BLOB NOT NULL, row_size INTEGER NOT NULL, content BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS models (
    task_id INTEGER, data_root BLOB, model BLOB NOT NULL, salt BLOB NOT NULL, PRIMARY KEY (task_id, data_root)
) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    task_id INTEGER, data_root BLOB, content TEXT NOT NULL, PRIMARY KEY (task_id, data_root)
) STRICT;
CREATE TABLE IF NOT EXISTS answers (job BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT;
PRAGMA user_version = {VERSION};
COMMIT;
"""


def default_root() -> Path:
    """The data directory of this user."""
    return user_data_path("polestar")


@dataclass(frozen=True, slots=True)
class ModelSecret:
    """What a miner must still have when it reveals."""

    model: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """What a consumer has declared in an epoch for a task, written down before it declares, and before it buys.

    closed : nothing more comes of it: nothing was bought, or what was delivered is no model
    collected : the model was checked and kept
    jobs : the specs, canonical JSON, that were to be bought, by the hash that the chain has of them; None where
        version 2 wrote it, which left them to the storage
    """

    epoch_id: int
    value: int
    efficiency: int
    limit: int
    curve: LearningCurve
    closed: bool = False
    collected: bool = False
    jobs: dict[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Home:
    """The data directory of one account on one deployment, and the blobs that workers share."""

    root: Path
    account_folder: Path
    blobs: BlobStore

    @classmethod
    def of(cls, root: Path, connection: Connection, account: str, blobs: BlobStore | None = None) -> "Home":
        """The directory of `account`; the blobs are in it where none are given."""
        deployment = connection.deployment
        folder = root / f"{deployment.chain_id}-{deployment.proof.address.lower()}" / account.lower()
        return cls(root, folder, blobs or BlobStore(root / "blobs"))

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Work as this account until the block ends, where its state is whole.

        The operating system lets the lock go when the process ends, however it ends.

        Raises
        ------
        AccountBusy : another process works as this account
        StateUnreadable : the state is damaged, or the folder cannot be written
        """
        lock = FileLock(self.account_folder / "lock", mode=0o600)
        try:
            self.account_folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise AccountBusy(self.account_folder.name, str(self.account_folder)) from error
        except OSError as error:
            raise self._unwritable(error) from error
        with lock:
            self.check()
            yield

    @property
    def state_path(self) -> Path:
        """The file of the state."""
        return self.account_folder / "state.db"

    def check(self) -> bool:
        """Whether there is a state; raises StateUnreadable where it is damaged."""
        if not self.state_path.exists():
            return False
        with self._usable(), closing(_connect(self.state_path)) as state:
            (found,) = state.execute("PRAGMA quick_check(1)").fetchone()
            _check_version(self.state_path, state.execute("PRAGMA user_version").fetchone()[0])
        if found != "ok":
            raise StateUnreadable(str(self.state_path), f"{' '.join(found.split())}: {RESTORE}")
        return True

    def save_rows(self, rows: SaltedRows) -> None:
        """Keep the rows of a task to be posted."""
        values = (rows.root(), rows.secret, len(rows.rows[0]), b"".join(rows.rows))
        self._write("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", values)

    def load_rows(self, data_root: bytes) -> SaltedRows | None:
        """The rows behind a root, where this account made it."""
        found = self._read("SELECT secret, row_size, content FROM rows WHERE data_root = ?", (data_root,))
        if found is None:
            return None
        secret, size, content = found
        return SaltedRows(tuple(content[at : at + size] for at in range(0, len(content), size)), secret)

    def save_model(self, task: Task, secret: ModelSecret) -> None:
        """Keep a model that is to be committed to, unless there is one: it may be committed to already."""
        values = (task.task_id, task.data_root, secret.model, secret.salt)
        self._write("INSERT OR IGNORE INTO models VALUES (?, ?, ?, ?)", values)

    def load_model(self, task: Task) -> ModelSecret | None:
        """The model for a task, where this account has one."""
        query = "SELECT model, salt FROM models WHERE task_id = ? AND data_root = ?"
        found = self._read(query, (task.task_id, task.data_root))
        return ModelSecret(*found) if found else None

    def save_order(self, task: Task, order: Order) -> None:
        """Keep what is declared for a task; a later order takes the place of an earlier one."""
        values = (task.task_id, task.data_root, json.dumps(asdict(order)))
        self._write("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", values)

    def load_order(self, task: Task) -> Order | None:
        """The last order for a task, if there was one."""
        query = "SELECT content FROM orders WHERE task_id = ? AND data_root = ?"
        found = self._read(query, (task.task_id, task.data_root))
        if found is None:
            return None
        content = json.loads(found[0])
        return Order(**{"jobs": None, **content, "curve": LearningCurve(**content["curve"])})

    def save_answer(self, job: bytes, answer: bytes) -> None:
        """Keep what a job gave, by the job's name."""
        self._write("INSERT OR REPLACE INTO answers VALUES (?, ?)", (job, answer))

    def load_answer(self, job: bytes) -> bytes | None:
        """What a job gave, where it has ended and is not forgotten."""
        found = self._read("SELECT content FROM answers WHERE job = ?", (job,))
        return found[0] if found else None

    def forget_answer(self, job: bytes) -> None:
        """Keep no longer what a job gave."""
        self._write("DELETE FROM answers WHERE job = ?", (job,))

    def _write(self, statement: str, values: Sequence[object]) -> None:
        """Run a statement that is on the disk when this returns."""
        with self._open() as state:
            state.execute(statement, values)

    def _read(self, query: str, values: Sequence[object]) -> Any:
        with self._open() as state:
            return state.execute(query, values).fetchone()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        path = self.state_path
        with self._usable():
            self.account_folder.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))  # for its owner's eyes
            with closing(_connect(path)) as state:
                state.execute("PRAGMA journal_mode = WAL")
                state.execute("PRAGMA synchronous = FULL")
                version = state.execute("PRAGMA user_version").fetchone()[0]
                _check_version(path, version)
                if version < VERSION:  # a later version adds tables and fields to an earlier one's
                    state.executescript(SCHEMA)
                yield state

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Raise StateUnreadable where the state cannot be used."""
        path = str(self.state_path)
        try:
            yield
        except OSError as error:
            raise self._unwritable(error) from error
        except sqlite3.OperationalError as error:
            cure = _CURES.get(error.sqlite_errorcode & 0xFF)  # what goes beyond a byte are details
            raise StateUnreadable(path, f"{error}: {cure}" if cure else str(error)) from error
        except sqlite3.DatabaseError as error:
            raise StateUnreadable(path, f"{error}: {RESTORE}") from error

    def _unwritable(self, error: OSError) -> StateUnreadable:
        reason = (error.strerror or str(error)).lower()
        return StateUnreadable(str(self.account_folder), f"{reason}: {cure_of(error)}")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", LOCK_SECONDS, isolation_level=None, uri=True
    )


def _check_version(path: Path, version: int) -> None:
    if version > VERSION:
        raise StateUnreadable(str(path), f"it has version {version}, and this program reads {VERSION}")
