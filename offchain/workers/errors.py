"""What a worker cannot do for its owner, and what it need not mind."""

from collections.abc import Callable

import requests

from offchain.chain import errors
from offchain.storage import StorageAway

OVERTAKEN = (
    errors.TransactionOvertaken,
    errors.AlreadyDrawn,
    errors.DrawTooEarly,
    errors.PublishWindowClosed,
    errors.CommitWindowClosed,
    errors.AlreadyCommitted,
    errors.DiscloseWindowClosed,
    errors.AlreadyDisclosed,
    errors.RevealWindowClosed,
    errors.AlreadyRevealed,
    errors.WrongPhase,
    errors.WrongEpochPhase,
    errors.EpochFull,
    errors.SoldOut,
    errors.CapacityExceeded,
    errors.DeclarationClosed,
    errors.WrongPurchaseStatus,
    errors.NothingToRelease,
)
"""It moved on between a decision and its transaction: the next decision is made from where it is now."""

AWAY = (OSError, errors.EndpointFaulty, StorageAway)
"""A node or a storage does not answer, or makes no sense: what it hides may yet be well."""

PASSING = (
    *AWAY,
    errors.EndpointsDisagree,
    errors.TransactionOvertaken,
    errors.TransactionRejected,
    errors.TransactionTimeout,
    errors.FeeTooHigh,
)
"""It passes without anybody's help: the node comes back, fees fall, a block takes what was sent."""


def who_is_away(error: Exception) -> str | None:
    """Of whom an error says that no answer comes that makes sense; None where it is about something else."""
    if isinstance(error, StorageAway):
        return error.place
    is_of_node = isinstance(error, errors.EndpointFaulty | requests.RequestException | ConnectionError)
    return "the node" if is_of_node else None


class WorkerError(Exception):
    """The base of what the workers raise on purpose."""


class FundsTooLow(WorkerError):
    """An account has less than a step takes, in the vault and outside together."""

    def __init__(self, account: str, available: int, needed: int, shown: Callable[[int], str]) -> None:
        self.account, self.available, self.needed = account, available, needed
        super().__init__(
            f"{account} has {shown(available)} and needs {shown(needed)}: get more; on a local chain or test network:"
            " pole vault mint"
        )


class SecretsLost(WorkerError):
    """The chain knows of something whose secret is not in this data directory."""

    def __init__(self, what: str, folder: str) -> None:
        self.what, self.folder = what, folder
        super().__init__(
            f"the secrets of {what} are not in {folder}: run where they were made, or restore that"
            " folder's backup; else the bond is lost at the deadline"
        )


class AccountBusy(WorkerError):
    """Another process works as an account: two would use each other's nonces."""

    def __init__(self, account: str, folder: str) -> None:
        self.account, self.folder = account, folder
        super().__init__(
            f"another process works as {account} (it holds the lock in {folder}): stop that one first"
        )


class StateUnreadable(WorkerError):
    """A worker's state cannot be read or written."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"the state in {path} cannot be used: {reason}")


class TrainingRowsMissing(WorkerError):
    """A task's training rows, by which a delivery would be checked, cannot be had now."""

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        super().__init__(f"the training rows of task {task_id} cannot be had now")


class ScorerUnsupported(WorkerError):
    """A task is scored by a contract that does not read this miner's models."""

    def __init__(self, wanted: str, estimator: str, made: str) -> None:
        self.wanted, self.estimator, self.made = wanted, estimator, made
        super().__init__(f"the task wants {wanted}, and {estimator} makes {made}: name another --estimator")


class RevealTooLarge(WorkerError):
    """Scoring a model on a task's test rows may take too many transactions."""

    def __init__(self, rows: int, test_count: int, limit: int) -> None:
        self.rows, self.test_count, self.limit = rows, test_count, limit
        super().__init__(
            f"one transaction scores this model on {rows} rows for sure, and there are"
            f" {test_count:,} test rows for at most {limit} transactions: a smaller model can be revealed"
        )
