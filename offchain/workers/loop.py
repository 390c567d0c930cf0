"""The thin loops around every worker's step."""

import logging
import time
from collections.abc import Callable, Iterable
from enum import Enum

from offchain.chain.errors import TransactionReverted
from offchain.learning.errors import LearningError

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


def carry(step: Callable[[int], Enum], task_ids: Iterable[int]) -> None:
    """Step until no task needs more of this worker."""
    unfinished = list(task_ids)
    while unfinished := [task_id for task_id in unfinished if step(task_id).name != "DONE"]:
        time.sleep(POLL_SECONDS)


def watch(step: Callable[[int], Enum], tasks: Callable[[], Iterable[int]]) -> None:
    """Step through all tasks as they come, for good. One that cannot be served is left, and the others go on."""
    finished: set[int] = set()
    while True:
        for task_id in tasks():
            if task_id in finished:
                continue
            try:
                if step(task_id).name == "DONE":
                    finished.add(task_id)
            except (LearningError, TransactionReverted) as error:
                log.warning("task %d: given up: %s", task_id, error)
                finished.add(task_id)
        time.sleep(POLL_SECONDS)
