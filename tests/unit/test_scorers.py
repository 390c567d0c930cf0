"""The scorers: what they refuse, by its name, and that the twin refuses it too; shapes that have paths of their own."""

import numpy as np
import pytest

from offchain.chain import errors
from offchain.learning.errors import MetricError, ModelError, RowsError
from offchain.learning.metrics import WAD, Metric
from offchain.learning.model import KIND_DENSE, KIND_TREES
from offchain.learning.scoring import score
from tests.scoring_chain import NO_MAPPING, Rejected, ScoringChain
from tests.world import World

# Written by hand from the formats' tables.
DENSE, TREES = b"\x01\x01" + bytes(32), b"\x01\x02" + bytes(32)
# Two features and three classes, in one layer.
LINEAR = DENSE + bytes.fromhex("01 0002 000300") + bytes(6) + bytes(12)
# Two features, a hidden neuron (two weights, a bias), three classes.
HIDDEN = DENSE + bytes.fromhex("02 0002 000100 000300") + bytes(2) + bytes(4) + bytes(3) + bytes(12)
# Two features, one value: two weights, a bias, a multiplier.
VALUE = DENSE + bytes.fromhex("01 0002 000100") + bytes(2) + bytes(4) + bytes.fromhex("00000001")
LEAF, VOTE = bytes.fromhex("80 00000007"), bytes.fromhex("80 02 000001")


def changed(model: bytes, offset: int, new: str) -> bytes:
    """A model with other bytes at a place."""
    return model[:offset] + bytes.fromhex(new) + model[offset + len(bytes.fromhex(new)) :]


def grown(nodes: bytes, aggregation: str = "00", classes: str = "03", base: str = "") -> bytes:
    """A model of one tree for two features."""
    head = bytes.fromhex(f"{aggregation} 0002 {classes} 0001 {base}")
    return TREES + head + (len(nodes) // 5).to_bytes(2, "big") + nodes


def branch(right: int, feature: int = 0) -> bytes:
    """A node that goes to the next one or to another."""
    return feature.to_bytes(2, "big") + b"\x10" + right.to_bytes(2, "big")


def chain_of(depth: int) -> bytes:
    """A tree of so many branches below each other, each with the last leaf on its right."""
    return branch(depth + 1) * depth + VOTE * 2


DENSE_CASES = [
    (b"", 3, "ModelTruncated"),
    (LINEAR[:33], 3, "ModelTruncated"),
    (LINEAR[:36], 3, "ModelTruncated"),
    (LINEAR[:39], 3, "ModelTruncated"),
    (LINEAR[:-1], 3, "ModelTruncated"),
    (VALUE[:-1], 0, "ModelTruncated"),
    (LINEAR + b"\x00", 3, "ModelTooLong"),
    (LINEAR + bytes(98_304), 3, "ModelTooLong"),
    (changed(LINEAR, 0, "02"), 3, "ModelVersionUnsupported"),
    (changed(LINEAR, 1, "02"), 3, "ModelKindMismatch"),
    (changed(LINEAR, 34, "00"), 3, "LayerCountOutOfRange"),
    (changed(LINEAR, 34, "06"), 3, "LayerCountOutOfRange"),
    (changed(LINEAR, 35, "0000"), 3, "LayerWidthOutOfRange"),
    (changed(LINEAR, 35, "0401"), 3, "LayerWidthOutOfRange"),
    (changed(LINEAR, 35, "0003"), 3, "ModelFeaturesMismatch"),
    (changed(LINEAR, 37, "0000"), 3, "LayerWidthOutOfRange"),
    (changed(LINEAR, 37, "0100"), 3, "LayerWidthOutOfRange"),
    (changed(LINEAR, 39, "01"), 3, "LayerShiftOutOfRange"),
    (changed(HIDDEN, 39, "17"), 3, "LayerShiftOutOfRange"),
    (changed(VALUE, 39, "3f"), 0, "LayerShiftOutOfRange"),
    (changed(LINEAR, 46, "7fffffff"), 3, "LayerBiasOutOfRange"),
    (changed(LINEAR, 46, "80000000"), 3, "LayerBiasOutOfRange"),
    (changed(LINEAR, 54, "80000000"), 3, "LayerBiasOutOfRange"),  # the last of three
    (changed(HIDDEN, 45, "80000000"), 3, "LayerBiasOutOfRange"),
    (LINEAR, 4, "ModelClassesMismatch"),
    (LINEAR, 0, "ModelClassesMismatch"),
    (VALUE, 3, "ModelClassesMismatch"),
    (changed(VALUE, 46, "80000000"), 0, "MultiplierOutOfRange"),
]
TREE_CASES = [
    (b"", 3, "ModelTruncated"),
    (grown(VOTE)[:39], 3, "ModelTruncated"),
    (grown(LEAF, "01", base="00000000 00000000 00000000")[:51], 3, "ModelTruncated"),
    (grown(VOTE)[:41], 3, "ModelTruncated"),
    (grown(VOTE)[:-1], 3, "ModelTruncated"),
    (grown(VOTE) + b"\x00", 3, "ModelTooLong"),
    (changed(grown(VOTE), 1, "01"), 3, "ModelKindMismatch"),
    (grown(VOTE, "02"), 3, "AggregationUnsupported"),
    (changed(grown(VOTE), 35, "0003"), 3, "ModelFeaturesMismatch"),
    (grown(VOTE, classes="04"), 3, "ModelClassesMismatch"),
    (grown(VOTE, classes="00"), 0, "ModelClassesMismatch"),
    (changed(grown(VOTE), 38, "0000"), 3, "TreeCountOutOfRange"),
    (changed(grown(VOTE), 38, "0401"), 3, "TreeCountOutOfRange"),
    (grown(b""), 3, "TreeEmpty"),
    (grown(bytes.fromhex("81 02 000001")), 3, "TreeLeafMalformed"),
    (grown(bytes.fromhex("80 03 000001")), 3, "TreeLeafMalformed"),
    (grown(branch(2, feature=2) + VOTE * 2), 3, "TreeFeatureOutOfRange"),
    (grown(branch(1) + VOTE * 2), 3, "TreeChildOutOfRange"),
    (grown(branch(3) + VOTE * 2), 3, "TreeChildOutOfRange"),
    (grown(chain_of(33)), 3, "TreeTooDeep"),
]


@pytest.mark.parametrize(
    ("kind", "model", "classes", "error"),
    [(KIND_DENSE, *case) for case in DENSE_CASES] + [(KIND_TREES, *case) for case in TREE_CASES],
)
def test_a_model_that_breaks_its_format_is_refused_by_both(
    scorers: ScoringChain, kind: int, model: bytes, classes: int, error: str
) -> None:
    metric = Metric.ACCURACY if classes else Metric.R2
    rows = bytes([1, 2, 0] if classes else [1, 2, 0, 0, 0, 0])

    with pytest.raises(Rejected) as caught:
        scorers.measure(metric, 2, classes, rows, model, kind)

    assert str(caught.value) == error
    if error != "ModelKindMismatch":  # the twin reads both kinds
        with pytest.raises(ModelError):
            score(metric, 2, classes, rows, model)


@pytest.mark.parametrize(
    ("kind", "model", "classes", "error"),
    [
        # Layers are counted from 1; the hidden one's shift ends at 22, a classifier's last has none, a value's 62.
        (
            KIND_DENSE,
            changed(HIDDEN, 39, "17"),
            3,
            errors.LayerShiftOutOfRange(layer=1, shift=23, maximumShift=22),
        ),
        (
            KIND_DENSE,
            changed(HIDDEN, 42, "01"),
            3,
            errors.LayerShiftOutOfRange(layer=2, shift=1, maximumShift=0),
        ),
        (
            KIND_DENSE,
            changed(VALUE, 39, "3f"),
            0,
            errors.LayerShiftOutOfRange(layer=1, shift=63, maximumShift=62),
        ),
        # The input is layer 0.
        (
            KIND_DENSE,
            changed(HIDDEN, 35, "0401"),
            3,
            errors.LayerWidthOutOfRange(layer=0, width=1025, maximumWidth=1024),
        ),
        (
            KIND_DENSE,
            changed(HIDDEN, 37, "0100"),
            3,
            errors.LayerWidthOutOfRange(layer=1, width=256, maximumWidth=255),
        ),
        (
            KIND_DENSE,
            changed(HIDDEN, 40, "0000"),
            3,
            errors.LayerWidthOutOfRange(layer=2, width=0, maximumWidth=255),
        ),
        # Two products of -128 and 255 leave a bias 2^22 - 2 * 128 * 255 - 1 in a hidden layer, 2^23 in the last.
        (
            KIND_DENSE,
            changed(HIDDEN, 45, "80000000"),
            3,
            errors.LayerBiasOutOfRange(layer=1, neuron=0, bias=-(2**31), maximumMagnitude=4_129_023),
        ),
        (
            KIND_DENSE,
            changed(LINEAR, 50, "80000000"),
            3,
            errors.LayerBiasOutOfRange(layer=1, neuron=1, bias=-(2**31), maximumMagnitude=8_323_327),
        ),
        # 40 bytes, three numbers to begin with, and a byte is missing.
        (
            KIND_TREES,
            grown(LEAF, "01", base="00000000 00000000 00000000")[:51],
            3,
            errors.ModelTruncated(expectedLength=52, actualLength=51),
        ),
        (KIND_TREES, grown(VOTE)[:41], 3, errors.ModelTruncated(expectedLength=42, actualLength=41)),
        (KIND_TREES, grown(VOTE)[:-1], 3, errors.ModelTruncated(expectedLength=47, actualLength=46)),
    ],
)
def test_a_refusal_says_where_a_model_breaks_its_format(
    scorers: ScoringChain, kind: int, model: bytes, classes: int, error: errors.TransactionReverted
) -> None:
    rows = bytes([1, 2, 0] if classes else [1, 2, 0, 0, 0, 0])

    with pytest.raises(Rejected) as caught:
        scorers.measure(Metric.ACCURACY if classes else Metric.R2, 2, classes, rows, model, kind)

    assert type(caught.value.error) is type(error)
    assert vars(caught.value.error) == vars(error)


@pytest.mark.parametrize(
    ("kind", "model", "classes"),
    [
        (KIND_DENSE, LINEAR, 3),
        (KIND_DENSE, HIDDEN, 3),
        (KIND_DENSE, changed(HIDDEN, 39, "16"), 3),
        (KIND_DENSE, VALUE, 0),
        (KIND_DENSE, changed(VALUE, 39, "3e"), 0),
        (KIND_TREES, grown(VOTE), 3),
        (KIND_TREES, grown(LEAF, "01", base="00000000 00000000 00000000"), 3),
        (KIND_TREES, grown(chain_of(32)), 3),
    ],
)
def test_what_the_cases_above_change_is_scored(
    scorers: ScoringChain, kind: int, model: bytes, classes: int
) -> None:
    metric = Metric.ACCURACY if classes else Metric.R2
    rows = bytes([1, 2, 2, 3, 4, 0]) if classes else bytes([1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0, 9])

    assert scorers.measure(metric, 2, classes, rows, model, kind)[0] == score(metric, 2, classes, rows, model)


@pytest.mark.parametrize(("metric", "classes"), [(Metric.R2, 3), (Metric.ACCURACY, 0), (Metric.MACRO_F1, 0)])
def test_a_metric_of_the_other_kind_is_refused_by_both(
    scorers: ScoringChain, metric: Metric, classes: int
) -> None:
    rows, model = bytes([1, 2, 0] if classes else [1, 2, 0, 0, 0, 0]), LINEAR if classes else VALUE

    with pytest.raises(Rejected, match="MetricNotApplicable"):
        scorers.measure(metric, 2, classes, rows, model)
    with pytest.raises(MetricError):
        score(metric, 2, classes, rows, model)


@pytest.mark.parametrize(("value", "expected"), [(0, WAD), (9, 0)])
def test_r2_of_equal_targets_is_one_where_all_are_met_and_zero_elsewhere(
    scorers: ScoringChain, value: int, expected: int
) -> None:
    rows = bytes([1, 2, 0, 0, 0, value] * 2)  # the model says 0

    assert scorers.measure(Metric.R2, 2, 0, rows, VALUE)[0] == expected


@pytest.mark.parametrize(("leaf", "clipped"), [("7fffffff", 2**31 - 1), ("80000000", -(2**31))])
def test_a_sum_of_trees_past_32_bits_counts_as_the_last_number_that_fits(
    scorers: ScoringChain, leaf: str, clipped: int
) -> None:
    tree = bytes.fromhex("0001 80" + leaf)
    model = TREES + bytes.fromhex("01 0002 00 0002 00000000") + tree * 2
    rows = b"".join(bytes([1, 2]) + target.to_bytes(4, signed=True) for target in (clipped, 0))

    # One target is met, the other missed by all of it, which is twice the variance: 1 - 2. The sum itself would be
    # as far from both: 1 - 4.
    assert scorers.measure(Metric.R2, 2, 0, rows, model, KIND_TREES)[0] == -WAD


@pytest.mark.parametrize("features", [2, 4, 14, 16])
def test_rows_at_an_address_without_code_are_refused(world: World, features: int) -> None:
    """Whatever their length: also one that divides 2^256 - 21, of which 3, 5, 15 and 17 are tried."""
    described = world.connection.deployment.scorers["DenseScorer"]
    scorer = world.connection.w3.eth.contract(described.address, abi=described.abi)  # type: ignore[call-overload]
    model = DENSE + b"\x01" + features.to_bytes(2) + bytes.fromhex("000300") + bytes(3 * features + 12)
    nowhere = "0x" + "77" * 20
    tally = scorer.functions.tally(Metric.ACCURACY, (features, 3), NO_MAPPING, (nowhere, 0, 1), model)

    with pytest.raises(errors.RowsMalformed), world.connection.reverts.typed():
        tally.call()


@pytest.mark.parametrize("classes", [2, 10])
def test_a_small_linear_classifier_is_scored_in_a_single_loop(scorers: ScoringChain, classes: int) -> None:
    """By its gas: a row of 4 features takes a fifth of one of 33, where it is not; it would be a third."""
    gas = []
    for features in (4, 33):
        head = b"\x01" + features.to_bytes(2) + classes.to_bytes(2) + b"\x00"
        model = DENSE + head + bytes((features + 4) * classes)
        few, many = (
            scorers.measure(Metric.ACCURACY, features, classes, bytes((features + 1) * count), model)[1]
            for count in (1, 101)
        )
        gas.append(many - few)

    assert gas[0] < 0.25 * gas[1]


@pytest.mark.parametrize(("length", "error"), [(0, "RowsOutOfRange"), (4, "RowsMalformed")])
def test_rows_that_are_not_whole_are_refused_by_both(scorers: ScoringChain, length: int, error: str) -> None:
    with pytest.raises(Rejected, match=error):
        scorers.measure(Metric.ACCURACY, 2, 3, bytes(length), LINEAR)
    with pytest.raises(RowsError):
        score(Metric.ACCURACY, 2, 3, bytes(length), LINEAR)


@pytest.mark.parametrize("features", [1, 4, 5, 8, 9, 16, 17, 32, 33, 192, 193])
@pytest.mark.parametrize("classes", [2, 10, 11])
def test_linear_models_around_the_sizes_of_their_loops_hit_what_the_twin_hits(
    scorers: ScoringChain, features: int, classes: int
) -> None:
    random = np.random.default_rng(features * 100 + classes)
    table = bytes([1]) + features.to_bytes(2, "big") + classes.to_bytes(2, "big") + b"\x00"
    weights = random.integers(-128, 128, features * classes, dtype=np.int8)
    biases = random.integers(-1000, 1001, classes, dtype=np.int32).astype(">i4")
    model = DENSE + table + weights.tobytes() + biases.tobytes()
    data = random.integers(0, 256, (41, features + 1), dtype=np.uint8)
    data[:, -1] %= classes + 1  # a class that there is not among them

    on_chain, _ = scorers.measure(Metric.ACCURACY, features, classes, data.tobytes(), model)

    # By NumPy alone: weights lie by input, those of the last class first.
    sums = data[:, :-1].astype(int) @ weights.reshape(features, classes)[:, ::-1].astype(int) + biases
    assert on_chain == WAD * int((sums.argmax(axis=1) == data[:, -1]).sum()) // 41
