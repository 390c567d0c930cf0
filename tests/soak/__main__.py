"""Run the soak: `python -m tests.soak`; writes docs/results/soak.md and .png, and ends with 1 where a check fails."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from matplotlib.figure import Figure

from offchain.chain.compiler import compile_contracts
from tests.chaos.checks import judge
from tests.chaos.facts import Facts
from tests.chaos.profile import Profile
from tests.chaos.run import console, run
from tests.soak.figures import (
    Intervals,
    chain_intervals,
    learning_intervals,
    per_minute,
    posting_intervals,
    simulated_work,
    variation_range,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "soak.md"
POSTINGS = ("steady", "random")
MADE = """\
Made by `python -m tests.soak {options}`, which runs {profile.tasks} tasks without any fault, one every
{gap:.0f} s (steady posting) or at random times as far apart on average (random posting). {profile.miners}
miner(s), {profile.providers} provider(s), {profile.consumers} consumer(s), two data nodes and an index work
on an Anvil with a block a second, each a `pole` process."""
WORK = """\
A proof of work's intervals are exponential, with a coefficient of 1; of so few intervals, 19 of 20 samples
have one from {low:.2f} to {high:.2f}."""
TRUTH = """\
Why they could be steady, and what for: a task's block comes when its windows have passed, which are fixed
when it is posted. So blocks come about as regularly as tasks are posted, drawn, disclosed and settled;
nobody's training decides when, as a lucky hash does in a proof of work. Whatever steadiness there is follows
from the deadlines' schedule, not from learning, and who posts at random times gets blocks at random times.

The chain's own blocks are the control: an Anvil makes one a second, and their timestamps are whole seconds."""


def main() -> int:
    """Run or read earlier runs; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--miners", type=int, default=4)
    parser.add_argument("--providers", type=int, default=1)
    parser.add_argument("--consumers", type=int, default=2)
    parser.add_argument("--pace", type=float, default=1.0, help="how long all windows are")
    parser.add_argument("--gap", type=float, default=30.0, help="seconds from task to task, before pace")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, help="where the evidence is kept; what is there is not run again"
    )
    parser.add_argument(
        "--postings", nargs="+", choices=POSTINGS, default=POSTINGS, help="when tasks are posted"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="where the report is written, with its chart beside"
    )
    given = vars(parser.parse_args())
    folder, page, as_json, postings = (given.pop(name) for name in ("folder", "page", "json", "postings"))
    profile = Profile(**given, kills=0, faults=0, reorganisations=0)
    folder = folder or Path(tempfile.mkdtemp(prefix="soak-"))
    console.print(f"evidence: {folder}")
    found = {posting: soak(replace(profile, posting=posting), folder / posting) for posting in postings}
    findings = {
        f"{posting}: {name}": lines for posting in postings for name, lines in judge(found[posting]).items()
    }
    work = simulated_work(profile.gap * profile.pace, profile.tasks - 1, profile.seed)
    intervals = [
        *(posting_intervals(found[posting], f"tasks, {posting} posting") for posting in postings),
        *(learning_intervals(found[posting], f"learning blocks, {posting} posting") for posting in postings),
        work,
        chain_intervals(found[postings[0]]),
    ]
    page.write_text("\n".join(_lines(profile, found, intervals, findings, page)) + "\n")
    draw(intervals[len(postings) : -1], page.with_suffix(".png"))
    if as_json:
        told = {
            "profile": asdict(profile),
            "per_minute": {posting: per_minute(found[posting]) for posting in postings},
            "intervals": {
                each.name: {"count": len(each.seconds), "mean": each.mean, "variation": each.variation}
                for each in intervals
            },
            "findings": findings,
        }
        print(json.dumps(told, indent=2))
    for name, lines in findings.items():
        for line in lines:
            console.print(f"FAILED {name}: {line}", markup=False)
    return 1 if any(findings.values()) else 0


def soak(profile: Profile, folder: Path) -> Facts:
    """Run a profile, or read what an earlier run of it left."""
    if (folder / "facts.json").is_file():
        facts = Facts.load(folder / "facts.json")
        if facts.profile != profile:
            raise SystemExit(f"{folder} has the evidence of another run: {facts.profile}")
        return facts
    return run(profile, folder, compile_contracts("contracts"))


def draw(intervals: list[Intervals], path: Path) -> None:
    """The share of intervals that are not longer than so many seconds."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    for each, style in zip(intervals, ("-", ":", "--"), strict=False):
        axes.ecdf(each.seconds, label=f"{each.name}: {each.variation:.2f}", linestyle=style)
    axes.set_xlabel("seconds from block to block")
    axes.set_ylabel("share of intervals")
    axes.legend(title="coefficient of variation", fontsize="small", title_fontsize="small")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _lines(
    profile: Profile,
    found: dict[str, Facts],
    intervals: list[Intervals],
    findings: dict[str, list[str]],
    page: Path,
) -> Iterator[str]:
    names = ("tasks", "miners", "providers", "consumers", "pace", "gap", "seed")
    options = " ".join(f"--{name} {getattr(profile, name):g}" for name in names)
    options += "" if len(found) == len(POSTINGS) else f" --postings {' '.join(found)}"
    yield "# Soak"
    yield ""
    yield MADE.format(options=options, profile=profile, gap=profile.gap * profile.pace)
    yield ""
    yield "| a minute | " + " | ".join(f"{posting} posting" for posting in found) + " |"
    yield "| --- |" + " ---: |" * len(found)
    rates = {posting: per_minute(found[posting]) for posting in found}
    for name in ("tasks", "commitments", "purchases", "transactions"):
        yield f"| {name} | " + " | ".join(f"{rates[posting][name]:.2f}" for posting in found) + " |"
    yield "| minutes that it took | " + " | ".join(f"{rates[p]['minutes']:.1f}" for p in found) + " |"
    yield ""
    yield "| seconds from block to block | intervals | mean | coefficient of variation |"
    yield "| --- | ---: | ---: | ---: |"
    for each in intervals:
        yield f"| {each.name} | {len(each.seconds)} | {each.mean:.1f} | {each.variation:.2f} |"
    yield ""
    yield f"![The intervals' distribution]({page.with_suffix('.png').name})"
    yield ""
    low, high = variation_range(profile.tasks - 1, profile.seed)
    yield WORK.format(low=low, high=high)
    for each in intervals[len(found) : 2 * len(found)]:
        verdict = "steadier than that" if each.variation < low else "not shown to be steadier by this run"
        yield f"The {each.name}, have {each.variation:.2f}: {verdict}."
    yield ""
    yield TRUTH
    failed = [f"{name}: {line}" for name, lines in findings.items() for line in lines]
    yield ""
    yield "All checks of the [chaos test](chaos.md) hold." if not failed else "Checks that fail:"
    yield from (f"- {line}" for line in failed)


if __name__ == "__main__":
    sys.exit(main())
