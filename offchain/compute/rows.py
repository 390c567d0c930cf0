"""The rows of a job, and those that a consumer keeps to itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from offchain.learning.errors import EstimatorError

OWN_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class JobRows:
    """Features of shape (n, f), as the model is to see them, and targets of shape (n,)."""

    features: NDArray[np.uint8]
    targets: NDArray[Any]

    def to_bytes(self, class_count: int) -> bytes:
        """The rows one after the other, features then target, as a job names them by hash."""
        kind = np.dtype(np.uint8 if class_count else ">i4")
        targets = (
            np.ascontiguousarray(self.targets.astype(kind)).view(np.uint8).reshape(len(self.targets), -1)
        )
        return np.hstack([self.features, targets]).tobytes()


def keep_back(rows: JobRows, class_count: int, seed: int) -> tuple[JobRows, JobRows]:
    """Split rows into those to hand to a provider and those to keep, a quarter, to check its work on.

    Raises
    ------
    EstimatorError
        Where the rows are too few.
    """
    # A worker that keeps nothing back does not wait for scikit-learn.
    from sklearn.model_selection import train_test_split

    targets = rows.targets
    counts = np.unique(targets, return_counts=True)[1] if class_count else np.zeros(1)
    enough = class_count > 0 and counts.min() * OWN_SHARE >= 1
    indices = np.arange(len(targets))
    try:
        given, kept = train_test_split(
            indices, test_size=OWN_SHARE, random_state=seed, stratify=targets if enough else None
        )
    except ValueError as error:
        raise EstimatorError(f"{len(targets)} rows cannot be split: {error}") from error
    return JobRows(rows.features[given], targets[given]), JobRows(rows.features[kept], targets[kept])
