"""Pricing consumers who are not known yet: types learnt from purchases against bandits and a controller."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from offchain.economics.charts import new_figure
from offchain.economics.experiments.table import Estimate, Table
from offchain.economics.followers import FloatArray, LogConsumers, QuadConsumers
from offchain.economics.leader import solve_leader
from offchain.economics.learning_types import (
    ExploreThenCommit,
    GridUcb,
    Knowledge,
    TypeLearner,
    next_base_fee,
)

ROUNDS, CONSUMERS, COST, FLOOR, CAPACITY = 200, 40, 0.2, 0.05, 40.0
GRID = 20
MILESTONES = (10, 50, 200)

Consumers = LogConsumers | QuadConsumers
Prices = Callable[[Consumers, tuple[float, float]], "Policy"]


class Policy:
    """What to post, and what to learn from what is bought."""

    def __init__(self, choose: Callable[[], float], learn: Callable[[float, FloatArray], None]) -> None:
        self.choose, self.learn = choose, learn


def learn_types(consumers: Consumers, bounds: tuple[float, float]) -> Policy:
    """Learn types from purchases; the limits are declared."""
    learner = TypeLearner(Knowledge(type(consumers), consumers.caps), CAPACITY, COST, bounds)
    return Policy(learner.choose, learner.learn)


def _bandit(policy: GridUcb | ExploreThenCommit) -> Policy:
    def learn(price: float, bought: FloatArray) -> None:
        index = int(np.flatnonzero(policy.prices == price)[0])
        policy.learn(index, (price - COST) * min(float(bought.sum()), CAPACITY))

    return Policy(lambda: float(policy.prices[policy.choose()]), learn)


def ucb(consumers: Consumers, bounds: tuple[float, float]) -> Policy:
    """Upper confidence bounds on a grid of prices."""
    return _bandit(GridUcb(np.geomspace(COST, bounds[1], GRID + 1)[1:]))


def explore_then_commit(consumers: Consumers, bounds: tuple[float, float]) -> Policy:
    """Each price of a grid once, then the best of them."""
    return _bandit(ExploreThenCommit(np.geomspace(COST, bounds[1], GRID + 1)[1:], rounds=1))


def base_fee(consumers: Consumers, bounds: tuple[float, float]) -> Policy:
    """The EIP-1559 controller towards half of the capacity, from the lowest price."""
    current = [max(bounds[0], COST)]

    def learn(price: float, bought: FloatArray) -> None:
        sold = min(float(bought.sum()), CAPACITY)
        current[0] = next_base_fee(price, sold, CAPACITY / 2, bounds)

    return Policy(lambda: current[0], learn)


POLICIES: dict[str, Prices] = {
    "learning types": learn_types,
    "explore then commit": explore_then_commit,
    "UCB on a grid": ucb,
    "EIP-1559 controller": base_fee,
}


def regret(seed: int, kind: type[LogConsumers] | type[QuadConsumers], policy: Prices) -> FloatArray:
    """Cumulative regret against full information, in profits of one round, shape (ROUNDS,)."""
    rng = np.random.default_rng(seed)
    consumers = kind(
        rng.lognormal(0, 1, CONSUMERS), rng.lognormal(0, 0.8, CONSUMERS), rng.lognormal(0, 1, CONSUMERS)
    )
    bounds = (FLOOR, float(consumers.choke.max()))
    best = solve_leader(consumers, CAPACITY, COST, bounds).profit
    chosen, lost = policy(consumers, bounds), []
    for _ in range(ROUNDS):
        price = chosen.choose()
        bought = consumers.demand(price)
        lost.append(1 - (price - COST) * min(float(bought.sum()), CAPACITY) / best)
        chosen.learn(price, bought)
    return np.cumsum(lost)


_curves: dict[str, FloatArray] = {}


def compare(seeds: int) -> Table:
    """Run all policies on the same consumers."""
    rows = []
    for kind, label in ((LogConsumers, "log"), (QuadConsumers, "quad")):
        for name, policy in POLICIES.items():
            curves = np.array([regret(seed, kind, policy) for seed in range(seeds)])
            _curves[f"{label}: {name}"] = curves
            cells = tuple(Estimate.of(curves[:, after - 1]) for after in MILESTONES)
            rows.append((f"{label}: {name}", cells))
    return Table(
        "learning",
        "Regret while consumers are unknown",
        f"{seeds} random markets of {CONSUMERS} consumers over {ROUNDS} rounds, capacity {CAPACITY:g}, unit "
        f"cost {COST}. Cumulative regret against the exact price under full information, in profits of one "
        f"round; mean and 95% confidence interval. Bandits choose among {GRID} prices.",
        tuple(f"after {after} rounds" for after in MILESTONES),
        tuple(rows),
    )


def draw(table: Table, path: Path) -> None:
    """Mean cumulative regret over the rounds, with its confidence band."""
    figure = new_figure(10.0, 4.2)
    colors = ("#1f5fa8", "#c8421f", "#6b8e23", "#8a6d9b")
    for place, label in enumerate(("log", "quad")):
        axes = figure.add_subplot(1, 2, place + 1)
        for color, name in zip(colors, POLICIES, strict=True):
            curves = _curves[f"{label}: {name}"]
            mean = curves.mean(axis=0)
            half = 1.96 * curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
            rounds = np.arange(1, ROUNDS + 1)
            axes.plot(rounds, mean, color=color, label=name)
            axes.fill_between(rounds, mean - half, mean + half, color=color, alpha=0.2, linewidth=0)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("rounds")
        axes.set_title(f"{label} utility", fontsize=10)
        axes.set_ylabel("regret, profits of one round" if place == 0 else "")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4)
    figure.savefig(path, dpi=150)
