"""Runs the tests against mutants of the contracts and tells which mutants survive.

`python -m tests.mutation --per-file 20` draws mutants of each file until so many compile, and writes
`docs/results/mutation.md`. A mutant meets the tests that run its lines, the quickest first; one of a library that forge
tests meets those as well. What was run is kept in `.build/mutants/results.jsonl`, and not run again while the source is
the same, nor a survivor while the tests are; an interrupted run goes on where it stopped. Fails where fewer than nine
of ten are killed, or where one survives without a reason in `equivalent-contracts.json`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from rich.console import Console
from rich.progress import track

from offchain.chain import compiler
from offchain.chain.compiler import Artifact
from tests.compiling import CompilationFailed, artifacts, compile_source, sources_of
from tests.coverage import runs
from tests.coverage.build import DEPLOYED, SETTINGS
from tests.coverage.here import use_chains_here
from tests.coverage.lines import TestsOfLines
from tests.coverage.recorder import BUILD
from tests.mutation.forks import meet_tests, prepare, run_each
from tests.mutation.mutants import ROOT, Mutant, mutants, sample
from tests.mutation.outcomes import EQUAL, INVALID, KILLED, SURVIVED, TIMEOUT, UNSEEN, Log, report

WORK = ROOT / ".build" / "mutants"
PAGE = ROOT / "docs" / "results" / "mutation.md"
EQUIVALENT = Path(__file__).with_name("equivalent-contracts.json")
# An optimizer that sees when two ways to write it are one.
OPTIMIZED = {"viaIR": False, "optimizer": {"enabled": True, "runs": 1}}
# Libraries that forge tests besides.
FORGE = {
    f"contracts/libraries/{name}.sol": f"tests/forge/{name}.t.sol"
    for name in (
        *(
            "DemandTable",
            "Lanes",
            "PackedHits",
            "PackedSums",
            "PackedWeights",
            "SecureMapping",
            "Split",
            "TreeWalk",
        ),
    )
}
FORGE_SECONDS = 900
SAME_CODE, NO_SOLIDITY = 100, 101  # beyond the exit codes of pytest
OUTCOMES: dict[int, str] = {pytest.ExitCode.OK: SURVIVED, SAME_CODE: EQUAL, NO_SOLIDITY: INVALID}


@click.command(help=__doc__)
@click.option(
    "--per-file",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many mutants of each file to run.",
)
@click.option("--only", default="", help="Files whose path contains this; the page is left alone.")
@click.option("--page/--no-page", default=True, help="Whether to write the page.")
@click.option("--seed", default=0, show_default=True, help="Fixes the draw.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Mutants at a time.")
def main(per_file: int, only: str, page: bool, seed: int, jobs: int) -> None:
    """Draw, run, report."""
    console = Console()
    log = Log(WORK / "results.jsonl", runs.state())
    console.print("Looking for mutants")
    population = [mutant for mutant in mutants(_build_info()) if only in mutant.path]
    console.print(f"{len(population)} mutants; drawing {per_file} of each file that compile")
    drawn = sample(population, per_file, seed, lambda mutant: _compiles(mutant, log), jobs)
    todo = [mutant for mutant in drawn if mutant.key not in log.outcomes]
    console.print(f"{len(drawn)} drawn, {len(todo)} to run")
    if todo:
        console.print("Looking which tests run which lines")
        runs.run()
        prepare(WORK, runs.ENVIRONMENT)
        for mutant, outcome in track(_run(todo, jobs), "Running", len(todo), console=console):
            log.add(mutant, outcome)
    found = report("Mutants of the contracts", "slither-mutate", population, drawn, log.outcomes, EQUIVALENT)
    if page and not only:
        PAGE.write_text(found.page)
    console.print(found.page, markup=False)
    found.check()


def _compiles(mutant: Mutant, log: Log) -> bool:
    """Whether a mutant's file is still Solidity; what is not is logged."""
    if mutant.key not in log.outcomes:
        try:
            compile_source(mutant.path, {}, {mutant.path: mutant.source()}, {})
        except CompilationFailed:
            log.add(mutant, INVALID)
    return log.outcomes.get(mutant.key) != INVALID


def _run(todo: list[Mutant], jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it."""
    tests = TestsOfLines()
    use_chains_here()
    for path in DEPLOYED:
        _optimized(path)  # before the forks, which would each do it
    names = {mutant.key: tests.of(mutant.path, *mutant.lines) for mutant in todo}
    yield from ((mutant, UNSEEN) for mutant in todo if not names[mutant.key])
    for mutant, code in run_each(
        [mutant for mutant in todo if names[mutant.key]],
        lambda mutant: _try(mutant, names[mutant.key]),
        lambda mutant: sum(tests.seconds[name] for name in names[mutant.key]),
        jobs,
    ):
        outcome = TIMEOUT if code is None else OUTCOMES.get(code, KILLED)
        if outcome == SURVIVED and mutant.path in FORGE and _forge_fails(mutant):
            outcome = KILLED
        yield mutant, outcome


def _try(mutant: Mutant, names: list[str]) -> None:
    """Compile what has the mutant in it, and let the tests deploy that."""
    changed = {mutant.path: mutant.source()}
    paths = [path for path in DEPLOYED if mutant.path in sources_of(path)]
    replaced = original = json.loads(BUILD.read_text())
    try:
        for path in paths:
            replaced = replaced | artifacts(path, SETTINGS, changed)
    except CompilationFailed:
        sys.exit(NO_SOLIDITY)
    if replaced == original:
        sys.exit(SAME_CODE)
    compile_contracts = compiler.compile_contracts
    compiler.compile_contracts = lambda *folders: (
        compile_contracts(*folders) | {name: Artifact(**artifact) for name, artifact in replaced.items()}
    )
    failed = meet_tests(names)
    if not failed and all(artifacts(path, OPTIMIZED, changed) == _optimized(path) for path in paths):
        sys.exit(SAME_CODE)
    sys.exit(failed)


@cache
def _optimized(path: str) -> dict[str, dict[str, Any]]:
    return artifacts(path, OPTIMIZED, {})


def _forge_fails(mutant: Mutant) -> bool:
    """Whether a test of forge's fails with the mutant in the place of its source."""
    root = WORK / "forge"
    for name in ("contracts", "tests/forge", "tests/contracts"):
        shutil.copytree(ROOT / name, root / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "foundry.toml", root)
    if not (root / "node_modules").exists():
        (root / "node_modules").symlink_to(ROOT / "node_modules")
    (root / mutant.path).write_text(mutant.source())
    command = ["forge", "test", "--match-path", FORGE[mutant.path]]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, timeout=FORGE_SECONDS).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def _build_info() -> Path:
    out = ROOT / ".build" / "slither" / "out"
    command = ["forge", "build", "--build-info", "--force", "--skip", "./tests/**"]
    environment = {**os.environ, "FOUNDRY_PROFILE": "slither"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return out


if __name__ == "__main__":
    main()
