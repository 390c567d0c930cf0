"""What is decided of transactions that were sent; amounts worked by hand."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account

from offchain.chain.errors import FeeTooHigh, TransactionRejected
from offchain.chain.pending import STEPS, Fees, Outstanding, Standing, Step, next_step
from offchain.chain.transactions import MOST_OFFERS, Sender, SendingRules


def test_fair_fees_outlive_a_base_fee_that_doubles() -> None:
    assert Fees.fair(base_fee=100, tip=7) == Fees(most=207, tip=7)


@pytest.mark.parametrize(("fee", "raised"), [(0, 1), (1, 2), (8, 9), (80, 90), (81, 92)])  # rounded up
def test_raised_fees_are_an_eighth_more(fee: int, raised: int) -> None:
    assert Fees(fee, fee).raised() == Fees(raised, raised)


def test_fees_are_lowered_to_what_a_transaction_may_cost() -> None:
    assert Fees.fair(100, 7).within(gas=100, most_wei=15_000, base_fee=100) == Fees(most=150, tip=7)


def test_within_raises_when_no_block_would_take_what_is_allowed() -> None:
    with pytest.raises(FeeTooHigh) as caught:
        Fees.fair(100, 7).within(gas=100, most_wei=10_699, base_fee=100)

    assert (caught.value.fee, caught.value.limit) == (10_700, 10_699)


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("standing", Standing)
def test_every_standing_has_its_step(standing: Standing, stale: bool) -> None:
    assert next_step(standing, stale=stale) in Step
    assert len(STEPS) == 2 * len(Standing)


@pytest.mark.parametrize("stale", [False, True])
def test_what_is_in_a_block_is_never_sent_again(stale: bool) -> None:
    for standing in (Standing.IN_BLOCK, Standing.CONFIRMED, Standing.NONCE_USED):
        assert next_step(standing, stale=stale) not in (Step.RESEND, Step.REPLACE)


def test_fees_are_raised_only_after_a_fair_fee_had_its_time() -> None:
    early = {standing: next_step(standing, stale=False) for standing in Standing}

    assert Step.REPLACE not in early.values()
    assert next_step(Standing.POOLED, stale=True) == Step.REPLACE


def test_a_nonce_is_given_up_only_after_its_receipt_had_time_to_come() -> None:
    assert next_step(Standing.NONCE_USED, stale=False) == Step.WAIT
    assert next_step(Standing.NONCE_USED, stale=True) == Step.GIVE_UP


# A rival that waits with the nonce, in front of a node whose usual tip is 0


class Refused(Sender):
    """A sender whose every transaction is refused as underpriced; notes what each offered."""

    def __init__(self, most_wei: int) -> None:
        super().__init__(SimpleNamespace(), Account.create(), 21_000, SendingRules(most_wei))  # type: ignore[arg-type]
        self.offered: list[Fees] = []

    def _first_nonce(self) -> tuple[int, bool]:
        return 0, True

    def _fair_fees(self) -> tuple[int, Fees]:
        return 7, Fees.fair(7, 0)

    def _frame(self, nonce: int, gas: int, fees: Fees) -> Any:
        return {"nonce": nonce, "gas": gas, "maxPriorityFeePerGas": fees.tip, "maxFeePerGas": fees.most}

    def _sign(self, fields: Any) -> Outstanding:
        return Outstanding(fields, (), 0.0)

    def _submit(self, sent: Outstanding) -> None:
        self.offered.append(sent.fees)
        raise TransactionRejected("replacement transaction underpriced")

    def begin(self) -> None:
        self._begin(None, {})  # type: ignore[arg-type]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def test_an_offer_grows_from_no_tip_to_what_the_rules_allow(slept: list[float]) -> None:
    sender = Refused(most_wei=10**18)

    with pytest.raises(FeeTooHigh):
        sender.begin()

    tips = [fees.tip for fees in sender.offered]
    assert tips[:3] == [0, 3, 6]  # a wei at least each time, and three times each: 1, 2, 3, 4, 5, 6
    assert tips == sorted(set(tips))
    assert len(slept) == len(tips) < MOST_OFFERS  # a pause after each


def test_offers_come_to_an_end_where_the_rules_allow_anything(slept: list[float]) -> None:
    sender = Refused(most_wei=10**60)

    with pytest.raises(TransactionRejected):
        sender.begin()

    assert len(sender.offered) == MOST_OFFERS
    assert len(slept) == MOST_OFFERS - 1
