"""Every query finds what it gives by an index, and pages fit together."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.index import CROWDED, fill, queries
from benchmarks.index_events import CROWD, DEPLOYMENT, MINERS, REVEALING, WHALE
from offchain.index.effects import EFFECTS
from offchain.index.errors import IndexUnusable
from offchain.index.events import EventDecoder
from offchain.index.queries import Index, all_of, reading
from offchain.index.store import Store, connect, index_path
from tests.world import World

EVENTS = 30_000
MOST_STEPS = 30_000  # of SQLite's machine: 200 rows of 30 columns take 10,000, a look at every event 150,000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = index_path(tmp_path_factory.mktemp("index"), DEPLOYMENT)
    assert EVENTS <= fill(path, EVENTS) < EVENTS + 10
    return path


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    with reading(path) as found:
        yield found


@pytest.mark.parametrize("name", queries(0))
def test_a_query_reads_no_more_rows_than_it_gives(path: Path, name: str) -> None:
    database = connect(path, "ro")
    asked: list[str] = []
    steps_taken = [0]

    def count() -> None:
        steps_taken[0] += 100

    database.set_trace_callback(asked.append)
    database.set_progress_handler(count, 100)

    assert queries(0)[name](Index(database)) or name == "first_invalid_block"  # of which there is none
    database.set_trace_callback(None)
    database.set_progress_handler(None, 0)
    steps = [step[3] for sql in asked for step in database.execute(f"EXPLAIN QUERY PLAN {sql}")]
    database.close()

    assert asked
    assert steps_taken[0] < MOST_STEPS
    # The one row of `origin` is all that may be scanned; a sort would read everything before it gives anything.
    assert [step for step in steps if step.startswith("SCAN") and step != "SCAN origin"] == []
    assert [step for step in steps if "TEMP B-TREE" in step] == []


def test_every_query_is_measured() -> None:
    public = {name for name in vars(Index) if not name.startswith("_")}

    assert public - {name.split(",")[0] for name in queries(0)} == set()


def test_every_event_of_the_contracts_has_its_effects(world: World) -> None:
    assert EventDecoder(world.connection.deployment).names == set(EFFECTS)


def test_pages_of_a_list_are_the_whole_list(index: Index) -> None:
    tasks = [found.task.task_id for found in all_of(index.tasks, lambda found: found.task.task_id)]
    board = list(all_of(index.leaderboard, lambda found: (found.score_wad, found.order), CROWDED))
    entrants = list(all_of(index.entrants, lambda found: found.order, CROWDED))

    assert tasks == list(range(1, index.totals().tasks + 1))
    assert len(entrants) == CROWD
    assert len(board) == len(set(board)) == CROWD * REVEALING // MINERS
    assert board == sorted(board, key=lambda found: (-(found.score_wad or 0), found.order))


def test_pages_backwards_are_the_whole_list_too(index: Index) -> None:
    payments, page = [], index.payments(WHALE)
    while page:
        payments += page
        page = index.payments(WHALE, before=page[-1].at)
    purchases, bought = [], index.purchases_of(WHALE)
    while bought:
        purchases += bought
        last = bought[-1].purchase
        bought = index.purchases_of(WHALE, before=(last.epoch_id, last.purchase_id))

    assert sum(payment.change for payment in payments) == index.stakes(WHALE).balance
    assert len({found.at for found in payments}) == len(payments) > 500
    assert len(purchases) == index.totals().epochs  # one in each


def test_an_index_cannot_be_written_by_its_readers(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connect(path, "ro").execute("DELETE FROM tasks")


@pytest.mark.parametrize(
    ("number", "cure"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "name a data directory that you can write to")],
)
@pytest.mark.parametrize("step", ["open", "pwrite"])
def test_an_index_that_cannot_be_locked_names_its_file_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, cure: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "index.sqlite"
    monkeypatch.setattr(f"offchain.index.store.os.{step}", refuse)

    with pytest.raises(IndexUnusable) as caught, Store.writing(path, DEPLOYMENT):
        pass

    assert str(path) in str(caught.value)
    assert cure in str(caught.value)
