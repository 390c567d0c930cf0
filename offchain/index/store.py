"""The file of an index, and its one writer.

Everything that belongs to a range of blocks is written in one transaction, so a writer that is killed leaves whole
ranges. Readers see the last whole range at any time: the file is in SQLite's write-ahead mode.
"""

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offchain.chain.deployment import Deployment
from offchain.chain.market import Declaration
from offchain.index.effects import EFFECTS, FUNCTIONS, chained, parameters
from offchain.index.errors import (
    EventInvalid,
    IndexBusy,
    IndexDamaged,
    IndexOfAnother,
    IndexUnusable,
    LogMissing,
)
from offchain.index.events import LOG_BITS, Event
from offchain.index.kinds import MoneyKind
from offchain.index.money import Bookkeeper, balance_after, subject_of
from offchain.index.schema import TABLES, VERSION

BUSY_SECONDS = 30.0  # to wait for another connection's write
MAKE_ROOM = "make room there, or name another data directory: --home"
NAME_ANOTHER = "name a data directory that you can write to: --home"


@dataclass(frozen=True, slots=True)
class BlockMark:
    """A block of the chain, as far as the index needs it."""

    number: int
    hash: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Range:
    """What a range of blocks told: its last block, the first of all and those with events, the events in order."""

    last: BlockMark
    blocks: tuple[BlockMark, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class LockedDeclaration:
    """A declaration and what is locked for it now."""

    declaration: Declaration
    locked: int


def index_path(root: Path, deployment: Deployment) -> Path:
    """Where the index of a deployment is in a data directory."""
    return root / f"{deployment.chain_id}-{deployment.proof.address.lower()}" / "index.sqlite"


class Store:
    """An index that this process may write to."""

    def __init__(self, path: Path, database: sqlite3.Connection, deployment: Deployment) -> None:
        self.path = path
        self._db = database
        self._market = deployment.market.address

    @classmethod
    @contextmanager
    def writing(cls, path: Path, deployment: Deployment) -> Iterator["Store"]:
        """Open or make an index and keep others from writing to it.

        Raises
        ------
        IndexBusy, IndexUnusable, IndexDamaged, IndexOfAnother
        """
        with _alone(path), usable(path):
            database = connect(path, "rwc")
            try:
                database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
                for name, (count, function) in FUNCTIONS.items():
                    database.create_function(name, count, function, deterministic=True)
                database.create_function("chained", 10, chained(deployment), deterministic=True)
                store = cls(path, database, deployment)
                store._prepare(deployment)
                yield store
            finally:
                database.close()

    def tip(self) -> BlockMark | None:
        """The last block that is indexed."""
        return self.mark_before(2**62)

    def mark_before(self, number: int, skipped: int = 0) -> BlockMark | None:
        """The last block known up to a number, or that which comes so many before it."""
        sql = "SELECT number, hash, timestamp FROM blocks WHERE number <= ? ORDER BY number DESC LIMIT 1 OFFSET ?"
        row = self._db.execute(sql, (number, skipped)).fetchone()
        return None if row is None else BlockMark(row[0], bytes.fromhex(row[1]), row[2])

    def event_count(self) -> int:
        """How many events are indexed."""
        return int(self._db.execute("SELECT events FROM origin").fetchone()[0])

    def has_genesis(self) -> bool:
        """Whether the learning ledger has its beginning, as that of every deployment."""
        return self._db.execute("SELECT 1 FROM learning_blocks WHERE block_index = 0").fetchone() is not None

    def add(self, found: Range) -> None:
        """Add the range that follows on the tip, whole or not at all; raises EventInvalid."""
        marks = {mark.number: mark for mark in (*found.blocks, found.last)}
        books = Bookkeeper(self._market)
        balances: dict[str, int] = {}
        with self._transaction():
            self._db.executemany(
                "INSERT INTO blocks VALUES (?, ?, ?)",
                [(mark.number, mark.hash.hex(), mark.timestamp) for mark in marks.values()],
            )
            self._db.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row_of, found.events)
            )
            for event in found.events:
                now = marks[event.block].timestamp
                self._apply(event, now)
                self._book(event, now, books, balances)
            books.check()
            self._db.execute("UPDATE origin SET events = events + ?", (len(found.events),))

    def roll_back(self, last: BlockMark | None) -> None:
        """Forget everything after a block, or everything."""
        with self._transaction():
            if last is None:
                self._empty()
                return
            edge = (last.number + 1) << LOG_BITS
            tasks = self._touched("task_id", edge)
            epochs = self._touched("epoch_id", edge)
            gone = self._db.execute("DELETE FROM events WHERE at >= ?", (edge,)).rowcount
            self._db.execute("DELETE FROM money WHERE at >= ?", (edge,))
            self._db.execute("DELETE FROM learning_blocks WHERE at >= ?", (edge,))
            self._db.execute("DELETE FROM blocks WHERE number > ?", (last.number,))
            self._db.execute("UPDATE origin SET events = events - ?", (gone,))
            self._db.execute("UPDATE epochs SET stale = 1 WHERE declare_ends_at > ?", (last.timestamp,))
            self._tell_again("task_id", tasks, ("tasks", "entries"))
            self._tell_again("epoch_id", epochs, ("epochs", "purchases", "declarations"))

    def stale_epochs(self) -> list[int]:
        """The epochs whose declarations are to be read again."""
        return [row[0] for row in self._db.execute("SELECT epoch_id FROM epochs WHERE stale = 1")]

    def keep_declarations(self, epoch_id: int, found: list[LockedDeclaration]) -> None:
        """Keep the declarations of an epoch in place of those that were known."""
        rows = [
            (
                epoch_id,
                each.declaration.index,
                each.declaration.consumer,
                int(each.declaration.utility),
                str(each.declaration.value),
                str(each.declaration.shape),
                str(each.declaration.limit),
                int(each.declaration.closed),
                str(each.locked),
            )
            for each in found
        ]
        with self._transaction():
            self._db.execute("DELETE FROM declarations WHERE epoch_id = ?", (epoch_id,))
            self._db.executemany("INSERT INTO declarations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.execute(
                "UPDATE epochs SET stale = 0, consumer_count = ? WHERE epoch_id = ?", (len(rows), epoch_id)
            )

    def _apply(self, event: Event, now: int) -> None:
        """Do what an event changes."""
        told = parameters(event, now)
        for number, statement in enumerate(EFFECTS[event.name]):
            try:
                changed = self._db.execute(statement, told).rowcount
            except sqlite3.IntegrityError as error:
                raise EventInvalid(
                    event.block, event.log_index, f"{event.name} for the second time"
                ) from error
            if number == 0 and changed != 1:
                raise LogMissing(event.block, event.log_index, f"{event.name} follows on nothing")

    def _book(self, event: Event, now: int, books: Bookkeeper, balances: dict[str, int]) -> None:
        for entry in books.entries(event):
            if entry.account not in balances:
                balances[entry.account] = self._balance(entry.account)
            balance = balances[entry.account] = balance_after(event, entry, balances[entry.account])
            self._db.execute(
                "INSERT INTO money VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.account,
                    event.at,
                    entry.side,
                    entry.kind.value,
                    entry.other,
                    str(entry.amount),
                    str(balance),
                    entry.task_id,
                    entry.epoch_id,
                ),
            )
            if entry.kind is MoneyKind.LOCK:
                # Somebody has declared, and which of the open epochs it was for is not told.
                self._db.execute("UPDATE epochs SET stale = 1 WHERE declare_ends_at > ?", (now,))

    def _balance(self, account: str) -> int:
        sql = "SELECT balance FROM money WHERE account = ? ORDER BY at DESC, side DESC LIMIT 1"
        row = self._db.execute(sql, (account,)).fetchone()
        return 0 if row is None else int(row[0])

    def _touched(self, subject: str, edge: int) -> list[int]:
        sql = f"SELECT DISTINCT {subject} FROM events WHERE at >= ? AND {subject} IS NOT NULL"
        return [row[0] for row in self._db.execute(sql, (edge,))]

    def _tell_again(self, subject: str, numbers: Iterable[int], tables: tuple[str, ...]) -> None:
        """Make the rows about some tasks or epochs anew, from the events that are left."""
        for number in numbers:
            for table in tables:
                self._db.execute(f"DELETE FROM {table} WHERE {subject} = ?", (number,))
            sql = (
                "SELECT at, transaction_hash, contract, name, arguments, timestamp FROM events"
                f" JOIN blocks ON number = at >> {LOG_BITS} WHERE {subject} = ? ORDER BY at"
            )
            for at, transaction_hash, contract, name, arguments, now in self._db.execute(
                sql, (number,)
            ).fetchall():
                block, log_index = at >> LOG_BITS, at & (1 << LOG_BITS) - 1
                self._apply(
                    Event(block, log_index, transaction_hash, contract, name, json.loads(arguments)), now
                )

    def _prepare(self, deployment: Deployment) -> None:
        """Make the tables, unless they are there and of this version and deployment."""
        origin = (deployment.chain_id, deployment.proof.address)
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            if self._db.execute("SELECT chain_id, proof FROM origin").fetchone() != origin:
                raise IndexOfAnother(self.path)
            return
        if version == 0 and self._tables():
            raise IndexDamaged(self.path, "this is no index")
        with self._transaction():
            for name in self._tables():
                self._db.execute(f'DROP TABLE "{name}"')
            for statement in TABLES.split(";\n"):
                self._db.execute(statement)
            self._db.execute("INSERT INTO origin VALUES (?, ?, 0)", origin)
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _tables(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]

    def _empty(self) -> None:
        for name in self._tables():
            if name != "origin":
                self._db.execute(f"DELETE FROM {name}")
        self._db.execute("UPDATE origin SET events = 0")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file: `ro` to read, `rwc` to write, made where it is not there."""
    address = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(address, BUSY_SECONDS, isolation_level=None, uri=True)


def _row_of(event: Event) -> tuple[Any, ...]:
    arguments = json.dumps(event.arguments, separators=(",", ":"))
    return (
        event.at,
        event.transaction_hash,
        event.contract,
        event.name,
        *subject_of(event),
        arguments,
    )


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raise IndexUnusable or IndexDamaged where SQLite cannot go on with a file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        is_full = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
        raise IndexUnusable(path, f"{error}: {MAKE_ROOM}" if is_full else str(error)) from error
    except sqlite3.DatabaseError as error:
        raise IndexDamaged(path, str(error)) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of an index, which ends with the process that holds it; raises IndexBusy, IndexUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IndexBusy(path, os.read(descriptor, 20).decode("ascii", "replace")) from None
        try:
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        except OSError as error:
            raise _unusable(path, error) from error
        yield
    finally:
        os.close(descriptor)


def cure_of(error: OSError) -> str:
    """What helps where a file cannot be written."""
    return MAKE_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else NAME_ANOTHER


def _unusable(path: Path, error: OSError) -> IndexUnusable:
    return IndexUnusable(path, f"{(error.strerror or str(error)).lower()}: {cure_of(error)}")
