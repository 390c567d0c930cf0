from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from offchain.learning import datasets
from offchain.learning.errors import (
    ConstantColumn,
    FileTooLarge,
    MalformedFile,
    MissingValues,
    NonNumericColumn,
    SingleClass,
    TooManyClasses,
    TooManyFeatures,
    UnknownDataset,
)
from offchain.learning.manifest import ClassTarget, ValueTarget

CsvWriter = Callable[[str], Path]


@pytest.fixture
def csv_file(tmp_path: Path) -> CsvWriter:
    def write(text: str) -> Path:
        path = tmp_path / "table.csv"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "rows", "features", "classes"),
    # The counts of scikit-learn's documentation.
    [
        ("iris", 150, 4, 3),
        ("wine", 178, 13, 3),
        ("breast_cancer", 569, 30, 2),
        ("digits", 1797, 64, 10),
        ("diabetes", 442, 10, 0),
    ],
)
def test_bundled_data_sets_have_their_published_shape(
    name: str, rows: int, features: int, classes: int
) -> None:
    encoded = datasets.encode(datasets.load(name))

    assert encoded.features.shape == (rows, features)
    assert encoded.manifest.class_count == classes
    assert len(encoded.row_bytes(0)) == encoded.manifest.row_length == features + (1 if classes else 4)


def test_encoding_stretches_each_feature_over_the_byte() -> None:
    encoded = datasets.encode(datasets.load("iris"))

    assert encoded.features.min(axis=0).tolist() == [0, 0, 0, 0]
    assert encoded.features.max(axis=0).tolist() == [255, 255, 255, 255]
    offsets = np.array([feature.offset for feature in encoded.manifest.features])
    scales = np.array([feature.scale for feature in encoded.manifest.features])
    decoded = encoded.features * scales + offsets
    assert np.abs(decoded - load_iris().data).max() <= scales.max() / 2 + 1e-12


def test_row_bytes_end_with_a_big_endian_value_in_a_regression(csv_file: CsvWriter) -> None:
    table = datasets.from_csv(csv_file("x,y\n0,-1.5\n1,0.25\n2,2.5\n"), "y")

    encoded = datasets.encode(table)

    # By hand: (0.25 - -1.5) / 4 of a million steps, 437500 = 0x0006acfc; x = 127.5 rounds to 128.
    assert encoded.row_bytes(1) == bytes([128]) + bytes.fromhex("0006acfc")
    assert isinstance(encoded.manifest.target, ValueTarget)


def test_csv_with_words_as_target_has_classes_in_alphabetical_order(csv_file: CsvWriter) -> None:
    table = datasets.from_csv(csv_file("x,kind\n0,wolf\n1,dog\n3,dog\n"), "kind")

    encoded = datasets.encode(table)

    assert encoded.manifest.target == ClassTarget(names=("dog", "wolf"))
    assert encoded.targets.tolist() == [1, 0, 0]


def test_csv_with_whole_numbers_as_target_has_classes_in_numerical_order(csv_file: CsvWriter) -> None:
    table = datasets.from_csv(csv_file("x,kind\n0,10\n1,9\n3,10\n"), "kind")

    assert table.class_names == ("9", "10")


@pytest.mark.parametrize("absent", ["", "NA", "nan", "?"])
def test_missing_values_are_named_by_column_and_row(csv_file: CsvWriter, absent: str) -> None:
    with pytest.raises(MissingValues) as caught:
        datasets.from_csv(csv_file(f"x,y\n1,a\n{absent},b\n"), "y")

    assert (caught.value.column, caught.value.row_indices) == ("x", (1,))


@pytest.mark.parametrize("cell", ["blue", "inf", "1e999"])
def test_feature_that_is_no_number_is_rejected(csv_file: CsvWriter, cell: str) -> None:
    with pytest.raises(NonNumericColumn) as caught:
        datasets.from_csv(csv_file(f"x,y\n1,a\n{cell},b\n"), "y")

    assert (caught.value.column, caught.value.row_index, caught.value.value) == ("x", 1, cell)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x,y\n1,a\n1,b\n", ConstantColumn),
        ("x,y\n1,0.5\n2,0.5\n", ConstantColumn),
        ("x,y\n1,a\n2,a\n", SingleClass),
    ],
)
def test_rows_nothing_can_be_learned_from_are_rejected(
    csv_file: CsvWriter, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        datasets.encode(datasets.from_csv(csv_file(text), "y"))


def test_too_many_classes_are_rejected(csv_file: CsvWriter) -> None:
    rows = "".join(f"{index},c{index}\n" for index in range(256))

    with pytest.raises(TooManyClasses):
        datasets.from_csv(csv_file("x,y\n" + rows), "y")


def test_too_many_features_are_rejected(csv_file: CsvWriter) -> None:
    header = ",".join(f"f{index}" for index in range(1025))
    row = ",".join("1" for _ in range(1025))

    with pytest.raises(TooManyFeatures):
        datasets.from_csv(csv_file(f"{header},y\n{row},a\n{row},b\n"), "y")


def test_oversized_file_is_rejected_before_it_is_read(
    csv_file: CsvWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "MAX_DATA_FILE_BYTES", 10)

    with pytest.raises(FileTooLarge):
        datasets.from_csv(csv_file("x,y\n1,a\n2,b\n"), "y")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x,y\n",
        "x,z\n1,2\n",
        "x,x,y\n1,2,a\n",
        "x,y\n1,a\n2\n",
        'x,y\n"1,a\n',
        'x,y\n"1"0,a\n2,b\n',
        "y\na\nb\n",
    ],
)
def test_file_that_is_no_table_is_rejected(csv_file: CsvWriter, text: str) -> None:
    with pytest.raises(MalformedFile):
        datasets.from_csv(csv_file(text), "y")


def test_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownDataset, match="iris"):
        datasets.load("irises")
