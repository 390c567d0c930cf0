"""Workers that train in processes of their own, for tests that have to wait for those."""

import time
from collections.abc import Callable
from enum import Enum

from offchain.compute.executor import JobExecutor
from offchain.compute.process import Limits

LIMITS = Limits(seconds=600.0, memory_bytes=1 << 30)
EXECUTOR = JobExecutor.local(2, LIMITS)
PATIENCE = 600.0


def after(move: Enum, step: Callable[[int], Enum], number: int) -> Enum:
    """Let a worker step until it makes another move than this one, which the first was; gives that."""
    made, deadline = step(number), time.monotonic() + PATIENCE
    assert made == move
    while (made := step(number)) == move:
        assert time.monotonic() < deadline, f"it still makes the move to {move.value}"
        time.sleep(0.1)
    return made
