"""Runs the tests against mutants of the contracts and tells which mutants survive.

`python -m tests.mutation --per-file 20` draws so many mutants of each file and writes `docs/results/mutation.md`. What
was run is kept in `.build/mutants/results.jsonl`, and not run again while the source is the same, nor a survivor while
the tests are; an interrupted run goes on where it stopped. Fails where fewer than nine of ten are killed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from queue import Queue
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from scipy.stats import binomtest  # type: ignore[import-untyped]

from offchain.chain.compiler import SETTINGS, SOLC_VERSION, compile_contracts
from tests.fast_compiler import CompilationFailed, compile_fast, sources_of
from tests.mutation.mutants import ROOT, Mutant, mutants, sample

FOLDERS = ("contracts", "tests/contracts")
WORK = ROOT / ".build" / "mutants"
RESULTS = WORK / "results.jsonl"
PAGE = ROOT / "docs" / "results" / "mutation.md"
COPIED = ("contracts", "offchain", "tests", "toolchain", "scripts", "pyproject.toml", "foundry.toml")
LINKED = (".venv", "node_modules")
SECONDS = 900
LEAST_KILLED = 0.9

# What is deployed, and the tests that look at it; the quickest first, for the first that fails is enough.
TESTS = {
    "tests/contracts/Twins.sol": ("tests/fuzz/test_protocol_twins.py",),
    "contracts/Vault.sol": ("tests/unit/test_vault.py", "tests/attacks/test_hostile_tokens.py"),
    "contracts/scoring/TreeScorer.sol": ("tests/fuzz/test_scoring_twins.py",),
    "contracts/scoring/DenseScorer.sol": ("tests/fuzz/test_scoring_twins.py",),
    "tests/contracts/MarketTwins.sol": ("tests/fuzz/test_market_twins.py",),
    "contracts/ComputeMarket.sol": (
        "tests/unit/test_market.py",
        "tests/unit/test_market_purchases.py",
        "tests/attacks/test_defaults.py",
    ),
    "contracts/ProofOfLearning.sol": (
        "tests/unit/test_registry.py",
        "tests/unit/test_proof.py",
        "tests/unit/test_ledger.py",
        "tests/attacks/test_front_run_ending.py",
        "tests/attacks/test_colluding_miner.py",
    ),
}
# What forge looks at besides: slower to compile, so asked last.
FORGE = {
    "contracts/libraries/DemandTable.sol": "DemandTable",
    "contracts/libraries/Lanes.sol": "Lanes",
    "contracts/libraries/PackedHits.sol": "PackedHits",
    "contracts/libraries/PackedSums.sol": "PackedSums",
    "contracts/libraries/PackedWeights.sol": "PackedWeights",
    "contracts/libraries/SecureMapping.sol": "SecureMapping",
    "contracts/libraries/Split.sol": "Split",
    "contracts/libraries/TreeWalk.sol": "TreeWalk",
}
KILLED, SURVIVED, EQUIVALENT, INVALID = "killed", "survived", "equivalent", "invalid"


class Sandbox:
    """A copy of the project in which one mutant at a time stands in for its source."""

    def __init__(self, index: int) -> None:
        self.root = WORK / f"sandbox-{index}"
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.root / name)
        for name in LINKED:
            (self.root / name).symlink_to(ROOT / name)

    def fails(self, changed: dict[str, str], artifacts: dict[str, Any], tests: tuple[str, ...]) -> bool:
        """Whether a test fails with these sources changed, and compiled to these artifacts."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n", "0"]
        with self._changed(changed):
            self._cache(artifacts)
            return self._ends_badly([*command, *tests, *(f"--deselect={name}" for name in _only_deployed())])

    def forge_fails(self, changed: dict[str, str], name: str) -> bool:
        """Whether a test of forge's fails with these sources changed."""
        with self._changed(changed):
            return self._ends_badly(["forge", "test", "--match-path", f"tests/forge/{name}.t.sol"])

    @contextmanager
    def _changed(self, changed: dict[str, str]) -> Iterator[None]:
        for name, content in changed.items():
            (self.root / name).write_text(content)
        try:
            yield
        finally:
            for name in changed:
                shutil.copy(ROOT / name, self.root / name)

    def failing(self, artifacts: dict[str, Any], tests: Iterable[str]) -> list[str]:
        """The tests that fail on unchanged sources, because they measure what a deployment costs."""
        self._cache(artifacts)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", *tests]
        run = subprocess.run(command, cwd=self.root, env=self._environment(), capture_output=True, text=True)
        return [line.split()[1] for line in run.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]

    def _cache(self, artifacts: dict[str, Any]) -> None:
        """Put artifacts where the compiler would keep those of the sandbox's sources."""
        sources = {
            path.relative_to(self.root).as_posix(): {"content": path.read_text()}
            for folder in FOLDERS
            for path in sorted((self.root / folder).rglob("*.sol"))
        }
        request = {"language": "Solidity", "sources": sources, "settings": SETTINGS}
        key = hashlib.sha256((SOLC_VERSION + json.dumps(request, sort_keys=True)).encode()).hexdigest()
        cached = self.root / ".build" / "solc"
        shutil.rmtree(cached, ignore_errors=True)
        cached.mkdir(parents=True)
        (cached / f"{key}.json").write_text(json.dumps(artifacts))

    def _ends_badly(self, command: list[str]) -> bool:
        try:
            run = subprocess.run(
                command, cwd=self.root, env=self._environment(), capture_output=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            return True
        return run.returncode != 0

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self.root),
            "POLE_FUZZ_CASES": "25",
            "POLE_MARKET_EPOCHS": "2",
        }


@click.command(help=__doc__)
@click.option("--per-file", default=20, show_default=True, help="How many mutants of each file to draw.")
@click.option("--only", default="", help="Files whose path contains this.")
@click.option("--seed", default=0, show_default=True, help="Fixes the draw.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Mutants at a time.")
def main(per_file: int, only: str, seed: int, jobs: int) -> None:
    """Draw, run, report."""
    console = Console()
    console.print("Compiling, and looking for mutants")
    population = [mutant for mutant in mutants(_build_info()) if only in mutant.path]
    drawn = sample(population, per_file, seed)
    known = _known()
    todo = [mutant for mutant in drawn if mutant.key not in known]
    console.print(f"{len(population)} mutants, {len(drawn)} drawn, {len(todo)} to run")
    if todo:
        _only_deployed()  # before there are threads that would each find out
        sandboxes: Queue[Sandbox] = Queue()
        for index in range(jobs):
            sandboxes.put(Sandbox(index))
        with ThreadPoolExecutor(jobs) as pool, RESULTS.open("a") as log:
            runs = pool.map(lambda mutant: (mutant, _run(mutant, sandboxes)), todo)
            for mutant, outcome in track(runs, "Running", len(todo), console=console):
                known[mutant.key] = outcome
                entry = {"key": mutant.key, "outcome": outcome, "tests": _tests()}
                log.write(json.dumps(entry) + "\n")
                log.flush()
    page = _page(drawn, known, len(population))
    if not only:
        PAGE.write_text(page)
    console.print(page, markup=False)
    outcomes = [known[mutant.key] for mutant in drawn]
    if outcomes.count(SURVIVED) > (1 - LEAST_KILLED) * (outcomes.count(SURVIVED) + outcomes.count(KILLED)):
        raise click.ClickException(f"fewer than {LEAST_KILLED:.0%} of the mutants were killed")


def _run(mutant: Mutant, sandboxes: "Queue[Sandbox]") -> str:
    """Run the tests of one contract after the other that has the mutant in it, until one fails."""
    changed = {mutant.path: mutant.source()}
    differs = False
    sandbox = sandboxes.get()
    try:
        for path in (path for path in TESTS if mutant.path in sources_of(path)):
            try:
                compiled = compile_fast(path, changed)
            except CompilationFailed:
                return INVALID
            if compiled == _fast_originals(path):
                continue
            differs = True
            if sandbox.fails(changed, dict(_originals()) | compiled, TESTS[path]):
                return KILLED
        forge = FORGE.get(mutant.path)
        if differs and forge and sandbox.forge_fails(changed, forge):
            return KILLED
    finally:
        sandboxes.put(sandbox)
    return SURVIVED if differs else EQUIVALENT


@cache
def _originals() -> dict[str, Any]:
    """The artifacts as they are deployed."""
    compiled = compile_contracts(*FOLDERS)
    return {name: {"abi": item.abi, "bytecode": item.bytecode} for name, item in compiled.items()}


@cache
def _fast_originals(path: str) -> dict[str, dict[str, Any]]:
    return compile_fast(path, {})


@cache
def _only_deployed() -> tuple[str, ...]:
    """The tests that hold only for what is deployed: bounds on gas."""
    fast = dict(_originals())
    for path in TESTS:
        fast |= _fast_originals(path)
    tests = dict.fromkeys(test for of_path in TESTS.values() for test in of_path)
    return tuple(Sandbox(-1).failing(fast, tests))


def _build_info() -> Path:
    out = ROOT / ".build" / "slither" / "out"
    command = ["forge", "build", "--build-info", "--force", "--skip", "./tests/**"]
    subprocess.run(
        command, cwd=ROOT, env={**os.environ, "FOUNDRY_PROFILE": "slither"}, check=True, capture_output=True
    )
    return out


def _known() -> dict[str, str]:
    WORK.mkdir(parents=True, exist_ok=True)
    RESULTS.touch()
    entries = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {
        entry["key"]: entry["outcome"]
        for entry in entries
        if entry["outcome"] != SURVIVED or entry["tests"] == _tests()
    }


@cache
def _tests() -> str:
    """A name for the tests as they are."""
    files = sorted(path for path in (ROOT / "tests").rglob("*") if path.suffix in (".py", ".sol", ".json"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _page(drawn: list[Mutant], outcomes: dict[str, str], population: int) -> str:
    by_path: dict[str, Counter[str]] = {}
    for mutant in drawn:
        by_path.setdefault(mutant.path, Counter())[outcomes[mutant.key]] += 1
    total = sum(by_path.values(), Counter[str]())
    counted = total[KILLED] + total[SURVIVED]
    low, high = binomtest(total[KILLED], counted).proportion_ci() if counted else (0.0, 1.0)
    lines = [
        "# Mutants of the contracts",
        "",
        f"{len(drawn)} of {population} mutants of slither-mutate, drawn from each file alike. {total[INVALID]} do not",
        f"compile and {total[EQUIVALENT]} compile to the same code. Of the other {counted} the tests kill"
        f" {total[KILLED]}:",
        f"{total[KILLED] / max(1, counted):.1%}; of all mutants drawn so, between {low:.1%} and {high:.1%} (95%,"
        " Clopper and Pearson).",
        "",
        "| file | killed | survived | same code | invalid |",
        "| --- | --- | --- | --- | --- |",
    ]
    for path, counts in by_path.items():
        cells = [str(counts[outcome]) for outcome in (KILLED, SURVIVED, EQUIVALENT, INVALID)]
        lines.append(f"| {path.removeprefix('contracts/')} | " + " | ".join(cells) + " |")
    lines += ["", "## Survivors", ""]
    survivors = [mutant for mutant in drawn if outcomes[mutant.key] == SURVIVED]
    lines += [f"- {mutant.path}:{mutant.line} ({mutant.operator}): {mutant.change()}" for mutant in survivors]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
