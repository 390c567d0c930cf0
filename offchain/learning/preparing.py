"""From a table of text to rows that can be committed to: what is a feature, what is missing, what is left out.

A prepared table says what was decided, so that its owner can look before anything is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from offchain.learning import cells
from offchain.learning.cells import Decimal
from offchain.learning.datasets import EncodedDataset, encode, encode_target, load, unencodable
from offchain.learning.encoding import column_values, decode, feature_names, quantise
from offchain.learning.errors import (
    ColumnAbsent,
    MissingValues,
    NonNumericColumn,
    NothingToLearn,
    TooManyFeatures,
    Unencodable,
)
from offchain.learning.kinds import (
    Booleans,
    Categories,
    Dates,
    Kind,
    Numbers,
    Useless,
    date_forms,
    file_decimal,
    kind_of,
)
from offchain.learning.limits import MAX_FEATURES, MAX_MANIFEST_BYTES
from offchain.learning.manifest import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    Manifest,
    NumberColumn,
)
from offchain.learning.table import Table

Floats = NDArray[np.float64]

MAX_INTEGER_CLASSES: Final = 32
RARE_ROWS: Final = 10
RARE_SHARE: Final = 0.05


class Missing(Enum):
    """What to do about missing values."""

    REFUSE = "refuse"
    DROP = "drop"
    IMPUTE = "impute"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the owner of a table says about it.

    missing : of features; rows without a target are left out unless they are refused
    flags_missing : whether imputed columns have a byte that says so
    kinds : `number` or `category` by column, where that is not to be inferred
    leave_out : columns that are no features
    absent_words : what stands for a missing value, beside what usually does
    decimal : the decimal sign of all columns
    clip_share : the share of a column's numbers at each end that may lie outside of the range of its byte
    as_value : whether a target of numbers is a value to predict; None to infer it
    """

    missing: Missing = Missing.REFUSE
    flags_missing: bool = False
    kinds: Mapping[str, str] | None = None
    leave_out: tuple[str, ...] = ()
    absent_words: tuple[str, ...] = ()
    decimal: Decimal | None = None
    drop_duplicates: bool = False
    clip_share: float = 0.0
    as_value: bool | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows to commit to, and what was decided about them.

    Attributes
    ----------
    encoded
        The rows as they are committed to.
    values : ndarray of float64, shape (n, f)
        What the bytes of the features stand for, before they are rounded to bytes.
    kept : ndarray of int, shape (n,)
        Which rows of the table they are.
    absent : dict
        By column, how many values were missing among those rows.
    left_out : dict
        By column that is no feature, why not; a sentence that begins with the column's name.
    notes : tuple of str
        What else the owner should know.
    """

    encoded: EncodedDataset
    values: Floats
    kept: NDArray[np.intp]
    absent: dict[str, int]
    left_out: dict[str, str]
    notes: tuple[str, ...]

    def column_errors(self) -> dict[str, float]:
        """How far the bytes of numbers and dates are from them at most, in typical distances from the median.

        A number outside of the range of its byte, where a share of them may be, does not count.
        """
        errors, first = {}, 0
        for column in self.encoded.manifest.columns:
            if isinstance(column, NumberColumn | DateColumn):
                values, rows = self.values[:, first], self.encoded.features[:, first : first + column.width]
                inside = (values >= column.offset) & (values <= column.offset + 255 * column.scale)
                distance = np.abs(values - np.median(values))
                typical = float(np.median(distance)) or float(distance.mean())
                error = np.abs(decode(rows, column)[:, 0] - values)[inside]
                errors[column.name] = float(error.max()) / typical
            first += column.width
        return errors

    def feature_names(self) -> list[str]:
        """A name for each byte of a row's features."""
        return [name for column in self.encoded.manifest.columns for name in feature_names(column)]


def prepare(table: Table, target: str, wishes: Wishes) -> Prepared:
    """Decide what each column of a table is, and encode its rows.

    Raises
    ------
    ColumnAbsent
        Where a wish is about a column that is not there.
    MissingValues, NonNumericColumn
        Where a value is missing and that is refused, or a cell is not what its column holds.
    NothingToLearn, ConstantColumn, SingleClass, TooManyClasses, TooManyFeatures, Unencodable
        Where nothing is left to learn from, or no scorer or manifest takes it.
    """
    _check_names(table, target, wishes)
    words = tuple(word.strip().casefold() for word in wishes.absent_words)
    absent = {
        name: np.array([cells.is_absent(text, words) for text in texts], dtype=bool)
        for name, texts in table.columns.items()
    }
    notes = list(table.notes)
    kinds, left_out = _kinds(table, target, absent, wishes)
    if not kinds:
        raise NothingToLearn("column", left_out)
    kept = _kept_rows(table, target, absent, list(kinds), wishes, notes)
    class_names, targets = _targets(table, target, kept, wishes, notes)
    if wishes.as_value is None and class_names is not None:
        _note_rare(class_names, targets, notes)

    columns: list[Column] = []
    for name, kind in kinds.items():
        missing = absent[name][kept]
        texts = [table.columns[name][index] for index in kept]
        column = _column(name, kind, texts, missing, wishes)
        if column is None:
            left_out[name] = "is the same in every row that is left"
        else:
            columns.append(column)
            _note(column, kind, texts, missing, notes)
    if not columns:
        raise NothingToLearn("column", left_out)
    width = sum(column.width for column in columns)
    if width > MAX_FEATURES:
        raise TooManyFeatures(width, MAX_FEATURES)
    values = np.hstack(
        [
            column_values(column, [table.columns[column.name][index] for index in kept], words)
            for column in columns
        ]
    )
    with unencodable():
        meaning, encoded_targets = encode_target(target, targets, class_names)
        manifest = Manifest(
            name=table.name.rsplit(".", 1)[0] or table.name,
            description=f"{len(kept)} of {table.row_count} rows, {len(columns)} of {len(table.columns) - 1} columns",
            source=table.name,
            row_count=len(kept),
            columns=tuple(columns),
            absent_words=words,
            target=meaning,
        )
    if len(manifest.to_bytes()) > MAX_MANIFEST_BYTES:
        raise Unencodable("size", f"at most {MAX_MANIFEST_BYTES:,} bytes", len(manifest.to_bytes()))
    rows = _quantised(values, columns)
    missing_counts = {column.name: int(absent[column.name][kept].sum()) for column in columns}
    encoded = EncodedDataset(manifest, rows, encoded_targets)
    return Prepared(encoded, values, kept, missing_counts, left_out, tuple(notes))


def _check_names(table: Table, target: str, wishes: Wishes) -> None:
    for name in (*(wishes.kinds or {}), *wishes.leave_out, target):
        if name not in table.columns:
            raise ColumnAbsent(name, tuple(table.columns))


def _kinds(
    table: Table, target: str, absent: Mapping[str, NDArray[np.bool_]], wishes: Wishes
) -> tuple[dict[str, Kind], dict[str, str]]:
    """The kind of each column that is a feature, and why the others are none."""
    left_out = {name: "is left out as you said" for name in wishes.leave_out if name != target}
    there = {
        name: [text for text, is_missing in zip(texts, absent[name], strict=True) if not is_missing]
        for name, texts in table.columns.items()
        if name != target and name not in left_out
    }
    decimal = wishes.decimal or file_decimal(list(there.values()))
    kinds: dict[str, Kind] = {}
    for name, texts in there.items():
        wish = (wishes.kinds or {}).get(name)
        try:
            kind = kind_of(name, texts, decimal, wish, is_sure=wishes.decimal is not None)
        except NonNumericColumn as error:
            line = table.lines[np.flatnonzero(~absent[name])[error.row]]
            raise NonNumericColumn(name, line, error.value, hint=error.hint, place="line") from None
        if isinstance(kind, Useless):
            left_out[name] = kind.why
        else:
            kinds[name] = kind
    return kinds, left_out


def _kept_rows(
    table: Table,
    target: str,
    absent: Mapping[str, NDArray[np.bool_]],
    features: Sequence[str],
    wishes: Wishes,
    notes: list[str],
) -> NDArray[np.intp]:
    if wishes.missing is Missing.REFUSE:
        rows = {
            name: [table.lines[index] for index in np.flatnonzero(absent[name])]
            for name in (*features, target)
            if absent[name].any()
        }
        if rows:
            raise MissingValues(
                rows,
                "leave such rows out with --missing drop, or fill them with --missing impute",
                place="line",
            )
    lacking = absent[target].copy()
    if lacking.any():
        notes.append(f"{int(lacking.sum())} rows have no target: they are left out")
    if wishes.missing is Missing.DROP:
        lacks_feature = np.logical_or.reduce([absent[name] for name in features]) & ~lacking
        if lacks_feature.any():
            notes.append(f"{int(lacks_feature.sum())} rows lack a feature: they are left out")
        lacking |= lacks_feature
    kept = np.flatnonzero(~lacking)
    kept = _note_duplicates(table, (*features, target), kept, wishes, notes)
    if not len(kept):
        raise NothingToLearn("row", {})
    return kept


def _note_duplicates(
    table: Table, names: Sequence[str], kept: NDArray[np.intp], wishes: Wishes, notes: list[str]
) -> NDArray[np.intp]:
    """The rows that are kept, each of them once where that is wanted."""
    first: dict[tuple[str, ...], int] = {}
    for index in kept:
        first.setdefault(tuple(table.columns[name][index].strip() for name in names), int(index))
    repeats = len(kept) - len(first)
    if not repeats:
        return kept
    if wishes.drop_duplicates:
        notes.append(f"{repeats} rows repeat others: they are left out")
        return np.array(list(first.values()), dtype=np.intp)
    told = "a hidden one may be among those that miners see; --drop-duplicates leaves them out"
    notes.append(f"{repeats} rows repeat others: {told}")
    return kept


def _targets(
    table: Table, name: str, kept: NDArray[np.intp], wishes: Wishes, notes: list[str]
) -> tuple[tuple[str, ...] | None, NDArray[Any]]:
    """The names of the classes, or None for values; and the index of each row's class, or its value."""
    texts = [table.columns[name][index] for index in kept]
    decimal = wishes.decimal or file_decimal([texts])
    read = _of_one_unit([cells.number(text, decimal) for text in texts])
    values = [found[0] for found in read if found is not None]
    if wishes.as_value and len(values) < len(texts):
        index = next(index for index, found in enumerate(read) if found is None)
        raise NonNumericColumn(name, table.lines[kept[index]], texts[index], place="line")
    if len(values) == len(texts):
        is_whole = all(value.is_integer() for value in values)
        few = wishes.as_value is False or len(set(values)) <= MAX_INTEGER_CLASSES
        is_named = is_whole and few and not all(cells.is_common(unit) for _, unit in filter(None, read))
        if wishes.as_value or not (is_whole and few):
            return None, np.array(values)
        if not is_named:
            kinds = sorted(set(values))
            return tuple(str(int(value)) for value in kinds), np.searchsorted(kinds, values)
    spelling: dict[str, str] = {}
    for text in texts:
        spelling.setdefault(cells.category(text), " ".join(text.split()))
    spellings = len({" ".join(text.split()) for text in texts})
    if spellings > len(spelling):
        notes.append(
            f"the classes have {spellings} spellings: {len(spelling)} are left without regard to case"
        )
    labels = sorted(spelling, key=spelling.__getitem__)
    index_of = {label: index for index, label in enumerate(labels)}
    indices = np.array([index_of[cells.category(text)] for text in texts])
    return tuple(spelling[label] for label in labels), indices


def _of_one_unit(read: list[tuple[float, str] | None]) -> list[tuple[float, str] | None]:
    """What was read of cells, without the numbers behind which another word stands than behind most."""
    units = Counter(found[1] for found in read if found)
    most = max(units, key=units.__getitem__, default="")
    return [
        found
        if found and (found[1] == most or (cells.is_common(found[1]) and cells.is_common(most)))
        else None
        for found in read
    ]


def _note_rare(class_names: Sequence[str], targets: NDArray[Any], notes: list[str]) -> None:
    counts = Counter(targets.tolist())
    index, count = min(counts.items(), key=lambda item: (item[1], item[0]))
    if count >= RARE_ROWS and count >= RARE_SHARE * len(targets):
        return
    usual = max(counts.values()) / len(targets)
    notes.append(
        f"class {class_names[index]!r} has {count} of {len(targets)} rows; always saying the most frequent class is"
        f" right in {usual:.0%}: --metric balanced_accuracy or macro_f1 counts every class alike"
    )


def _column(
    name: str, kind: Kind, texts: Sequence[str], missing: NDArray[np.bool_], wishes: Wishes
) -> Column | None:
    """How a column of some kind is encoded; None where the rows that are left do not differ in it."""
    there = [text for text, is_missing in zip(texts, missing, strict=True) if not is_missing]
    if len(set(map(cells.category, there))) < 2:
        return None
    fills = wishes.missing is Missing.IMPUTE
    shared: dict[str, Any] = {
        "name": name,
        "flags_absent": fills and wishes.flags_missing and bool(missing.any()),
    }
    with unencodable():
        match kind:
            case Numbers(decimal, unit):
                numbers = np.array([found[0] for text in there if (found := cells.number(text, decimal))])
                return _scaled(NumberColumn, numbers, wishes, {**shared, "decimal": decimal, "unit": unit})
            case Dates(form):
                days = np.array([day for text in there if (day := cells.days(text, form)) is not None])
                return _scaled(DateColumn, days, wishes, {**shared, "form": form})
            case Booleans():
                usual = sum(bool(cells.boolean(text)) for text in there) * 2 > len(there)
                return BooleanColumn(absent=usual if fills else None, **shared)
            case Categories(values):
                [(most, _)] = Counter(map(cells.category, there)).most_common(1)
                return CategoryColumn(values=values, absent=most if fills else None, **shared)
    return None


def _scaled(
    make: type[NumberColumn] | type[DateColumn], values: Floats, wishes: Wishes, fields: Mapping[str, Any]
) -> Column | None:
    """A column whose byte has the range of the values, or of those that are not clipped; filled with the median."""
    low, high = (float(end) for end in np.quantile(values, [wishes.clip_share, 1 - wishes.clip_share]))
    if low == high:
        low, high = float(values.min()), float(values.max())
    if low == high:
        return None
    absent = float(np.median(values)) if wishes.missing is Missing.IMPUTE else None
    return make(offset=low, scale=(high - low) / 255, absent=absent, **fields)


def _note(
    column: Column, kind: Kind, texts: Sequence[str], missing: NDArray[np.bool_], notes: list[str]
) -> None:
    if isinstance(kind, Categories) and kind.others > 1:
        notes.append(f"{column.name!r} has {kind.others:,} rare values, which have no byte of their own")
    if isinstance(kind, Dates):
        there = [text for text, is_missing in zip(texts, missing, strict=True) if not is_missing]
        if len(forms := date_forms(there)) > 1:
            notes.append(f"{column.name!r} could be dates in {' or '.join(forms)}: read as {forms[0]}")


def _quantised(values: Floats, columns: Sequence[Column]) -> NDArray[np.uint8]:
    ends = np.cumsum([column.width for column in columns])[:-1]
    parts = np.split(values, ends, axis=1)
    return np.hstack([quantise(part, column) for part, column in zip(parts, columns, strict=True)])


def bundled(name: str) -> Prepared:
    """One of scikit-learn's data sets, all of whose columns are numbers; raises UnknownDataset."""
    dataset = load(name)
    encoded = encode(dataset)
    everything = np.arange(encoded.manifest.row_count)
    return Prepared(encoded, dataset.features, everything, {}, {}, ())
