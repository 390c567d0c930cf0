"""How values are written for people: short, bounded whatever the chain says, and in one way everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Context, Decimal

from offchain.learning.metrics import Metric

WAD_DECIMALS = 18
DECIMALS_SHOWN = 4
MOST_WHOLE_DIGITS = 15  # more are written as a power of ten
MOST_SYMBOL_LETTERS = 12
_WIDE = Context(prec=400)  # a uint256 has 78 digits, and a token up to 255 decimals
_YEAR_9999 = 253_402_300_799
_HOUR, _DAY = 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Token:
    """The money of a deployment."""

    symbol: str
    decimals: int

    @classmethod
    def named(cls, symbol: str, decimals: int) -> "Token":
        """A token as it names itself, which may be anything."""
        plain = "".join(letter for letter in symbol if letter.isprintable()).strip()
        return cls(plain[:MOST_SYMBOL_LETTERS] or "tokens", decimals)

    def shown(self, units: int) -> str:
        """Token units in whole tokens, rounded down to four decimals."""
        return amount(units, self.decimals)

    def exact(self, units: int) -> str:
        """Token units in whole tokens, to the last digit, with the symbol."""
        return f"{exact(units, self.decimals)} {self.symbol}"


def exact(units: int, decimals: int) -> str:
    """A number with so many decimals, to its last digit.

    >>> exact(1234500, 3)
    '1,234.5'
    """
    scaled = Decimal(units).scaleb(-decimals, _WIDE)
    text = f"{scaled:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(units: int, decimals: int) -> str:
    """A number with so many decimals, with four of them at most and towards zero.

    >>> [amount(units, 6) for units in (0, 1, 2_500_000, 1_234_567_891, -2_000_001, 10**40)]
    ['0', '< 0.0001', '2.5', '1,234.5678', '-2', '1.000e34']
    """
    scaled = abs(Decimal(units).scaleb(-decimals, _WIDE))
    sign = "-" if units < 0 else ""
    if scaled.adjusted() >= MOST_WHOLE_DIGITS:
        return f"{sign}{scaled.normalize(Context(prec=4, rounding=ROUND_FLOOR)):.3e}".replace("e+", "e")
    rounded = scaled.quantize(Decimal(1).scaleb(-DECIMALS_SHOWN), ROUND_FLOOR, _WIDE)
    if units and not rounded:
        return "> -0.0001" if sign else "< 0.0001"
    return sign + f"{rounded:,f}".rstrip("0").rstrip(".")


def units(wad: int) -> str:
    """Compute units.

    >>> units(2_500_000_000_000_000_000)
    '2.5'
    """
    return amount(wad, WAD_DECIMALS)


def percent(part: int, whole: int) -> str:
    """A part of a whole, in percent.

    >>> percent(1, 3), percent(0, 0)
    ('33.3%', '0%')
    """
    return f"{amount(1000 * part // whole, 1) if whole else 0}%"


def metric_name(number: int | None) -> str:
    """A metric in words.

    >>> metric_name(1), metric_name(200)
    ('balanced accuracy', 'metric 200')
    """
    known = {metric.value: metric.name.lower().replace("_", " ") for metric in Metric}
    known[Metric.MACRO_F1], known[Metric.R2] = "macro F1", "R²"
    return known.get(number or 0, f"metric {number}")


def score(wad: int, metric: int | None) -> str:
    """A score: in percent, but for R².

    >>> score(977_777_777_777_777_777, 0), score(-500_000_000_000_000_000, 3)
    ('97.77%', '-0.5')
    """
    if metric == Metric.R2:
        return amount(wad, WAD_DECIMALS)
    return f"{amount(wad // 10**14, 2)}%"


def short(text: str) -> str:
    """An address or a hash by its ends.

    >>> short("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
    '0x7099…79C8'
    """
    return text if len(text) <= 13 else f"{text[:6]}…{text[-4:]}"


def iso(timestamp: int) -> str:
    """A time for a machine; "" where no calendar has it.

    >>> iso(1_700_000_000)
    '2023-11-14T22:13:20Z'
    """
    if not 0 <= timestamp <= _YEAR_9999:
        return ""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(timestamp: int) -> str:
    """A time for people, UTC.

    >>> moment(1_700_000_000), moment(2**63)
    ('2023-11-14 22:13:20', 'beyond the year 9999')
    """
    return iso(timestamp).replace("T", " ").rstrip("Z") or "beyond the year 9999"


def span(seconds: int) -> str:
    """A length of time in its two largest units; the page's script counts down in the same words.

    >>> [span(seconds) for seconds in (0, 42, 63, 3_720, 90_000, 10**12)]
    ['due', '42 s', '1 min 03 s', '1 h 02 min', '1 d 01 h', 'over 9999 d']
    """
    if seconds <= 0:
        return "due"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // 60} min {seconds % 60:02} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // 60:02} min"
    days = seconds // _DAY
    return f"{days} d {seconds % _DAY // _HOUR:02} h" if days < 10_000 else "over 9999 d"


def plotted(values: Sequence[int], decimals: int) -> tuple[float, ...]:
    """Numbers with so many decimals, as a chart draws them."""
    return tuple(float(Decimal(value).scaleb(-decimals, _WIDE)) for value in values)
