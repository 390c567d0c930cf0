"""One cell of a table as people write it: a number, a date, yes or no, or nothing.

What is read here is part of the manifest's format: whoever reads a cell otherwise than before, or not at all, makes a
new version of the format. To read what was not read before is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from offchain.learning.manifest import DateForm

Decimal: TypeAlias = Literal[".", ","]

ABSENT: Final = frozenset(
    {
        *("", "na", "n/a", "#n/a", "#n/a n/a", "<na>", "nan", "null", "(null)", "none", "nil", "missing"),
        *("?", ".", "-", "--", "\u2013", "\u2014", "\\n", "#value!", "#div/0!", "#ref!", "#num!"),
    }
)
TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "ja", "oui", "si", "s\u00ed", "wahr", "vrai"})
FALSE: Final = frozenset({"false", "f", "no", "n", "off", "nein", "non", "falsch", "faux"})
CURRENCIES: Final = frozenset({*"$€£¥₹₽₩₺", "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "CAD", "AUD"})
"""Units that may stand before the number, and that a column may have in some cells and leave out in others."""
MEASURES: Final = frozenset(
    {*"%‰°gmshl", "°C", "°F", "kg", "mg", "km", "cm", "mm", "min", "ms", "ml", "kWh", "GB", "MB", "KB", "pp"}
)
"""Units that stand behind the number, in every cell of a column or in none."""
MAX_UNIT_LETTERS: Final = 8
"""As a manifest has it."""

_BEFORE: Final = "|".join(map(re.escape, sorted(CURRENCIES)))
_BEHIND: Final = "|".join(map(re.escape, sorted(CURRENCIES | MEASURES, key=len, reverse=True)))
_OWN: Final = (
    r"(?:[^\W\d_]|[%‰°€$£¥/])(?:[^\W\d_]|[ \u00a0%‰°€$£¥/.·-]){0,22}[23]?"  # as in m², sq. ft, m3, €/h
)
_SPACES: Final = "'\u2019 \u00a0\u202f"  # of thousands, in some countries
_SIGN: Final = "[+\u2212-]"
_DATES: Final = MappingProxyType[DateForm, re.Pattern[str]](
    {
        form: re.compile(
            re.escape(form)
            .replace("YYYY", "(?P<year>[0-9]{4})")
            .replace("MM", "(?P<month>[0-9]{1,2})")
            .replace("DD", "(?P<day>[0-9]{1,2})")
            + r"(?:[T ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}(?:\.[0-9]{1,9})?))?"
            + r"(?:Z| ?(?P<ahead>[+-])(?P<zone_hour>[0-9]{2})(?::?(?P<zone_minute>[0-9]{2}))?)?)?"
        )
        for form in get_args(DateForm)
    }
)
_DIGITS: Final = re.compile(rf"[^0-9]*[0-9][0-9.,{_SPACES}]*")
_EPOCH: Final = date(1970, 1, 1).toordinal()


def _number_pattern(decimal: Decimal) -> re.Pattern[str]:
    point, other = re.escape(decimal), re.escape("," if decimal == "." else ".")
    grouped = rf"[0-9]{{1,3}}(?P<group>[{other}{_SPACES}])[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*"
    digits = rf"(?:(?:{grouped}|[0-9]+)(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return re.compile(
        rf"(?P<open>\()?(?P<sign>{_SIGN})?(?P<before>{_BEFORE})?[ \u00a0\u202f]?(?P<inner>{_SIGN})?(?P<digits>{digits})"
        rf"[ \u00a0\u202f]?(?:(?P<behind>{_BEHIND})|(?P<own>{_OWN}))?(?P<close>\))?"
    )


_NUMBERS: Final = MappingProxyType[Decimal, re.Pattern[str]](
    {".": _number_pattern("."), ",": _number_pattern(",")}
)


def is_absent(cell: str, absent_words: Collection[str] = ()) -> bool:
    """Whether a cell says that there is no value; the words are compared without regard to case."""
    word = cell.strip().casefold()
    return word in ABSENT or word in absent_words


def number(cell: str, decimal: Decimal = ".") -> tuple[float, str] | None:
    """The finite number that a cell is, and its unit.

    Thousands may be set apart, a unit may stand on one side, and parentheses make a number negative. Behind the number
    any word may stand: whether it is a unit, the other cells of the column tell.

    >>> number("1,234.5"), number("1.234,5 EUR", ","), number("(12%)"), number("1e999"), number("0x10")
    ((1234.5, ''), (1234.5, 'EUR'), (-12.0, '%'), None, None)
    >>> number("167 m²"), number("1 room"), number("6 rooms"), number("3 kilometers")
    ((167.0, 'm²'), (1.0, 'room'), (6.0, 'room'), (3.0, 'kilomet…'))
    """
    found = _NUMBERS[decimal].fullmatch(cell.strip())
    if found is None or (found["open"] is None) != (found["close"] is None):
        return None
    behind = found["behind"] or _unit(found["own"] or "")
    if (found["before"] and behind) or (found["sign"] and (found["inner"] or found["open"])):
        return None
    other = "," if decimal == "." else "."
    plain = "".join(letter for letter in found["digits"] if letter not in other + _SPACES)
    value = float(plain.replace(",", "."))
    if not math.isfinite(value):
        return None
    is_negative = found["open"] or (found["sign"] or found["inner"] or "+") != "+"
    return -value if is_negative else value, found["before"] or behind


def is_common(unit: str) -> bool:
    """Whether a unit is one by itself, in whatever column."""
    return not unit or unit in CURRENCIES or unit in MEASURES


def _unit(word: str) -> str:
    """What stands behind a number, of one or of many, in the letters that a manifest has for it."""
    word = " ".join(word.split())
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return word if len(word) <= MAX_UNIT_LETTERS else f"{word[: MAX_UNIT_LETTERS - 1]}…"


def decimal_sign(cell: str) -> Decimal | None:
    """The decimal sign of a cell, where the cell alone tells it.

    >>> [decimal_sign(cell) for cell in ("1,5", "1.234,5", "1,234,567", "0.123", "1,234", "12")]
    [',', ',', '.', '.', None, None]
    """
    numeric = _DIGITS.match(cell)
    cell = numeric[0] if numeric else cell  # without a unit, which may have a point of its own
    signs = [letter for letter in cell if letter in ".,"]
    if not signs:
        return None
    last: Decimal = "." if signs[-1] == "." else ","
    other: Decimal = "," if last == "." else "."
    if len(set(signs)) == 2:
        return last
    if len(signs) > 1:
        return other
    before, _, behind = cell.partition(last)
    whole, part = re.sub("[^0-9]", "", before), re.match("[0-9]*", behind)
    assert part is not None
    is_thousands = len(part[0]) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
    return None if is_thousands else last


def days(cell: str, form: DateForm) -> float | None:
    """The days from the start of 1970 to a date in a form, with the part of the day where the time is told.

    >>> days("1970-01-02", "YYYY-MM-DD"), days("31.12.1969 12:00", "DD.MM.YYYY"), days("30.02.2020", "DD.MM.YYYY")
    (1.0, -0.5, None)
    >>> days("1970-01-02T01:00+01:00", "YYYY-MM-DD")  # in UTC, as is what names no zone
    1.0
    """
    found = _DATES[form].fullmatch(cell.strip())
    if found is None:
        return None
    hour, minute, second = int(found["hour"] or 0), int(found["minute"] or 0), float(found["second"] or 0)
    zone_hour, zone_minute = int(found["zone_hour"] or 0), int(found["zone_minute"] or 0)
    if hour > 23 or minute > 59 or second >= 60 or zone_hour > 23 or zone_minute > 59:
        return None
    ahead = (zone_hour * 3600 + zone_minute * 60) * (-1 if found["ahead"] == "-" else 1)
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"])).toordinal() - _EPOCH
    except ValueError:
        return None
    return day + (hour * 3600 + minute * 60 + second - ahead) / 86_400


def boolean(cell: str) -> bool | None:
    """What a word for yes or no means.

    >>> boolean("Yes"), boolean("off"), boolean("maybe")
    (True, False, None)
    """
    word = cell.strip().casefold()
    return True if word in TRUE else False if word in FALSE else None


def category(cell: str) -> str:
    """A text as texts are compared: without white space around it and doubled in it, and without regard to case."""
    return " ".join(cell.split()).casefold()
