"""What a worker cannot do for its owner, and what it need not mind."""

from offchain.chain import errors

OVERTAKEN = (
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


class WorkerError(Exception):
    """The base of what the workers raise on purpose."""


class FundsTooLow(WorkerError):
    """An account has less than a step takes, in the vault and outside together."""

    def __init__(self, account: str, available: int, needed: int) -> None:
        self.account, self.available, self.needed = account, available, needed
        super().__init__(f"{account} has {available} token units and needs {needed}")


class SecretsLost(WorkerError):
    """The chain knows of something whose secret is not in this data directory."""

    def __init__(self, what: str, folder: str) -> None:
        self.what, self.folder = what, folder
        super().__init__(f"the secrets of {what} are not in {folder}: run where they were made")


class TrainingRowsMissing(WorkerError):
    """A task's training rows, by which a delivery would be checked, cannot be had now."""

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        super().__init__(f"the training rows of task {task_id} cannot be had now")


class ScorerUnsupported(WorkerError):
    """A task is scored by a contract that does not read this miner's models."""

    def __init__(self, task_id: int, actual: str, expected: str) -> None:
        self.task_id, self.actual, self.expected = task_id, actual, expected
        super().__init__(f"task {task_id} is scored by {actual}, and this miner makes models for {expected}")


class RevealTooLarge(WorkerError):
    """Scoring a model on a task's test rows may take too many transactions."""

    def __init__(self, task_id: int, rows: int, test_count: int, limit: int) -> None:
        self.task_id, self.rows, self.test_count, self.limit = task_id, rows, test_count, limit
        super().__init__(
            f"task {task_id}: one transaction scores this model on {rows} rows for sure, and there are"
            f" {test_count:,} test rows for at most {limit} transactions: a smaller model can be revealed"
        )
