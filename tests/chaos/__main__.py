"""Run the chaos test: `python -m tests.chaos`; writes docs/results/chaos.md and ends with 1 where a check fails."""

import argparse
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from offchain.chain.compiler import compile_contracts
from tests.chaos.checks import judge
from tests.chaos.facts import Facts
from tests.chaos.profile import Profile
from tests.chaos.report import as_json, page
from tests.chaos.run import console, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "chaos.md"


def main() -> int:
    """Run or judge again; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    for each in fields(Profile):
        parser.add_argument(f"--{each.name}", type=type(each.default), default=each.default)
    parser.add_argument("--folder", type=Path, help="where the evidence is kept; an empty or a new folder")
    parser.add_argument(
        "--judge", type=Path, metavar="FOLDER", help="judge the evidence of an earlier run again"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the report is written")
    given = vars(parser.parse_args())
    profile = Profile(**{each.name: given[each.name] for each in fields(Profile)})
    if given["judge"]:
        facts = Facts.load(given["judge"] / "facts.json")
    else:
        folder = given["folder"] or Path(tempfile.mkdtemp(prefix="chaos-"))
        console.print(f"evidence: {folder}")
        facts = run(profile, folder, compile_contracts("contracts"))
    findings = judge(facts)
    given["page"].write_text(page(facts, findings))
    if given["json"]:
        print(as_json(facts, findings))
    else:
        for name, found in findings.items():
            console.print(f"{'FAILED' if found else 'ok':>7} {name}")
            for line in found:
                console.print(f"        {line}", markup=False)
    return 1 if any(findings.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
