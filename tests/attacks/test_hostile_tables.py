"""Attack: a table, or rows, that run, lie or swell.

A data node posts the file it was given; a miner trains on rows it was given. A hostile table would gain:

- by formulas (CSV injection, CWE-1236): code in the spreadsheet of who opens what was made of it;
- by millions of columns, or one cell of megabytes (CWE-400): the memory of the process;
- by mixed encodings and NUL bytes: a reader that stops early, and a data set that is another one than was looked at;
- by a name or a range that no manifest takes: an end without a word after the rows were prepared;
- by rows of other lengths, classes beyond the last, or a blob of another task: training on what was not committed to.

Defence: cells are numbers or labels and nothing else, the limits hold before the rows are built, and rows are checked
against the root on chain.
"""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from offchain.cli import main
from offchain.learning.errors import (
    DatasetError,
    FileTooLarge,
    MalformedFile,
    NonNumericColumn,
    RowsError,
    TooManyFeatures,
    Unencodable,
)
from offchain.learning.manifest import ClassTarget, Manifest
from offchain.learning.metrics import WAD, Metric
from offchain.learning.preparing import Prepared, Wishes, prepare
from offchain.learning.rows import TrainingRowsInvalid, blob_size, open_training_blob
from offchain.learning.scoring import score, split_rows
from offchain.learning.table import read_table
from tests.stories import RIGHT
from tests.world import toy_rows

FORMULAS = [
    '=cmd|"/c calc"!A1',
    "=1+1",
    "+1+cmd",
    "-2+3",
    "@SUM(1)",
    '=HYPERLINK("http://x")',
    "\t=1",
    "0x10",
    "1;2",
]


def prepared(path: Path) -> Prepared:
    """What becomes of a table whose target is y."""
    return prepare(read_table(path, "y"), "y", Wishes())


@pytest.fixture
def table(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_no_number(table: Callable[[bytes], Path], formula: str) -> None:
    quoted = '"' + formula.replace('"', '""') + '"'

    with pytest.raises(NonNumericColumn):
        prepared(table(f"x,y\n1,a\n{quoted},b\n".encode()))


@pytest.mark.parametrize("formula", FORMULAS[:3])
def test_a_formula_for_a_label_stays_text(table: Callable[[bytes], Path], formula: str) -> None:
    quoted = '"' + formula.replace('"', '""') + '"'

    encoded = prepared(table(f"x,y\n1,{quoted}\n2,b\n".encode())).encoded

    assert encoded.manifest.target == ClassTarget(names=(formula, "b"))
    assert encoded.row_bytes(0) == b"\x00\x00"  # a label is its number in the rows
    assert Manifest.from_bytes(encoded.manifest.to_bytes()) == encoded.manifest


@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1,a\n2,b\n".encode("utf-16"),
        "x,y\n1,ä\n2,b\n".encode("latin-1") + "3,ä\n".encode(),
        b"x,y\n1,a\n2,\xc0\xaf\n",
        b"x,y\n1,a\n2,\xed\xa0\x80\n",
        b"\xff\xfex,y\n1,a\n",
        b"\x1f\x8b\x08\x00 gzip",
        b"PK\x03\x04 an xlsx",
        b"\x89HDF\r\n\x1a\n",
        b"\x80\x04\x95 pickle",
    ],
    ids=[
        "UTF-16",
        "Latin-1 and UTF-8",
        "overlong",
        "surrogate",
        "a BOM of UTF-16",
        "gzip",
        "zip",
        "HDF5",
        "pickle",
    ],
)
def test_bytes_that_are_no_utf8_table_are_refused(table: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(MalformedFile):
        prepared(table(content))


@pytest.mark.parametrize(
    "content", [b"x,y\n1\x00,a\n2,b\n", b"x,y\n\x001,a\n2,b\n", b"x,y\n1,a\n\x00\n2,b\n"]
)
def test_a_nul_ends_no_number_and_no_table(table: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(DatasetError):
        prepared(table(content))


def peak_of(act: Callable[[], object]) -> int:
    """The most bytes that were allocated while something was done."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "line",
    [b"," * 10_000_000, b"a," * 5_000_000, b'"",' * 5_000_000],
    ids=["ten million empty names", "five million names", "five million quoted names"],
)
def test_millions_of_columns_are_refused_by_their_header(table: Callable[[bytes], Path], line: bytes) -> None:
    path = table(line + b"y\n" + line + b"1\n")

    def read() -> None:
        with pytest.raises(TooManyFeatures):
            prepared(path)

    assert peak_of(read) < 256 << 20  # the header alone, ten million references


def test_a_row_of_millions_of_cells_is_refused(table: Callable[[bytes], Path]) -> None:
    path = table(b"x,y\n1,a\n" + b"," * 10_000_000)

    with pytest.raises(MalformedFile, match="has 10000001 cells"):
        prepared(path)


@pytest.mark.parametrize("cell", [b"9" * 131_073, b'"' + b"\n" * 1_000_000, b'"' + b'""' * 1_000_000])
def test_a_cell_of_megabytes_is_refused(table: Callable[[bytes], Path], cell: bytes) -> None:
    with pytest.raises(MalformedFile):
        prepared(table(b"x,y\n1,a\n" + cell + b",b\n"))


def test_a_long_cell_is_not_repeated_in_the_error(table: Callable[[bytes], Path]) -> None:
    with pytest.raises(NonNumericColumn) as caught:
        prepared(table(b"x,y\n1,a\n" + b"9" * 100_000 + b",b\n"))

    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 129 + b",y\n1,a\n2,b\n",
        b"x,y\n1,a\n2," + b"b" * 129 + b"\n",
        b"x,y\n-1.7e308,a\n1.7e308,b\n",
        b"x,y\n0,a\n5e-324,b\n",
        b"x,y\n0,-1.7e308\n1,1.7e308\n",
        b"x,y\n0,0.5\n1,0.50000000000000011\n2,1e-320\n3,1.7e308\n4,-1.7e308\n",
    ],
    ids=[
        "a long name", "a long label", "a wide feature", "a narrow one", "a wide target", "both",
    ],
)  # fmt: skip
def test_what_no_manifest_takes_is_one_typed_error(table: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(Unencodable) as caught:
        prepared(table(content))

    assert len(str(caught.value)) < 300


def test_extreme_numbers_that_a_manifest_takes_keep_their_order(table: Callable[[bytes], Path]) -> None:
    encoded = prepared(table(b"x,y\n-8e307,a\n0,b\n8e307,b\n")).encoded

    assert encoded.features[:, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("kind", ["missing", "folder", "device"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table.csv"
    match kind:
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/null")

    with pytest.raises(MalformedFile, match=r"no such file|not a file"):
        prepared(path)


def test_a_sparse_table_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with path.open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(FileTooLarge):
        prepared(path)


def test_a_hostile_table_is_one_line_for_its_user(table: Callable[[bytes], Path]) -> None:
    path = table(b"x,y\n1,a\n\x1b]0;owned\x07\x1b[2J,b\n")

    error = CliRunner(mix_stderr=False).invoke(
        main, ["task", "post", str(path), "--target", "y", "--account", "dev:0"]
    )

    assert (error.exit_code, error.stderr.count("\n")) == (1, 1)
    assert "line 3: a control character (0x1b)" in error.stderr
    assert "\x1b" not in error.stderr


def test_a_table_that_means_to_be_markup_is_shown_as_it_is(table: Callable[[bytes], Path]) -> None:
    name = "[red]\u202e"
    rows = "".join(f"{index},{'ab'[index % 2]}\n" for index in (1, 3, 5, 2))
    path = table(f"{name},y\n{rows}".encode())

    shown = CliRunner(mix_stderr=False).invoke(
        main,
        ["task", "post", str(path), "--target", "y", "--account", "dev:0", "--rpc", "http://127.0.0.1:9"],
    )

    assert "[red]\\u202e" in shown.stdout
    assert "\u202e" not in shown.stdout


# rows


@pytest.mark.parametrize(
    ("rows", "size"), [(2**32 - 1, 1028), (7_000_000, 3), (2**32 - 1, 2)], ids=["most", "many", "short"]
)
def test_the_size_of_absurd_rows_is_known_without_them(rows: int, size: int) -> None:
    # 5 bytes of magic; a salt of 32 bytes with each training row, a leaf of 32 for each test row.
    assert blob_size(rows, size, 4) == 5 + (rows - 4) * (32 + size) + 4 * 32

    with pytest.raises(TrainingRowsInvalid):
        open_training_blob(
            b"PLTR\x01", data_root=bytes(32), row_count=rows, row_size=size, test_indices=[0, 1]
        )


@pytest.mark.parametrize("moved", [1, 3, 31, 32, 35])
def test_rows_shifted_against_their_salts_are_not_the_tasks(moved: int) -> None:
    rows, hidden = toy_rows(), [1, 4, 5, 11]
    blob = rows.training_blob(hidden)
    shifted = blob[:5] + blob[5 + moved :] + blob[5 : 5 + moved]

    with pytest.raises(TrainingRowsInvalid, match="another root"):
        open_training_blob(shifted, data_root=rows.root(), row_count=12, row_size=3, test_indices=hidden)


def test_two_rows_that_changed_places_are_not_the_tasks() -> None:
    rows, hidden = toy_rows(), [1, 4, 5, 11]
    blob = rows.training_blob(hidden)
    second = 5 + 35 + 32  # behind row 0 with its salt and the leaf of row 1
    third = second + 35
    swapped = blob[:second] + blob[third : third + 35] + blob[second:third] + blob[third + 35 :]

    with pytest.raises(TrainingRowsInvalid, match="another root"):
        open_training_blob(swapped, data_root=rows.root(), row_count=12, row_size=3, test_indices=hidden)


@pytest.mark.parametrize("rows", [b"", b"\x00", bytes(4), bytes(2_000_000)])
def test_rows_that_are_not_whole_are_refused(rows: bytes) -> None:
    with pytest.raises(RowsError):
        split_rows(rows, 2, 2)


def test_classes_beyond_the_last_are_one_that_nothing_predicts() -> None:
    rows = bytes([200, 10, 0, 10, 200, 255, 10, 200, 2])  # the first is right, no model predicts the others

    assert score(Metric.ACCURACY, 2, 2, rows, RIGHT) == WAD // 3
    assert split_rows(rows, 2, 2)[1].tolist() == [0, 2, 2]


def test_targets_of_a_regression_are_signed_and_whole() -> None:
    rows = b"\x01\x80\x00\x00\x00" + b"\x02\x7f\xff\xff\xff"

    features, targets = split_rows(rows, 1, 0)

    assert features.tolist() == [[1], [2]]
    assert targets.tolist() == [-(2**31), 2**31 - 1]
    assert targets.dtype == np.int64
