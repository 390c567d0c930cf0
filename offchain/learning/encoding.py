"""From the cells of a table to the bytes of rows, as a manifest says: for those that are posted, and for new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from offchain.learning import cells
from offchain.learning.errors import ColumnAbsent, MissingValues, NonNumericColumn
from offchain.learning.manifest import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    Manifest,
    NumberColumn,
)

Floats = NDArray[np.float64]


def encode_rows(manifest: Manifest, columns: Mapping[str, Sequence[str]]) -> NDArray[np.uint8]:
    """The features of rows of text, shape (n, f), whatever the order of the columns and how many there are more.

    Raises
    ------
    ColumnAbsent
        Where the manifest has a column more.
    MissingValues, NonNumericColumn
        Where a cell is absent or is not what the column holds.
    """
    parts = []
    for column in manifest.columns:
        if column.name not in columns:
            raise ColumnAbsent(column.name, tuple(columns))
        values = column_values(column, columns[column.name], manifest.absent_words)
        parts.append(quantise(values, column))
    return np.hstack(parts)


def column_values(column: Column, texts: Sequence[str], absent_words: Sequence[str] = ()) -> Floats:
    """What the cells of one column mean, shape (n, width): numbers, days, or 0 and 1.

    Raises
    ------
    MissingValues, NonNumericColumn
        Where a cell is absent and the column says not what to take, or is not what the column holds.
    """
    words = {word.casefold() for word in absent_words}
    absent = np.array([cells.is_absent(text, words) for text in texts], dtype=bool)
    if absent.any() and column.absent is None:
        raise MissingValues({column.name: np.flatnonzero(absent).tolist()})
    values = np.empty((len(texts), column.own_width))
    read = _reader(column)
    filler = _filler(column)
    for index, text in enumerate(texts):
        found = filler if absent[index] else read(text)
        if found is None:
            raise NonNumericColumn(column.name, index, text, kind=column.kind)
        values[index] = found
    return np.hstack([values, absent[:, None]]) if column.flags_absent else values


def quantise(values: Floats, column: Column) -> NDArray[np.uint8]:
    """The bytes of one column's values, shape (n, width)."""
    offsets, scales = steps(column)
    rows: NDArray[np.uint8] = np.clip(np.rint((values - offsets) / scales), 0, 255).astype(np.uint8)
    return rows


def decode(rows: NDArray[np.uint8], column: Column) -> Floats:
    """The values that one column's bytes stand for, shape (n, width)."""
    offsets, scales = steps(column)
    values: Floats = rows * scales + offsets
    return values


def steps(column: Column) -> tuple[Floats, Floats]:
    """The offset and the scale of each byte of a column, both of shape (width,)."""
    offsets, scales = np.zeros(column.width), np.full(column.width, 1 / 255)
    if isinstance(column, NumberColumn | DateColumn):
        offsets[0], scales[0] = column.offset, column.scale
    return offsets, scales


def feature_names(column: Column) -> list[str]:
    """A name for each byte of a column."""
    if isinstance(column, CategoryColumn):
        names = [f"{column.name}={value}" for value in column.values]
    else:
        names = [column.name]
    return [*names, f"{column.name} is missing"] if column.flags_absent else names


def _reader(column: Column) -> Callable[[str], float | Floats | None]:
    """What reads a cell that is there."""
    match column:
        case NumberColumn():
            return lambda text: _number(column, text)
        case DateColumn():
            return lambda text: cells.days(text, column.form)
        case BooleanColumn():
            return cells.boolean
        case CategoryColumn():
            return _one_hot(column)


def _number(column: NumberColumn, text: str) -> float | None:
    found = cells.number(text, column.decimal)
    if found is None:
        return None
    value, unit = found
    may_lack = not column.unit or column.unit in cells.CURRENCIES
    return value if unit == column.unit or (not unit and may_lack) else None


def _one_hot(column: CategoryColumn) -> Callable[[str], Floats]:
    width = column.own_width
    rows = {cells.category(value): row for value, row in zip(column.values, np.eye(width), strict=True)}
    nothing = np.zeros(width)
    return lambda text: rows.get(cells.category(text), nothing)


def _filler(column: Column) -> float | Floats | None:
    """What stands for a cell that is absent."""
    if isinstance(column, CategoryColumn):
        return None if column.absent is None else _one_hot(column)(column.absent)
    return column.absent
