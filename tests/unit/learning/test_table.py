from collections.abc import Callable
from pathlib import Path

import pytest

from offchain.learning import table as reading
from offchain.learning.errors import ColumnAbsent, FileTooLarge, MalformedFile, TooManyFeatures
from offchain.learning.table import column_names, read_table

Writer = Callable[[bytes], Path]


@pytest.fixture
def file(tmp_path: Path) -> Writer:
    def write(content: bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("content", "separator", "encoding"),
    [
        (b"x,y\n1,a\n2,b\n", ",", "UTF-8"),
        (b"\xef\xbb\xbfx;y\r\n1;a\r\n2;b\r\n", ";", "UTF-8"),
        (b"x\ty\n1\ta\n2\tb\n", "\t", "UTF-8"),
        (b"x|y\r1|a\r2|b\r", "|", "UTF-8"),
        (b'x, "y"\n1, "a"\n2, "b"\n', ",", "UTF-8"),
        (b"x;y\n1;a\n2;b\n;;\n\n", ";", "UTF-8"),
    ],
    ids=["plain", "Excel", "tabs", "bars, and lines as on an old Macintosh", "spaces", "trailing nothing"],
)
def test_a_table_is_read_however_it_is_separated(
    file: Writer, content: bytes, separator: str, encoding: str
) -> None:
    table = read_table(file(content), "y")

    assert (table.separator, table.encoding) == (separator, encoding)
    assert [[cell.strip() for cell in cells] for cells in table.columns.values()] == [["1", "2"], ["a", "b"]]


def test_decimal_commas_do_not_separate(file: Writer) -> None:
    table = read_table(file(b"x;y\n1,5;a\n2,5;b\n"), "y")

    assert table.columns["x"] == ["1,5", "2,5"]


def test_a_cell_may_have_lines_and_separators(file: Writer) -> None:
    table = read_table(file(b'x,y\n"one\ntwo, and ""three""",a\n2,b\n'), "y")

    assert table.columns["x"] == ['one\ntwo, and "three"', "2"]


def test_latin_1_is_read_and_noted(file: Writer) -> None:
    table = read_table(file("Stadt,y\nKöln,a\n\u20ac,b\n".encode("cp1252")), "y")

    assert table.columns["Stadt"] == ["Köln", "\u20ac"]
    assert table.notes == ("not UTF-8: read as Windows-1252",)


def test_names_that_repeat_or_are_missing_get_others(file: Writer) -> None:
    table = read_table(file(b",x,x,x (2),,y\n1,2,3,4,5,a\n"), "y")

    assert list(table.columns) == ["column 1", "x", "x (3)", "x (2)", "column 5", "y"]
    assert len(table.notes) == 3


def test_rows_of_other_lengths_are_mended_where_nothing_is_lost(file: Writer) -> None:
    table = read_table(file(b"x,z,y\n1,2,a\n3,b\n4,5,c,,\n"), "z")

    assert table.columns == {"x": ["1", "3", "4"], "z": ["2", "b", "5"], "y": ["a", "", "c"]}
    assert table.notes == (
        "1 rows end early, the first in line 3: their last cells count as missing",
        "1 rows go on with empty cells, the first in line 4: those are left out",
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "there is nothing in it"),
        (b"\n\n", "there is nothing in it"),
        (b"x,y\n", "no features or no rows"),
        (b"y\na\nb\n", "no features"),
        (b"y,x,y\na,1,b\n", "two columns have the name 'y'"),
        (b'x,y\n"1\n0",a\n2,b,3\n', "line 4: a row has 3 cells, the header 2"),
        (b"x,y\n1,a\n2,b,3\n", "line 3: a row has 3 cells, the header 2"),
        (b'x,y\n"1,a\n', "line 2: not a table"),
        (b'x,y\n"1"0,a\n2,b\n', "line 2: not a table"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(file: Writer, content: bytes, words: str) -> None:
    with pytest.raises((MalformedFile, ColumnAbsent), match=words):
        read_table(file(content), "y")


def test_a_target_that_is_not_there_is_answered_with_the_columns(file: Writer) -> None:
    with pytest.raises(ColumnAbsent, match="there are 'x', 'Y'"):
        read_table(file(b"x;Y\n1;a\n"), "y")


def test_a_row_has_the_line_in_which_it_begins(file: Writer) -> None:
    table = read_table(file(b'x,y\n\n"one\ntwo",a\n,\n2,b\n'), "y")

    assert (table.columns["y"], table.lines) == (["a", "b"], [3, 6])


def test_a_byte_that_no_encoding_has_is_named_by_its_line(file: Writer) -> None:
    with pytest.raises(MalformedFile, match="line 3: neither UTF-8 nor Windows-1252"):
        read_table(file(b"x,y\n1,a\n\x81,b\n"), "y")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match="it is not a file"):
        read_table(tmp_path, "y")


def test_columns_are_named_for_who_has_not_said_the_target(file: Writer) -> None:
    assert column_names(file(b"x;Y\n1;a\n")) == ["x", "Y"]
    for encoding in ("UTF-8", "cp1252"):
        assert column_names(file("Größe;Y\n1;a\n".encode(encoding))) == ["Größe", "Y"]


def test_too_many_columns_are_refused(file: Writer) -> None:
    with pytest.raises(TooManyFeatures):
        read_table(file(b"x," * 1025 + b"y\n"), "y")


def test_an_oversized_file_is_refused_before_it_is_read(
    file: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_DATA_FILE_BYTES", 10)

    with pytest.raises(FileTooLarge):
        read_table(file(b"x,y\n1,a\n2,b\n"), "y")
