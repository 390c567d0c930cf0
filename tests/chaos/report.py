"""The report of a run: a page, and JSON."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from offchain.chain.phase import Phase
from tests.chaos.checks import CHECKS, losses
from tests.chaos.facts import Facts

INTRODUCTION = """\
{profile.miners} miners, {profile.providers} provider(s), {profile.consumers} consumers, two data nodes and an
index, each a `pole` process with a home of its own, work on an Anvil with a block a second, through a proxy
that fails. They are killed by SIGKILL, half of the times while they send a transaction, and started again
within three seconds. A fault is a request that is dropped before or after it is passed on, delayed, cut off, or
answered with 503, too many requests, or no JSON; one in twenty is an outage of seconds. A reorganisation
replaces up to four blocks; of half of them all transactions are lost, of the others they come into the new
blocks."""
RULE = """\
A bond counts as lost to a fault that the deadline left room for where its owner was at work for
{profile.room:.0f} s on end, counted from the first request after its start, and {profile.job_seconds:.0f} s
more for each job that it had to train, between the moment from which it could do what was due and the deadline.
What follows is judged by the chain's transactions, events and calls, without the workers' code and without the
index."""


def figures(facts: Facts) -> dict[str, Any]:
    """What happened, in numbers."""
    ends = Counter(Phase(task.phase).name for task in facts.tasks)
    events = Counter(told.name for act in facts.acts for told in act.told)
    return {
        "minutes": (facts.clock[-1][0] - facts.clock[0][0]) / 60 if facts.clock else 0.0,
        "kills": facts.done.kills,
        "faults": facts.done.faults,
        "reorganisations": facts.done.reorganisations,
        "tasks": len(facts.tasks),
        "settled": ends["SETTLED"],
        "aborted": ends["ABORTED"],
        "commitments": events["ModelCommitted"],
        "reveals": events["ModelRevealed"],
        "epochs": len(facts.epochs),
        "purchases": events["UnitsBought"],
        "paid": events["PurchasePaid"],
        "refunded": events["PurchaseRefunded"],
        "transactions": len(facts.acts),
        "ledger_blocks": facts.ledger_length,
        "median_start_seconds": median(
            [
                life.ready_at - life.started_at
                for life in facts.lives
                if life.started_at < life.ready_at < life.ended_at
            ]
            or [0.0]
        ),
        "bonds_lost": len(list(losses(facts))),
        "ended_by_themselves": sum(
            life.ended_by == "itself" and life.status not in (0, None) for life in facts.lives
        ),
    }


def as_json(facts: Facts, findings: dict[str, list[str]]) -> str:
    """The result for a script."""
    told = {"profile": asdict(facts.profile), "figures": figures(facts), "findings": findings}
    return json.dumps(told, indent=2)


def page(facts: Facts, findings: dict[str, list[str]]) -> str:
    """The result for a reader."""
    return "\n".join(_lines(facts, findings)) + "\n"


def _lines(facts: Facts, findings: dict[str, list[str]]) -> Iterator[str]:
    asked, told = facts.profile, figures(facts)
    options = " ".join(f"--{name} {value}" for name, value in asdict(asked).items())
    yield "# Chaos"
    yield ""
    yield f"Made by `python -m tests.chaos {options}`; with a smaller `--tasks`, `--kills` and so on it takes minutes."
    yield ""
    yield INTRODUCTION.format(profile=asked)
    yield ""
    yield "| | |"
    yield "| --- | ---: |"
    for name, value in told.items():
        shown = f"{value:.1f}" if isinstance(value, float) else f"{value:,}"
        yield f"| {name.replace('_', ' ')} | {shown} |"
    yield ""
    yield RULE.format(profile=asked)
    yield ""
    yield "| check | |"
    yield "| --- | --- |"
    for name in CHECKS:
        yield f"| {name} | {'**fails**' if findings[name] else 'holds'} |"
    found = [line for lines in findings.values() for line in lines]
    lost = [str(loss) for loss in losses(facts)]
    for title, lines in (("What does not hold", found), ("Bonds that were lost", lost)):
        if lines:
            yield ""
            yield f"## {title}"
            yield ""
            yield from (f"- {line}" for line in lines)
