"""What became of mutants: a log from which an interrupted run goes on, and the page that tells it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import click
from scipy.stats import binomtest  # type: ignore[import-untyped]

KILLED, TIMEOUT, SURVIVED, UNSEEN = "killed", "by the clock", "survived", "no test"
EQUAL, INVALID = "same code", "invalid"
ALIVE = (SURVIVED, UNSEEN)
LEAST_KILLED = 0.9


class Mutant(Protocol):
    """What the page tells of one."""

    @property
    def path(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def lines(self) -> tuple[int, int]: ...
    @property
    def change(self) -> str: ...


class Log:
    """Outcomes in a file. Who was killed stays so while the source is the same, who lives while the tests are too."""

    def __init__(self, path: Path, state: str) -> None:
        self._path, self._state = path, state
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        self.outcomes: dict[str, str] = {
            entry["key"]: entry["outcome"]
            for entry in entries
            if entry["state"] == state or entry["outcome"] not in ALIVE
        }

    def add(self, mutant: Mutant, outcome: str) -> None:
        """Keep an outcome."""
        self.outcomes[mutant.key] = outcome
        with self._path.open("a") as file:
            file.write(json.dumps({"key": mutant.key, "outcome": outcome, "state": self._state}) + "\n")


class Report(NamedTuple):
    """What became of a sample.

    page : the page of it
    killed : the share that the tests kill of those that can live
    unexplained : how many live without a reason
    """

    page: str
    killed: float
    unexplained: int

    def check(self) -> None:
        """Raise below the bound, or where somebody lives without a reason."""
        if self.killed < LEAST_KILLED:
            raise click.ClickException(
                f"{self.killed:.1%} of the mutants were killed, not {LEAST_KILLED:.0%}"
            )
        if self.unexplained:
            raise click.ClickException(f"{self.unexplained} of those that survive have no reason")


def report(
    title: str,
    operators: str,
    population: Sequence[Mutant],
    drawn: Sequence[Mutant],
    outcomes: Mapping[str, str],
    reasons: Path,
) -> Report:
    """The page of a sample whose survivors' reasons are in a file, by path and change."""
    known: dict[str, dict[str, str]] = json.loads(reasons.read_text())
    by_path: dict[str, Counter[str]] = {}
    for mutant in drawn:
        by_path.setdefault(mutant.path, Counter())[outcomes[mutant.key]] += 1
    total = sum(by_path.values(), Counter[str]())
    survivors = [mutant for mutant in drawn if outcomes[mutant.key] in ALIVE]
    explained = [mutant for mutant in survivors if mutant.change in known.get(mutant.path, {})]
    killed = total[KILLED] + total[TIMEOUT]
    counted = killed + len(survivors)
    low, high = binomtest(killed, counted).proportion_ci() if counted else (0.0, 1.0)
    lines = [
        f"# {title}",
        "",
        f"{len(drawn)} of {len(population)} mutants by the operators of {operators}, drawn from each file;"
        f" {total[INVALID]} cannot be",
        f"compiled or imported, and {total[EQUAL]} compile to the same code. Of the other {counted} the tests kill"
        f" {killed}:",
        f"**{killed / max(1, counted):.1%}**. With another draw it would be between {low:.1%} and {high:.1%} (95%,"
        f" Clopper and Pearson); a small file counts as much as a large one. Of the {len(survivors)} survivors",
        f"{len(explained)} are explained below.",
        "",
        "| file | mutants | drawn | killed | by the clock | survived | same code | invalid |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    sizes = Counter(mutant.path for mutant in population)
    for path, of_path in by_path.items():
        lived = sum(of_path[outcome] for outcome in ALIVE)
        cells = [sizes[path], of_path.total(), of_path[KILLED], of_path[TIMEOUT], lived]
        cells += [of_path[EQUAL], of_path[INVALID]]
        lines.append(f"| {path.partition('/')[2]} | " + " | ".join(map(str, cells)) + " |")
    lines += ["", "## Survivors", ""]
    for mutant in survivors:
        unseen = " (no test runs it)" if outcomes[mutant.key] == UNSEEN else ""
        lines.append(f"- {mutant.path.partition('/')[2]}:{mutant.lines[0]} {mutant.change}{unseen}")
        reason = known.get(mutant.path, {}).get(mutant.change)
        lines += [f"  - {reason}"] if reason else []
    return Report("\n".join(lines) + "\n", killed / max(1, counted), len(survivors) - len(explained))
