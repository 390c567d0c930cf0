"""What can be asked of an index: typed, read-only, and never more rows read than given.

Lists come in pages: `after` or `before` names the last row that is known already, and `limit` how many may come.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from offchain.chain.deployment import Deployment
from offchain.chain.ledger import Block, Header, block_hash
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
from offchain.index.store import connect

Row = TypeVar("Row")

PAGE = 100
END = 2**63 - 1  # after everything

_PAYMENT = (
    "SELECT at, number, timestamp, account, kind, side, amount, balance, other, task_id, epoch_id FROM money"
    f" JOIN blocks ON number = at >> {LOG_BITS}"
)
_MOMENT = (
    "SELECT at, number, timestamp, transaction_hash, name, arguments FROM events"
    f" JOIN blocks ON number = at >> {LOG_BITS}"
)
_BLOCK = (
    "SELECT b.*, p.hash AS parent, t.metric AS metric FROM learning_blocks b"
    " LEFT JOIN learning_blocks p ON p.block_index = b.block_index - 1"
    " LEFT JOIN tasks t ON t.task_id = b.task_id"
)


class Index:
    """An index as it was when it was opened, however long the reader takes."""

    def __init__(self, database: sqlite3.Connection, deployment: Deployment) -> None:
        self._db = database
        self._deployment = deployment

    def status(self) -> Status | None:
        """How far the index is; None where nothing is indexed yet."""
        row = self._one(
            "SELECT number, hash, timestamp FROM blocks WHERE number <= ? ORDER BY number DESC", END
        )
        if row is None:
            return None
        events = self._one("SELECT events FROM origin")
        assert events is not None
        return Status(row["number"], bytes.fromhex(row["hash"]), row["timestamp"], events["events"])

    def totals(self) -> Totals:
        """How many tasks, learning blocks and epochs there are."""
        tasks = self._one("SELECT max(task_id) AS last FROM tasks")
        blocks = self._one("SELECT max(block_index) AS last FROM learning_blocks")
        epochs = self._one("SELECT max(epoch_id) AS last FROM epochs")
        assert tasks and blocks and epochs
        length = 0 if blocks["last"] is None else blocks["last"] + 1
        return Totals(tasks["last"] or 0, length, epochs["last"] or 0)

    # Tasks

    def task(self, task_id: int) -> IndexedTask | None:
        """One task."""
        row = self._one("SELECT * FROM tasks WHERE task_id = ?", task_id)
        return None if row is None else _task(row)

    def tasks(self, after: int = 0, limit: int = PAGE) -> list[IndexedTask]:
        """All tasks, oldest first."""
        sql = "SELECT * FROM tasks WHERE task_id > ? ORDER BY task_id LIMIT ?"
        return [_task(row) for row in self._all(sql, after, limit)]

    def newest_tasks(self, before: int = END, limit: int = PAGE) -> list[IndexedTask]:
        """All tasks, newest first."""
        sql = "SELECT * FROM tasks WHERE task_id < ? ORDER BY task_id DESC LIMIT ?"
        return [_task(row) for row in self._all(sql, before, limit)]

    def open_tasks(self, before: int = END, limit: int = PAGE) -> list[IndexedTask]:
        """The tasks that have not ended, newest first."""
        sql = (
            "SELECT * FROM tasks INDEXED BY tasks_open WHERE outcome IS NULL AND task_id < ?"
            " ORDER BY task_id DESC LIMIT ?"
        )
        return [_task(row) for row in self._all(sql, before, limit)]

    def timeline(self, task_id: int, after: int = -1, limit: int = PAGE) -> list[Moment]:
        """What happened to a task, oldest first; `after` is the position of the last moment known."""
        sql = f"{_MOMENT} WHERE task_id = ? AND at > ? ORDER BY at LIMIT ?"
        return [_moment(row) for row in self._all(sql, task_id, after, limit)]

    def leaderboard(self, task_id: int, limit: int = PAGE) -> list[Entrant]:
        """The revealed models of a task, best first, ties in the order of commitment."""
        sql = (
            "SELECT * FROM entries WHERE task_id = ? AND score_wad IS NOT NULL"
            " ORDER BY score_wad DESC, place LIMIT ?"
        )
        return [_entrant(row) for row in self._all(sql, task_id, limit)]

    def entrants(self, task_id: int, after: int = 0, limit: int = PAGE) -> list[Entrant]:
        """All miners that committed to a task, in their order; `after` is the order of the last one known."""
        sql = "SELECT * FROM entries WHERE task_id = ? AND place > ? ORDER BY place LIMIT ?"
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
        return [self._block(row) for row in self._all(sql, after, limit)]

    def newest_learning_blocks(self, before: int = END, limit: int = PAGE) -> list[IndexedBlock]:
        """The learning ledger, newest block first."""
        sql = f"{_BLOCK} WHERE b.block_index < ? ORDER BY b.block_index DESC LIMIT ?"
        return [self._block(row) for row in self._all(sql, before, limit)]

    # The market

    def epoch(self, epoch_id: int) -> IndexedEpoch | None:
        """One epoch."""
        row = self._one("SELECT * FROM epochs WHERE epoch_id = ?", epoch_id)
        return None if row is None else _epoch(row)

    def epochs(self, after: int = 0, limit: int = PAGE) -> list[IndexedEpoch]:
        """All epochs, oldest first."""
        sql = "SELECT * FROM epochs WHERE epoch_id > ? ORDER BY epoch_id LIMIT ?"
        return [_epoch(row) for row in self._all(sql, after, limit)]

    def newest_epochs(self, before: int = END, limit: int = PAGE) -> list[IndexedEpoch]:
        """All epochs, newest first."""
        sql = "SELECT * FROM epochs WHERE epoch_id < ? ORDER BY epoch_id DESC LIMIT ?"
        return [_epoch(row) for row in self._all(sql, before, limit)]

    def current_epochs(self, now: int, limit: int = PAGE) -> list[IndexedEpoch]:
        """The epochs that are not over at a timestamp, those first that are over first."""
        sql = "SELECT * FROM epochs WHERE ends_at > ? ORDER BY ends_at, epoch_id LIMIT ?"
        return [_epoch(row) for row in self._all(sql, now, limit)]

    def market_history(self, limit: int = PAGE) -> list[IndexedEpoch]:
        """The last epochs that have a price, oldest first, for price, utilisation and profit over time."""
        sql = (
            "SELECT * FROM epochs INDEXED BY epochs_priced WHERE priced_at > 0 AND epoch_id < ?"
            " ORDER BY epoch_id DESC LIMIT ?"
        )
        return [_epoch(row) for row in reversed(self._all(sql, END, limit))]

    def declarations(self, epoch_id: int, after: int = -1, limit: int = PAGE) -> list[IndexedDeclaration]:
        """The declarations of an epoch, in their order; `after` is the index of the last one known."""
        sql = "SELECT * FROM declarations WHERE epoch_id = ? AND place > ? ORDER BY place LIMIT ?"
        return [_declaration(row) for row in self._all(sql, epoch_id, after, limit)]

    def purchases(self, epoch_id: int, after: int = 0, limit: int = PAGE) -> list[IndexedPurchase]:
        """The purchases of an epoch, in their order."""
        sql = "SELECT * FROM purchases WHERE epoch_id = ? AND purchase_id > ? ORDER BY purchase_id LIMIT ?"
        return [_purchase(row) for row in self._all(sql, epoch_id, after, limit)]

    def epoch_timeline(self, epoch_id: int, after: int = -1, limit: int = PAGE) -> list[Moment]:
        """What happened to an epoch, oldest first; declarations tell nothing of themselves."""
        sql = f"{_MOMENT} WHERE epoch_id = ? AND at > ? ORDER BY at LIMIT ?"
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
            " WHERE provider = ? AND (free_bond <> '0' OR unfinished > 0)",
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
            "SELECT * FROM tasks INDEXED BY tasks_of_data_node WHERE data_node = ? AND task_id < ?"
            " ORDER BY task_id DESC LIMIT ?"
        )
        return [_task(row) for row in self._all(sql, data_node, before, limit)]

    def entries_of(self, miner: str, before: int = END, limit: int = PAGE) -> list[Entrant]:
        """The tasks that an account committed to, newest first."""
        sql = (
            "SELECT * FROM entries INDEXED BY entries_of_miner WHERE miner = ? AND task_id < ?"
            " ORDER BY task_id DESC LIMIT ?"
        )
        return [_entrant(row) for row in self._all(sql, miner, before, limit)]

    def blocks_of(self, winner: str, before: int = END, limit: int = PAGE) -> list[IndexedBlock]:
        """The learning blocks that an account won, newest first."""
        sql = f"{_BLOCK} WHERE b.winner = ? AND b.block_index < ? ORDER BY b.block_index DESC LIMIT ?"
        return [self._block(row) for row in self._all(sql, winner, before, limit)]

    def epochs_of(self, provider: str, before: int = END, limit: int = PAGE) -> list[IndexedEpoch]:
        """The epochs that an account opened, newest first."""
        sql = (
            "SELECT * FROM epochs INDEXED BY epochs_of_provider WHERE provider = ? AND epoch_id < ?"
            " ORDER BY epoch_id DESC LIMIT ?"
        )
        return [_epoch(row) for row in self._all(sql, provider, before, limit)]

    def purchases_of(
        self, consumer: str, before: tuple[int, int] = (END, 0), limit: int = PAGE
    ) -> list[IndexedPurchase]:
        """What an account bought, newest epoch first; `before` is epoch and id of the last purchase known."""
        sql = (
            "SELECT * FROM purchases INDEXED BY purchases_of_consumer WHERE consumer = ?"
            " AND (epoch_id, purchase_id) < (?, ?) ORDER BY epoch_id DESC, purchase_id DESC LIMIT ?"
        )
        return [_purchase(row) for row in self._all(sql, consumer, *before, limit)]

    def _one(self, sql: str, *values: Any) -> Any:
        return self._db.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:
        return self._db.execute(sql, values).fetchall()

    def _block(self, row: Any) -> IndexedBlock:
        header = Header(
            row["block_index"],
            row["timestamp"],
            row["task_id"],
            row["winner"],
            _bytes(row["model_hash"]),
            _bytes(row["parameters_hash"]),
            row["score_wad"],
            _bytes(row["previous_hash"]),
        )
        deployment = self._deployment
        expected = block_hash(deployment.chain_id, deployment.ledger.address, header)
        follows = header.previous_hash == (_bytes(row["parent"]) if header.index else bytes(32))
        block = Block(header, _bytes(row["hash"]))
        return IndexedBlock(block, follows and block.hash == expected, row["metric"])


def all_of(query: Callable[..., list[Row]], key: Callable[[Row], int], *subject: int) -> Iterator[Row]:
    """Everything that a query with `after` gives, page by page; `key` is what a row is known by."""
    page = query(*subject)
    while page:
        yield from page
        page = query(*subject, after=key(page[-1]))


@contextmanager
def reading(path: Path, deployment: Deployment) -> Iterator[Index]:
    """Open an index to read: one state of it, whatever is written meanwhile; raises IndexMissing, IndexDamaged."""
    if not path.is_file():
        raise IndexMissing(path)
    try:
        database = connect(path, "ro")
        try:
            database.row_factory = sqlite3.Row
            database.execute("BEGIN")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                raise IndexMissing(path)
            if version != VERSION:
                raise IndexDamaged(path, f"an index of version {version}, and this reads version {VERSION}")
            yield Index(database, deployment)
        finally:
            database.close()
    except sqlite3.DatabaseError as error:
        raise IndexDamaged(path, str(error)) from error


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex(text[2:]) if text else bytes(32)


def _sum(rows: Sequence[Any]) -> int:
    return sum(int(amount) for row in rows for amount in row)


def _task(row: Any) -> IndexedTask:
    task = Task(
        task_id=row["task_id"],
        data_root=_bytes(row["data_root"]),
        manifest_hash=_bytes(row["manifest_hash"]),
        seed=_bytes(row["seed"]),
        ledger_tip=_bytes(row["ledger_tip"]),
        data_node=row["data_node"],
        miner_bond=int(row["miner_bond"]),
        reward=int(row["reward"]),
        data_node_bond=int(row["data_node_bond"]),
        scorer=row["scorer"],
        metric=row["metric"],
        feature_count=row["feature_count"],
        class_count=row["class_count"],
        mapping_width=row["mapping_width"],
        test_count=row["test_count"],
        row_count=row["row_count"],
        test_rows=row["test_rows"] or "0x" + "0" * 40,
        disclosed_count=row["disclosed_count"],
        commit_ends_at=row["commit_ends_at"],
        reveal_ends_at=row["reveal_ends_at"],
        draw_block=row["draw_block"],
        commit_seconds=row["commit_seconds"],
        disclose_seconds=row["disclose_seconds"],
        reveal_seconds=row["reveal_seconds"],
        min_score_wad=row["min_score_wad"],
    )
    return IndexedTask(
        task,
        row["posted_at"],
        _bytes(row["training_rows"]) if row["training_rows"] else None,
        row["commitments"],
        row["reveals"],
        None if row["outcome"] is None else Phase(row["outcome"]),
        row["ended_at"],
        row["winner"],
    )


def _moment(row: Any) -> Moment:
    at, number, timestamp, transaction_hash, name, arguments = row
    return Moment(at, number, timestamp, transaction_hash, name, json.loads(arguments))


def _entrant(row: Any) -> Entrant:
    return Entrant(
        row["task_id"],
        row["miner"],
        row["place"],
        EntryState(row["state"]),
        int(row["bond"]),
        row["committed_at"],
        row["scored_count"],
        row["revealed_at"],
        _bytes(row["model_hash"]) if row["model_hash"] else None,
        _bytes(row["parameters_hash"]) if row["parameters_hash"] else None,
        row["score_wad"],
    )


def _epoch(row: Any) -> IndexedEpoch:
    epoch = Epoch(
        epoch_id=row["epoch_id"],
        price_floor=int(row["price_floor"]),
        price_cap=int(row["price_cap"]),
        declare_ends_at=row["declare_ends_at"],
        consumer_count=row["consumer_count"],
        max_consumers=row["max_consumers"],
        provider=row["provider"],
        unit_cost=int(row["unit_cost"]),
        capacity=int(row["capacity"]),
        bond=int(row["bond"]),
        tolerance_wad=row["tolerance_wad"],
        price_seconds=row["price_seconds"],
        buy_seconds=row["buy_seconds"],
        leftover_seconds=row["leftover_seconds"],
        deliver_seconds=row["deliver_seconds"],
        accept_seconds=row["accept_seconds"],
        free_bond=int(row["free_bond"]),
        price=int(row["price"]),
        sold_units=int(row["sold_units"]),
        priced_at=row["priced_at"],
        purchase_count=row["purchase_count"],
    )
    return IndexedEpoch(
        epoch,
        row["opened_at"],
        row["ends_at"],
        None if row["demand"] is None else int(row["demand"]),
        row["unfinished"],
        int(row["revenue"]),
        int(row["paid"]),
        int(row["refunded"]),
        int(row["held_bond"]),
    )


def _declaration(row: Any) -> IndexedDeclaration:
    declaration = Declaration(
        row["epoch_id"],
        row["place"],
        int(row["value"]),
        int(row["shape"]),
        Utility(row["utility"]),
        bool(row["closed"]),
        row["consumer"],
        int(row["most_units"]),
    )
    return IndexedDeclaration(declaration, int(row["locked"]))


def _purchase(row: Any) -> IndexedPurchase:
    purchase = Purchase(
        row["epoch_id"],
        row["purchase_id"],
        row["consumer"],
        int(row["units"]),
        PurchaseStatus(row["status"]),
        _bytes(row["job_hash"]),
        _bytes(row["result_hash"]),
    )
    return IndexedPurchase(
        purchase,
        int(row["cost"]),
        int(row["bond_share"]),
        row["bought_at"],
        row["delivered_at"],
        row["ended_at"],
    )


def _payment(row: Any) -> Payment:
    at, number, timestamp, account, kind, side, amount, balance, other, task_id, epoch_id = row
    change = int(amount) if side else -int(amount)
    return Payment(
        at, number, timestamp, account, MoneyKind(kind), change, int(balance), other, task_id, epoch_id
    )
