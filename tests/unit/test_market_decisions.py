"""The provider's and the consumer's decisions: every row of the tables, and a row for every state that can be."""

from itertools import product

import pytest

from offchain.chain.market import Declaration, Purchase, Utility
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.workers import consumer, provider
from offchain.workers.consumer import Role, Standing, Units, choose_role, marked_limit, standing_of

ConsumerMove = consumer.Move
ProviderMove = provider.Move


@pytest.mark.parametrize(
    ("phase", "to_do", "move"),
    [
        (EpochPhase.DECLARE, False, ProviderMove.WAIT),
        (EpochPhase.PRICE, False, ProviderMove.WAIT),  # nobody declared
        (EpochPhase.PRICE, True, ProviderMove.PRICE),
        (EpochPhase.BUY, False, ProviderMove.WAIT),
        (EpochPhase.BUY, True, ProviderMove.SERVE),
        (EpochPhase.LEFTOVER, False, ProviderMove.WAIT),
        (EpochPhase.LEFTOVER, True, ProviderMove.SERVE),
        (EpochPhase.DELIVER, False, ProviderMove.WAIT),
        (EpochPhase.DELIVER, True, ProviderMove.SERVE),
        (EpochPhase.ACCEPT, False, ProviderMove.WAIT),
        (EpochPhase.ACCEPT, True, ProviderMove.SETTLE),
        (EpochPhase.OVER, False, ProviderMove.DONE),
        (EpochPhase.OVER, True, ProviderMove.SETTLE),
        (EpochPhase.UNPRICED, False, ProviderMove.DONE),
        (EpochPhase.UNPRICED, True, ProviderMove.SETTLE),
    ],
)
def test_provider_decides(phase: EpochPhase, to_do: bool, move: ProviderMove) -> None:
    assert provider.decide(phase, to_do=to_do) == move


@pytest.mark.parametrize(
    ("phase", "units", "has_candidate", "committed", "role"),
    [
        (Phase.DRAW, Units.NONE, False, False, Role.WAIT),
        (Phase.COMMIT, Units.NONE, False, False, Role.WAIT),  # could not get resources
        (Phase.COMMIT, Units.NONE, True, False, Role.MINE),
        (Phase.COMMIT, Units.NONE, True, True, Role.MINE),
        (Phase.COMMIT, Units.ON_SALE, False, False, Role.TRAIN),
        (Phase.COMMIT, Units.ON_SALE, True, False, Role.MINE),
        (Phase.COMMIT, Units.ON_SALE, True, True, Role.MINE),
        (Phase.COMMIT, Units.HELD, False, False, Role.TRAIN),
        (Phase.COMMIT, Units.HELD, True, False, Role.MINE),
        (Phase.COMMIT, Units.HELD, True, True, Role.MINE),
        (Phase.DISCLOSE, Units.NONE, True, True, Role.MINE),
        (Phase.DISCLOSE, Units.NONE, True, False, Role.WAIT),  # too late to commit
        (Phase.REVEAL, Units.NONE, True, True, Role.MINE),
        (Phase.REVEAL, Units.HELD, False, False, Role.WAIT),
        (Phase.SETTLE, Units.NONE, True, True, Role.MINE),
        (Phase.ABORT, Units.NONE, True, True, Role.MINE),
        (Phase.ABORTED, Units.NONE, True, True, Role.MINE),  # its bond waits there
        (Phase.SETTLED, Units.NONE, True, True, Role.WAIT),
    ],
)
def test_consumer_chooses_its_role(
    phase: Phase, units: Units, has_candidate: bool, committed: bool, role: Role
) -> None:
    assert choose_role(phase, units, has_candidate=has_candidate, committed=committed) == role


def test_consumer_has_a_role_for_every_state_that_can_be() -> None:
    for phase, units, candidate, committed in product(Phase, Units, (False, True), (False, True)):
        if candidate or not committed:  # a commitment is to a candidate
            assert choose_role(phase, units, has_candidate=candidate, committed=committed) in Role


@pytest.mark.parametrize(
    ("phase", "standing", "move"),
    [
        (EpochPhase.DECLARE, Standing.WRITTEN, ConsumerMove.DECLARE),
        (EpochPhase.DECLARE, Standing.DECLARED, ConsumerMove.WAIT),
        (EpochPhase.PRICE, Standing.WRITTEN, ConsumerMove.CLOSE),
        (EpochPhase.PRICE, Standing.DECLARED, ConsumerMove.WAIT),
        (EpochPhase.BUY, Standing.WRITTEN, ConsumerMove.CLOSE),
        (EpochPhase.BUY, Standing.DECLARED, ConsumerMove.BUY),
        (EpochPhase.BUY, Standing.BOUGHT, ConsumerMove.WAIT),
        (EpochPhase.BUY, Standing.DELIVERED, ConsumerMove.CHECK),
        (EpochPhase.LEFTOVER, Standing.WRITTEN, ConsumerMove.CLOSE),
        (EpochPhase.LEFTOVER, Standing.DECLARED, ConsumerMove.RETURN),
        (EpochPhase.LEFTOVER, Standing.BOUGHT, ConsumerMove.WAIT),
        (EpochPhase.LEFTOVER, Standing.DELIVERED, ConsumerMove.CHECK),
        (EpochPhase.DELIVER, Standing.WRITTEN, ConsumerMove.CLOSE),
        (EpochPhase.DELIVER, Standing.DECLARED, ConsumerMove.RETURN),
        (EpochPhase.DELIVER, Standing.BOUGHT, ConsumerMove.WAIT),
        (EpochPhase.DELIVER, Standing.DELIVERED, ConsumerMove.CHECK),
        (EpochPhase.ACCEPT, Standing.WRITTEN, ConsumerMove.CLOSE),
        (EpochPhase.ACCEPT, Standing.DECLARED, ConsumerMove.RETURN),
        (EpochPhase.ACCEPT, Standing.BOUGHT, ConsumerMove.REFUND),
        (EpochPhase.ACCEPT, Standing.DELIVERED, ConsumerMove.CHECK),
        (EpochPhase.OVER, Standing.WRITTEN, ConsumerMove.CLOSE),
        (EpochPhase.OVER, Standing.DECLARED, ConsumerMove.RETURN),
        (EpochPhase.OVER, Standing.BOUGHT, ConsumerMove.REFUND),
        (EpochPhase.OVER, Standing.DELIVERED, ConsumerMove.CHECK),
        (EpochPhase.UNPRICED, Standing.WRITTEN, ConsumerMove.CLOSE),
        (EpochPhase.UNPRICED, Standing.DECLARED, ConsumerMove.RETURN),
    ],
)
def test_consumer_decides(phase: EpochPhase, standing: Standing, move: ConsumerMove) -> None:
    assert consumer.decide(phase, standing) == move


def test_consumer_has_a_move_for_every_state_that_can_be() -> None:
    before_sales = {EpochPhase.DECLARE, EpochPhase.PRICE, EpochPhase.UNPRICED}
    for phase, standing in product(EpochPhase, Standing):
        is_bought = standing in (Standing.BOUGHT, Standing.DELIVERED)
        if (
            phase == EpochPhase.UNKNOWN
            or standing is Standing.CLOSED
            or (is_bought and phase in before_sales)
        ):
            continue
        consumer.decide(phase, standing)


def declaration(closed: bool) -> Declaration:
    return Declaration(1, 0, 5, 5, Utility.LOG, closed, "0x", 5)


def purchase(status: PurchaseStatus) -> Purchase:
    return Purchase(1, 1, "0x", 5, status, bytes(32), bytes(32))


@pytest.mark.parametrize(
    ("declared", "bought", "standing"),
    [
        (None, None, Standing.WRITTEN),
        (declaration(False), None, Standing.DECLARED),
        (declaration(True), None, Standing.CLOSED),  # its lock went back
        (declaration(True), purchase(PurchaseStatus.BOUGHT), Standing.BOUGHT),
        (declaration(True), purchase(PurchaseStatus.DELIVERED), Standing.DELIVERED),
        (declaration(True), purchase(PurchaseStatus.PAID), Standing.DELIVERED),  # paid by the clock
        (declaration(True), purchase(PurchaseStatus.REFUNDED), Standing.CLOSED),
    ],
)
def test_an_order_stands_where_the_chain_says(
    declared: Declaration | None, bought: Purchase | None, standing: Standing
) -> None:
    assert standing_of(declared, bought) == standing


def test_a_limit_tells_its_task_in_the_last_six_of_eighteen_decimals() -> None:
    assert marked_limit(20_500_000_123_456_789_012, 7) == 20_500_000_123_456_000_007
    assert marked_limit(20_500_000_123_456_789_012, 3_000_041) == 20_500_000_123_456_000_041
