"""A task's training rows: fetched, checked against the task, and opened."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offchain.chain.deployment import Deployment
from offchain.chain.registry import Task
from offchain.cid import Cid
from offchain.learning.errors import LearningError
from offchain.learning.limits import MAX_MANIFEST_BYTES
from offchain.learning.manifest import Manifest
from offchain.learning.mapping import map_rows, mapping_seed
from offchain.learning.rows import TrainingRowsInvalid, blob_size, open_training_blob
from offchain.learning.scoring import split_rows
from offchain.learning.split import drawn_rows
from offchain.storage import BlobStore

MAX_ROWS = 100_000  # each is hashed by the worker itself, beside all that it has to do in time
MAX_FEATURE_BYTES = 64 * 1024 * 1024  # as its models see them; what opens them takes some four times as much

_MOST_REFUSALS = 1_000
_refusals: dict[tuple[bytes, ...], LearningError] = {}
"""What was wrong with what is published: that cannot change, and who publishes it would have it looked at for ever."""


@dataclass(frozen=True, slots=True)
class TaskRows:
    """Features as one miner's models see them, shape (n, f), targets of shape (n,), and what their bytes mean.

    f is the width of the secure mapping where the task has one.
    """

    features: NDArray[np.uint8]
    targets: NDArray[Any]
    manifest: Manifest


def open_task_rows(
    blobs: BlobStore, task: Task, published: bytes, deployment: Deployment, miner: str
) -> TaskRows:
    """The rows that a task's data node published under a name, mapped for a miner.

    Raises
    ------
    TrainingRowsInvalid, ManifestError
        Where they are not the task's, are too many, or nothing can be learned from them; what was refused once is not
        looked at again.
    StorageError
        Where the storage does not have them.
    """
    _check_size(task)
    content = (task.seed, task.data_root, task.manifest_hash, published)
    if content in _refusals:
        raise _refusals[content].with_traceback(None)
    try:
        return _opened(blobs, task, published, deployment, miner)
    except LearningError as error:
        while len(_refusals) >= _MOST_REFUSALS:
            del _refusals[next(iter(_refusals))]
        _refusals[content] = error
        raise error.with_traceback(None) from None  # whose frames hold the rows


def _opened(blobs: BlobStore, task: Task, published: bytes, deployment: Deployment, miner: str) -> TaskRows:
    described = Cid.on_chain(task.manifest_hash, MAX_MANIFEST_BYTES)
    manifest = Manifest.from_bytes(blobs.get(described, MAX_MANIFEST_BYTES))
    shape = (manifest.feature_count, manifest.class_count, manifest.row_count)
    if shape != (task.feature_count, task.class_count, task.row_count):
        raise TrainingRowsInvalid("the manifest describes another data set")
    size = blob_size(task.row_count, task.row_size, task.test_count)
    rows = open_training_blob(
        blobs.get(Cid.on_chain(published, size), size),
        data_root=task.data_root,
        row_count=task.row_count,
        row_size=task.row_size,
        # Computed here: for a foreign task of absurdly many rows a node would not answer.
        test_indices=drawn_rows(task.seed, task.row_count, task.test_count),
    )
    features, targets = split_rows(b"".join(rows), task.feature_count, task.class_count)
    if task.class_count and (targets == targets[0]).all():
        raise TrainingRowsInvalid("all are of one class, so that a guess is as good as any model")
    proof = deployment.proof.address
    seed = mapping_seed(deployment.chain_id, proof, task.task_id, task.ledger_tip, miner)
    return TaskRows(map_rows(features, task.mapping_width, seed), targets, manifest)


def _check_size(task: Task) -> None:
    """Raise TrainingRowsInvalid for more than a worker can open while deadlines of other tasks wait for it."""
    if task.row_count > MAX_ROWS:
        raise TrainingRowsInvalid(f"{task.row_count:,} rows, and this worker takes {MAX_ROWS:,}")
    size = task.row_count * (task.mapping_width or task.feature_count)
    if size > MAX_FEATURE_BYTES:
        raise TrainingRowsInvalid(f"{size:,} bytes of features, and this worker takes {MAX_FEATURE_BYTES:,}")
