"""Data sets as the protocol sees them: `uint8` features, a class index or a scaled `int32`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from offchain.learning.encoding import quantise
from offchain.learning.errors import (
    ConstantColumn,
    SingleClass,
    TooManyClasses,
    TooManyFeatures,
    Unencodable,
    UnknownDataset,
)
from offchain.learning.limits import MAX_CLASSES, MAX_FEATURES
from offchain.learning.manifest import ClassTarget, Manifest, NumberColumn, ValueTarget

BUNDLED: Final = ("iris", "wine", "breast_cancer", "digits", "diabetes")
_PIXEL_RANGES: Final = MappingProxyType({"digits": (0.0, 16.0)})
_VALUE_STEPS: Final = 1_000_000
"""A regression target's range is cut into this many steps."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table of finite numbers with a target, before it is encoded.

    Attributes
    ----------
    features : ndarray of float64, shape (n, f)
    targets : ndarray, shape (n,)
        Indices into `class_names` where there are any, the float values to predict otherwise.
    feature_range : (low, high), optional
        The range that every feature has by nature, as the pixels of an image do. Without it the range is the
        one in the data, and a feature must vary.
    """

    name: str
    description: str
    source: str
    feature_names: tuple[str, ...]
    features: NDArray[np.float64]
    target_name: str
    targets: NDArray[Any]
    class_names: tuple[str, ...] | None
    feature_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class EncodedDataset:
    """Rows as they are committed to, and the manifest that explains them.

    Attributes
    ----------
    features : ndarray of uint8, shape (n, f)
    targets : ndarray, shape (n,)
        `uint8` class indices, or `int32` scaled values where the manifest has no classes.
    """

    manifest: Manifest
    features: NDArray[np.uint8]
    targets: NDArray[Any]

    def row_bytes(self, index: int) -> bytes:
        """The features of one row, then its target: what the row's leaf hashes and the scorer reads."""
        target = self.targets[index : index + 1]
        wide = target.astype(">i4") if self.manifest.class_count == 0 else target.astype(np.uint8)
        return bytes(self.features[index].tobytes() + wide.tobytes())


def load(name: str) -> Dataset:
    """One of scikit-learn's bundled data sets.

    Raises
    ------
    UnknownDataset
        Where the name is none of them.
    """
    if name not in BUNDLED:
        raise UnknownDataset(name, BUNDLED)
    # Who carries tasks imports this module, and does not load any: scikit-learn takes two seconds.
    from sklearn import datasets as bundled

    bunch: Any = getattr(bundled, f"load_{name}")()
    class_names = tuple(str(label) for label in bunch["target_names"]) if "target_names" in bunch else None
    title = next(line.strip() for line in bunch["DESCR"].splitlines() if line.strip() and line[0] != ".")
    return Dataset(
        name=name,
        description=title,
        source=f"scikit-learn, load_{name}",
        feature_names=tuple(str(feature) for feature in bunch["feature_names"]),
        features=np.asarray(bunch["data"], dtype=np.float64),
        target_name="target",
        targets=np.asarray(bunch["target"]),
        class_names=class_names,
        feature_range=_PIXEL_RANGES.get(name),
    )


def encode(dataset: Dataset) -> EncodedDataset:
    """The rows of a data set with each feature's range stretched over 0 to 255.

    Raises
    ------
    TooManyFeatures, TooManyClasses, SingleClass, ConstantColumn
        Where nothing could be learned from the rows, or no scorer would take them.
    Unencodable
        Where no manifest can say what the rows mean: a name is too long, a range too wide or too narrow.
    """
    if len(dataset.feature_names) > MAX_FEATURES:
        raise TooManyFeatures(len(dataset.feature_names), MAX_FEATURES)
    with unencodable():
        return _encoded(dataset)


@contextmanager
def unencodable() -> Iterator[None]:
    """Raise Unencodable where a part of a manifest cannot be."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unencodable(place, first["msg"], first["input"]) from None


def _encoded(dataset: Dataset) -> EncodedDataset:
    columns = [
        number_column(name, values, dataset.feature_range)
        for name, values in zip(dataset.feature_names, dataset.features.T, strict=True)
    ]
    rows = np.hstack(
        [
            quantise(values[:, None], column)
            for values, column in zip(dataset.features.T, columns, strict=True)
        ]
    )
    target, targets = encode_target(dataset.target_name, dataset.targets, dataset.class_names)
    manifest = Manifest(
        name=dataset.name,
        description=dataset.description,
        source=dataset.source,
        row_count=len(rows),
        columns=tuple(columns),
        target=target,
    )
    return EncodedDataset(manifest, rows, targets)


def number_column(
    name: str, values: NDArray[np.float64], known_range: tuple[float, float] | None = None
) -> NumberColumn:
    """A column of numbers whose range is stretched over 0 to 255; raises ConstantColumn."""
    low, high = known_range or (float(values.min()), float(values.max()))
    if low == high:
        raise ConstantColumn(name, low)
    return NumberColumn(name=name, offset=low, scale=(high - low) / 255)


def encode_target(
    name: str, targets: NDArray[Any], class_names: tuple[str, ...] | None
) -> tuple[ClassTarget | ValueTarget, NDArray[Any]]:
    """What the targets mean, and their bytes: indices into `class_names`, or values where there are none.

    Raises
    ------
    ConstantColumn, SingleClass, TooManyClasses
        Where there is nothing to tell apart, or too much.
    """
    if class_names is None:
        low, high = float(targets.min()), float(targets.max())
        if low == high:
            raise ConstantColumn(name, low)
        target = ValueTarget(name=name, offset=low, scale=(high - low) / _VALUE_STEPS)
        return target, np.rint((targets - low) / target.scale).astype(np.int32)
    if len(class_names) > MAX_CLASSES:
        raise TooManyClasses(len(class_names), MAX_CLASSES)
    present = np.unique(targets)
    if len(present) == 1:
        raise SingleClass(class_names[int(present[0])])
    return ClassTarget(names=class_names), targets.astype(np.uint8)
