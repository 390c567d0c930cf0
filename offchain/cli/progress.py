"""How far a backfill is, on the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from offchain.index.follow import FIRST_RANGE_BLOCKS
from offchain.index.follow import Progress as Indexed


@contextmanager
def backfill_shown(*, transient: bool) -> Iterator[Callable[[Indexed], None]]:
    """Give what shows how far an index is, once that takes more than a moment; on stderr, so that scripts can read.

    transient : whether nothing of it stays on the screen
    """
    columns = (
        TextColumn("indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("blocks, {task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=transient, disable=not sys.stderr.isatty())
    row = bar.add_task("", total=None, events=0)

    def tell(indexed: Indexed) -> None:
        if indexed.head - indexed.indexed > FIRST_RANGE_BLOCKS:
            bar.start()
        total, done = indexed.head - indexed.first + 1, indexed.indexed - indexed.first + 1
        bar.update(row, total=total, completed=min(done, total), events=indexed.events)

    try:
        yield tell
    finally:
        bar.stop()
