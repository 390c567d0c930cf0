"""What each page shows, made of rows of the index alone."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from offchain.chain.ledger import Header
from offchain.chain.phase import EpochPhase, Phase
from offchain.dashboard.shown import WAD_DECIMALS, metric_name, plotted, score
from offchain.dashboard.watching import Contact
from offchain.dashboard.words import ACTORS, EPOCH_PHASES, EVENTS, NOBODY_DECLARED, PHASES, Word
from offchain.index.events import Plain
from offchain.index.rows import Entrant, IndexedBlock, IndexedEpoch, IndexedTask, Moment, Stakes, Status

Row = TypeVar("Row")

PAGE_ROWS = 25
CHARTED_EPOCHS = 2  # a single point has no range that an axis could have
LAG_BLOCKS = 3  # an index that is one or two behind is in the middle of its work
SILENT_SECONDS = 5.0


# Lists


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A part of a list, and the query of the part after it, "" where it is the last one."""

    rows: tuple[Row, ...]
    more: str = ""


def page(rows: Sequence[Row], cursor: Callable[[Row], str]) -> Page[Row]:
    """The first `PAGE_ROWS` of rows, of which one more was asked for; `cursor` is the query after a row."""
    shown = tuple(rows[:PAGE_ROWS])
    return Page(shown, cursor(shown[-1]) if len(rows) > PAGE_ROWS else "")


# Where things stand


@dataclass(frozen=True, slots=True)
class Notice:
    """What is wrong with all that is shown."""

    words: str
    is_alarm: bool


def notice(status: Status | None, contact: Contact, now: float) -> Notice | None:
    """What to say above a page, by how old the last word of the node is and how far behind the index.

    now : by the clock of `contact.heard_at`
    """
    at = "There is nothing to show yet" if status is None else f"This is block {status.block:,}"
    silent = int(now - contact.heard_at)
    if contact.trouble:
        return Notice(f"{contact.trouble}. {at}, and it may be out of date.", True)
    if silent > SILENT_SECONDS:
        return Notice(f"Nothing was heard from the node for {silent} s. {at}.", True)
    if status is None:
        return Notice("The chain is being read for the first time.", False)
    if contact.head is not None and contact.head - status.block > LAG_BLOCKS:
        return Notice(f"Catching up: block {status.block:,} of {contact.head:,}.", False)
    return None


@dataclass(frozen=True, slots=True)
class State:
    """A phase, and the timestamp at which it ends where a deadline ends it."""

    word: Word
    ends_at: int | None


# Tasks


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task in a list."""

    found: IndexedTask
    state: State
    metric: str


def task_row(found: IndexedTask, now: int) -> TaskRow:
    """A task as it stands at a timestamp."""
    state = State(PHASES[found.phase(now)], found.phase_ends_at(now))
    return TaskRow(found, state, metric_name(found.task.metric))


def ended(tasks: Iterable[IndexedTask], now: int, most: int) -> list[TaskRow]:
    """Those of some tasks that have ended."""
    return [task_row(found, now) for found in tasks if found.outcome is not None][:most]


@dataclass(frozen=True, slots=True)
class Step:
    """One of the phases that a task goes through.

    progress : done, current, failed or ahead
    """

    word: Word
    progress: str


def steps(phase: Phase) -> list[Step]:
    """The way of a task, and how far on it a phase is."""
    straight = [Phase.DRAW, Phase.COMMIT, Phase.DISCLOSE, Phase.REVEAL, Phase.SETTLED]
    if phase in (Phase.ABORT, Phase.ABORTED):
        straight = [Phase.DRAW, Phase.COMMIT, Phase.ABORTED]
    standing = {Phase.SETTLE: Phase.SETTLED, Phase.ABORT: Phase.ABORTED}.get(phase, phase)
    at = straight.index(standing)
    current = {Phase.SETTLED: "done", Phase.ABORTED: "failed"}.get(phase, "current")
    progress = ["done"] * at + [current] + ["ahead"] * (len(straight) - at - 1)
    return [Step(PHASES[each], word) for each, word in zip(straight, progress, strict=True)]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A miner in a task's leaderboard; `is_paid` where the reward is its own."""

    found: Entrant
    score: str
    is_paid: bool


def ranked(found: Entrant, task: IndexedTask) -> Ranked:
    """A revealed model of a task."""
    return Ranked(found, score(found.score_wad or 0, task.task.metric), found.miner == task.winner)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something in a timeline.

    who : the account that did it, or that got something
    detail : what more there is to say, such as a score
    """

    at: int
    timestamp: int
    words: str
    who: str | None
    detail: str


def happening(moment: Moment, metric: int | None = None) -> Happening:
    """An event in words; `metric` is that of the task it is about."""
    told = moment.arguments
    who = next((told[name] for name in ACTORS if name in told), None)
    words = EVENTS.get(moment.name, moment.name)
    detail = ""
    if moment.name == "ModelRevealed":
        detail = score(_number(told, "scoreWad"), metric)
    elif moment.name == "TestRowsDisclosed":
        detail = f"{_number(told, 'disclosedCount'):,} so far"
    elif moment.name in ("UnitsBought", "ResultDelivered", "PurchasePaid", "PurchaseRefunded"):
        detail = f"purchase {_number(told, 'purchaseId')}"
    is_nobody = not isinstance(who, str) or int(who, 16) == 0
    return Happening(moment.at, moment.timestamp, words, None if is_nobody else str(who), detail)


def _number(told: Mapping[str, Plain], name: str) -> int:
    value = told.get(name, 0)
    return int(value) if isinstance(value, int | str) else 0


# The learning ledger


@dataclass(frozen=True, slots=True)
class Link:
    """A learning block as a link of the chain; hashes in hex."""

    header: Header
    hash: str
    previous_hash: str
    model_hash: str
    is_valid: bool
    score: str
    metric: str


def link(found: IndexedBlock) -> Link:
    """A learning block; genesis, which comes of no task, has no score."""
    header = found.block.header
    has_task = found.metric is not None
    return Link(
        header,
        "0x" + found.block.hash.hex(),
        "0x" + header.previous_hash.hex(),
        "0x" + header.model_hash.hex(),
        found.is_valid,
        score(header.score_wad, found.metric) if has_task else "",
        metric_name(found.metric) if has_task else "",
    )


# The market


@dataclass(frozen=True, slots=True)
class EpochRow:
    """An epoch in a list.

    has_ended : whether nothing is priced or sold in it any more
    """

    found: IndexedEpoch
    state: State
    has_price: bool
    has_ended: bool
    declarations_are_over: bool


def epoch_row(found: IndexedEpoch, now: int) -> EpochRow:
    """An epoch as it stands at a timestamp."""
    phase = found.phase(now)
    word = EPOCH_PHASES[phase]
    if phase == EpochPhase.UNPRICED and not found.epoch.consumer_count:
        word = NOBODY_DECLARED
    return EpochRow(
        found,
        State(word, found.phase_ends_at(now)),
        phase.has_price,
        has_ended=phase not in (EpochPhase.DECLARE, EpochPhase.PRICE, EpochPhase.BUY, EpochPhase.LEFTOVER),
        declarations_are_over=phase != EpochPhase.DECLARE,
    )


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of one or two lines over time; `values` is JSON: timestamps, then a list for each line."""

    name: str
    unit: str
    lines: tuple[str, ...]
    values: str


def charts(history: Sequence[IndexedEpoch], symbol: str, decimals: int) -> list[Chart]:
    """Price, capacity, utilisation and profit over the times at which prices were accepted; none of a single one."""
    if len(history) < CHARTED_EPOCHS:
        return []
    epochs = sorted(history, key=lambda each: each.epoch.priced_at)
    times = [each.epoch.priced_at for each in epochs]
    price = plotted([each.epoch.price for each in epochs], decimals)
    capacity = plotted([each.epoch.capacity for each in epochs], WAD_DECIMALS)
    sold = plotted([each.epoch.sold_units for each in epochs], WAD_DECIMALS)
    used = [100 * part / whole if whole else 0.0 for part, whole in zip(sold, capacity, strict=True)]
    profit = plotted([each.profit for each in epochs], decimals)
    return [
        Chart("Price", f"{symbol} a unit", ("price",), json.dumps([times, price])),
        Chart("Capacity", "units", ("capacity", "sold"), json.dumps([times, capacity, sold])),
        Chart("Utilisation", "% of capacity", ("utilisation",), json.dumps([times, used])),
        Chart("Profit", symbol, ("profit",), json.dumps([times, profit])),
    ]


# An account


@dataclass(frozen=True, slots=True)
class Holding:
    """A part of what an account has, token units."""

    name: str
    meaning: str
    units: int


def holdings(stakes: Stakes) -> list[Holding]:
    """What an account has, by what it is for."""
    return [
        Holding("Balance", "in the vault, to withdraw", stakes.balance),
        Holding("Escrows", "rewards and bonds of its open tasks", stakes.escrows),
        Holding("Miner bonds", "of commitments to reveal or claim", stakes.miner_bonds),
        Holding("Provider bonds", "for units to sell or deliver", stakes.provider_bonds),
        Holding("Locks", "of declarations that have not bought", stakes.locks),
    ]
