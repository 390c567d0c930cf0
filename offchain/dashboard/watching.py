"""Keeps the index up while pages are read from it, and remembers when the node was last heard."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from offchain.chain.connection import Connection
from offchain.chain.errors import EndpointUnreachable
from offchain.index.errors import IndexBusy
from offchain.index.follow import MOST_PAUSE_SECONDS, POLL_SECONDS, Follower
from offchain.index.rows import Status
from offchain.index.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contact:
    """What the node last said, and when, by `time.monotonic`.

    head : number of its newest block, None before it was asked
    trouble : why the index cannot be brought up to that, "" where it can
    """

    heard_at: float
    head: int | None = None
    trouble: str = ""


class Watcher:
    """Follows the chain into an index, in a thread, unless another process does; then it only asks how far that is.

    After a failure it connects again: a node that was started anew is deployed to again, and the deployments file says
    where to begin. The thread can be left anywhere: an index that is broken off has whole ranges.
    """

    def __init__(self, connect: Callable[[], Connection], path: Path) -> None:
        self._connect, self._path = connect, path
        self._connection: Connection | None = None
        self._block = (b"", time.monotonic())  # the newest one that was indexed, and when it was first seen
        self.contact = Contact(time.monotonic())

    def start(self) -> None:
        """Begin, and go on until the process ends."""
        threading.Thread(target=self._watch, name="watcher", daemon=True).start()

    def clock(self, status: Status) -> int:
        """What time it is on the chain, which goes on between two blocks; see `chain_time`."""
        now = time.monotonic()
        if self._block[0] != status.block_hash:
            self._block = (status.block_hash, now)
        return chain_time(status.timestamp, now - self._block[1], time.time())

    def _watch(self) -> NoReturn:
        pause = POLL_SECONDS
        while True:
            try:
                self._follow_if_free()
                pause = POLL_SECONDS
            except Exception as error:  # whatever it is, the pages stay, and say that they are old
                pause = min(2 * pause, MOST_PAUSE_SECONDS) if self.contact.trouble else POLL_SECONDS
                self._connection = None
                log.warning("%s: asking again in %d s", error, math.ceil(pause))
                # What comes from an HTTP library may name a whole URL, of which a key can be part.
                said = (
                    "The node does not answer"
                    if isinstance(error, OSError | EndpointUnreachable)
                    else str(error)
                )
                self.contact = replace(self.contact, trouble=said[:300])
            time.sleep(pause)

    def _follow_if_free(self) -> None:
        """Follow until something fails; or hear the node, where another process writes the index."""
        connection = self._connection = self._connection or self._connect()
        try:
            with Store.writing(self._path, connection.deployment) as store:
                follower = Follower(connection, store)
                while True:
                    for progress in follower.catch_up():
                        self._heard(progress.head)
                    time.sleep(POLL_SECONDS)
        except IndexBusy:
            self._heard(connection.head().number)

    def _heard(self, head: int) -> None:
        now = time.monotonic()
        if self.contact.trouble:
            log.info("going on, after %d s", math.ceil(now - self.contact.heard_at))
        self.contact = Contact(now, head)


def chain_time(timestamp: int, seconds_since: float, wall: float) -> int:
    """The timestamp that a block would have now.

    Where the chain's clock is this machine's, that is the time here; a chain of tests may be ahead, and then as many
    seconds have passed as since its newest block came, which has `timestamp`.
    """
    return max(int(wall), timestamp + int(seconds_since))
