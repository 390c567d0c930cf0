"""How much faster a miner's search is on two Dask workers than on one, and what limits that.

`python -m benchmarks.dask` writes docs/results/dask.md and dask.png. The cases take turns, so that what else the
machine does falls on all of them alike; on a busy one the ratios mean little all the same, and the page says so.
"""

import argparse
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from offchain.cid import Cid
from offchain.compute.executor import JobExecutor
from offchain.compute.performing import perform
from offchain.compute.process import Limits
from offchain.compute.rows import JobRows
from offchain.compute.trial import TrialSpec
from offchain.compute.work import Kind, Work
from offchain.economics.charts import new_figure
from offchain.learning import datasets, estimators
from offchain.learning.mapping import default_width, map_rows
from offchain.learning.metrics import Metric

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
ROUNDS, SEEDS = 5, 4
LIMITS = Limits(seconds=3600.0, memory_bytes=2 << 30)
PLACES = ("pool", "Dask")
ON_LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")


@dataclass(frozen=True, slots=True)
class Amdahl:
    """T(n) = serial + parallel / n through the times of one worker and of two, in seconds."""

    serial: float
    parallel: float

    @classmethod
    def through(cls, one: float, two: float) -> "Amdahl":
        """The law of two measured times.

        >>> Amdahl.through(10.0, 6.0)
        Amdahl(serial=2.0, parallel=8.0)
        """
        return cls(2 * two - one, 2 * (one - two))

    @property
    def share(self) -> float:
        """The serial share of the time on one worker; negative where two were more than twice as fast."""
        return self.serial / (self.serial + self.parallel)


def trials(dataset: str, estimator: str, seeds: int) -> list[Work]:
    """A search as a miner makes it, once for each seed."""
    data = datasets.encode(datasets.load(dataset))
    classes = data.manifest.class_count
    features = map_rows(data.features, default_width(data.manifest.feature_count), bytes(32))
    rows = JobRows(features, data.targets).to_bytes(classes)
    return [
        Work(
            Kind.TRIAL,
            TrialSpec.make(
                estimator=estimator,
                parameters=dict(parameters),
                rows=str(Cid.of(rows)),
                feature_count=features.shape[1],
                class_count=classes,
                metric=int(Metric.ACCURACY),
                seed=seed,
            ).to_bytes(),
            rows,
        )
        for seed in range(seeds)
        for parameters in estimators.candidates(estimator, classes)
    ]


def seconds_of(executor: JobExecutor, works: list[Work]) -> tuple[float, list[bytes]]:
    """How long some work takes together, and the models."""
    started = time.perf_counter()
    running = [executor.submit(work) for work in works]
    models = [job.outcome().trained().model for job in running]
    return time.perf_counter() - started, models


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """A scheduler and so many workers of one thread, each a process of its own; gives the address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    commands = [["dask_scheduler", "--port", str(port), *ON_LOOPBACK]]
    commands += [["dask_worker", address, "--nthreads", "1", *ON_LOOPBACK]] * workers
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for module, *options in commands
    ]
    try:
        yield address
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def wait_for_workers(address: str, count: int) -> None:
    """Wait until all have come, or the first rounds would measure their start."""
    from distributed import Client

    connect: Callable[..., Any] = Client
    with connect(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=300)


def run(rounds: int = ROUNDS, seeds: int = SEEDS) -> dict[str, Any]:
    """Measure, print, and write the page and the chart."""
    search, smallest = trials("digits", "mlp", seeds), trials("iris", "tree", 1)[:1]
    load = os.getloadavg()[0]
    started = time.process_time()
    for work in search:
        perform(work)
    training = (time.process_time() - started) / len(search)
    times: dict[tuple[str, int], list[float]] = {(place, count): [] for place in PLACES for count in (1, 2)}
    alone: dict[str, list[float]] = {place: [] for place in PLACES}
    models: set[tuple[bytes, ...]] = set()
    with ExitStack() as stack:
        executors: dict[tuple[str, int], JobExecutor] = {}
        for count in (1, 2):
            address = stack.enter_context(cluster(count))
            wait_for_workers(address, count)
            executors["Dask", count] = stack.enter_context(JobExecutor.dask(address, 1, LIMITS))
            executors["pool", count] = stack.enter_context(JobExecutor.local(count, LIMITS))
        for executor in executors.values():
            seconds_of(executor, smallest * 4)  # each worker imports scikit-learn once
        for _ in range(rounds):
            for case, executor in executors.items():
                spent, found = seconds_of(executor, search)
                times[case].append(spent)
                models.add(tuple(found))
            for place in PLACES:
                alone[place].append(seconds_of(executors[place, 1], smallest)[0])
    assert len(models) == 1, "the same search gave other bytes elsewhere"
    result = {
        "load": round(load, 2),
        "jobs": len(search),
        "rounds": rounds,
        "training seconds a job": round(training, 2),
        "seconds": {f"{place}, {count}": times[place, count] for place, count in times},
        "smallest job, seconds": {place: round(median(alone[place]), 3) for place in PLACES},
    }
    (RESULTS / "dask.md").write_text(page(times, alone, training, load, len(search)))
    draw(times, RESULTS / "dask.png")
    return result


def speed_ups(times: dict[tuple[str, int], list[float]], place: str) -> list[float]:
    """One worker's time over two workers', each of the same round."""
    return [one / two for one, two in zip(times[place, 1], times[place, 2], strict=True)]


def page(
    times: dict[tuple[str, int], list[float]],
    alone: dict[str, list[float]],
    training: float,
    load: float,
    jobs: int,
) -> str:
    """The page, of medians over the rounds."""
    lines = []
    for place in PLACES:
        one, two = (median(times[place, count]) for count in (1, 2))
        ratios = speed_ups(times, place)
        law = Amdahl.through(one, two)
        lines.append(
            f"| {place} | {one:.1f} | {two:.1f} | {median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |"
            f" {law.serial:.1f} | {100 * law.share:.0f} % |"
        )
    cores = os.cpu_count() or 1
    busy = (
        f"**The machine was busy:** a load of {load:.1f} on {cores} cores before the first round, so these figures say"
        " little. Run it again on a quiet one.\n\n"
        if load > 0.5
        else f"The machine was quiet: a load of {load:.1f} on {cores} cores before the first round.\n\n"
    )
    start, extra = median(alone["pool"]), median(alone["Dask"]) - median(alone["pool"])
    rounds = len(times["pool", 1])
    return (
        "# What a second worker brings\n\n"
        f"A miner's search over digits with its secure mapping: {jobs} trials of a perceptron, three-fold"
        " cross-validation\nand a last fit each, on a pool of this machine and on Dask workers of one thread, with one"
        " and with two. The\n"
        f"cases take turns, {rounds} rounds; seconds are medians, and a ratio is of one round. Every case gave the same"
        " models,\nbyte for byte. `python -m benchmarks.dask` writes this page.\n\n"
        f"{busy}"
        "![Seconds of a search on one worker and on two](dask.png)\n\n"
        "| | 1 worker, s | 2 workers, s | speed-up | range | serial part, s | of the whole |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(lines) + "\n\n"
        "The serial part is s of T(n) = s + p / n (Amdahl) through the two medians. It holds what two workers do not"
        " share:\nthe last job that runs alone where the jobs cannot be divided evenly, the scheduler and this"
        " process, which run on\nthe same two cores, and what else the machine does.\n\n"
        f"What each job costs beside its training of {training:.2f} s of processor time, measured by a job with next to"
        f" none:\n{1000 * start:.0f} ms in a process of its own here, and {1000 * extra:+.0f} ms by way of Dask. Each"
        " worker has imported scikit-learn before, once,\nand forks for each job.\n\n"
        f"Python {platform.python_version()}, {cores} cores, {platform.machine()}.\n"
    )


def draw(times: dict[tuple[str, int], list[float]], path: Path) -> None:
    """Every round as a dot, the medians as a line, and half of one worker's time."""
    figure = new_figure(7.0, 4.2)
    axes = figure.add_subplot()
    for place, colour, shift in zip(PLACES, ("#1f5fa8", "#c8421f"), (-0.03, 0.03), strict=True):
        medians = np.array([median(times[place, count]) for count in (1, 2)])
        ratio = median(speed_ups(times, place))
        axes.plot([1, 2], medians, color=colour, label=f"{place}: {ratio:.2f} times as fast")
        axes.plot([2], [medians[0] / 2], "_", color=colour, markersize=22, markeredgewidth=2)
        for count in (1, 2):
            seconds = times[place, count]
            axes.plot([count + shift] * len(seconds), seconds, "o", color=colour, alpha=0.5, markersize=5)
    axes.plot(
        [], [], "_", color="#222222", markersize=12, markeredgewidth=2, label="half of one worker's time"
    )
    axes.set(xticks=[1, 2], xlim=(0.7, 2.3), xlabel="workers of one thread", ylabel="seconds of a search")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Run with the numbers of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="searches of three trials each")
    arguments = parser.parse_args()
    for name, value in run(arguments.rounds, arguments.seeds).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
