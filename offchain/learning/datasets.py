"""Data sets as the protocol sees them: `uint8` features, a class index or a scaled `int32`."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from offchain.learning.errors import (
    ConstantColumn,
    FileTooLarge,
    MalformedFile,
    MissingValues,
    NonNumericColumn,
    SingleClass,
    TooManyClasses,
    TooManyFeatures,
    Unencodable,
    UnknownDataset,
)
from offchain.learning.limits import MAX_CLASSES, MAX_DATA_FILE_BYTES, MAX_FEATURES
from offchain.learning.manifest import ClassTarget, Feature, Manifest, ValueTarget

_BUNDLED: Final = ("iris", "wine", "breast_cancer", "digits", "diabetes")
_PIXEL_RANGES: Final = MappingProxyType({"digits": (0.0, 16.0)})
_ABSENT: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
_MAX_INTEGER_CLASSES: Final = 32
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
    if name not in _BUNDLED:
        raise UnknownDataset(name, _BUNDLED)
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


def from_csv(path: Path, target: str) -> Dataset:
    """A data set from a comma-separated file with a header row.

    The target is a class where it is not numeric, or where it is whole numbers of at most 32 kinds; it is a
    value to predict otherwise.

    Raises
    ------
    FileTooLarge, MalformedFile, TooManyFeatures, TooManyClasses
        Where the file is beyond the limits or no table with the column `target`.
    MissingValues, NonNumericColumn
        Where a cell is absent, or a feature is not a finite number.
    """
    columns = _read_columns(path, target)
    for name, cells in columns.items():
        absent = [index for index, cell in enumerate(cells) if cell.strip().lower() in _ABSENT]
        if absent:
            raise MissingValues(name, absent)
    feature_names = tuple(name for name in columns if name != target)
    features = np.column_stack([_numbers(name, columns[name]) for name in feature_names])
    targets, class_names = _targets(target, columns[target])
    return Dataset(path.stem, "", path.name, feature_names, features, target, targets, class_names)


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
    try:
        return _encoded(dataset)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unencodable(place, first["msg"], first["input"]) from None


def _encoded(dataset: Dataset) -> EncodedDataset:
    features = [
        _feature(name, values, dataset.feature_range)
        for name, values in zip(dataset.feature_names, dataset.features.T, strict=True)
    ]
    offsets = np.array([feature.offset for feature in features])
    scales = np.array([feature.scale for feature in features])
    rows = np.clip(np.rint((dataset.features - offsets) / scales), 0, 255).astype(np.uint8)
    target, targets = _encode_target(dataset)
    manifest = Manifest(
        name=dataset.name,
        description=dataset.description,
        source=dataset.source,
        row_count=len(rows),
        features=tuple(features),
        target=target,
    )
    return EncodedDataset(manifest, rows, targets)


def _feature(name: str, values: NDArray[np.float64], known_range: tuple[float, float] | None) -> Feature:
    low, high = known_range or (float(values.min()), float(values.max()))
    if low == high:
        raise ConstantColumn(name, low)
    return Feature(name=name, offset=low, scale=(high - low) / 255)


def _encode_target(dataset: Dataset) -> tuple[ClassTarget | ValueTarget, NDArray[Any]]:
    if dataset.class_names is None:
        low, high = float(dataset.targets.min()), float(dataset.targets.max())
        if low == high:
            raise ConstantColumn(dataset.target_name, low)
        target = ValueTarget(name=dataset.target_name, offset=low, scale=(high - low) / _VALUE_STEPS)
        return target, np.rint((dataset.targets - low) / target.scale).astype(np.int32)
    if len(dataset.class_names) > MAX_CLASSES:
        raise TooManyClasses(len(dataset.class_names), MAX_CLASSES)
    present = np.unique(dataset.targets)
    if len(present) == 1:
        raise SingleClass(dataset.class_names[int(present[0])])
    return ClassTarget(names=dataset.class_names), dataset.targets.astype(np.uint8)


def _read_columns(path: Path, target: str) -> dict[str, list[str]]:
    if not path.is_file():
        raise MalformedFile(str(path), "no such file")
    size_bytes = path.stat().st_size
    if size_bytes > MAX_DATA_FILE_BYTES:
        raise FileTooLarge(str(path), size_bytes, MAX_DATA_FILE_BYTES)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = (row for row in csv.reader(file, strict=True) if row)
            header = next(table, [])
            if len(header) > MAX_FEATURES + 1:  # before the rows, each of which would have as many
                raise TooManyFeatures(len(header) - 1, MAX_FEATURES)
            rows = list(table)
    except (csv.Error, UnicodeDecodeError) as error:
        raise MalformedFile(str(path), f"not a comma-separated table: {error}") from error
    if len(set(header)) != len(header):
        raise MalformedFile(str(path), "two columns have the same name")
    if target not in header:
        raise MalformedFile(str(path), f"no column {target!r}")
    if len(header) < 2 or not rows:
        raise MalformedFile(str(path), "no features or no rows")
    for index, row in enumerate(rows):
        if len(row) != len(header):
            raise MalformedFile(str(path), f"row {index} has {len(row)} cells, the header {len(header)}")
    return {name: list(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}


def _numbers(column: str, cells: Sequence[str]) -> NDArray[np.float64]:
    values = np.empty(len(cells))
    for index, cell in enumerate(cells):
        number = _finite(cell)
        if number is None:
            raise NonNumericColumn(column, index, cell)
        values[index] = number
    return values


def _finite(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _targets(column: str, cells: Sequence[str]) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    numbers = [_finite(cell) for cell in cells]
    values = [number for number in numbers if number is not None]
    whole = len(values) == len(cells) and all(number.is_integer() for number in values)
    if len(values) == len(cells) and not (whole and len(set(values)) <= _MAX_INTEGER_CLASSES):
        return np.array(values), None
    labels = [str(int(number)) for number in values] if whole else [cell.strip() for cell in cells]
    names = sorted(set(labels), key=(lambda label: (int(label), "")) if whole else (lambda label: (0, label)))
    if len(names) > MAX_CLASSES:
        raise TooManyClasses(len(names), MAX_CLASSES)
    if len(names) == 1:
        raise SingleClass(names[0])
    index_of = {name: index for index, name in enumerate(names)}
    return np.array([index_of[label] for label in labels]), tuple(names)
