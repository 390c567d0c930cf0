"""What can be asked of an index: typed, read-only, and never more rows read than given.

Lists come in pages: `after` or `before` names the last row that is known already, and `limit` how many may come.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from offchain.chain.ledger import Block, Header
from offchain.chain.market import Declaration, Epoch, Purchase, Utility
from offchain.chain.phase import Phase, PurchaseStatus
from offchain.chain.registry import Task
from offchain.index.errors import IndexDamaged, IndexMissing
from offchain.index.events import LOG_BITS
from offchain.index.kinds import EntryState, MoneyKind
from offchain.index.rows import (
    Entrant,
    IndexedBlock,
    IndexedDeclaration,
    IndexedEpoch,
    IndexedPurchase,
    IndexedTask,
    Moment,
    Payment,
    Stakes,
    Status,
    Totals,
)
from offchain.index.schema import VERSION
from offchain.index.store import connect, usable

Row = TypeVar("Row")

PAGE = 50
END = 2**63 - 1  # after everything
NOBODY = "0x" + 40 * "0"

_PAYMENT = (
    "SELECT at, number, timestamp, account, kind, side, amount, balance, other, task_id, epoch_id FROM money"
    f" JOIN blocks ON number = at >> {LOG_BITS}"
)
_MOMENT = "SELECT at, number, timestamp, transaction_hash, name, arguments FROM events"
_ITS_BLOCK = f"JOIN blocks ON number = at >> {LOG_BITS}"
_BLOCK = (
    "SELECT block_index, timestamp, b.task_id, b.winner, model_hash, parameters_hash, score_wad, previous_hash, hash,"
    " is_valid, metric FROM learning_blocks b LEFT JOIN tasks t ON t.task_id = b.task_id"
)
_TASK = (
    f"SELECT {', '.join(Task.__slots__)}, posted_at, training_rows, commitments, reveals, outcome, ended_at, winner"
    " FROM tasks"
)
_ENTRANT = (
    "SELECT task_id, miner, place, state, bond, committed_at, scored_count, revealed_at, model_hash, parameters_hash,"
    " score_wad FROM entries"
)
_EPOCH = (
    f"SELECT {', '.join(Epoch.__slots__)}, opened_at, ends_at, demand, unfinished, revenue, paid, refunded, held_bond"
    " FROM epochs"
)
_DECLARATION = (
    "SELECT epoch_id, place, value, shape, utility, closed, consumer, most_units, locked FROM declarations"
)
_PURCHASE = (
    "SELECT epoch_id, purchase_id, consumer, units, status, job_hash, result_hash, cost, bond_share, bought_at,"
    " delivered_at, ended_at FROM purchases"
)


class Index:
    """An index as it was when it was opened, however long the reader takes."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def status(self, last: int = END) -> Status | None:
        """The newest block that is known, up to the last that is asked for; None where there is none."""
        row = self._one(
            "SELECT number, hash, timestamp FROM blocks WHERE number <= ? ORDER BY number DESC", last
        )
        if row is None:
            return None
        events = self._one("SELECT events FROM origin")
        assert events is not None
        return Status(row[0], bytes.fromhex(row[1]), row[2], events[0])

    def totals(self) -> Totals:
        """How many tasks, learning blocks and epochs there are."""
        tasks, blocks, epochs = (
            self._one(f"SELECT max({column}) FROM {table}")[0]
            for column, table in (
                ("task_id", "tasks"),
                ("block_index", "learning_blocks"),
                ("epoch_id", "epochs"),
            )
        )
        return Totals(tasks or 0, 0 if blocks is None else blocks + 1, epochs or 0)

    # Tasks

    def task(self, task_id: int) -> IndexedTask | None:
        """One task."""
        row = self._one(f"{_TASK} WHERE task_id = ?", task_id)
        return None if row is None else _task(row)

    def tasks(self, after: int = 0, limit: int = PAGE) -> list[IndexedTask]:
        """All tasks, oldest first."""
        sql = f"{_TASK} WHERE task_id > ? ORDER BY task_id LIMIT ?"
        return [_task(row) for row in self._all(sql, after, limit)]

    def newest_tasks(self, before: int = END, limit: int = PAGE) -> list[IndexedTask]:
        """All tasks, newest first."""
        sql = f"{_TASK} WHERE task_id < ? ORDER BY task_id DESC LIMIT ?"
        return [_task(row) for row in self._all(sql, before, limit)]

    def open_tasks(self, before: int = END, limit: int = PAGE) -> list[IndexedTask]:
        """The tasks that have not ended, newest first."""
        sql = (
            f"{_TASK} INDEXED BY tasks_open WHERE outcome IS NULL AND task_id < ?"
            " ORDER BY task_id DESC LIMIT ?"
        )
        return [_task(row) for row in self._all(sql, before, limit)]

    def timeline(self, task_id: int, after: int = -1, limit: int = PAGE) -> list[Moment]:
        """What happened to a task, oldest first; `after` is the position of the last moment known."""
        sql = f"{_MOMENT} INDEXED BY events_of_task {_ITS_BLOCK} WHERE task_id = ? AND at > ? ORDER BY at LIMIT ?"
        return [_moment(row) for row in self._all(sql, task_id, after, limit)]

    def leaderboard(
        self, task_id: int, after: tuple[int, int] = (END, 0), limit: int = PAGE
    ) -> list[Entrant]:
        """The revealed models of a task, best first, ties in the order of commitment.

        after : score and order of the last one known
        """
        sql = (
            f"{_ENTRANT} INDEXED BY entries_by_score WHERE task_id = ?1 AND score_wad IS NOT NULL"
            " AND score_wad <= ?2 AND (score_wad < ?2 OR place > ?3) ORDER BY score_wad DESC, place LIMIT ?4"
        )
        return [_entrant(row) for row in self._all(sql, task_id, *after, limit)]

    def entrants(self, task_id: int, after: int = 0, limit: int = PAGE) -> list[Entrant]:
        """All miners that committed to a task, in their order; `after` is the order of the last one known."""
        sql = f"{_ENTRANT} WHERE task_id = ? AND place > ? ORDER BY place LIMIT ?"
        return [_entrant(row) for row in self._all(sql, task_id, after, limit)]

    def payouts(self, task_id: int, after: int = -1, limit: int = PAGE) -> list[Payment]:
        """What the escrow of a task paid out, oldest first: bonds, rewards, refunds, slashes, claims."""
        sql = (
            f"{_PAYMENT} WHERE task_id = ? AND at > ? AND side = 1 AND kind NOT IN ('ESCROW', 'BOND')"
            " ORDER BY at LIMIT ?"
        )
        return [_payment(row) for row in self._all(sql, task_id, after, limit)]

    # The learning ledger

    def learning_blocks(self, after: int = -1, limit: int = PAGE) -> list[IndexedBlock]:
        """The learning ledger, genesis first."""
        sql = f"{_BLOCK} WHERE b.block_index > ? ORDER BY b.block_index LIMIT ?"
        return [_block(row) for row in self._all(sql, after, limit)]

    def newest_learning_blocks(self, before: int = END, limit: int = PAGE) -> list[IndexedBlock]:
        """The learning ledger, newest block first."""
        sql = f"{_BLOCK} WHERE b.block_index < ? ORDER BY b.block_index DESC LIMIT ?"
        return [_block(row) for row in self._all(sql, before, limit)]

    def first_invalid_block(self) -> int | None:
        """The index of the first learning block that is not right, as far as `IndexedBlock.is_valid` can tell."""
        row = self._one(
            "SELECT block_index FROM learning_blocks INDEXED BY learning_blocks_invalid WHERE is_valid = 0"
            " AND block_index >= 0 ORDER BY block_index LIMIT 1"
        )
        return None if row is None else int(row[0])

    # The market

    def epoch(self, epoch_id: int) -> IndexedEpoch | None:
        """One epoch."""
        row = self._one(f"{_EPOCH} WHERE epoch_id = ?", epoch_id)
        return None if row is None else _epoch(row)

    def epochs(self, after: int = 0, limit: int = PAGE) -> list[IndexedEpoch]:
        """All epochs, oldest first."""
        sql = f"{_EPOCH} WHERE epoch_id > ? ORDER BY epoch_id LIMIT ?"
        return [_epoch(row) for row in self._all(sql, after, limit)]

    def newest_epochs(self, before: int = END, limit: int = PAGE) -> list[IndexedEpoch]:
        """All epochs, newest first."""
        sql = f"{_EPOCH} WHERE epoch_id < ? ORDER BY epoch_id DESC LIMIT ?"
        return [_epoch(row) for row in self._all(sql, before, limit)]

    def current_epochs(self, now: int, limit: int = PAGE) -> list[IndexedEpoch]:
        """The epochs that are not over at a timestamp, those first that are over first."""
        sql = f"{_EPOCH} WHERE ends_at > ? ORDER BY ends_at, epoch_id LIMIT ?"
        return [_epoch(row) for row in self._all(sql, now, limit)]

    def market_history(self, limit: int = PAGE) -> list[IndexedEpoch]:
        """The last epochs that have a price, oldest first, for price, utilisation and profit over time."""
        sql = (
            f"{_EPOCH} INDEXED BY epochs_priced WHERE priced_at > 0 AND epoch_id < ?"
            " ORDER BY epoch_id DESC LIMIT ?"
        )
        return [_epoch(row) for row in reversed(self._all(sql, END, limit))]

    def declarations(self, epoch_id: int, after: int = -1, limit: int = PAGE) -> list[IndexedDeclaration]:
        """The declarations of an epoch, in their order; `after` is the index of the last one known."""
        sql = f"{_DECLARATION} WHERE epoch_id = ? AND place > ? ORDER BY place LIMIT ?"
        return [_declaration(row) for row in self._all(sql, epoch_id, after, limit)]

    def purchases(self, epoch_id: int, after: int = 0, limit: int = PAGE) -> list[IndexedPurchase]:
        """The purchases of an epoch, in their order."""
        sql = f"{_PURCHASE} WHERE epoch_id = ? AND purchase_id > ? ORDER BY purchase_id LIMIT ?"
        return [_purchase(row) for row in self._all(sql, epoch_id, after, limit)]

    def epoch_timeline(self, epoch_id: int, after: int = -1, limit: int = PAGE) -> list[Moment]:
        """What happened to an epoch, oldest first; declarations tell nothing of themselves."""
        sql = f"{_MOMENT} INDEXED BY events_of_epoch {_ITS_BLOCK} WHERE epoch_id = ? AND at > ? ORDER BY at LIMIT ?"
        return [_moment(row) for row in self._all(sql, epoch_id, after, limit)]

    # An account

    def stakes(self, account: str) -> Stakes:
        """What an account has in the vault and at stake."""
        balance = self._all(
            "SELECT balance AS amount FROM money WHERE account = ? ORDER BY at DESC, side DESC LIMIT 1",
            account,
        )
        escrows = self._all(
            "SELECT reward AS amount, data_node_bond AS other FROM tasks INDEXED BY tasks_open_of_data_node"
            " WHERE data_node = ? AND outcome IS NULL",
            account,
        )
        bonds = self._all(
            "SELECT bond AS amount FROM entries INDEXED BY entries_at_stake"
            " WHERE miner = ? AND state IN ('COMMITTED', 'CLAIMABLE')",
            account,
        )
        provided = self._all(
            "SELECT free_bond AS amount, held_bond AS other FROM epochs INDEXED BY epochs_bonded"
            " WHERE provider = ? AND (free_bond <> '0' OR held_bond <> '0')",
            account,
        )
        locks = self._all(
            "SELECT locked AS amount FROM declarations INDEXED BY declarations_locked"
            " WHERE consumer = ? AND closed = 0",
            account,
        )
        return Stakes(*map(_sum, (balance, escrows, bonds, provided, locks)))

    def payments(self, account: str, before: int = END, limit: int = PAGE) -> list[Payment]:
        """What changed an account's balance, newest first; `before` is the position of the last one known."""
        sql = f"{_PAYMENT} WHERE account = ? AND at < ? ORDER BY at DESC, side DESC LIMIT ?"
        return [_payment(row) for row in self._all(sql, account, before, limit)]

    def tasks_of(self, data_node: str, before: int = END, limit: int = PAGE) -> list[IndexedTask]:
        """The tasks that an account posted, newest first."""
        sql = (
            f"{_TASK} INDEXED BY tasks_of_data_node WHERE data_node = ? AND task_id < ?"
            " ORDER BY task_id DESC LIMIT ?"
        )
        return [_task(row) for row in self._all(sql, data_node, before, limit)]

    def entries_of(self, miner: str, before: int = END, limit: int = PAGE) -> list[Entrant]:
        """The tasks that an account committed to, newest first."""
        sql = (
            f"{_ENTRANT} INDEXED BY entries_of_miner WHERE miner = ? AND task_id < ?"
            " ORDER BY task_id DESC LIMIT ?"
        )
        return [_entrant(row) for row in self._all(sql, miner, before, limit)]

    def blocks_of(self, winner: str, before: int = END, limit: int = PAGE) -> list[IndexedBlock]:
        """The learning blocks that an account won, newest first."""
        sql = f"{_BLOCK} WHERE b.winner = ? AND b.block_index < ? ORDER BY b.block_index DESC LIMIT ?"
        return [_block(row) for row in self._all(sql, winner, before, limit)]

    def epochs_of(self, provider: str, before: int = END, limit: int = PAGE) -> list[IndexedEpoch]:
        """The epochs that an account opened, newest first."""
        sql = (
            f"{_EPOCH} INDEXED BY epochs_of_provider WHERE provider = ? AND epoch_id < ?"
            " ORDER BY epoch_id DESC LIMIT ?"
        )
        return [_epoch(row) for row in self._all(sql, provider, before, limit)]

    def purchases_of(
        self, consumer: str, before: tuple[int, int] = (END, 0), limit: int = PAGE
    ) -> list[IndexedPurchase]:
        """What an account bought, newest epoch first; `before` is epoch and id of the last purchase known."""
        sql = (
            f"{_PURCHASE} INDEXED BY purchases_of_consumer WHERE consumer = ?"
            " AND (epoch_id, purchase_id) < (?, ?) ORDER BY epoch_id DESC, purchase_id DESC LIMIT ?"
        )
        return [_purchase(row) for row in self._all(sql, consumer, *before, limit)]

    def _one(self, sql: str, *values: Any) -> Any:
        return self._db.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:
        return self._db.execute(sql, values).fetchall()


def all_of(query: Callable[..., list[Row]], key: Callable[[Row], object], *subject: int) -> Iterator[Row]:
    """Everything that a query with `after` gives, page by page; `key` is what a row is known by."""
    page = query(*subject)
    while page:
        yield from page
        page = query(*subject, after=key(page[-1]))


@contextmanager
def reading(path: Path) -> Iterator[Index]:
    """Open an index to read: one state of it, whatever is written meanwhile.

    Raises
    ------
    IndexMissing, IndexUnusable, IndexDamaged
    """
    if not path.is_file():
        raise IndexMissing(path)
    with usable(path), closing(connect(path, "ro")) as database:
        database.execute("BEGIN")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            raise IndexMissing(path)
        if version != VERSION:
            raise IndexDamaged(path, f"an index of version {version}, and this reads version {VERSION}")
        yield Index(database)


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex(text[2:]) if text else bytes(32)


def _known_bytes(text: str | None) -> bytes | None:
    return bytes.fromhex(text[2:]) if text else None


def _sum(rows: Sequence[Any]) -> int:
    return sum(int(amount) for row in rows for amount in row)


def _task(row: Any) -> IndexedTask:
    values: list[Any] = list(row[:25])
    values[1:5] = map(_bytes, row[1:5])
    values[6:9] = map(int, row[6:9])
    values[16] = row[16] or NOBODY
    posted_at, training_rows, commitments, reveals, outcome, ended_at, winner = row[25:]
    published, ended = _known_bytes(training_rows), None if outcome is None else Phase(outcome)
    return IndexedTask(Task(*values), posted_at, published, commitments, reveals, ended, ended_at, winner)


def _moment(row: Any) -> Moment:
    at, block, timestamp, transaction_hash, name, arguments = row
    return Moment(at, block, timestamp, transaction_hash, name, json.loads(arguments))


def _entrant(row: Any) -> Entrant:
    values: list[Any] = list(row)
    values[3:5] = EntryState(row[3]), int(row[4])
    values[8:10] = map(_known_bytes, row[8:10])
    return Entrant(*values)


def _block(row: Any) -> IndexedBlock:
    values: list[Any] = list(row[:8])
    values[4:6] = map(_bytes, row[4:6])
    values[7] = _bytes(row[7])
    own_hash, is_valid, metric = row[8:]
    return IndexedBlock(Block(Header(*values), _bytes(own_hash)), bool(is_valid), metric)


def _epoch(row: Any) -> IndexedEpoch:
    values: list[Any] = [value if place == 6 else int(value) for place, value in enumerate(row[:21])]
    opened_at, ends_at, demand, unfinished, *amounts = row[21:]
    revenue, paid, refunded, held = map(int, amounts)
    wanted = None if demand is None else int(demand)
    return IndexedEpoch(Epoch(*values), opened_at, ends_at, wanted, unfinished, revenue, paid, refunded, held)


def _declaration(row: Any) -> IndexedDeclaration:
    epoch_id, place, value, shape, utility, closed, consumer, most_units, locked = row
    numbers = int(value), int(shape)
    declared = Declaration(
        epoch_id, place, *numbers, Utility(utility), bool(closed), consumer, int(most_units)
    )
    return IndexedDeclaration(declared, int(locked))


def _purchase(row: Any) -> IndexedPurchase:
    epoch_id, purchase_id, consumer, units, status, job_hash, result_hash, cost, bond_share = row[:9]
    bought_at, delivered_at, ended_at = row[9:]
    hashes = _bytes(job_hash), _bytes(result_hash)
    purchase = Purchase(epoch_id, purchase_id, consumer, int(units), PurchaseStatus(status), *hashes)
    return IndexedPurchase(purchase, int(cost), int(bond_share), bought_at, delivered_at, ended_at)


def _payment(row: Any) -> Payment:
    at, block, timestamp, account, kind, side, amount, balance, other, task_id, epoch_id = row
    change, after = int(amount) if side else -int(amount), int(balance)
    return Payment(at, block, timestamp, account, MoneyKind(kind), change, after, other, task_id, epoch_id)
