"""What the dashboard makes of the index's rows."""

import json
from dataclasses import replace

import pytest

from offchain.chain.market import Epoch
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.dashboard import views, words
from offchain.dashboard.guards import is_answered
from offchain.dashboard.shown import Token
from offchain.dashboard.views import Notice
from offchain.dashboard.watching import Contact, chain_time
from offchain.index.effects import EFFECTS
from offchain.index.events import Plain
from offchain.index.kinds import EntryState, MoneyKind
from offchain.index.rows import IndexedEpoch, Moment, Status

UNIT = 10**18
SELLER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
AT_10 = Status(10, bytes(32), 1_000, 5)
EPOCH = IndexedEpoch(
    Epoch(
        epoch_id=1,
        price_floor=UNIT,
        price_cap=10 * UNIT,
        declare_ends_at=100,
        consumer_count=3,
        max_consumers=10,
        provider=SELLER,
        unit_cost=UNIT,
        capacity=10 * UNIT,
        bond=20 * UNIT,
        tolerance_wad=UNIT // 100,
        price_seconds=100,
        buy_seconds=100,
        leftover_seconds=100,
        deliver_seconds=100,
        accept_seconds=100,
        free_bond=0,
        price=2 * UNIT,
        sold_units=5 * UNIT // 2,
        priced_at=150,
        purchase_count=3,
    ),
    opened_at=0,
    ends_at=550,
    demand=3 * UNIT,
    unfinished=0,
    revenue=5 * UNIT,
    paid=4 * UNIT,
    refunded=UNIT,
    held_bond=0,
)


@pytest.mark.parametrize(
    ("status", "contact", "expected"),
    [
        (AT_10, Contact(100.0, 10), None),
        (AT_10, Contact(100.0, 13), None),  # at work
        (AT_10, Contact(100.0, 14), Notice("Catching up: block 10 of 14.", False)),
        (
            AT_10,
            Contact(94.0, 10),
            Notice("Nothing was heard from the node for 7 s. This is block 10.", True),
        ),
        (None, Contact(100.0), Notice("The chain is being read for the first time.", False)),
        (
            AT_10,
            Contact(99.0, 10, "The node does not answer"),
            Notice("The node does not answer. This is block 10, and it may be out of date.", True),
        ),
    ],
)
def test_a_notice_says_how_old_the_page_is(
    status: Status | None, contact: Contact, expected: Notice | None
) -> None:
    assert views.notice(status, contact, now=101.0) == expected


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.DRAW, "Draw:current Commit:ahead Disclose:ahead Reveal:ahead Settled:ahead"),
        (Phase.REVEAL, "Draw:done Commit:done Disclose:done Reveal:current Settled:ahead"),
        (Phase.SETTLE, "Draw:done Commit:done Disclose:done Reveal:done Settled:current"),
        (Phase.SETTLED, "Draw:done Commit:done Disclose:done Reveal:done Settled:done"),
        (Phase.ABORT, "Draw:done Commit:done Aborted:current"),
        (Phase.ABORTED, "Draw:done Commit:done Aborted:failed"),
    ],
)
def test_steps_show_how_far_a_task_is(phase: Phase, expected: str) -> None:
    assert " ".join(f"{step.word.name}:{step.progress}" for step in views.steps(phase)) == expected


def test_a_list_that_fits_has_no_next_page() -> None:
    full = list(range(views.PAGE_ROWS))

    assert views.page(full, str) == views.Page(tuple(full), "")
    assert views.page([*full, 25], str) == views.Page(tuple(full), "24")


def test_a_happening_names_who_did_it_and_what_came_of_it() -> None:
    told: dict[str, Plain] = {
        "taskId": 1,
        "miner": SELLER,
        "modelHash": "0x",
        "scoreWad": 977_777_777_777_777_777,
    }
    moment = Moment(7, 3, 1_000, b"", "ModelRevealed", told)

    found = views.happening(moment, metric=0)

    assert found == views.Happening(7, 1_000, "Model revealed and scored", SELLER, "97.77%")


def test_a_task_that_nobody_wins_names_nobody() -> None:
    moment = Moment(7, 3, 1_000, b"", "TaskSettled", {"taskId": 1, "winner": "0x" + 40 * "0"})

    assert views.happening(moment).who is None


def test_charts_are_in_the_order_of_time() -> None:
    """Sold are 2.5 of 10 units at 2, at a cost of 1: a profit of 5 - 2.5; before that, 1 of 4 at 3: 3 - 1."""
    earlier = replace(
        EPOCH,
        epoch=replace(EPOCH.epoch, priced_at=140, price=3 * UNIT, capacity=4 * UNIT, sold_units=UNIT),
        revenue=3 * UNIT,
    )

    price, capacity, utilisation, profit = views.charts([EPOCH, earlier], "POLE", 18)

    assert (price.unit, json.loads(price.values)) == ("POLE a unit", [[140, 150], [3.0, 2.0]])
    assert (capacity.lines, json.loads(capacity.values)) == (
        ("capacity", "sold"),
        [[140, 150], [4.0, 10.0], [1.0, 2.5]],
    )
    assert json.loads(utilisation.values) == [[140, 150], [25.0, 25.0]]
    assert json.loads(profit.values) == [[140, 150], [2.0, 2.5]]


def test_an_epoch_of_nothing_uses_nothing() -> None:
    nothing = replace(EPOCH, epoch=replace(EPOCH.epoch, capacity=0, sold_units=0))

    assert json.loads(views.charts([nothing, nothing], "POLE", 18)[2].values) == [[150, 150], [0.0, 0.0]]


@pytest.mark.parametrize("history", [[], [EPOCH]], ids=["no epoch", "one"])
def test_a_chart_needs_two_epochs(history: list[IndexedEpoch]) -> None:
    assert views.charts(history, "POLE", 18) == []


@pytest.mark.parametrize(
    ("consumers", "meaning"),
    [(0, "Nobody declared, so there was nothing to price or to sell."), (1, "No price came in time")],
)
def test_an_epoch_without_a_price_says_why(consumers: int, meaning: str) -> None:
    unpriced = replace(EPOCH, epoch=replace(EPOCH.epoch, consumer_count=consumers, price=0, priced_at=0))

    row = views.epoch_row(unpriced, 10_000)

    assert row.has_ended and row.declarations_are_over
    assert (row.state.word.name, row.state.word.meaning.startswith(meaning)) == ("Unpriced", True)


def test_everything_has_its_words() -> None:
    of_money = {"Deposited", "Withdrawn", "Moved", "OperatorSet"}

    assert set(words.EVENTS) == set(EFFECTS) - of_money - {"BlockAppended"}
    assert set(words.PHASES) == set(Phase) - {Phase.UNKNOWN}
    assert set(words.EPOCH_PHASES) == set(EpochPhase) - {EpochPhase.UNKNOWN}
    assert set(words.ENTRIES) == set(EntryState)
    assert set(words.PURCHASES) == set(PurchaseStatus)
    assert set(words.MONEY) == set(MoneyKind)


@pytest.mark.parametrize(
    ("symbol", "expected"), [("POLE", "POLE"), ("", "tokens"), ("\n\x1b[31m", "[31m"), ("A" * 99, "A" * 12)]
)
def test_a_token_is_named_in_a_few_plain_letters(symbol: str, expected: str) -> None:
    assert Token.named(symbol, 18).symbol == expected


@pytest.mark.parametrize("units", [0, 1, 2**256 - 1, -(2**256)])
@pytest.mark.parametrize("decimals", [0, 6, 18, 255])
def test_an_amount_is_short_whatever_it_is(units: int, decimals: int) -> None:
    assert len(Token("POLE", decimals).shown(units)) <= 25


@pytest.mark.parametrize(
    ("timestamp", "seconds_since", "wall", "expected"),
    [
        (1_000, 2.9, 1_005.5, 1_005),  # a chain by this machine's clock
        (9_000, 2.9, 1_005.5, 9_002),  # one that is ahead
    ],
)
def test_the_time_on_the_chain_goes_on(
    timestamp: int, seconds_since: float, wall: float, expected: int
) -> None:
    assert chain_time(timestamp, seconds_since, wall) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8646", True),
        ("[::1]:8646", True),
        ("LOCALHOST.:8646", True),
        ("star.example", True),
        ("STAR.example:443", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_only_addresses_and_allowed_names_are_answered(host: str, expected: bool) -> None:
    assert is_answered(host, ("star.example",)) is expected
