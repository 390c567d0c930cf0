"""Runs the tests against mutants of the Python modules and tells which mutants survive.

`python -m tests.mutation.python --per-module 6` draws so many mutants of each module of `offchain/economics` and
`offchain/learning` and of the workers' decisions, and writes `docs/results/mutation-python.md`. A mutant meets the
tests that run its lines, the quickest first. What was run is kept in `.build/mutants-python/`: what was killed is not
run again while its source is the same, what survived not while the tests are; an interrupted run goes on where it
stopped. Fails where fewer than nine of ten are killed, or where one survives without a reason in
`equivalent-python.json`.
"""

import hashlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from importlib.abc import SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from typing import Any

import click
import pytest
from coverage import CoverageData
from rich.console import Console
from rich.progress import track

from tests.mutation.forks import PYTEST, fork, meet_tests, prepare, redirect, run_each
from tests.mutation.outcomes import INVALID, KILLED, SURVIVED, TIMEOUT, UNSEEN, Log, report
from tests.mutation.python_mutants import ROOT, Mutant, mutants, sample

WORK = ROOT / ".build" / "mutants-python"
PAGE = ROOT / "docs" / "results" / "mutation-python.md"
EQUIVALENT = Path(__file__).with_name("equivalent-python.json")
# But for the twins and the miner, no test here needs a chain.
TESTS = (
    "tests/unit/economics",
    "tests/unit/learning",
    "tests/unit/test_decisions.py",
    "tests/unit/test_loop.py",
    "tests/unit/test_market_decisions.py",
    "tests/unit/test_market_pricing.py",
    "tests/unit/test_miner.py",
    "tests/unit/test_proof.py::test_mapping_seed_is_the_specifications",
    "tests/unit/test_rows.py",
    "tests/unit/test_scorers.py",
    "tests/attacks/test_hostile_models.py",
    "tests/attacks/test_hostile_tables.py",
    "tests/fuzz/test_pricing_properties.py",
    "tests/fuzz/test_protocol_twins.py",
    "tests/fuzz/test_scoring_twins.py",
    "tests/fuzz/test_market_twins.py",
)
SLOWEST_SECONDS = 30.0
ENVIRONMENT = {"POLE_FUZZ_CASES": "15", "POLE_MARKET_EPOCHS": "1", "POLESTAR_EXAMPLES": "25"}
NOT_IMPORTED = 100  # beyond the exit codes of pytest
OUTCOMES: dict[int, str] = {pytest.ExitCode.OK: SURVIVED, NOT_IMPORTED: INVALID}


class Tests:
    """Which tests run which lines, and how long they take."""

    def __init__(self, coverage: CoverageData, seconds: dict[str, float]) -> None:
        self._seconds = {name: taken for name, taken in seconds.items() if taken <= SLOWEST_SECONDS}
        self._by_line = {
            Path(file).relative_to(ROOT).as_posix(): {
                line: {context.partition("|")[0] for context in contexts if context}
                for line, contexts in coverage.contexts_by_lineno(file).items()
            }
            for file in coverage.measured_files()
        }

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that run a mutant, the quickest first; of module and folder if it is run at import."""
        by_line = self._by_line.get(mutant.path, {})
        first, last = mutant.lines
        if mutant.at_import:
            folder = f"tests/unit/{Path(mutant.path).parent.name}/"
            found = {name for name in self._seconds if name.startswith(folder)}.union(*by_line.values())
        else:
            found = set[str]().union(*(by_line.get(line, set()) for line in range(first, last + 1)))
        return sorted(found & set(self._seconds), key=self._seconds.__getitem__)

    def seconds(self, names: list[str]) -> float:
        """How long they take together, if none fails."""
        return sum(self._seconds[name] for name in names)


class Stopwatch:
    """A plugin of pytest's: how long each test takes, with the fixtures that it is first to need."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


class Mutated(SourceLoader):
    """Imports a mutant in the place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self._path = str(ROOT / mutant.path)
        self.name = mutant.path.removesuffix(".py").replace("/", ".")
        self._source = mutant.source.encode()

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self, origin=self._path) if fullname == self.name else None

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str | bytes) -> bytes:
        return self._source


@click.command(help=__doc__)
@click.option("--per-module", default=6, show_default=True, help="How many mutants of each module to draw.")
@click.option("--only", default="", help="Modules whose path contains this; the page is left alone.")
@click.option("--page/--no-page", default=True, help="Whether to write the page.")
@click.option("--seed", default=0, show_default=True, help="Fixes the draw.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Mutants at a time.")
def main(per_module: int, only: str, page: bool, seed: int, jobs: int) -> None:
    """Draw, run, report."""
    console = Console()
    prepare(WORK, ENVIRONMENT)
    state = _state()
    log = Log(WORK / "results.jsonl", state)
    population = [mutant for mutant in mutants() if only in mutant.path]
    drawn = sample(population, per_module, seed)
    todo = [mutant for mutant in drawn if mutant.key not in log.outcomes]
    console.print(f"{len(population)} mutants, {len(drawn)} drawn, {len(todo)} to run")
    if todo:
        console.print("Looking which tests run which lines")
        tests = _tests(state)
        for mutant, outcome in track(_run(todo, tests, jobs), "Running", len(todo), console=console):
            log.add(mutant, outcome)
    operators = "mutmut, the workers' classes around their decisions left out"
    found = report("Mutants of the Python modules", operators, population, drawn, log.outcomes, EQUIVALENT)
    if page and not only:
        PAGE.write_text(found.page)
    console.print(found.page, markup=False)
    found.check()


def _state() -> str:
    """A name that stays while tests and sources do."""
    files = {path for folder in ("offchain", "tests") for path in (ROOT / folder).rglob("*.py")}
    content = [path.read_bytes() for path in sorted(files - set(Path(__file__).parent.iterdir()))]
    return hashlib.sha256(b"".join(content)).hexdigest()[:16]


def _tests(state: str) -> Tests:
    """What an unchanged run tells; raises where that fails."""
    kept, seconds = WORK / f"coverage-{state}", WORK / f"seconds-{state}.json"
    if not seconds.exists():
        for old in (*WORK.glob("coverage-*"), *WORK.glob("seconds-*")):
            old.unlink()
        os.environ["COVERAGE_FILE"] = str(kept)
        child = fork(_watch, seconds)
        child.join()
        if child.exitcode != 0:
            raise click.ClickException(f"the tests fail without any mutant: see {WORK / 'unchanged.log'}")
    coverage = CoverageData(str(kept))
    coverage.read()
    return Tests(coverage, json.loads(seconds.read_text()))


def _watch(seconds: Path) -> None:
    redirect(WORK / "unchanged.log")
    watch = Stopwatch()
    options = (
        "-p",
        "pytest_cov",
        "--cov=offchain",
        "--cov-context=test",
        "--cov-report=",
        "--cov-fail-under=0",
    )
    code = pytest.main([*PYTEST, *options, *TESTS], plugins=[watch])
    if code == pytest.ExitCode.OK:
        seconds.write_text(json.dumps(watch.seconds))
    sys.exit(code)


def _run(todo: list[Mutant], tests: Tests, jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it, so many at a time."""
    names = {mutant.key: tests.of(mutant) for mutant in todo}
    yield from ((mutant, UNSEEN) for mutant in todo if not names[mutant.key])
    for mutant, code in run_each(
        [mutant for mutant in todo if names[mutant.key]],
        lambda mutant: _try(mutant, names[mutant.key]),
        lambda mutant: tests.seconds(names[mutant.key]),
        jobs,
    ):
        yield mutant, TIMEOUT if code is None else OUTCOMES.get(code, KILLED)


def _try(mutant: Mutant, names: list[str]) -> None:
    sys.meta_path.insert(0, Mutated(mutant))
    try:
        import_module(Mutated(mutant).name)
    except Exception:
        sys.exit(NOT_IMPORTED)
    sys.exit(meet_tests(names))


if __name__ == "__main__":
    main()
