import numpy as np
import pytest

from offchain.learning.encoding_loss import EncodingLoss, encoding_loss
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

    assert isinstance(loss, EncodingLoss)
    assert loss.estimator == estimator
    assert abs(loss.exact - loss.encoded) < 0.03
    assert loss.guessing < loss.exact


def test_bytes_lose_everything_where_one_far_number_takes_the_range() -> None:
    values = np.append(np.arange(200.0), 1e9)[:, None]
    rows = np.append(np.zeros(200), 255).astype(np.uint8)[:, None]
    targets = (values[:, 0] % 200 >= 100).astype(np.uint8)

    loss = encoding_loss(values, rows, targets, 2, Metric.BALANCED_ACCURACY, KIND_TREES)

    assert isinstance(loss, EncodingLoss)
    assert loss.exact > 0.9
    assert loss.encoded == pytest.approx(0.5, abs=0.1)  # guessing, by the metric's definition


def test_too_few_rows_tell_nothing() -> None:
    rows = np.array([[0], [255]], np.uint8)

    loss = encoding_loss(rows.astype(float), rows, np.array([0, 1], np.uint8), 2, Metric.ACCURACY, KIND_DENSE)

    assert loss == "there are too few rows to measure it"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("classes", "kind"), [(2, KIND_DENSE), (2, KIND_TREES), (0, KIND_DENSE)])
def test_a_number_too_large_to_train_on_is_the_reason_and_not_the_rows(classes: int, kind: int) -> None:
    values = np.append(np.arange(242.0), 1e300)[:, None]
    rows = np.append(np.zeros(242), 255).astype(np.uint8)[:, None]
    targets = (np.arange(243) % 2).astype(np.uint8)
    metric = Metric.ACCURACY if classes else Metric.R2

    loss = encoding_loss(values, rows, targets, classes, metric, kind)

    assert isinstance(loss, str)
    assert loss == "a column has a number as large as 1e+300, and no model can be trained on that"


def test_a_metric_for_the_other_kind_of_target_is_refused() -> None:
    found = bundled("iris")
    with pytest.raises(MetricError):
        encoding_loss(found.values, found.encoded.features, found.encoded.targets, 3, Metric.R2, KIND_DENSE)
