"""Selling a stock over several steps: the worth of a unit against the impatience of a myopic leader."""

from pathlib import Path

import numpy as np

from offchain.economics.charts import new_figure
from offchain.economics.dynamic import DynamicGame, Run, plan, run_myopic, run_with_worth
from offchain.economics.experiments.table import Estimate, Table
from offchain.economics.followers import LogConsumers

STEPS, CONSUMERS, COST, BOUNDS = 8, 30, 0.2, (0.05, 30.0)
REGIMES = {"shrinking stock": 0.0, "replenished stock": 2.5}


def game(seed: int, replenishment: float) -> DynamicGame:
    """Eight steps of thirty consumers whose interest comes and goes, and a stock that does not suffice."""
    rng = np.random.default_rng(seed)
    steps = tuple(
        LogConsumers(
            rng.lognormal(0, 1, CONSUMERS) * (1 + 0.6 * np.sin(2 * np.pi * t / STEPS)),
            rng.lognormal(0, 0.8, CONSUMERS),
            rng.lognormal(0, 1, CONSUMERS),
        )
        for t in range(STEPS)
    )
    stock = 30.0 if replenishment == 0 else 10.0
    return DynamicGame(steps, stock, rng.exponential(max(replenishment, 1e-12), STEPS), COST, BOUNDS)


def run_fixed(dynamic: DynamicGame) -> Run:
    """The best single price for all steps, known in hindsight."""
    runs = []
    for price in np.geomspace(COST, BOUNDS[1], 200):
        stock, sold, left = dynamic.stock, [], []
        for followers, arrival in zip(dynamic.steps, dynamic.replenishment, strict=True):
            stock += float(arrival)
            units = min(float(followers.demand(float(price)).sum()), stock)
            stock -= units
            sold.append(units)
            left.append(stock)
        profit = (float(price) - COST) * sum(sold)
        runs.append(Run(np.full(STEPS, price), np.array(sold), np.array(left), profit))
    return max(runs, key=lambda run: run.profit)


def compare(seeds: int) -> Table:
    """Profit of each policy as a part of the bound that no policy exceeds."""
    rows = []
    for regime, replenishment in REGIMES.items():
        parts: dict[str, list[float]] = {
            "worth of a unit (dual)": [],
            "fixed, in hindsight": [],
            "myopic": [],
        }
        for seed in range(seeds):
            dynamic = game(seed, replenishment)
            proved = plan(dynamic, 1e-6)
            runs = (run_with_worth(dynamic, proved.worth), run_fixed(dynamic), run_myopic(dynamic))
            for samples, run in zip(parts.values(), runs, strict=True):
                samples.append(run.profit / proved.bound)
        for name, samples in parts.items():
            low = Estimate(float(np.quantile(samples, 0.05)), 0.0)
            rows.append((f"{regime}: {name}", (Estimate.of(samples), low)))
    return Table(
        "over-time",
        "Prices over time",
        f"{seeds} random games of {STEPS} steps with {CONSUMERS} logarithmic consumers each and a stock that "
        "does not suffice. Profit as a part of the Lagrangian bound, which no policy exceeds, whatever it "
        "knows; mean with its 95% confidence interval, and the 5% quantile over seeds.",
        ("part of the bound", "5% quantile"),
        tuple(rows),
    )


def draw(table: Table, path: Path) -> None:
    """Part of the bound reached by each policy."""
    figure = new_figure(8.5, 3.6)
    axes = figure.add_subplot()
    names = [name for name, _ in table.rows][::-1]
    cells = [cells[0] for _, cells in table.rows][::-1]
    colors = ["#1f5fa8" if "dual" in name else "#a9bcd3" for name in names]
    axes.barh(names, [c.mean for c in cells], xerr=[c.half_width for c in cells], color=colors)
    axes.axvline(1.0, color="#c8421f", linewidth=1)
    axes.set_xlim(0, 1.05)
    axes.set_xlabel("profit as a part of the bound (line: the bound)")
    figure.savefig(path, dpi=150)
