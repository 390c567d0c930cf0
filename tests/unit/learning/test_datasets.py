import numpy as np
import pytest
from sklearn.datasets import load_iris

from offchain.learning import datasets
from offchain.learning.errors import ConstantColumn, TooManyFeatures, UnknownDataset
from offchain.learning.manifest import NumberColumn


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
    columns = [column for column in encoded.manifest.columns if isinstance(column, NumberColumn)]
    offsets = np.array([column.offset for column in columns])
    scales = np.array([column.scale for column in columns])
    decoded = encoded.features * scales + offsets
    assert np.abs(decoded - load_iris().data).max() <= scales.max() / 2 + 1e-12


@pytest.mark.parametrize("columns", [1, 1025])
def test_rows_that_no_model_can_be_trained_on_are_rejected(columns: int) -> None:
    names = tuple(f"f{index}" for index in range(columns))
    features = np.ones((2, columns))
    dataset = datasets.Dataset("toy", "", "", names, features, "y", np.array([0, 1]), ("a", "b"))

    with pytest.raises(ConstantColumn if columns == 1 else TooManyFeatures):
        datasets.encode(dataset)


def test_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownDataset, match="iris"):
        datasets.load("irises")
