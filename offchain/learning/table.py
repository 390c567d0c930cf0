"""A table as it is in a file: which encoding, which separator, which cells; nothing of what they mean.

What is unambiguous is mended and noted; what could be read in two ways is refused with the line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offchain.learning.errors import ColumnAbsent, FileTooLarge, MalformedFile, TooManyFeatures
from offchain.learning.limits import MAX_DATA_FILE_BYTES, MAX_FEATURES

SEPARATORS: Final = (",", ";", "\t", "|")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BROKEN_UTF8: Final = re.compile(rb"[\xc0-\xf7][\x80-\xbf]")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of text, as many in each row as there are columns.

    columns : by name, in the order of the file; the names differ
    lines : in which line of the file each row begins, counted from 1
    notes : what was mended, or had to be guessed
    """

    name: str
    columns: dict[str, list[str]]
    lines: list[int]
    separator: str
    encoding: str
    notes: tuple[str, ...]

    @property
    def row_count(self) -> int:
        """How many rows there are below the header."""
        return len(next(iter(self.columns.values())))


def read_table(path: Path, target: str) -> Table:
    """The table of a file with a header row in which one column is `target`.

    Raises
    ------
    FileTooLarge, MalformedFile, TooManyFeatures
        Where the file is beyond the limits or no table.
    ColumnAbsent
        Where no column has the name.
    """
    data = _bytes_of(path)
    encoding = _encoding(path, data)
    notes = [] if encoding == "UTF-8" else [f"not UTF-8: read as {encoding}"]
    separator = _separator(path, data, encoding, target)
    reader = _reader(data, encoding, separator)
    try:
        header = _names(path, next(reader), target, notes)
        lines, rows = _rows(path, reader, header, notes)
    except csv.Error as error:
        raise MalformedFile(str(path), f"line {reader.last_line}: not a table: {error}") from error
    if len(header) < 2 or not rows:
        raise MalformedFile(str(path), "no features or no rows")
    columns = {name: list(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Table(path.name, columns, lines, separator, encoding, tuple(notes))


def column_names(path: Path) -> list[str]:
    """The names in a file's header, for who has not said which is the target; raises as `read_table` does."""
    data = _bytes_of(path)
    found = _headers(path, data, _encoding(path, data))
    return max(found.values(), key=len)


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise MalformedFile(str(path), "it is not a file" if path.exists() else "no such file")
    size_bytes = path.stat().st_size
    if size_bytes > MAX_DATA_FILE_BYTES:
        raise FileTooLarge(str(path), size_bytes, MAX_DATA_FILE_BYTES)
    return path.read_bytes()


def _encoding(path: Path, data: bytes) -> str:
    """UTF-8, or where it is not and nothing in it looks like it, the superset of Latin-1 that Windows writes."""
    if data.startswith(_UTF16):
        raise MalformedFile(str(path), "it is UTF-16: save it as UTF-8")
    if found := _CONTROL.search(data):
        byte, line = found.group()[0], _line_of(data, found.start())
        raise MalformedFile(str(path), f"line {line}: a control character (0x{byte:02x}), so this is no text")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if found := _BROKEN_UTF8.search(data):
            line = _line_of(data, error.start)
            raise MalformedFile(str(path), f"line {line}: UTF-8 is mixed with something else") from None
    else:
        return "UTF-8"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = _line_of(data, error.start)
        raise MalformedFile(str(path), f"line {line}: neither UTF-8 nor Windows-1252") from None
    return "Windows-1252"


def _line_of(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


class _Reader:
    """The rows of cells of a text, without the empty ones, and the lines that the last begins and ends in."""

    def __init__(self, lines: io.TextIOWrapper, separator: str) -> None:
        self._inner = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=separator != "\t")

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        while True:
            self.first_line = self._inner.line_num + 1
            if row := next(self._inner):
                return row

    @property
    def last_line(self) -> int:
        """Counted from 1."""
        return self._inner.line_num


def _reader(data: bytes, encoding: str, separator: str) -> _Reader:
    codec = "utf-8-sig" if encoding == "UTF-8" else "cp1252"
    return _Reader(io.TextIOWrapper(io.BytesIO(data), encoding=codec, newline=""), separator)


def _headers(path: Path, data: bytes, encoding: str) -> dict[str, list[str]]:
    """The first row by each separator with which there is one."""
    found = {}
    for separator in SEPARATORS:
        try:
            header = next(_reader(data, encoding, separator), [])
        except csv.Error as error:
            problem = error
            continue
        if len(header) > MAX_FEATURES + 1:  # before the rows, each of which would have as many
            raise TooManyFeatures(len(header) - 1, MAX_FEATURES)
        found[separator] = [name.strip() for name in header]
    if not found:
        raise MalformedFile(str(path), f"not a table: {problem}")
    return found


def _separator(path: Path, data: bytes, encoding: str, target: str) -> str:
    """The separator with which the target is a column; of several, that with most columns."""
    headers = _headers(path, data, encoding)
    with_target = [separator for separator, header in headers.items() if target in header]
    if not any(map(any, headers.values())):
        raise MalformedFile(str(path), "there is nothing in it")
    if not with_target:
        raise ColumnAbsent(target, max(headers.values(), key=len))
    return max(with_target, key=lambda separator: len(headers[separator]))


def _names(path: Path, header: list[str], target: str, notes: list[str]) -> list[str]:
    """The names of the columns, made to differ; the target's must differ by itself."""
    header = [name.strip() for name in header]
    if header.count(target) > 1:
        raise MalformedFile(str(path), f"two columns have the name {target!r}")
    names: list[str] = []
    for place, name in enumerate(header, 1):
        new = name or f"column {place}"
        repeat = 2
        while new in names or (new != name and new in header):
            new = f"{name or f'column {place}'} ({repeat})"
            repeat += 1
        if new != name:
            notes.append(
                f"column {place} has {'the name of another' if name else 'no name'}: here it is {new!r}"
            )
        names.append(new)
    return names


def _rows(
    path: Path, reader: _Reader, header: list[str], notes: list[str]
) -> tuple[list[int], list[list[str]]]:
    """The rows below the header, as long as that, and the lines in which they begin."""
    width = len(header)
    lines, rows, short, long = [], [], [], []
    for row in reader:
        if len(row) > width:
            if len(row) > width + MAX_FEATURES or any(cell.strip() for cell in row[width:]):
                where = f"line {reader.first_line}: a row has {len(row)} cells, the header {width}"
                raise MalformedFile(str(path), where)
            long.append(reader.first_line)
            row = row[:width]
        elif len(row) < width:
            short.append(reader.first_line)
            row = row + [""] * (width - len(row))
        if any(cell.strip() for cell in row):
            lines.append(reader.first_line)
            rows.append(row)
    if short:
        notes.append(
            f"{len(short)} rows end early, the first in line {short[0]}: their last cells count as missing"
        )
    if long:
        notes.append(
            f"{len(long)} rows go on with empty cells, the first in line {long[0]}: those are left out"
        )
    return lines, rows
