"""Where a task, an epoch or a purchase stands."""

from enum import IntEnum


class Phase(IntEnum):
    """Where a task stands, as the contract numbers it."""

    UNKNOWN = 0
    DRAW = 1
    COMMIT = 2
    DISCLOSE = 3
    REVEAL = 4
    SETTLE = 5
    ABORT = 6
    SETTLED = 7
    ABORTED = 8

    @property
    def is_over(self) -> bool:
        """Whether the task has ended."""
        return self in (Phase.SETTLED, Phase.ABORTED)


class EpochPhase(IntEnum):
    """Where an epoch of the compute market stands, as the contract numbers it."""

    UNKNOWN = 0
    DECLARE = 1
    PRICE = 2
    BUY = 3
    LEFTOVER = 4
    DELIVER = 5
    ACCEPT = 6
    OVER = 7
    UNPRICED = 8

    @property
    def has_price(self) -> bool:
        """Whether the epoch's price is accepted."""
        return EpochPhase.BUY <= self <= EpochPhase.OVER


class PurchaseStatus(IntEnum):
    """Where a purchase stands, as the contract numbers it."""

    NONE = 0
    BOUGHT = 1
    DELIVERED = 2
    PAID = 3
    REFUNDED = 4

    @property
    def is_over(self) -> bool:
        """Whether the purchase's money has gone to its end."""
        return self in (PurchaseStatus.PAID, PurchaseStatus.REFUNDED)
