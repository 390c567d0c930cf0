import pytest

from offchain.learning import cells
from offchain.learning.cells import Decimal
from offchain.learning.manifest import DateForm


@pytest.mark.parametrize(
    ("cell", "decimal", "value", "unit"),
    [
        (" 12 ", ".", 12.0, ""),
        ("-1.5e3", ".", -1500.0, ""),
        ("\u22127", ".", -7.0, ""),
        (".5", ".", 0.5, ""),
        ("1,234,567.25", ".", 1234567.25, ""),
        ("1.234.567,25", ",", 1234567.25, ""),
        ("1'234.5", ".", 1234.5, ""),
        ("1\u00a0234,5", ",", 1234.5, ""),
        ("$1,200", ".", 1200.0, "$"),
        ("-\u20ac5", ".", -5.0, "\u20ac"),
        ("$-5", ".", -5.0, "$"),
        ("3,50 EUR", ",", 3.5, "EUR"),
        ("(12.5)", ".", -12.5, ""),
        ("45 %", ".", 45.0, "%"),
        ("21\u00b0C", ".", 21.0, "\u00b0C"),
        ("167 m\u00b2", ".", 167.0, "m\u00b2"),
        ("1.670,5 m2", ",", 1670.5, "m2"),
        ("12a", ".", 12.0, "a"),
        ("1 room", ".", 1.0, "room"),
        ("6 rooms", ".", 6.0, "room"),
        ("1,5 Std.", ",", 1.5, "Std."),
        ("3 \u20ac/month", ".", 3.0, "\u20ac/month"),
        ("40 kilometers", ".", 40.0, "kilomet\u2026"),
    ],
)
def test_numbers_are_read_as_people_write_them(cell: str, decimal: Decimal, value: float, unit: str) -> None:
    assert cells.number(cell, decimal) == (value, unit)


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "",
            "-",
            "e5",
            "inf",
            "nan",
            "1e999",
            "0x10",
            "1_000",
            "A12",
            "12 (about)",
            "12 to 14",
            "$3/month",
            "1,23",
            "1,2345",
            "1 2",
            "--1",
        ),
        *("(1", "1)", "-(1)", "$1$", "1;2", "=1", "1.2.3", "\u0661", "2020-01-02", "1,234.5,6"),
    ],
)
def test_what_is_no_number_is_none(cell: str) -> None:
    assert cells.number(cell, ".") is None


@pytest.mark.parametrize(
    ("cell", "sign"),
    [("7,4", ","), ("7.4", "."), ("1,234.5", "."), ("1.234,5", ","), ("1.234.567", ","), ("1234.567", "."),
     ("0,125", ","), (",125", ","), ("1,234", None), ("1.234 \u20ac", None), ("17", None),
     ("17 Stk.", None), ("1,5 Std.", ",")],
)  # fmt: skip
def test_a_cell_tells_its_decimal_sign_where_there_is_one_way_to_read_it(
    cell: str, sign: Decimal | None
) -> None:
    assert cells.decimal_sign(cell) == sign


@pytest.mark.parametrize(
    ("cell", "form", "days"),
    # Days by `date -ud DATE +%s`, divided by 86,400.
    [
        ("2000-03-01", "YYYY-MM-DD", 11017.0),
        ("01.03.2000", "DD.MM.YYYY", 11017.0),
        ("3/1/2000", "MM/DD/YYYY", 11017.0),
        ("1/3/2000", "DD/MM/YYYY", 11017.0),
        ("2000-03-01T06:00:00Z", "YYYY-MM-DD", 11017.25),
        ("2000-03-01T07:00:00+01:00", "YYYY-MM-DD", 11017.25),
        ("01.03.2000 00:30 -0530", "DD.MM.YYYY", 11017.25),
        ("1969-12-31 18:00", "YYYY-MM-DD", -0.25),
    ],
)
def test_dates_are_days_since_1970(cell: str, form: DateForm, days: float) -> None:
    assert cells.days(cell, form) == days


@pytest.mark.parametrize(
    "cell",
    [
        *("2001-02-29", "2000-13-01", "2000-01-01 24:00", "2000-01-01 10:60", "0000-01-01", "1"),
        *("2000-01-01+01:00", "2000-01-01 10:00+24:00", "2000-01-01 10:00+01:60", "2000-01-01 10:00 CET"),
    ],
)
def test_what_is_no_date_is_none(cell: str) -> None:
    assert cells.days(cell, "YYYY-MM-DD") is None


@pytest.mark.parametrize(
    "cell", ["", " ", "NA", "n/a", "NaN", "NULL", "None", "?", "-", "#N/A", "\\N", "\u2014"]
)
def test_a_missing_value_has_many_spellings(cell: str) -> None:
    assert cells.is_absent(cell)


def test_further_words_for_a_missing_value_are_those_that_are_told() -> None:
    assert not cells.is_absent("-999")
    assert cells.is_absent(" K. A. ", {"k. a."})
