r"""A learning curve from a few points, and the utility that it declares.

Scores rise with the iterations x, and ever more slowly. The curve is

.. math:: s(x) = s_0 + g \ln(1 + k x), \quad g \ge 0, \; k > 0,

the logarithmic utility's own form: a reward W for a score makes x iterations worth
:math:`W g \ln(1 + k x)`, so the fit declares the value a = W g and the efficiency k. The limit is where the
curve reaches the best score there is, or how far one dares to extrapolate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

BEST_SCORE = 1.0
_STARTS = (-5.0, -2.0, 0.0, 2.0)  # ln k
# Points lie at whole iterations: a curve that has risen long before the first one can have any k beyond.
_LOG_EFFICIENCY = (-10.0, 5.0)


class LogUtility(NamedTuple):
    """What a consumer declares: value (money), efficiency (1 / units), limit (units)."""

    value: float
    efficiency: float
    limit: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The score at zero iterations, the gain g, the efficiency k, and the deviation of the points from it.

    tried, tried_score : the most iterations of any point, and the mean score there
    """

    start: float
    gain: float
    efficiency: float
    residual: float
    tried: float = 0.0
    tried_score: float = 0.0

    def score(self, iterations: float) -> float:
        """The expected score after so many iterations, never above the best there is."""
        return min(self.start + self.gain * float(np.log1p(self.efficiency * iterations)), BEST_SCORE)

    def saturation(self) -> float:
        """The iterations at which the curve reaches the best score; infinity where that is out of sight.

        >>> LearningCurve(0.5, 0.5 / np.log(11), 1.0, 0.0).saturation().__round__(9)
        10.0
        """
        if self.gain <= 0:
            return float("inf")
        exponent = (BEST_SCORE - self.start) / self.gain
        return float(np.expm1(min(exponent, 700.0)) / self.efficiency)

    def utility(self, reward: float, most_units: float) -> LogUtility:
        """The utility of a consumer to whom a score of one is worth `reward` more than a score of zero.

        A start below zero, as R² can have, is worth as little as zero. So all units up to the limit are worth the
        reward at most, and a best response, which never costs more than it is worth, costs no more than that.

        >>> LearningCurve(-9.0, 10 / np.log(11), 1.0, 0.0).utility(100.0, 50.0).limit.__round__(9)  # of 10 that reach 1
        0.270981615
        """
        limit = replace(self, start=max(self.start, 0.0)).saturation()
        return LogUtility(reward * self.gain, self.efficiency, min(limit, most_units))


def fit_curve(iterations: Sequence[float], scores: Sequence[float]) -> LearningCurve:
    """The curve nearest to the points by least squares.

    Parameters
    ----------
    iterations, scores : the same number of points, at least three, of at least two different iterations

    Raises
    ------
    ValueError
        Where the points are too few, not finite, or all at the same number of iterations.

    Examples
    --------
    Points on a curve give that curve.

    >>> x = [0, 1, 2, 4, 8, 16]
    >>> found = fit_curve(x, [0.3 + 0.2 * np.log1p(0.5 * i) for i in x])
    >>> round(found.start, 6), round(found.gain, 6), round(found.efficiency, 6)
    (0.3, 0.2, 0.5)
    """
    # Every worker imports this module, and few fit: it takes a second to load.
    from scipy.optimize import least_squares  # type: ignore[import-untyped]

    x, y = np.asarray(iterations, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or x.size < 3 or np.unique(x).size < 2:
        raise ValueError("a curve needs at least three points, not all at the same number of iterations")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x >= 0).all()):
        raise ValueError("iterations and scores must be finite, and iterations not negative")
    low, high = [-np.inf, 0.0, _LOG_EFFICIENCY[0]], [np.inf, np.inf, _LOG_EFFICIENCY[1]]
    spread = max(float(y.max() - y.min()), 1e-9)

    def deviations(parameters: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        start, gain, log_efficiency = parameters
        return np.asarray(start + gain * np.log1p(np.exp(log_efficiency) * x) - y)

    found = [
        least_squares(deviations, [float(y.min()), spread, start], bounds=(low, high), xtol=1e-12, ftol=1e-12)
        for start in _STARTS
    ]
    best = min(found, key=lambda fit: float(fit.cost))
    start, gain, log_efficiency = map(float, best.x)
    residual = float(np.sqrt(np.mean(best.fun**2)))
    tried = float(x.max())
    return LearningCurve(
        start, gain, float(np.exp(log_efficiency)), residual, tried, float(y[x == tried].mean())
    )
