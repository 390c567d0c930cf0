"""Brings an index up to the chain, range by range, and back where the chain was reorganised."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import requests
from web3.types import FilterParams

from offchain import metrics
from offchain.chain.connection import Connection, Head
from offchain.chain.errors import (
    DeploymentInvalid,
    EndpointFaulty,
    EndpointUnreachable,
    TransactionReverted,
)
from offchain.chain.market import ComputeMarketClient
from offchain.chain.registry import Task, TaskRegistryClient
from offchain.index.effects import AMOUNT_TERMS, EFFECTS, TERMS
from offchain.index.errors import (
    EventInvalid,
    EventsUnknown,
    GenesisMissing,
    IndexBehind,
    IndexBusy,
    IndexMissing,
    LogMissing,
    RangeRefused,
)
from offchain.index.events import Event, EventDecoder, Plain
from offchain.index.queries import END, Index, reading
from offchain.index.store import BlockMark, LockedDeclaration, Range, Store

log = logging.getLogger(__name__)

FIRST_RANGE_BLOCKS = 1_000
MOST_RANGE_BLOCKS = 10_000
MOST_DISTURBANCES = 20  # in a row, by a chain that is another one each time it is looked at
POLL_SECONDS, MOST_PAUSE_SECONDS = 0.5, 30.0
WAIT_SECONDS, MOST_WAIT_SECONDS = 0.05, 10.0  # for another process that writes, while it does not come on
DOUBTS_BLOCKS = (64, 1_024, 16_384, END)  # to read again where a log was missing, and again, and anew
REFUSALS = (EndpointFaulty, requests.RequestException)
"""What a range is made smaller for: nodes bound blocks, logs, bytes or time, and each says so in its own way."""

PASSING = (
    OSError,
    DeploymentInvalid,
    EndpointFaulty,
    EndpointUnreachable,
    GenesisMissing,
    IndexBusy,
    RangeRefused,
)
"""What a follower outlasts: a node that is away, makes no sense or is not deployed to yet; another that writes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an index is: all blocks from `first` to `indexed`, of which `head` is the last that there is."""

    first: int
    indexed: int
    head: int
    events: int

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left; a node that lags behind the index has nothing either."""
        return self.indexed >= self.head


class Follower:
    """Writes what one connection tells to one index."""

    def __init__(self, connection: Connection, store: Store) -> None:
        """Raises EventsUnknown."""
        self._connection, self._store = connection, store
        self._decoder = EventDecoder(connection.deployment)
        if missing := EFFECTS.keys() - self._decoder.names:
            raise EventsUnknown(missing)
        self._registry = TaskRegistryClient(connection)
        self._market = ComputeMarketClient(connection)
        self._size = FIRST_RANGE_BLOCKS
        self._doubts = iter(DOUBTS_BLOCKS)

    def catch_up(self) -> Iterator[Progress]:
        """Index up to the block that is the newest at the start, and tell after each range how far it is.

        Who stops listening leaves an index of whole ranges.

        Raises
        ------
        EventInvalid, GenesisMissing, RangeRefused, EndpointFaulty, requests.RequestException
        """
        head = self._mark("latest")
        yield self._progress(head)
        disturbances = 0
        while True:
            self._go_back(head)
            if self._progress(head).is_complete:
                break
            if self._add_range(head):
                disturbances = 0
                yield self._progress(head)
            else:
                disturbances += 1
                if disturbances > MOST_DISTURBANCES:
                    raise EndpointFaulty("another chain each time it is asked")
                head = self._mark("latest")
        if not self._store.has_genesis():
            self._store.roll_back(None)
            raise GenesisMissing(self._connection.deployment.block)
        self._doubts = iter(DOUBTS_BLOCKS)
        self._read_declarations()
        yield self._progress(head)

    def _progress(self, head: BlockMark) -> Progress:
        first = self._connection.deployment.block
        tip = self._store.tip()
        indexed = first - 1 if tip is None else tip.number
        metrics.blocks_behind().set(head.number - indexed)
        metrics.HEAD_AT.set(head.timestamp)
        metrics.STEPPED_AT.set_to_current_time()
        return Progress(first, indexed, head.number, self._store.event_count())

    def _go_back(self, head: BlockMark) -> None:
        """Forget what is no longer on the chain; the steps back grow, so some of what is may go too.

        The first block of the index is known, so a chain of which no block is known ends before it: it is another one.
        """
        known = self._store.mark_before(head.number)
        skipped = 0
        while known is not None and not self._is_on_chain(known):
            skipped = 2 * skipped + 1
            known = self._store.mark_before(head.number, skipped)
        if skipped or (known is None and self._store.tip() is not None):
            log.warning("the chain is another one than was indexed: reading it again %s", _since(known))
            self._store.roll_back(known)

    def _add_range(self, head: BlockMark) -> bool:
        """Add the next range; whether the chain stayed the same meanwhile."""
        tip = self._store.tip()
        first = self._connection.deployment.block if tip is None else tip.number + 1
        found = self._read(first, head)
        if found is None or not self._is_on_chain(found.last):
            return False
        if tip is not None and not self._is_on_chain(tip):
            return False
        try:
            self._store.add(found)
        except LogMissing as error:
            self._read_again(error)
        return True

    def _read_again(self, error: LogMissing) -> None:
        """Forget blocks of which a node did not tell everything, as one that lagged behind: more each time."""
        tip, doubt = self._store.tip(), next(self._doubts, None)
        if tip is None or doubt is None:
            raise error
        known = self._store.mark_before(tip.number - doubt)
        log.warning("%s: reading again %s", error, _since(known))
        self._store.roll_back(known)

    def _read(self, first: int, head: BlockMark) -> Range | None:
        """The events of the next blocks, as many as the node tells at once; None where they do not fit together."""
        logs, last = self._logs(first, head.number)
        end = head if last == head.number else self._mark(last)
        marks = {last: end}
        if self._store.tip() is None and first < last:
            marks[first] = self._mark(first)
        events: dict[int, Event] = {}
        for told in logs:
            event = self._decoder.decode(told, first, last)
            if event.at in events:
                raise EventInvalid(event.block, event.log_index, "it is told twice")
            if event.block not in marks:
                marks[event.block] = self._mark_of(told)
            if marks[event.block].hash != bytes(told["blockHash"]):
                return None
            events[event.at] = event
        complete = [self._with_terms(events[at]) for at in sorted(events)]
        if None in complete:
            return None
        return Range(end, tuple(marks[number] for number in sorted(marks)), tuple(filter(None, complete)))

    def _logs(self, first: int, head: int) -> tuple[list[Mapping[str, Any]], int]:
        """The logs of a range that the node does not refuse, and its last block."""
        while True:
            last = min(first + self._size - 1, head)
            wanted: FilterParams = {"fromBlock": first, "toBlock": last, "address": self._decoder.addresses}
            try:
                with self._connection.asking():
                    logs: list[Mapping[str, Any]] = list(self._connection.w3.eth.get_logs(wanted))
            except REFUSALS as error:
                if last == first:
                    raise RangeRefused(first, str(error)) from error
                self._size = max(1, (last - first + 1) // 2)
            else:
                self._size = min(MOST_RANGE_BLOCKS, self._size + 1 + self._size // 4)
                return logs, last

    def _with_terms(self, event: Event) -> Event | None:
        """A posted task with its terms, which its event does not tell; None where the task is another one."""
        if event.name != "TaskPosted":
            return event
        told: Any = event.arguments
        try:
            task = self._registry.task(told["taskId"])
        except TransactionReverted:
            return None
        if (task.data_node, "0x" + task.manifest_hash.hex()) != (told["dataNode"], told["manifestHash"]):
            return None
        return replace(event, arguments={**event.arguments, "terms": _terms(task)})

    def _read_declarations(self) -> None:
        """Read again what was declared where that has changed, as it was at the tip."""
        tip = self._store.tip()
        if tip is None:
            return
        for epoch_id in self._store.stale_epochs():
            found = [
                LockedDeclaration(
                    each,
                    0 if each.closed else self._market.lock_of(epoch_id, each.index, tip.number),
                )
                for each in self._market.declarations(epoch_id, tip.number)
            ]
            if not self._is_on_chain(tip):
                return
            self._store.keep_declarations(epoch_id, found)

    def _is_on_chain(self, mark: BlockMark) -> bool:
        return self._mark(mark.number).hash == mark.hash

    def _mark(self, which: Any) -> BlockMark:
        with self._connection.asking():
            block = self._connection.w3.eth.get_block(which)
            return BlockMark(int(block["number"]), bytes(block["hash"]), int(block["timestamp"]))

    def _mark_of(self, told: Mapping[str, Any]) -> BlockMark:
        """The block of a log; not every node tells its timestamp along with it."""
        with self._connection.asking():
            number, block_hash = int(told["blockNumber"]), bytes(told["blockHash"])
            timestamp = told.get("blockTimestamp")
            if isinstance(timestamp, str):
                return BlockMark(number, block_hash, int(timestamp, 16))
        return self._mark(number)


def _since(known: BlockMark | None) -> str:
    return "from its beginning" if known is None else f"after block {known.number}"


def _terms(task: Task) -> dict[str, Plain]:
    """The terms of a task as an event would tell them."""
    found: dict[str, Plain] = {}
    for name in TERMS:
        value = getattr(task, name)
        plain = "0x" + value.hex() if isinstance(value, bytes) else value
        found[name] = str(plain) if name in AMOUNT_TERMS else plain
    return found


def follow(connect: Callable[[], Connection], path: Path) -> NoReturn:
    """Catch up again and again; where that fails, connect again, after a pause that grows.

    So a node may be away, or be started anew and deployed to again: the deployments file says then where to begin.
    """
    pause, events, heard_at = POLL_SECONDS, -1, time.monotonic()
    while True:
        try:
            connection = connect()
            with Store.writing(path, connection.deployment) as store:
                follower = Follower(connection, store)
                while True:
                    for progress in follower.catch_up():
                        if progress.is_complete and progress.events != events:
                            log.info("block %d: %s events", progress.indexed, f"{progress.events:,}")
                            events = progress.events
                    if pause > POLL_SECONDS:
                        log.info("going on, after %d s", math.ceil(time.monotonic() - heard_at))
                    pause, heard_at = POLL_SECONDS, time.monotonic()
                    time.sleep(pause)
        except PASSING as error:
            pause = min(2 * pause, MOST_PAUSE_SECONDS)
            log.warning("%s: asking again in %d s", error, math.ceil(pause))
        time.sleep(pause)


@contextmanager
def up_to_date(
    path: Path, connection: Connection, tell: Callable[[Progress], None] = lambda _: None
) -> Iterator[Index]:
    """An index that knows the block that is the newest now, for reading.

    It is caught up here, unless another process writes to it: then that one is waited for while it comes on.

    Raises
    ------
    IndexUnusable, IndexDamaged, IndexBehind, EventInvalid, GenesisMissing, RangeRefused, EndpointFaulty,
    requests.RequestException
    """
    head = connection.head()
    waited, known = 0.0, -1
    while True:
        try:
            with Store.writing(path, connection.deployment) as store:
                for progress in Follower(connection, store).catch_up():
                    tell(progress)
            break
        except IndexBusy as busy:
            indexed = _indexed(path, connection, head)
            if indexed >= head.number:
                break
            waited, known = (0.0 if indexed > known else waited + WAIT_SECONDS), indexed
            if waited > MOST_WAIT_SECONDS:
                if indexed < 0:
                    raise IndexBehind(path, busy.process) from busy
                log.warning("%s, and it is at block %d of %d", busy, indexed, head.number)
                break
            time.sleep(WAIT_SECONDS)
    with reading(path) as index:
        yield index


def _indexed(path: Path, connection: Connection, head: Head) -> int:
    """The last block of an index that another process writes to; -1 where it has none of this chain yet."""
    try:
        with reading(path) as index:
            status, shared = index.status(), index.status(head.number)
    except IndexMissing:
        return -1
    if status is None or shared is None:
        return -1
    with connection.asking():
        block_hash = bytes(connection.w3.eth.get_block(shared.block)["hash"])
    return status.block if block_hash == shared.block_hash else -1
