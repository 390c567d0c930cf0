"""The thread that keeps a dashboard's index up: what it hears, what it says of trouble, and how long it rests."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from offchain.chain.connection import Connection
from offchain.dashboard import watching
from offchain.dashboard.watching import Contact, Watcher
from offchain.index.follow import MOST_PAUSE_SECONDS, POLL_SECONDS
from offchain.index.store import Store
from tests.world import World

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Rest(NamedTuple):
    """A pause of the watcher's, and what it had heard before."""

    seconds: float
    contact: Contact


class Clock:
    """Time that passes by sleeping alone; the watcher's thread ends in its last pause."""

    def __init__(self, pauses: int) -> None:
        self.rests: list[Rest] = []
        self.watcher: Watcher | None = None
        self._pauses = pauses

    def sleep(self, seconds: float) -> None:
        """Note a pause."""
        assert self.watcher is not None
        self.rests.append(Rest(seconds, self.watcher.contact))
        if len(self.rests) == self._pauses:
            raise SystemExit  # of a thread: it ends

    def monotonic(self) -> float:
        """Seconds slept."""
        return sum(rest.seconds for rest in self.rests)

    time = staticmethod(time.time)


def watch(connection: Connection, path: Path, pauses: int, monkeypatch: pytest.MonkeyPatch) -> list[Rest]:
    """The first pauses of a watcher."""
    clock = Clock(pauses)
    monkeypatch.setattr(watching, "time", clock)
    clock.watcher = Watcher(lambda: connection, path)
    clock.watcher.start()
    for thread in threading.enumerate():
        if thread.name == "watcher":
            thread.join(60)
    return clock.rests


def answering(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, answers: list[int | Exception]
) -> None:
    """Let a node tell these heads, or fail."""
    coming: Iterator[int | Exception] = iter(answers)
    head = connection.head()

    def tell(_: Connection) -> object:
        answer = next(coming)
        if isinstance(answer, Exception):
            raise answer
        return head._replace(number=answer)

    monkeypatch.setattr(Connection, "head", tell)


def test_a_watcher_writes_the_index(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = world.connection.head().number

    rests = watch(world.connection, tmp_path / "index.sqlite", 2, monkeypatch)

    assert [(rest.seconds, rest.contact.head, rest.contact.trouble) for rest in rests] == [
        (POLL_SECONDS, head, "")
    ] * 2


def test_where_another_writes_it_hears_the_node_and_rests_longer_while_that_is_away(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, away = tmp_path / "index.sqlite", ConnectionError("https://node.example/a-key is away")
    answering(world.connection, monkeypatch, [7, *[away] * 8, 8, away])

    with caplog.at_level("INFO"), Store.writing(path, world.connection.deployment):
        rests = watch(world.connection, path, 11, monkeypatch)

    pauses = [POLL_SECONDS, *(min(POLL_SECONDS * 2**n, MOST_PAUSE_SECONDS) for n in range(8))]
    assert [rest.seconds for rest in rests] == [*pauses, POLL_SECONDS, POLL_SECONDS]
    assert pauses[-1] == MOST_PAUSE_SECONDS
    assert [rest.contact.head for rest in rests] == [7] * 9 + [8] * 2
    assert {rest.contact.trouble for rest in rests[1:9]} == {"The node does not answer"}
    assert rests[9].contact.trouble == ""
    assert rests[8].contact.heard_at == 0  # it was heard before the first pause
    assert caplog.messages[0] == f"{away}: asking again in 1 s"  # a pause of half a second
    assert caplog.messages[8:] == ["going on, after 92 s", f"{away}: asking again in 1 s"]
