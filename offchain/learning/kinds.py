"""What the cells of a column are: numbers, dates, yes and no, texts of a few kinds, or nothing to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, get_args

from offchain.learning import cells
from offchain.learning.cells import CURRENCIES, Decimal
from offchain.learning.errors import NonNumericColumn
from offchain.learning.manifest import DateForm

MAX_VALUES: Final = 32
"""So many values of a category have a byte each; the rest have none."""
LEAST_SHARE: Final = 0.01
"""A value has a byte where it is in so many of the rows, and in two at least."""
UNIT_SHARE: Final = 0.9
"""A word that stands behind the numbers of so many cells is their unit."""
COUNTER_ROWS: Final = 20
"""From so many rows on, whole numbers that count them up are their numbers and no feature."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers with one decimal sign and one unit."""

    decimal: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates of one form."""

    form: DateForm


@dataclass(frozen=True, slots=True)
class Booleans:
    """Words for yes and no."""


@dataclass(frozen=True, slots=True)
class Categories:
    """Texts, of which `values` are worth a byte each; `others` says how many different ones are not."""

    values: tuple[str, ...]
    others: int


@dataclass(frozen=True, slots=True)
class Useless:
    """Nothing to learn from; `why` follows the column's name in a sentence."""

    why: str


Kind: TypeAlias = Numbers | Dates | Booleans | Categories | Useless


def file_decimal(columns: Sequence[Sequence[str]]) -> Decimal:
    """The decimal sign of a file: that which more columns have by themselves; a point where none tells."""
    signs = Counter(sign for texts in columns if _looks_numeric(texts) and (sign := _own_decimal(texts)))
    return "," if signs[","] > signs["."] else "."


def kind_of(
    name: str, texts: Sequence[str], decimal: Decimal, wish: str | None = None, *, is_sure: bool = False
) -> Kind:
    """What the cells of a column are, of which none is absent.

    Parameters
    ----------
    decimal
        The decimal sign; where that is not sure, only of a column whose own cells do not tell it.
    wish
        `number` or `category` where the owner says so; a column with a wish is never useless for what it counts.

    Raises
    ------
    NonNumericColumn
        Where half of the cells are numbers and others are not, or all should be and one is not.
    """
    if not texts:
        return Useless("is empty")
    distinct = Counter(map(cells.category, texts))
    if len(distinct) == 1:
        return Useless("is the same in every row")
    if wish == "category":
        return _categories(texts, distinct, least=1)
    if not is_sure:
        decimal = _own_decimal(texts) or decimal
    if wish == "number" or _looks_numeric(texts):
        found = _numbers(name, texts, decimal)
        return Useless("counts the rows") if wish is None and _counts(texts, found) else found
    if all(cells.boolean(text) is not None for text in distinct):
        return Booleans()
    if forms := date_forms(texts):
        return Dates(forms[0])
    found_values = _categories(texts, distinct, least=max(2, LEAST_SHARE * len(texts)))
    kept = sum(distinct[cells.category(value)] for value in found_values.values)
    if kept < len(texts) / 2:
        hint = f": most begin with a number, and --number {name!r} says which do not" if _begin(texts) else ""
        return Useless(f"is text of {len(distinct):,} kinds in {len(texts):,} rows{hint}")
    return found_values


def date_forms(texts: Sequence[str]) -> list[DateForm]:
    """The forms in which all cells are dates; more than one where days and months cannot be told apart."""
    forms: list[DateForm] = list(get_args(DateForm))
    for text in texts:
        forms = [form for form in forms if cells.days(text, form) is not None]
        if not forms:
            break
    return forms


def _looks_numeric(texts: Sequence[str]) -> bool:
    """Whether at least half of the cells are numbers with either sign, or nearly all are with one word behind them."""
    units = Counter(unit for text in texts if (unit := _unit_of(text)) is not None)
    numeric = sum(count for unit, count in units.items() if cells.is_common(unit))
    most = max(units.values(), default=0)
    return len(texts) > 0 and (2 * numeric >= len(texts) or most >= UNIT_SHARE * len(texts))


def _unit_of(text: str) -> str | None:
    """The unit of a number with either sign."""
    return next((found[1] for sign in get_args(Decimal) if (found := cells.number(text, sign))), None)


def _begin(texts: Sequence[str]) -> bool:
    """Whether more than half of the cells begin with a digit."""
    return 2 * sum(text.strip()[:1].isdecimal() for text in texts) > len(texts)


def _own_decimal(texts: Sequence[str]) -> Decimal | None:
    signs = Counter(sign for text in texts if (sign := cells.decimal_sign(text)))
    if not signs:
        return None
    return "," if signs[","] > signs["."] else "."


def _numbers(name: str, texts: Sequence[str], decimal: Decimal) -> Numbers:
    """Raises NonNumericColumn where a cell is no number, or one of another unit."""
    read = [cells.number(text, decimal) for text in texts]
    units = Counter(found[1] for found in read if found)
    unit = max(units, key=lambda each: (each in CURRENCIES, units[each]), default="")
    may_lack = unit in CURRENCIES
    for index, found in enumerate(read):
        if found is None or (found[1] != unit and not (may_lack and found[1] == "")):
            hint = "; see --absent, --category, --drop"
            raise NonNumericColumn(name, index, texts[index], hint=hint)
    return Numbers(decimal, unit)


def _counts(texts: Sequence[str], kind: Numbers) -> bool:
    """Whether each number is by one greater than that before it."""
    if len(texts) < COUNTER_ROWS:
        return False
    values = [found[0] for text in texts if (found := cells.number(text, kind.decimal))]
    return all(value == values[0] + index for index, value in enumerate(values))


def _categories(texts: Sequence[str], distinct: Counter[str], least: float) -> Categories:
    """The most frequent values, in the spelling in which each comes first; of two, the second in the alphabet."""
    spelling: dict[str, str] = {}
    for text in texts:
        spelling.setdefault(cells.category(text), " ".join(text.split()))
    common = [value for value, count in distinct.most_common(MAX_VALUES) if count >= least]
    if len(distinct) == len(common) == 2:
        common = [max(common)]
    return Categories(tuple(spelling[value] for value in sorted(common)), len(distinct) - len(common))
