"""What is decided of transactions that were sent; amounts worked by hand."""

import pytest

from offchain.chain.errors import FeeTooHigh
from offchain.chain.pending import STEPS, Fees, Standing, Step, next_step


def test_fair_fees_outlive_a_base_fee_that_doubles() -> None:
    assert Fees.fair(base_fee=100, tip=7) == Fees(most=207, tip=7)


@pytest.mark.parametrize(("fee", "raised"), [(0, 0), (1, 2), (80, 90), (81, 92)])  # an eighth, rounded up
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
