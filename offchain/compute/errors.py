"""What can be wrong with training that is handed over, as one tree.

::

    ComputeError
    ├── ClusterUnreachable
    ├── JobSpecInvalid      what was ordered is no job
    ├── JobFailure          an order that could not be trained
    │   ├── JobRefused      by the training itself: unfit rows, a model that no scorer takes
    │   ├── JobCrashed
    │   ├── JobTimedOut
    │   ├── JobOutOfMemory
    │   └── JobAnswerInvalid
    └── DeliveryRejected    what was delivered is not what was ordered
        ├── ResultInvalid
        ├── OtherThanOrdered
        └── ScoreBelowCurve
"""


class ComputeError(Exception):
    """The base of everything that this package raises on purpose."""


class ClusterUnreachable(ComputeError):
    """No scheduler answers."""

    def __init__(self, scheduler: str, reason: str) -> None:
        self.scheduler, self.reason = scheduler, reason
        super().__init__(f"no Dask scheduler answers at {scheduler}: {reason}")


class JobSpecInvalid(ComputeError):
    """Bytes are not a job spec, or the rows are not the spec's."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not a job: {reason}")


class JobFailure(ComputeError):
    """A job that ended without a model; one job's failure is no other job's."""


class JobRefused(JobFailure):
    """The rows cannot be trained on, or the model exceeds what a scorer takes."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the job cannot be trained: {reason}")


class JobCrashed(JobFailure):
    """The process of a job ended by itself."""

    def __init__(self, status: int, words: str) -> None:
        self.status, self.words = status, words
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        super().__init__(f"the job's process ended {how}" + (f": {words}" if words else ""))


class JobTimedOut(JobFailure):
    """A job took longer than it may."""

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds = limit_seconds
        super().__init__(f"the job took longer than {limit_seconds:g} s")


class JobOutOfMemory(JobFailure):
    """A job wanted more memory than it may have."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the job wanted more than {limit_bytes:,} bytes of memory")


class JobAnswerInvalid(JobFailure):
    """What the machine that had a job sent back is no answer to it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"what came back is no answer to the job: {reason}")


class DeliveryRejected(ComputeError):
    """The base of what keeps a consumer from accepting a delivery."""


class ResultInvalid(DeliveryRejected):
    """Bytes are not a result document, or not that of the job."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not the job's result: {reason}")


class OtherThanOrdered(DeliveryRejected):
    """The delivered model is well formed and not the one that was ordered."""

    def __init__(self, field: str, ordered: object, delivered: object) -> None:
        self.field, self.ordered, self.delivered = field, ordered, delivered
        super().__init__(f"ordered was {field} {ordered}, delivered is {delivered}")


class ScoreBelowCurve(DeliveryRejected):
    """A model scores less on the consumer's own rows than so many iterations lead to expect."""

    def __init__(self, score: float, expected: float, least: float) -> None:
        self.score, self.expected, self.least = score, expected, least
        super().__init__(
            f"the model scores {score:.4f}: {expected:.4f} was to be expected, {least:.4f} is the least"
        )
