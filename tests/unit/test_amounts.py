"""Amounts as people write them and as contracts count them, exactly; scores; and what errors say of both."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import click
import pytest

from offchain.chain import vault
from offchain.chain.errors import CommitWindowClosed, DiscloseWindowClosed, FeeTooHigh, GasMissing
from offchain.chain.vault import shown_in_tokens
from offchain.cli import options
from offchain.cli.options import Tokens, account_options, to_units
from offchain.cli.task import score_to_wad

LARGE = 12_345_678_901_234_567_890_123_456_789_012_345_678_901  # 41 digits, and a last one that counts


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    token = SimpleNamespace(decimals=lambda: 18, symbol=lambda: "POLE")
    monkeypatch.setattr(vault, "TokenClient", lambda _: token)
    monkeypatch.setattr(options, "TokenClient", lambda _: token)
    return None


def test_large_amounts_lose_no_unit(connection: Any) -> None:
    shown = "12345678901234567890123.456789012345678901"

    assert to_units(connection, Tokens().convert(shown, None, None)) == LARGE
    assert shown_in_tokens(connection)(LARGE) == f"{shown} POLE"


@pytest.mark.parametrize(("units", "shown"), [(0, "0"), (1, "0.000000000000000001"), (100 * 10**18, "100")])
def test_units_are_shown_as_people_write_them(connection: Any, units: int, shown: str) -> None:
    assert shown_in_tokens(connection)(units) == f"{shown} POLE"
    assert to_units(connection, Decimal(shown)) == units


@pytest.mark.parametrize("absurd", ["1e78", "1e999999", "1e999999999"])
def test_more_than_a_contract_can_count_is_no_amount(absurd: str) -> None:
    with pytest.raises(click.BadParameter, match="not an amount"):
        Tokens().convert(absurd, None, None)


def test_the_least_amounts_are_less_than_a_unit(connection: Any) -> None:
    assert to_units(connection, Tokens().convert("1e-999999999", None, None)) == 0


def test_the_most_that_is_paid_in_fees_is_exact() -> None:
    signers: list[Any] = []
    command = click.command()(account_options(lambda account: signers.append(account)))

    command.main(
        ["--account", "dev:0", "--max-fee", "12345678901234567890123.456789012345678901"],
        standalone_mode=False,
    )

    assert signers[0].rules.most_wei == LARGE


def test_a_least_score_is_the_decimal_that_was_written() -> None:
    percents = range(-900, 101)

    assert [score_to_wad(percent / 100) for percent in percents] == [each * 10**16 for each in percents]


def test_errors_tell_times_as_dates() -> None:
    closed = CommitWindowClosed(taskId=1, commitEndsAt=1_795_888_252, timestamp=1_795_888_253)
    early = DiscloseWindowClosed(taskId=1, opensAt=0, endsAt=2**40 - 1, timestamp=2**255)

    assert str(closed) == (
        "task 1 takes commitments until 2026-11-28 17:50:52 UTC, and it is 2026-11-28 17:50:53 UTC"
    )
    assert closed.timestamp == 1_795_888_253
    assert str(early).startswith(
        "task 1 takes a disclosure from 1970-01-01 00:00:00 UTC to 1099511627775, and"
    )


def test_errors_tell_fees_in_the_chains_coin() -> None:
    """What there is rounded down and what is needed rounded up, so that the two never read alike."""
    assert str(GasMissing("0xa", 0, 61_190_014_563_220)) == (
        "0xa has 0 coin, and the transaction may cost 0.0000612: send it the chain's own coin"
    )
    assert str(GasMissing("0xa", 10**18 - 1, 10**18)) == (
        "0xa has 0.9999 coin, and the transaction may cost 1: send it the chain's own coin"
    )
    assert str(FeeTooHigh(10**18 + 1, 10**18)) == (
        "the transaction may cost 1.001 coin, and the most that is paid is 1"
    )
