import numpy as np
import pytest

from offchain.learning import model as dense
from offchain.learning.errors import (
    MetricError,
    ModelFieldOutOfRange,
    ModelShapeMismatch,
    ModelTooLong,
    ModelTooShort,
    RowsError,
)
from offchain.learning.metrics import WAD, Metric
from offchain.learning.scoring import predict, score

HASH = bytes(range(32))
# Two features, two classes; written by hand from the format's table.
LINEAR = (
    b"\x01\x01" + HASH + b"\x01" + b"\x00\x02" + b"\x00\x02\x00"
    + b"\xff\x01" + b"\x80\x02"  # weights of input 0 for classes 1 and 0, then of input 1
    + b"\x00\x00\x00\x0a" + b"\xff\xff\xff\xfe"  # biases 10 and -2
)  # fmt: skip
# One feature, one hidden neuron (weight 3, bias 5, shift 1), one value (weight -2, bias 7, * 6 >> 2).
PERCEPTRON = (
    b"\x01\x01" + HASH + b"\x02" + b"\x00\x01" + b"\x00\x01\x01" + b"\x00\x01\x02"
    + b"\x03" + b"\x00\x00\x00\x05" + b"\xfe" + b"\x00\x00\x00\x07" + b"\x00\x00\x00\x06"
)  # fmt: skip


def test_decode_reads_the_documented_layout() -> None:
    model = dense.decode(LINEAR)

    assert model.parameters_hash == HASH
    assert model.layers[0].weights.tolist() == [[1, -1], [2, -128]]
    assert model.layers[0].biases.tolist() == [10, -2]
    assert (model.feature_count, model.class_count) == (2, 2)


@pytest.mark.parametrize("data", [LINEAR, PERCEPTRON])
def test_encode_gives_the_bytes_back(data: bytes) -> None:
    assert dense.encode(dense.decode(data)) == data


def test_classifier_predicts_the_lowest_class_with_the_largest_sum() -> None:
    # By hand: sums 1*x0 + 2*x1 + 10 and -x0 - 128*x1 - 2.
    model = dense.decode(LINEAR.replace(b"\x00\x00\x00\x0a", b"\xff\xff\xff\xfe"))

    assert predict(model, np.array([[0, 0], [1, 0], [255, 255]], np.uint8)).tolist() == [0, 0, 0]
    assert predict(dense.decode(LINEAR.replace(b"\x80\x02", b"\x02\x80")), np.array([[0, 9]], np.uint8)) == [
        1
    ]


def test_regressor_floors_at_each_shift() -> None:
    # By hand: h = clip((3x + 5) >> 1, 0, 255); value = ((7 - 2h) * 6) >> 2.
    # x = 0: h = 2, 18 >> 2 = 4. x = 4: h = 8, -54 >> 2 = -14.
    # x = 255: h = 385, clipped to 255, -3018 >> 2 = -755.
    values = predict(dense.decode(PERCEPTRON), np.array([[0], [4], [255]], np.uint8))

    assert values.tolist() == [4, -14, -755]


def test_score_reads_rows_with_their_targets() -> None:
    rows = bytes([0, 0, 0]) + bytes([0, 0, 1]) + bytes([9, 9, 0])

    assert score(Metric.ACCURACY, 2, 2, rows, LINEAR) == 2 * WAD // 3


def test_target_beyond_the_classes_is_a_miss() -> None:
    rows = bytes([0, 0, 0]) + bytes([0, 0, 200]) + bytes([0, 0, 201])

    # One class hit whole, and everything beyond the classes is one class that is missed: (1 + 0) / 2.
    assert score(Metric.ACCURACY, 2, 2, rows, LINEAR) == WAD // 3
    assert score(Metric.BALANCED_ACCURACY, 2, 2, rows, LINEAR) == WAD // 2


@pytest.mark.parametrize("length", range(len(PERCEPTRON)))
def test_truncated_bytes_are_rejected(length: int) -> None:
    with pytest.raises(ModelTooShort):
        dense.decode(PERCEPTRON[:length])


def test_bytes_after_the_end_are_rejected() -> None:
    with pytest.raises(ModelTooLong):
        dense.decode(LINEAR + b"\x00")
    with pytest.raises(ModelTooLong):
        dense.decode(LINEAR + bytes(98_304))


@pytest.mark.parametrize(
    ("offset", "value", "field"),
    [
        (0, 2, "version"),
        (1, 2, "kind"),
        (34, 0, "number of layers"),
        (34, 6, "number of layers"),
        (35, 4, "number of inputs"),
        (36, 0, "number of inputs"),
        (37, 1, "width of layer 0"),
        (38, 0, "width of layer 0"),
        (39, 23, "shift of layer 0"),
        (42, 63, "shift of layer 1"),
        (44, 0x7F, "bias in layer 0"),
        (44, 0x80, "bias in layer 0"),
        (49, 0x7F, "bias in layer 1"),
        (53, 0x80, "multiplier"),
    ],
)
def test_fields_out_of_range_are_named(offset: int, value: int, field: str) -> None:
    data = bytearray(PERCEPTRON)
    data[offset] = value

    with pytest.raises(ModelFieldOutOfRange) as caught:
        dense.decode(bytes(data))

    assert caught.value.field == field


@pytest.mark.parametrize(("features", "classes"), [(3, 2), (2, 3), (2, 0)])
def test_model_of_another_shape_is_rejected(features: int, classes: int) -> None:
    metric = Metric.ACCURACY if classes else Metric.R2

    with pytest.raises(ModelShapeMismatch):
        score(metric, features, classes, bytes(60), LINEAR)


@pytest.mark.parametrize("length", [0, 2, 4])
def test_rows_that_are_not_whole_are_rejected(length: int) -> None:
    with pytest.raises(RowsError):
        score(Metric.ACCURACY, 2, 2, bytes(length), LINEAR)


def test_metric_of_the_other_kind_is_rejected() -> None:
    with pytest.raises(MetricError):
        score(Metric.R2, 2, 2, bytes(3), LINEAR)
