"""The metrics, exact: the integer twins of the contracts' metrics library.

All are higher-is-better and in WAD (1e18 = 1.0); divisions round down. With `h_c` rows of class `c` predicted
right, `s_c` rows of class `c`, and `p_c` rows predicted as `c`:

- ACCURACY `= floor(1e18 sum h_c / n)`
- BALANCED_ACCURACY `= floor(sum floor(1e36 h_c / s_c) / (1e18 k))` over the `k` classes with `s_c > 0`
- MACRO_F1 `= floor(sum floor(1e36 * 2 h_c / (s_c + p_c)) / (1e18 k))` over the `k` classes with
  `s_c + p_c > 0`
- R2 `= 1e18 - ceil(1e18 n sum (y - p)^2 / (n sum y^2 - (sum y)^2))`; where all `y` are equal, `1e18` if every
  prediction is exact and `0` otherwise

which classes count, and the answer for equal targets, are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from offchain.learning.errors import MetricError

WAD: Final = 10**18
_FINE: Final = 10**36


class Metric(IntEnum):
    """What a task rewards, numbered as in `IScorer.sol`."""

    ACCURACY = 0
    BALANCED_ACCURACY = 1
    MACRO_F1 = 2
    R2 = 3


def score_wad(metric: Metric, class_count: int, targets: NDArray[Any], predictions: NDArray[Any]) -> int:
    """The score of predictions, in WAD.

    Parameters
    ----------
    class_count
        0 where targets are values.
    targets, predictions : ndarray of integers, shape (n,), n > 0

    Raises
    ------
    MetricError
        Where the metric is for the other kind of target.

    >>> score_wad(Metric.ACCURACY, 3, np.array([0, 1, 2]), np.array([0, 1, 1]))
    666666666666666666
    """
    if (metric is Metric.R2) != (class_count == 0):
        raise MetricError(metric.name, class_count)
    if metric is Metric.R2:
        return _r2_wad(targets, predictions)
    labels = range(256)
    hits = np.bincount(targets[targets == predictions], minlength=256)
    supports = np.bincount(targets, minlength=256)
    predicted = np.bincount(predictions, minlength=256)
    if metric is Metric.ACCURACY:
        return int(hits.sum()) * WAD // len(targets)
    if metric is Metric.BALANCED_ACCURACY:
        parts = [(int(hits[c]), int(supports[c])) for c in labels]
    else:
        parts = [(2 * int(hits[c]), int(supports[c] + predicted[c])) for c in labels]
    ratios = [_FINE * part // whole for part, whole in parts if whole > 0]
    return sum(ratios) // (WAD * len(ratios))


def _r2_wad(targets: NDArray[Any], predictions: NDArray[Any]) -> int:
    actual = [int(target) for target in targets]
    residual = sum((a - int(p)) ** 2 for a, p in zip(actual, predictions, strict=True))
    spread = len(actual) * sum(a * a for a in actual) - sum(actual) ** 2
    if spread == 0:
        return WAD if residual == 0 else 0
    return WAD - -(-residual * len(actual) * WAD // spread)


def ranked(scores: Sequence[int]) -> list[int]:
    """The places of the scores, the best first; of equals the first that was tried.

    >>> ranked([3, 7, 5, 7])
    [1, 3, 2, 0]
    """
    return sorted(range(len(scores)), key=lambda place: -scores[place])
