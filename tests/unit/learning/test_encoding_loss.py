import numpy as np
import pytest

from offchain.learning.encoding_loss import encoding_loss
from offchain.learning.errors import MetricError
from offchain.learning.metrics import Metric
from offchain.learning.model import KIND_DENSE, KIND_TREES
from offchain.learning.preparing import bundled


@pytest.mark.parametrize(
    ("name", "metric", "kind", "estimator"),
    [
        ("iris", Metric.ACCURACY, KIND_DENSE, "logistic"),
        ("wine", Metric.MACRO_F1, KIND_TREES, "forest"),
        ("diabetes", Metric.R2, KIND_DENSE, "ridge"),
    ],
)
def test_bytes_lose_next_to_nothing_of_well_spread_numbers(
    name: str, metric: Metric, kind: int, estimator: str
) -> None:
    found = bundled(name)
    encoded = found.encoded

    loss = encoding_loss(
        found.values, encoded.features, encoded.targets, encoded.manifest.class_count, metric, kind
    )

    assert loss is not None
    assert loss.estimator == estimator
    assert abs(loss.exact - loss.encoded) < 0.03
    assert loss.guessing < loss.exact


def test_bytes_lose_everything_where_one_far_number_takes_the_range() -> None:
    values = np.append(np.arange(200.0), 1e9)[:, None]
    rows = np.append(np.zeros(200), 255).astype(np.uint8)[:, None]
    targets = (values[:, 0] % 200 >= 100).astype(np.uint8)

    loss = encoding_loss(values, rows, targets, 2, Metric.BALANCED_ACCURACY, KIND_TREES)

    assert loss is not None
    assert loss.exact > 0.9
    assert loss.encoded == pytest.approx(0.5, abs=0.1)  # guessing, by the metric's definition


def test_too_few_rows_tell_nothing() -> None:
    rows = np.array([[0], [255]], np.uint8)

    loss = encoding_loss(rows.astype(float), rows, np.array([0, 1], np.uint8), 2, Metric.ACCURACY, KIND_DENSE)

    assert loss is None


def test_a_metric_for_the_other_kind_of_target_is_refused() -> None:
    found = bundled("iris")
    with pytest.raises(MetricError):
        encoding_loss(found.values, found.encoded.features, found.encoded.targets, 3, Metric.R2, KIND_DENSE)
