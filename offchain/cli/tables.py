"""The options that say how a CSV file is read, and the preview of what comes of it."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as Shown
from rich.text import Text

from offchain.cli.failures import printable
from offchain.cli.options import with_options
from offchain.learning.datasets import BUNDLED
from offchain.learning.errors import UnknownDataset
from offchain.learning.manifest import (
    BooleanColumn,
    CategoryColumn,
    ClassTarget,
    Column,
    DateColumn,
    NumberColumn,
)
from offchain.learning.metrics import Metric
from offchain.learning.preparing import Missing, Prepared, Wishes, bundled, prepare
from offchain.learning.table import Table, column_names, read_table
from offchain.workers.posting_gas import Spending

PREVIEW_ROWS = 3
COLUMNS_SHOWN = 40
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

TABLE_OPTIONS = (
    click.option("--target", help="The column to predict, where DATA is a CSV file."),
    click.option(
        "--missing",
        type=click.Choice([each.value for each in Missing]),
        default="refuse",
        show_default=True,
        help="Where values are missing: refuse the file, drop the rows, or impute the median or most frequent value.",
    ),
    click.option("--flag-missing", is_flag=True, help="Give imputed columns a feature that says so."),
    click.option(
        "--absent", multiple=True, metavar="WORD", help="Stands for a missing value, beside NA and the like."
    ),
    click.option("--number", multiple=True, metavar="COLUMN", help="Read this column as numbers."),
    click.option("--category", multiple=True, metavar="COLUMN", help="Read this column as categories."),
    click.option("--drop", multiple=True, metavar="COLUMN", help="Leave this column out."),
    click.option("--drop-duplicates", is_flag=True, help="Leave out rows that repeat others."),
    click.option(
        "--decimal", type=click.Choice([".", ","]), help="The decimal sign.  [default: as the cells tell]"
    ),
    click.option(
        "--clip",
        type=click.FloatRange(0, 25),
        default=0.0,
        show_default=True,
        help="Percent of a column's numbers at each end that may leave the range of its byte: where a few far ones"
        " take the range from the others.",
    ),
)


def table_options(command: Any) -> Any:
    """Add the options that say how a table is read, and pass them on as a `target` and `wishes`."""

    @wraps(command)
    def wrapped(
        target: str | None,
        missing: str,
        flag_missing: bool,
        absent: tuple[str, ...],
        number: tuple[str, ...],
        category: tuple[str, ...],
        drop: tuple[str, ...],
        drop_duplicates: bool,
        decimal: Any,
        clip: float,
        metric: str | None,
        **options: Any,
    ) -> Any:
        wishes = Wishes(
            missing=Missing(missing),
            flags_missing=flag_missing,
            kinds={**dict.fromkeys(number, "number"), **dict.fromkeys(category, "category")},
            leave_out=drop,
            absent_words=absent,
            decimal=decimal,
            drop_duplicates=drop_duplicates,
            clip_share=clip / 100,
            as_value=None if metric is None else metric == "r2",
        )
        return command(target=target, wishes=wishes, metric=metric, **options)

    return with_options(wrapped, *TABLE_OPTIONS)


def open_data(data: str, target: str | None, wishes: Wishes) -> tuple[Prepared, Table | None]:
    """The rows of a bundled data set, or of a CSV file with the table that it holds."""
    if target and (Path(data).exists() or data not in BUNDLED):
        table = read_table(Path(data), target)
        return prepare(table, target, wishes), table
    if target:
        raise click.UsageError(f"{data} is a data set with a target of its own: leave out --target")
    try:
        return bundled(data), None
    except UnknownDataset:
        if not Path(data).is_file():
            raise
    names = ", ".join(map(repr, column_names(Path(data))[:COLUMNS_SHOWN]))
    raise click.UsageError(printable(f"name the column to predict with --target: there are {names}"))


def show_data(prepared: Prepared, table: Table | None) -> None:
    """Print what was read, what becomes of it, and the first rows."""
    manifest = prepared.encoded.manifest
    if table:
        form = f"separated by {SEPARATORS[table.separator]}, {table.encoding}"
        _say(f"{table.name}: {table.row_count:,} rows, {len(table.columns)} columns, {form}")
    _say(
        f"{manifest.row_count:,} rows of {manifest.feature_count} features, each a byte; {_told_target(prepared)}"
    )
    shown = Shown("column", "read as", "bytes", "from", "missing", "error", box=SIMPLE)
    errors = prepared.column_errors()
    for column in manifest.columns[:COLUMNS_SHOWN]:
        missing = prepared.absent.get(column.name, 0)
        error = f"{errors[column.name]:.1%}" if column.name in errors else ""
        cells = (column.name, _told_kind(column), str(column.width), _told_range(column))
        shown.add_row(*map(_text, cells), f"{missing:,}" if missing else "", error)
    Console().print(shown)
    if errors:
        _say("The error is the most by which a byte misses its number, in typical distances from the median.")
    if len(manifest.columns) > COLUMNS_SHOWN:
        _say(f"and {len(manifest.columns) - COLUMNS_SHOWN} columns more")
    for name, why in prepared.left_out.items():
        _say(f"Left out: {name!r} {why}")
    for note in prepared.notes:
        _say(f"Note: {note}")
    _show_rows(prepared, table)
    far = [name for name, error in errors.items() if error > 0.25]
    if far:
        names = ", ".join(map(repr, far[:5]))
        _say(f"Note: a few far values take the range of the byte from the others in {names}: see --clip")


def show_loss(prepared: Prepared, metric: Metric, kind: int, min_score: float) -> None:
    """Print what the rounding to bytes costs a plain model of this kind, and whether guessing would be paid."""
    # Who posts a table without a look at it does not wait for scikit-learn.
    from offchain.learning.encoding_loss import encoding_loss

    encoded = prepared.encoded
    loss = encoding_loss(
        prepared.values, encoded.features, encoded.targets, encoded.manifest.class_count, metric, kind
    )
    if isinstance(loss, str):
        _say(f"Encoding loss: {loss}.")
        return
    _say(
        f"Encoding loss: {loss.estimator} scores {loss.exact:.4f} in {metric.name.lower()} on the numbers and"
        f" {loss.encoded:.4f} on their bytes, so {loss.exact - loss.encoded:+.4f} are lost;"
        f" guessing scores {loss.guessing:.4f}."
    )
    if min_score <= loss.guessing:
        _say(f"Note: with --min-score {min_score:g} a model that only guesses is paid")


def show_cost(spending: Sequence[Spending], wei_per_gas: int) -> None:
    """Print the gas of a task's transactions and what it costs now."""
    shown = Shown("to do", "times", "gas at most", "cost now", box=SIMPLE)
    total = Spending("all", sum(each.count for each in spending), sum(each.gas for each in spending))
    for each in (*spending, total):
        coins = Decimal(each.gas * wei_per_gas).scaleb(-18)
        shown.add_row(each.what, str(each.count), f"{each.gas:,}", f"{coins:.6f}")
    Console().print(shown)
    _say(f"in the chain's own coin, at {wei_per_gas / 10**9:.3g} gwei; a rollup adds a fee for data")


def _say(text: str) -> None:
    click.echo(printable(text))


def _text(content: str) -> Text:
    """A text from a file, which is no markup and does nothing to a terminal."""
    return Text(printable(content), overflow="ellipsis", no_wrap=True)


def _told_target(prepared: Prepared) -> str:
    target = prepared.encoded.manifest.target
    if not isinstance(target, ClassTarget):
        return f"a value to predict, in steps of {target.scale:.3g}"
    counts = [int((prepared.encoded.targets == index).sum()) for index in range(len(target.names))]
    told = [f"{name} {count:,}" for name, count in list(zip(target.names, counts, strict=True))[:8]]
    return f"{len(target.names)} classes: {', '.join(told)}{', ...' if len(counts) > 8 else ''}"


def _told_kind(column: Column) -> str:
    match column:
        case NumberColumn(unit=unit, decimal=decimal):
            return f"number {unit}".rstrip() + (" (1,5)" if decimal == "," else "")
        case DateColumn(form=form):
            return form
        case BooleanColumn():
            return "yes or no"
        case CategoryColumn():
            return "category"


def _told_range(column: Column) -> str:
    match column:
        case NumberColumn(offset=low, scale=scale):
            return f"{low:.6g} to {low + 255 * scale:.6g}"
        case DateColumn(offset=low, scale=scale):
            first, last = (_day(days) for days in (low, low + 255 * scale))
            return f"{first} to {last}"
        case BooleanColumn():
            return "no, yes"
        case CategoryColumn(values=values):
            return ", ".join(values)


def _day(days: float) -> str:
    return (date(1970, 1, 1) + timedelta(days=round(days))).isoformat()


def _show_rows(prepared: Prepared, table: Table | None) -> None:
    """The first rows as they are in the file, and the bytes that stand for them."""
    rows = prepared.encoded.features[:PREVIEW_ROWS]
    for place, row in enumerate(rows):
        if table:
            index = int(prepared.kept[place])
            cells = [texts[index].strip()[:16] for texts in table.columns.values()]
            _say(f"line {table.lines[index]}  {' | '.join(cells[:12])}{' ...' if len(cells) > 12 else ''}")
        told = " ".join(map(str, row[:24]))
        more = " ..." if len(row) > 24 else ""
        _say(f"  bytes {told}{more} -> {prepared.encoded.targets[place]}")
