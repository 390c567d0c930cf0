"""How long an index takes to fill and to answer, with a million synthetic events; writes docs/results/index.md."""

import argparse
import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.index_events import CROWD, DEPLOYMENT, WHALE, SyntheticChain
from offchain.index.queries import Index, reading
from offchain.index.store import Store, index_path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "index.md"
EVENTS, RUNS, GOAL_SECONDS = 10**6, 50, 0.050
CROWDED = 1  # the task and the epoch with as many miners, consumers and purchases as an epoch admits

Query = Callable[[Index], object]


def queries(now: int) -> dict[str, Query]:
    """Every query, of the subjects that have most: the crowded task and epoch, and the account in all of them."""
    return {
        "status": lambda index: index.status(),
        "totals": lambda index: index.totals(),
        "task": lambda index: index.task(CROWDED),
        "tasks": lambda index: index.tasks(),
        "newest_tasks": lambda index: index.newest_tasks(),
        "open_tasks": lambda index: index.open_tasks(),
        "timeline": lambda index: index.timeline(CROWDED),
        "leaderboard": lambda index: index.leaderboard(CROWDED),
        "entrants": lambda index: index.entrants(CROWDED),
        "payouts": lambda index: index.payouts(CROWDED),
        "learning_blocks": lambda index: index.learning_blocks(),
        "newest_learning_blocks": lambda index: index.newest_learning_blocks(),
        "epoch": lambda index: index.epoch(CROWDED),
        "epochs": lambda index: index.epochs(),
        "newest_epochs": lambda index: index.newest_epochs(),
        "current_epochs": lambda index: index.current_epochs(now - 86_400),
        "market_history": lambda index: index.market_history(),
        "market_history, 300 epochs": lambda index: index.market_history(300),
        "declarations": lambda index: index.declarations(CROWDED),
        "purchases": lambda index: index.purchases(CROWDED),
        "epoch_timeline": lambda index: index.epoch_timeline(CROWDED),
        "stakes": lambda index: index.stakes(WHALE),
        "payments": lambda index: index.payments(WHALE),
        "tasks_of": lambda index: index.tasks_of(WHALE),
        "entries_of": lambda index: index.entries_of(WHALE),
        "blocks_of": lambda index: index.blocks_of(WHALE),
        "epochs_of": lambda index: index.epochs_of(WHALE),
        "purchases_of": lambda index: index.purchases_of(WHALE),
    }


def fill(path: Path, events: int) -> int:
    """Fill an index by the code that fills it from a chain; gives the number of events."""
    chain = SyntheticChain()
    with Store.writing(path, DEPLOYMENT) as store:
        for found in chain.ranges(events):
            store.add(found)
        for epoch_id in store.stale_epochs():
            store.keep_declarations(epoch_id, chain.declared.get(epoch_id, []))
        return store.event_count()


def measure(path: Path, runs: int) -> dict[str, list[float]]:
    """The seconds of each query, each time in an index that was just opened."""
    with reading(path) as index:
        status = index.status()
    assert status is not None
    times: dict[str, list[float]] = {name: [] for name in queries(0)}
    for _ in range(runs):
        for name, query in queries(status.timestamp).items():
            with reading(path) as index:
                started = time.perf_counter()
                query(index)
                times[name].append(time.perf_counter() - started)
    return times


def run(events: int = EVENTS, runs: int = RUNS, page: Path = PAGE) -> dict[str, Any]:
    """Fill, measure, print, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        path = index_path(Path(folder), DEPLOYMENT)
        started = time.perf_counter()
        count = fill(path, events)
        seconds = time.perf_counter() - started
        megabytes = sum(file.stat().st_size for file in path.parent.iterdir()) / 2**20
        times = measure(path, runs)
    found: dict[str, Any] = {
        "conditions": {
            "events": count,
            "runs": runs,
            "sqlite": sqlite3.sqlite_version,
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
        "fill": {"seconds": seconds, "events_per_second": count / seconds, "megabytes": megabytes},
        "queries": {
            name: {"median_ms": 1000 * median(each), "worst_ms": 1000 * max(each)}
            for name, each in times.items()
        },
    }
    told = "\n".join(_lines(found))
    print(told)
    page.write_text(told + "\n")
    return found


def _lines(found: dict[str, Any]) -> list[str]:
    conditions, fill_figures = found["conditions"], found["fill"]
    worst = max(found["queries"].items(), key=lambda item: item[1]["worst_ms"])
    verdict = "below" if worst[1]["worst_ms"] < 1000 * GOAL_SECONDS else "above"
    rows = [
        f"| {name} | {figures['median_ms']:.2f} | {figures['worst_ms']:.2f} |"
        for name, figures in found["queries"].items()
    ]
    return [
        "# The index",
        "",
        "`pole index` keeps the chain's events in SQLite, and whatever lists or plots reads them there. Made by",
        "`python -m benchmarks.index`.",
        "",
        f"{conditions['events']:,} synthetic events go through the code that fills an index from a chain, in"
        f" {fill_figures['seconds']:.0f} s ({fill_figures['events_per_second']:,.0f} a second; a backfill waits for"
        f" its node besides), and take {fill_figures['megabytes']:,.0f} MB. They are of tasks with ten miners and"
        f" epochs with 20 consumers, but for one of each with {CROWD:,}, and one account takes part in all of them:",
        "the queries are about those. A page is 100 rows unless the table says more.",
        "",
        f"Each query ran {conditions['runs']} times, each time in an index that was just opened (Python"
        f" {conditions['python']}, SQLite {conditions['sqlite']}, {conditions['machine']}, two cores that other"
        f" work shared). The goal is {1000 * GOAL_SECONDS:.0f} ms; the worst is `{worst[0]}` with"
        f" {worst[1]['worst_ms']:.1f} ms, {verdict} it.",
        "",
        "| query | median ms | worst ms |",
        "| --- | ---: | ---: |",
        *rows,
    ]


def main() -> None:
    """Measure alone, with another number of events where one is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    run(parser.parse_args().events)


if __name__ == "__main__":
    main()
