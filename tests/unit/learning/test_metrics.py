import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from offchain.learning.errors import MetricError
from offchain.learning.metrics import WAD, Metric, score_wad


def classes(*values: int) -> NDArray[np.int64]:
    return np.array(values)


def test_accuracy_is_the_share_of_hits_rounded_down() -> None:
    score = score_wad(Metric.ACCURACY, 3, classes(0, 1, 2), classes(0, 1, 1))

    assert score == 666_666_666_666_666_666  # 2/3, by hand


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur() -> None:
    # Class 0: 3 of 4; class 1: 1 of 2; class 2 does not occur. By hand: (3/4 + 1/2) / 2.
    score = score_wad(Metric.BALANCED_ACCURACY, 3, classes(0, 0, 0, 0, 1, 1), classes(0, 0, 0, 2, 1, 0))

    assert score == 625 * WAD // 1000


def test_macro_f1_counts_a_class_that_is_only_predicted() -> None:
    # By hand: F1 of 0 is 2*2/(3+2) = 4/5, of 1 is 2*1/(1+1) = 1, of 2, only predicted, is 0.
    score = score_wad(Metric.MACRO_F1, 4, classes(0, 0, 0, 1), classes(0, 0, 2, 1))

    assert score == 6 * WAD // 10


def test_r2_is_rounded_towards_less() -> None:
    # By hand: residual 1, spread 2 around the mean of 1, 2, 3 -> 1 - 1/2; with two residuals of 1 -> 0.
    assert score_wad(Metric.R2, 0, classes(1, 2, 3), classes(1, 2, 4)) == WAD // 2
    assert score_wad(Metric.R2, 0, classes(1, 2, 3), classes(2, 2, 4)) == 0
    # 1 - 1 / (14/3): the loss 3/14 is rounded up.
    assert score_wad(Metric.R2, 0, classes(0, 1, 3), classes(0, 1, 4)) == WAD - (3 * WAD // 14 + 1)


@pytest.mark.parametrize(("prediction", "expected"), [(5, WAD), (4, 0)])
def test_r2_of_equal_targets_is_one_or_zero(prediction: int, expected: int) -> None:
    assert score_wad(Metric.R2, 0, classes(5, 5), classes(5, prediction)) == expected


@pytest.mark.parametrize(("metric", "class_count"), [(Metric.R2, 2), (Metric.ACCURACY, 0)])
def test_metric_for_the_other_kind_of_target_is_rejected(metric: Metric, class_count: int) -> None:
    with pytest.raises(MetricError):
        score_wad(metric, class_count, classes(0, 1), classes(0, 1))


@pytest.mark.parametrize("seed", range(20))
def test_metrics_equal_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = int(rng.integers(2, 12))
    targets, predictions = rng.integers(0, labels, 200), rng.integers(0, labels, 200)
    values = rng.integers(-(2**31), 2**31, 200)
    guesses = values + rng.integers(-(2**28), 2**28, 200)

    for metric, expected in (
        (Metric.ACCURACY, reference.accuracy_score(targets, predictions)),
        (Metric.BALANCED_ACCURACY, reference.balanced_accuracy_score(targets, predictions)),
        (Metric.MACRO_F1, reference.f1_score(targets, predictions, average="macro")),
    ):
        assert score_wad(metric, labels, targets, predictions) / WAD == pytest.approx(expected, rel=1e-15)
    assert score_wad(Metric.R2, 0, values, guesses) / WAD == pytest.approx(
        reference.r2_score(values.astype(np.float64), guesses.astype(np.float64)), rel=1e-14
    )
