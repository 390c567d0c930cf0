"""What becomes of messy tables; every expected byte is worked out by hand from offset and scale."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offchain.learning.encoding import encode_rows
from offchain.learning.errors import (
    ColumnAbsent,
    ConstantColumn,
    MissingValues,
    NonNumericColumn,
    NothingToLearn,
    SingleClass,
    TooManyClasses,
    TooManyFeatures,
)
from offchain.learning.kinds import Booleans, Categories, Dates, Numbers, Useless, kind_of
from offchain.learning.manifest import (
    BooleanColumn,
    CategoryColumn,
    ClassTarget,
    DateColumn,
    Manifest,
    NumberColumn,
    ValueTarget,
)
from offchain.learning.preparing import Missing, Prepared, Wishes, prepare
from offchain.learning.table import Table

IMPUTE = Wishes(missing=Missing.IMPUTE)


def table_of(**columns: list[str]) -> Table:
    lines = list(range(2, 2 + len(columns["y"])))
    return Table("toy.csv", columns, lines, ",", "UTF-8", ())


def prepared(wishes: Wishes = Wishes(), /, **columns: list[str]) -> Prepared:  # noqa: B008 - it is frozen
    return prepare(table_of(**columns), "y", wishes)


# Kinds


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "2.5", "1,000.5"], Numbers(".", "")),
        (["1,5", "2,25", "1.234"], Numbers(",", "")),
        (["$1,200", "900", "$15.5"], Numbers(".", "$")),
        (["5%", "12%", "7.5%"], Numbers(".", "%")),
        (["5 mg", "12mg", "7.5 mg"], Numbers(".", "mg")),
        (["167 m\u00b2", "1,250 m\u00b2"], Numbers(".", "m\u00b2")),
        (["1 room", "6 rooms", "4 rooms"], Numbers(".", "room")),
        (["1,5 Std.", "12 Std."], Numbers(",", "Std.")),
        (["3 a", "4 b", "5 a", "6 b"] * 2, Categories(("3 a", "4 b", "5 a", "6 b"), 0)),
        (["2020-01-05", "2021-12-31"], Dates("YYYY-MM-DD")),
        (["05.01.2020", "31.12.2021 10:30"], Dates("DD.MM.YYYY")),
        (["2020-01-05T10:00Z", "2021-12-31T10:00+01:00"], Dates("YYYY-MM-DD")),
        (["13/01/2020", "01/02/2020"], Dates("DD/MM/YYYY")),
        (["01/13/2020", "01/02/2020"], Dates("MM/DD/YYYY")),
        (["Yes", "no", "YES"], Booleans()),
        (["red", "blue", "Red ", "green", "blue", "green"], Categories(("blue", "green", "red"), 0)),
        (["m", "f", "m", "f"], Categories(("m",), 1)),
        (["A1", "A2", "A1", "A2", "A1", "B1"], Categories(("A1", "A2"), 1)),
        (["same", "Same "], Useless("is the same in every row")),
        ([], Useless("is empty")),
        ([f"customer {n}" for n in range(30)], Useless("is text of 30 kinds in 30 rows")),
        ([str(n) for n in range(1000, 1030)], Useless("counts the rows")),
    ],
)
def test_a_column_is_what_its_cells_are(texts: list[str], kind: object) -> None:
    found = kind_of("x", texts, ".")

    if isinstance(kind, Categories) and isinstance(found, Categories):
        assert [value.casefold() for value in found.values] == [value.casefold() for value in kind.values]
        assert found.others == kind.others
    else:
        assert found == kind


def test_a_wish_overrules_what_the_cells_seem_to_be() -> None:
    assert kind_of("x", [str(n) for n in range(30)], ".", "number") == Numbers(".", "")
    assert kind_of("x", ["1", "2", "2"], ".", "category") == Categories(("2",), 1)
    assert kind_of("x", ["7 kegs", "9 kegs"], ".", "number") == Numbers(".", "keg")


def test_a_column_left_out_whose_cells_begin_with_numbers_comes_with_the_option_that_says_why() -> None:
    found = kind_of("x", [f"{n} to {n + 2}" for n in range(30)], ".")

    assert isinstance(found, Useless)
    assert found.why.endswith("30 rows: most begin with a number, and --number 'x' says which do not")


def test_a_cell_without_the_unit_of_all_others_is_named() -> None:
    with pytest.raises(NonNumericColumn) as caught:
        kind_of("x", [*["167 m\u00b2", "85 m\u00b2"] * 9, "80", "9 m\u00b2"], ".")

    assert caught.value.value == "80"


@pytest.mark.parametrize("stray", ["twelve", "5%", "1.2.3"])
def test_a_stray_cell_among_numbers_is_named(stray: str) -> None:
    with pytest.raises(NonNumericColumn) as caught:
        kind_of("x", ["1", "2", stray, "4"], ".")

    assert (caught.value.column, caught.value.row, caught.value.value) == ("x", 2, stray)


# Bytes


def test_numbers_dates_words_and_categories_become_bytes() -> None:
    found = prepared(
        price=["1.000,50 €", "2.000,50 €", "1.500,50 €", "1.250,50 €"],
        since=["01.01.2020", "11.01.2020", "06.01.2020", "01.01.2020"],
        active=["ja", "nein", "ja", "ja"],
        city=["Köln", "Bonn", "köln ", "Bonn"],
        y=["a", "b", "a", "b"],
    )

    assert found.encoded.manifest.columns == (
        NumberColumn(name="price", decimal=",", unit="€", offset=1000.5, scale=1000 / 255),
        DateColumn(name="since", form="DD.MM.YYYY", offset=18262.0, scale=10 / 255),
        BooleanColumn(name="active"),
        CategoryColumn(name="city", values=("Köln",)),
    )
    # By hand: 500 of 1000 is 127.5 steps, which rounds to the even 128; 250 is 63.75; 5 of 10 days is 127.5.
    assert found.encoded.features.tolist() == [
        [0, 0, 255, 255],
        [255, 255, 0, 0],
        [128, 128, 255, 255],
        [64, 0, 255, 0],
    ]


def test_the_median_or_the_most_frequent_takes_the_place_of_what_is_missing() -> None:
    found = prepared(
        replace(IMPUTE, flags_missing=True),
        x=["0", "10", "", "255", "10"],
        word=["yes", "yes", "no", "NA", "yes"],
        city=["A", "A", "B", "C", "?"],
        y=["a", "b", "a", "b", "a"],
    )

    # The median of 0, 10, 10, 255 is 10, one byte of 255 steps of 1; only A is in two rows.
    assert found.encoded.features.tolist() == [
        [0, 0, 255, 0, 255, 0],
        [10, 0, 255, 0, 255, 0],
        [10, 255, 0, 0, 0, 0],
        [255, 0, 255, 255, 0, 0],
        [10, 0, 255, 0, 255, 255],
    ]
    assert found.absent == {"x": 1, "word": 1, "city": 1}


def test_missing_values_are_refused_with_columns_and_rows() -> None:
    with pytest.raises(MissingValues) as caught:
        prepared(x=["1", "", "3", "4"], z=["1", "n/a", "", "2"], y=["a", "b", "a", "b"])

    assert caught.value.rows == {"x": (3,), "z": (3, 4)}  # below the header, which is line 1
    assert "column 'z' in 2 rows (line 3, 4)" in str(caught.value)
    assert "--missing impute" in str(caught.value)


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_stray_cell_is_named_by_its_line_whatever_is_missing_above(name: str) -> None:
    columns = {"x": ["", "1", "2", "4", "3"], "y": ["", "1.5", "2.5", "1.5", "3"]}
    columns[name][3] = "many"

    with pytest.raises(NonNumericColumn, match="line 5 holds 'many'"):
        prepared(replace(IMPUTE, as_value=True), **columns)


def test_rows_that_lack_something_are_dropped() -> None:
    found = prepared(
        Wishes(missing=Missing.DROP), x=["1", "", "3", "4"], y=["a", "b", "b", "NA"], z=["5", "6", "7", "8"]
    )

    assert found.kept.tolist() == [0, 2]
    assert len(found.notes) == 2 + 1  # and the rare class


def test_a_row_without_a_target_is_never_imputed() -> None:
    found = prepared(IMPUTE, x=["1", "2", "3"], y=["a", "", "b"])

    assert found.kept.tolist() == [0, 2]


def test_columns_without_information_are_left_out_and_told() -> None:
    found = prepared(
        Wishes(leave_out=("name",)),
        x=["1", "2", "2"], same=["7", "7", "7"], empty=["", "", ""], name=["u", "v", "w"], y=["a", "b", "a"],
    )  # fmt: skip

    assert [column.name for column in found.encoded.manifest.columns] == ["x"]
    assert found.left_out == {
        "name": "is left out as you said",
        "same": "is the same in every row",
        "empty": "is empty",
    }


def test_repeated_rows_are_told_or_dropped() -> None:
    columns = {"x": ["1", "1", "2"], "y": ["a", "a", "b"]}

    assert any("1 rows repeat" in note for note in prepared(**columns).notes)
    assert prepared(Wishes(drop_duplicates=True), **columns).kept.tolist() == [0, 2]


def test_a_few_far_numbers_are_clipped_where_that_is_wanted() -> None:
    columns = {"x": [*map(str, range(99)), "1000000"][::-1], "y": ["a", "b"] * 50}

    assert (
        prepared(**columns).column_errors()["x"] > 1
    )  # a byte is 3,922 wide, the numbers are 25 from their median
    clipped = prepared(Wishes(clip_share=0.02), **columns)
    assert clipped.column_errors()["x"] < 0.01
    assert clipped.encoded.features[0, 0] == 255


# Targets


@pytest.mark.parametrize(
    ("texts", "as_value", "names", "targets"),
    [
        (["wolf", "dog", "Dog "], None, ("dog", "wolf"), [1, 0, 0]),
        (["10", "9", "10"], None, ("9", "10"), [1, 0, 1]),
        (["1", "2", "other"], None, ("1", "2", "other"), [0, 1, 2]),
        (["0.5", "1", "0.75"], None, None, [0, 1_000_000, 500_000]),
        (["5", "7", "6"], True, None, [0, 1_000_000, 500_000]),
        (["0.5 m\u00b2", "1 m\u00b2", "0.75 m\u00b2"], None, None, [0, 1_000_000, 500_000]),
        (["5 rooms", "7 rooms", "6 rooms"], True, None, [0, 1_000_000, 500_000]),
        (["2 stars", "1 star", "2 stars"], None, ("1 star", "2 stars"), [1, 0, 1]),
        (["3a", "3b", "4a"], None, ("3a", "3b", "4a"), [0, 1, 2]),
        ([f"{n}" for n in range(40)], False, tuple(map(str, range(40))), list(range(40))),
    ],
)
def test_a_target_is_classes_or_a_value(
    texts: list[str], as_value: bool | None, names: tuple[str, ...] | None, targets: list[int]
) -> None:
    found = prepared(Wishes(as_value=as_value), x=[str(n * n) for n in range(len(texts))], y=texts)

    target = found.encoded.manifest.target
    assert (target.names if isinstance(target, ClassTarget) else None) == names
    assert isinstance(target, ClassTarget | ValueTarget)
    assert found.encoded.targets.tolist() == targets


def test_row_bytes_end_with_a_big_endian_value_in_a_regression() -> None:
    found = prepared(x=["0", "1", "2"], y=["-1,5", "0,25", "2,5"])

    # By hand: (0.25 - -1.5) / 4 of a million steps, 437500 = 0x0006acfc; x = 127.5 rounds to 128.
    assert found.encoded.row_bytes(1) == bytes([128]) + bytes.fromhex("0006acfc")


def test_rare_values_are_told() -> None:
    found = prepared(city=["Bonn", "Köln"] * 20 + ["Ulm", "Jena"], y=["a", "b", "b"] * 14)

    assert "'city' has 2 rare values, which have no byte of their own" in found.notes


def test_a_rare_class_is_told() -> None:
    found = prepared(x=[str(n % 7) for n in range(100)], y=["rare"] * 3 + ["usual"] * 97)

    assert any("'rare' has 3 of 100 rows" in note and "97%" in note for note in found.notes)


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({"x": ["1", "1"], "y": ["a", "b"]}, NothingToLearn),
        ({"x": ["1", "2"], "y": ["a", "a"]}, SingleClass),
        ({"x": ["1", "2"], "y": ["0.5", "0.5"]}, ConstantColumn),
        ({"x": [str(n * n) for n in range(256)], "y": [f"c{n}" for n in range(256)]}, TooManyClasses),
        ({**{f"c{k}": ["p", "q", "r"] * 8 for k in range(342)}, "y": ["a", "b"] * 12}, TooManyFeatures),
    ],
    ids=["constant", "one class", "one value", "256 classes", "1026 features"],
)
def test_what_nothing_can_be_learned_from_is_refused(
    columns: dict[str, list[str]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        prepared(**columns)


def test_a_wish_for_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ColumnAbsent):
        prepared(Wishes(leave_out=("z",)), x=["1", "2"], y=["a", "b"])


# New rows


def test_new_rows_are_encoded_as_the_manifest_says() -> None:
    posted = prepared(
        IMPUTE, x=["0", "255", "10", ""], city=["A", "B", "C", "A"], y=["a", "b", "a", "b"]
    )  # only A is in two rows
    manifest = Manifest.from_bytes(posted.encoded.manifest.to_bytes())

    rows = encode_rows(manifest, {"city": ["a", "Z", ""], "more": ["?", "?", "?"], "x": ["-5", "999", "NA"]})

    assert rows.tolist() == [[0, 255], [255, 0], [10, 255]]  # clipped, unheard of, imputed


@pytest.mark.parametrize(
    ("columns", "error"),
    [({}, ColumnAbsent), ({"x": ["many"]}, NonNumericColumn), ({"x": [""]}, MissingValues)],
)
def test_new_rows_that_the_manifest_does_not_explain_are_refused(
    columns: dict[str, list[str]], error: type[Exception]
) -> None:
    manifest = prepared(x=["0", "255"], y=["a", "b"]).encoded.manifest

    with pytest.raises(error):
        encode_rows(manifest, columns)


CELLS = st.sampled_from(
    [
        "",
        "NA",
        "1",
        "-2,5",
        "3.5",
        "1e3",
        "x",
        "X ",
        "yes",
        "no",
        "2020-01-02",
        "5%",
        "=1",
        "2 m\u00b2",
        "3 rooms",
    ]
)


@given(st.integers(2, 30).flatmap(lambda n: st.tuples(*[st.lists(CELLS, min_size=n, max_size=n)] * 3)))
def test_whatever_is_prepared_is_encoded_again_by_its_manifest(columns: tuple[list[str], ...]) -> None:
    table = table_of(**dict(zip("xzy", columns, strict=True)))
    try:
        found = prepare(table, "y", replace(IMPUTE, flags_missing=True))
    except (ConstantColumn, NonNumericColumn, NothingToLearn, SingleClass):
        return
    manifest = Manifest.from_bytes(found.encoded.manifest.to_bytes())

    kept = {name: [cells[index] for index in found.kept] for name, cells in table.columns.items()}

    assert np.array_equal(encode_rows(manifest, kept), found.encoded.features)
