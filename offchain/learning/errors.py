"""What can be wrong with the material of learning, as one tree.

::

    LearningError
    ├── DatasetError
    │   ├── UnknownDataset
    │   ├── FileTooLarge
    │   ├── MalformedFile
    │   ├── MissingValues
    │   ├── NonNumericColumn
    │   ├── ColumnAbsent
    │   ├── NothingToLearn
    │   ├── ConstantColumn
    │   ├── SingleClass
    │   ├── TooManyClasses
    │   ├── TooManyFeatures
    │   └── Unencodable
    ├── ManifestError
    ├── ModelError
    │   ├── ModelTooShort
    │   ├── ModelTooLong
    │   ├── ModelFieldOutOfRange
    │   └── ModelShapeMismatch
    ├── RowsError
    ├── MetricError
    ├── MappingError
    └── EstimatorError
        └── UnknownEstimator

Each message is built from the values the exception carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class LearningError(Exception):
    """The base of everything that this package raises on purpose."""


class DatasetError(LearningError):
    """A data set cannot become a task."""


class UnknownDataset(DatasetError):
    """No bundled data set has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"unknown data set {name!r}: known are {', '.join(self.known)}")


class FileTooLarge(DatasetError):
    """A data file exceeds the size limit."""

    def __init__(self, path: str, size_bytes: int, limit_bytes: int) -> None:
        self.path, self.size_bytes, self.limit_bytes = path, size_bytes, limit_bytes
        super().__init__(f"{path} has {size_bytes} bytes, the limit is {limit_bytes}")


class MalformedFile(DatasetError):
    """A data file is not a table with a header and a target column."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class MissingValues(DatasetError):
    """Columns have cells without a value.

    rows : by column, the indices of its rows without one, or their lines in a file
    """

    def __init__(self, rows: Mapping[str, Sequence[int]], hint: str = "", place: str = "row") -> None:
        self.rows = {column: tuple(indices) for column, indices in rows.items()}
        told = [_missing(column, indices, place) for column, indices in list(self.rows.items())[:5]]
        more = f", and {len(self.rows) - 5} columns more" if len(self.rows) > 5 else ""
        super().__init__(f"no value in {'; '.join(told)}{more}{': ' if hint else ''}{hint}")


class NonNumericColumn(DatasetError):
    """A column of numbers, dates or the like has a cell that is something else.

    row : its index, or its line in a file
    """

    def __init__(
        self, column: str, row: int, value: str, kind: str = "number", hint: str = "", place: str = "row"
    ) -> None:
        self.column, self.row, self.value, self.kind, self.hint = column, row, value, kind, hint
        problem = "is not numeric" if kind == "number" else f"is of kind {kind}"
        super().__init__(f"column {column!r} {problem}: {place} {row} holds {value[:60]!r}{hint}")


class ColumnAbsent(DatasetError):
    """A table has no column of a name."""

    def __init__(self, column: str, known: Sequence[str]) -> None:
        self.column, self.known = column, tuple(known)
        shown = ", ".join(repr(name[:60]) for name in self.known[:20])
        more = ", ..." if len(self.known) > 20 else ""
        super().__init__(f"no column {column!r}: there are {shown}{more}")


class NothingToLearn(DatasetError):
    """No column, or no row, is left to learn from."""

    def __init__(self, what: str, reasons: Mapping[str, str]) -> None:
        self.what, self.reasons = what, dict(reasons)
        shown = "; ".join(f"{name[:60]!r} {why}" for name, why in list(self.reasons.items())[:5])
        super().__init__(f"no {what} is left to learn from{': ' if shown else ''}{shown}")


class ConstantColumn(DatasetError):
    """A feature, or a regression target, has the same value in every row."""

    def __init__(self, column: str, value: float) -> None:
        self.column, self.value = column, value
        super().__init__(f"column {column!r} is {value!r} in every row")


class SingleClass(DatasetError):
    """Every row belongs to the same class."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"every row is of class {name!r}")


class TooManyClasses(DatasetError):
    """There are more classes than a target byte or a model's outputs can name."""

    def __init__(self, class_count: int, limit: int) -> None:
        self.class_count, self.limit = class_count, limit
        super().__init__(f"{class_count} classes, the limit is {limit}")


class TooManyFeatures(DatasetError):
    """There are more features than a scorer accepts."""

    def __init__(self, feature_count: int, limit: int) -> None:
        self.feature_count, self.limit = feature_count, limit
        super().__init__(f"{feature_count} features, the limit is {limit}")


class Unencodable(DatasetError):
    """No manifest can say what the rows of a data set mean."""

    def __init__(self, field: str, reason: str, value: object) -> None:
        self.field, self.reason, self.value = field, reason, value
        super().__init__(f"{field} of the manifest would be {str(value)[:60]!r}: {reason}")


class ManifestError(LearningError):
    """Bytes are not a manifest in canonical form."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not a manifest: {reason}")


class ModelError(LearningError):
    """Bytes are not a model, or a model cannot be put into bytes."""


class ModelTooShort(ModelError):
    """Model bytes end before the model does."""

    def __init__(self, expected_length: int, actual_length: int) -> None:
        self.expected_length, self.actual_length = expected_length, actual_length
        super().__init__(f"model has {actual_length} bytes, it needs {expected_length}")


class ModelTooLong(ModelError):
    """Model bytes go on after the model's end, or exceed the size limit."""

    def __init__(self, expected_length: int, actual_length: int) -> None:
        self.expected_length, self.actual_length = expected_length, actual_length
        super().__init__(f"model has {actual_length} bytes, it may have {expected_length}")


class ModelFieldOutOfRange(ModelError):
    """A number of a model lies outside of what the format allows there."""

    def __init__(self, field: str, value: int, minimum: int, maximum: int) -> None:
        self.field, self.value, self.minimum, self.maximum = field, value, minimum, maximum
        super().__init__(f"{field} is {value}, allowed is {minimum} to {maximum}")


class ModelShapeMismatch(ModelError):
    """A model takes or gives something else than the rows hold."""

    def __init__(self, field: str, expected: int, actual: int) -> None:
        self.field, self.expected, self.actual = field, expected, actual
        super().__init__(f"the model's {field} is {actual}, the rows have {expected}")


class RowsError(LearningError):
    """Row bytes are empty or not a whole number of rows."""

    def __init__(self, row_length: int, actual_length: int) -> None:
        self.row_length, self.actual_length = row_length, actual_length
        super().__init__(f"{actual_length} bytes are not one or more rows of {row_length} bytes")


class MetricError(LearningError):
    """A metric does not apply to the kind of target."""

    def __init__(self, metric: str, class_count: int) -> None:
        self.metric, self.class_count = metric, class_count
        super().__init__(f"{metric} is not defined for {class_count} classes")


class MappingError(LearningError):
    """Rows cannot be mapped securely: the width is no multiple of 32 up to 256, or they have too many features."""

    def __init__(self, feature_count: int, width: int) -> None:
        self.feature_count, self.width = feature_count, width
        super().__init__(
            f"no secure mapping takes {feature_count} features to {width}: at most 96 features, "
            "and a width of 32, 64, ... 256"
        )


class EstimatorError(LearningError):
    """An estimator cannot be trained or cannot become a model."""


class UnknownEstimator(EstimatorError):
    """No estimator has this name, or none for this kind of target."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"unknown estimator {name!r}: known here are {', '.join(self.known)}")


def _missing(column: str, indices: Sequence[int], place: str) -> str:
    shown = ", ".join(str(index) for index in indices[:5])
    more = ", ..." if len(indices) > 5 else ""
    return f"column {column!r} in {len(indices)} rows ({place} {shown}{more})"
