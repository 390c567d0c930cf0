"""Where a task stands."""

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
