"""What a job takes of the machine that trains it, before anybody begins: from its recipe and the number of its rows.

Who orders chooses both, and a job that takes longer or more memory than a provider lets it is refunded with a part
of the bond. So both are counted, upwards, in operations of a few nanoseconds and in bytes, with room to the default
limits of a worker, 600 s and 2048 MB.

Warning: a provider that lets a job have less, or has a slower machine, loses its bond to jobs that this lets pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from offchain.canonical import Json

MAX_OPERATIONS: Final = 2**34
MAX_MEMORY_BYTES: Final = 2**30

_DENSE_FIXED_UNITS: Final = 8  # to standardise, to quantise and to score, as so many iterations
_TREES_FIXED_UNITS: Final = 1
_PER_ROW: Final = 64
_PER_VALUE: Final = 5  # that is sorted at a split
_PER_CLASS: Final = 16  # of the gradient that each of a stage's trees is grown for
_PER_ACTIVATION: Final = 32
_BYTES_PER_ACTIVATION: Final = 48  # a float and its gradient, with copies, and what a solver makes of them
_BYTES_PER_NODE: Final = 64


@dataclass(frozen=True, slots=True)
class Effort:
    """What an iteration takes over so many rows, and the memory that is held: at all, and more for each iteration.

    fixed_units : what comes before and after the iterations, counted in these
    """

    fixed_units: int
    unit_operations: int
    memory_bytes: int
    unit_bytes: int = 0

    def most_iterations(self) -> int:
        """How many iterations a job may have."""
        most = MAX_OPERATIONS // self.unit_operations - self.fixed_units
        left = MAX_MEMORY_BYTES - self.memory_bytes
        if self.unit_bytes:
            most = min(most, left // self.unit_bytes)
        return max(most, 0) if left >= 0 else 0


def dense_effort(widths: list[int], rows: int) -> Effort:
    """Of a network with layers of these widths, from the inputs to the outputs, trained on all rows at once.

    A row takes its multiply-accumulates, the products of adjacent widths, and its activations.

    Examples
    --------
    >>> dense_effort([1, 255, 2], 1)
    Effort(fixed_units=8, unit_operations=9053, memory_bytes=12384, unit_bytes=0)
    """
    products = sum(inputs * outputs for inputs, outputs in pairwise(widths))
    row = products + _PER_ACTIVATION * sum(widths[1:]) + _PER_ROW
    return Effort(_DENSE_FIXED_UNITS, rows * row, rows * sum(widths) * _BYTES_PER_ACTIVATION)


def tree_effort(
    estimator: str, hyperparameters: Mapping[str, Json], features: int, classes: int, rows: int
) -> Effort:
    """Of an ensemble; a tree may put a single row aside at each split, and so look at all others each time.

    A classifier's nodes count every class, a booster's tree has one number in each and grows for each class.
    """
    leaves = hyperparameters["max_leaf_nodes"]
    assert isinstance(leaves, int)
    is_boosting = estimator == "boosting"
    trees = classes if is_boosting and classes > 2 else 1
    counted = 1 if is_boosting else max(classes, 1)
    splits = min(leaves, rows)
    row = features * splits * (_PER_VALUE * 8 + counted) // 8 + _PER_ROW + _PER_CLASS * trees
    nodes = 2 * splits * (8 * counted + _BYTES_PER_NODE)
    held = rows * (features + trees + 2) * _BYTES_PER_ACTIVATION
    return Effort(_TREES_FIXED_UNITS, trees * rows * row, held, trees * nodes)
