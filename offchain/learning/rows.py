"""Salted rows: what a data node commits to, what it hands to miners, and how they check it.

The training blob, which the data node publishes after the draw, is

======  ======================  ===========================================================
offset  size                    content
======  ======================  ===========================================================
0       4                       magic ``PLTR``
4       1                       version 1
5       ...                     for each row index, ascending: salt (32) and row of a
                                training row, leaf (32) of a test row
======  ======================  ===========================================================

Row count, row size and test rows are the task's, so the blob has one possible length, and the leaves amount to
the task's root or the blob is not the task's.
"""

import hashlib
import hmac
from dataclasses import dataclass

from offchain.learning import row_tree
from offchain.learning.errors import LearningError

SALT_BYTES = 32
MAGIC = b"PLTR\x01"


class TrainingRowsInvalid(LearningError):
    """Published training rows are not those of the task."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the published training rows are not the task's: {reason}")


@dataclass(frozen=True, slots=True)
class SaltedRows:
    """All rows of a task with their salts, which only the data node has.

    rows : the bytes of each row, features then target
    secret : what the salts derive from, 32 bytes
    """

    rows: tuple[bytes, ...]
    secret: bytes

    def salt(self, index: int) -> bytes:
        """The salt of one row: HMAC-SHA256 of its index, so that no salt tells another."""
        return hmac.digest(self.secret, index.to_bytes(8, "big"), hashlib.sha256)

    def leaves(self) -> list[bytes]:
        """The leaves of all rows."""
        return [row_tree.leaf(index, self.salt(index), row) for index, row in enumerate(self.rows)]

    def root(self) -> bytes:
        """What the data node commits to."""
        return row_tree.root(self.leaves())

    def training_blob(self, test_indices: list[int]) -> bytes:
        """The training rows with their salts, and the leaves of the test rows."""
        hidden = set(test_indices)
        leaves = self.leaves()
        parts = [
            leaves[index] if index in hidden else self.salt(index) + row
            for index, row in enumerate(self.rows)
        ]
        return MAGIC + b"".join(parts)

    def disclosure(self, test_indices: list[int]) -> tuple[bytes, list[bytes], list[bytes]]:
        """The test rows, their salts and the multiproof, as the registry takes them."""
        rows = b"".join(self.rows[index] for index in test_indices)
        salts = [self.salt(index) for index in test_indices]
        return rows, salts, row_tree.multiproof(self.leaves(), test_indices)


def blob_size(row_count: int, row_size: int, test_count: int) -> int:
    """The only length that a task's training blob can have."""
    return len(MAGIC) + (row_count - test_count) * (SALT_BYTES + row_size) + test_count * 32


def open_training_blob(
    blob: bytes, *, data_root: bytes, row_count: int, row_size: int, test_indices: list[int]
) -> tuple[bytes, ...]:
    """Check a training blob against the task and give its training rows.

    Raises
    ------
    TrainingRowsInvalid
        Where the length or the magic is wrong, or the rows do not hash to the task's root.
    """
    expected = blob_size(row_count, row_size, len(test_indices))
    if len(blob) != expected:
        raise TrainingRowsInvalid(f"{len(blob)} bytes instead of {expected}")
    if not blob.startswith(MAGIC):
        raise TrainingRowsInvalid("unknown format")
    hidden = set(test_indices)
    rows, leaves, offset = [], [], len(MAGIC)
    for index in range(row_count):
        if index in hidden:
            leaves.append(blob[offset : offset + 32])
            offset += 32
            continue
        salt = blob[offset : offset + SALT_BYTES]
        row = blob[offset + SALT_BYTES : offset + SALT_BYTES + row_size]
        leaves.append(row_tree.leaf(index, salt, row))
        rows.append(row)
        offset += SALT_BYTES + row_size
    if row_tree.root(leaves) != data_root:
        raise TrainingRowsInvalid("they hash to another root than the task's")
    return tuple(rows)
