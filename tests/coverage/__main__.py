"""Runs the tests of the contracts and tells which lines and branches of the contracts they run.

Every test of pytest that deploys contracts on a chain in its own process counts. The contracts are compiled so that
each instruction belongs to one place of the sources, and the chain takes down which instructions ran, and where each
jump went. Fails below the bounds, and where what is left has no reason in `reasons.json`. Writes
`docs/results/coverage.md`.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import click

from offchain.chain.compiler import ROOT
from tests.coverage import runs
from tests.coverage.build import codes, compiled
from tests.coverage.positions import Item, Marks, items, look

PAGE = ROOT / "docs" / "results" / "coverage.md"
REASONS = Path(__file__).with_name("reasons.json")
LEAST_LINES, LEAST_BRANCHES = 1.0, 0.97


@click.command(help=__doc__)
def main() -> None:
    """Run, evaluate, tell."""
    runs.run()
    page, lines, branches, unexplained = _page(_evaluate(compiled(), _recorded()))
    PAGE.write_text(page)
    click.echo(page)
    if lines < LEAST_LINES or branches < LEAST_BRANCHES:
        raise click.ClickException(
            f"{lines:.2%} of lines and {branches:.2%} of branches; at least {LEAST_LINES:.0%} and"
            f" {LEAST_BRANCHES:.0%} are expected"
        )
    if unexplained:
        raise click.ClickException(f"{unexplained} places did not run and have no reason in {REASONS.name}")


def _recorded() -> dict[bytes, bytes]:
    """What all tests have seen of each code."""
    merged: dict[bytes, int] = defaultdict(int)
    for seen in runs.marks():
        merged[seen.code] |= int.from_bytes(seen.marks, "big")
    return {code: bits.to_bytes(len(code), "big") for code, bits in merged.items()}


def _evaluate(compiled: dict[str, Any], recorded: dict[bytes, bytes]) -> list[Item]:
    found: dict[tuple[str, int, int, bool], Item] = {}
    for path, output in compiled.items():
        marks = Marks()
        for code in codes(path):
            seen = 0
            for ran, of_ran in recorded.items():
                if code.is_of(ran):
                    seen |= int.from_bytes(of_ran[: len(code.code)], "big")
            marks.add(code, seen.to_bytes(len(code.code), "big"))
        for source, described in output["sources"].items():
            if source.startswith("contracts/") and not source.startswith("contracts/interfaces/"):
                for item in items(source, (ROOT / source).read_text(), described["id"], described["ast"]):
                    known = found.setdefault((source, item.place[0], item.place[1], item.is_branch), item)
                    known.place = item.place  # a source's number is another one in each compilation
                    look(known, marks)
    return list(found.values())


def _page(found: list[Item]) -> tuple[str, float, float, int]:
    reasons: dict[str, dict[str, str]] = json.loads(REASONS.read_text())
    by_path: dict[str, list[Item]] = defaultdict(list)
    for item in found:
        by_path[item.path].append(item)
    rows, missed, unexplained, totals = [], [], 0, [0, 0, 0, 0]
    for path, of_path in sorted(by_path.items()):
        statements = [item for item in of_path if not item.is_branch]
        branches = [item for item in of_path if item.is_branch]
        lines = {item.line for item in statements}
        idle = {item.line for item in statements if not item.seen}
        sides = sum(item.sides for item in branches)
        rows.append(
            f"| {path.removeprefix('contracts/')} | {len(lines) - len(idle)} / {len(lines)} |"
            f" {sides} / {2 * len(branches)} |"
        )
        totals = [
            a + b
            for a, b in zip(totals, (len(lines - idle), len(lines), sides, 2 * len(branches)), strict=True)
        ]
        for item in of_path:
            if item.sides < 2 if item.is_branch else not item.seen:
                how = "one side" if item.is_branch and item.sides else "never"
                reason = reasons.get(path, {}).get(item.text)
                missed.append(f"- {path}:{item.line} {how}: `{item.text[:90]}`")
                missed += [f"  - {reason}"] if reason else []
                unexplained += not reason
    ran, lines_in_all, taken, sides_in_all = totals
    page = [
        "# Coverage of the contracts",
        "",
        f"{ran} of {lines_in_all} lines ({ran / lines_in_all:.1%}) and {taken} of {sides_in_all} sides of branches"
        f" ({taken / sides_in_all:.1%}),",
        "by `make coverage`. A line counts when every statement that begins on it ran; a branch is an `if`, a",
        "conditional, a `require` or an `assert`, in Solidity and in assembly, and has two sides. What counts is what",
        "the Python suite runs: `forge coverage` sees forge's tests alone, and the two could not be added up.",
        "",
        "| file | lines | sides of branches |",
        "| --- | --- | --- |",
        *rows,
        "",
        "## Not run",
        "",
        *missed,
    ]
    return "\n".join(page) + "\n", ran / lines_in_all, taken / sides_in_all, unexplained


if __name__ == "__main__":
    main()
