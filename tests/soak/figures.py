"""Throughput and block intervals of a run, and those of a simulated proof of work."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tests.chaos.facts import Facts

SIMULATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between events of one kind.

    variation : the coefficient of variation, the standard deviation by the mean (with n - 1)
    """

    name: str
    seconds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the seconds."""
        return float(np.mean(self.seconds)) if self.seconds else float("nan")

    @property
    def variation(self) -> float:
        """See above."""
        if len(self.seconds) < 2 or self.mean == 0:
            return float("nan")
        return float(np.std(self.seconds, ddof=1)) / self.mean


def learning_intervals(facts: Facts, name: str) -> Intervals:
    """Between the blocks of the learning ledger, genesis left out."""
    appended = [act.timestamp for act in facts.acts if any(told.name == "BlockAppended" for told in act.told)]
    return Intervals(name, _gaps(sorted(appended)[1:]))


def posting_intervals(facts: Facts, name: str) -> Intervals:
    """Between the blocks in which tasks were posted: a post that takes long spoils the beat."""
    posted = [act.timestamp for act in facts.acts if any(told.name == "TaskPosted" for told in act.told)]
    return Intervals(name, _gaps(sorted(posted)))


def chain_intervals(facts: Facts) -> Intervals:
    """Between the blocks of the chain, while there were tasks; their timestamps are whole seconds."""
    posted = next(act.timestamp for act in facts.acts if any(told.name == "TaskPosted" for told in act.told))
    return Intervals("the chain's own blocks", _gaps([stamp for stamp in facts.stamps if stamp >= posted]))


def simulated_work(mean: float, count: int, seed: int) -> Intervals:
    """Between blocks of a simulated proof of work: exponential, as every hash may be the one."""
    drawn = np.random.default_rng(seed).exponential(mean, count)
    return Intervals("simulated proof of work", tuple(map(float, drawn)))


def variation_range(count: int, seed: int) -> tuple[float, float]:
    """Where 19 of 20 coefficients of variation are of so many exponential intervals, whose own is 1."""
    drawn = np.random.default_rng(seed).exponential(1.0, (SIMULATIONS, count))
    found = np.std(drawn, axis=1, ddof=1) / np.mean(drawn, axis=1)
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def per_minute(facts: Facts) -> dict[str, float]:
    """Tasks ended, commitments and transactions a minute, from the first task to the last act."""
    posted = next(act.timestamp for act in facts.acts if any(told.name == "TaskPosted" for told in act.told))
    acts = [act for act in facts.acts if act.timestamp >= posted]
    minutes = (acts[-1].timestamp - posted) / 60

    def count(*names: str) -> int:
        return sum(told.name in names for act in acts for told in act.told)

    return {
        "minutes": minutes,
        "tasks": count("TaskSettled", "TaskAborted") / minutes,
        "commitments": count("ModelCommitted") / minutes,
        "purchases": count("UnitsBought") / minutes,
        "transactions": len(acts) / minutes,
    }


def _gaps(stamps: list[int]) -> tuple[float, ...]:
    return tuple(float(later - earlier) for earlier, later in pairwise(stamps))
