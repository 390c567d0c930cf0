"""Time the leader's price against SciPy's optimisers, and discriminatory prices against cvxpy.

Draws docs/results/pricing.png, a log-log chart. All solvers get the same
profit function, the fastest one NumPy gives; the exact solver's time
includes building the consumers. Each time is the best of a few runs, because noise only ever adds.
"""

import platform
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import scipy  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy.optimize import differential_evolution, minimize, minimize_scalar  # type: ignore[import-untyped]

from offchain.economics.charts import new_figure
from offchain.economics.discriminatory import solve_discriminatory
from offchain.economics.followers import LogConsumers
from offchain.economics.leader import solve_leader

# cvxpy is typed, but its atoms are not exported to type checkers.
cp: Any = import_module("cvxpy")

CHART = Path(__file__).resolve().parents[1] / "docs" / "results" / "pricing.png"
COST, BOUNDS = 0.3, (0.1, 200.0)
EXACT, SLSQP = "exact", "SciPy SLSQP"

Array = NDArray[np.float64]
Solver = Callable[[], float]  # to the price found


def population(n: int, seed: int = 1) -> tuple[Array, Array, Array]:
    """Two kinds of logarithmic consumers, many small and a few large, which makes profit two-peaked."""
    rng = np.random.default_rng(seed)
    large = rng.random(n) < 0.1
    value = np.where(large, rng.lognormal(2.3, 0.4, n), rng.lognormal(0.5, 0.4, n))
    efficiency = np.where(large, rng.lognormal(2.0, 0.4, n), rng.lognormal(1.2, 0.4, n))
    limit = np.where(large, rng.uniform(0.1, 0.8, n), rng.uniform(0.5, 5.0, n))
    return value, efficiency, limit


def solvers(value: Array, efficiency: Array, limit: Array) -> dict[str, Solver]:
    """The exact solver and what a user would reach for instead."""
    threshold = 1.0 / efficiency

    def loss(price: Any) -> float:
        p = float(np.ravel(price)[0])
        wanted = value / p
        wanted -= threshold
        np.maximum(wanted, 0.0, out=wanted)
        np.minimum(wanted, limit, out=wanted)
        return -(p - COST) * float(wanted.sum())

    def exact() -> float:
        return solve_leader(LogConsumers(value, efficiency, limit), np.inf, COST, BOUNDS).price

    middle = [sum(BOUNDS) / 2]
    return {
        EXACT: exact,
        "SciPy bounded": lambda: float(minimize_scalar(loss, bounds=BOUNDS, method="bounded").x),
        SLSQP: lambda: float(minimize(loss, middle, bounds=[BOUNDS], method="SLSQP").x[0]),
        "SciPy differential evolution": lambda: float(
            differential_evolution(loss, [BOUNDS], maxiter=10, popsize=5, seed=1).x[0]
        ),
    }


def timed(solve: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Best wall time of several runs, seconds, and the result."""
    best, result = np.inf, None
    for _ in range(repeats):
        start = time.perf_counter()
        result = solve()
        best = min(best, time.perf_counter() - start)
    return best, result


def one_price(sizes: list[int]) -> list[dict[str, Any]]:
    """Time and profit of each solver at each number of consumers."""
    rows = []
    for n in sizes:
        columns = population(n)
        consumers = LogConsumers(*columns)
        for name, solve in solvers(*columns).items():
            seconds, price = timed(solve, 3 if n >= 10**5 else 7)
            profit = (price - COST) * float(consumers.demand(price).sum())
            rows.append(
                {"consumers": n, "solver": name, "seconds": seconds, "price": price, "profit": profit}
            )
        best = max(row["profit"] for row in rows if row["consumers"] == n)
        for row in rows:
            if row["consumers"] == n:
                row["part_of_best"] = row["profit"] / best
    return rows


def many_prices(sizes: list[int]) -> list[dict[str, Any]]:
    """Discriminatory prices with a capacity that binds: this solver and cvxpy with Clarabel."""
    rows = []
    for n in sizes:
        value, efficiency, limit = population(n)
        consumers = LogConsumers(value, efficiency, limit)
        high = float(consumers.choke.max())
        capacity = 0.4 * solve_discriminatory(consumers, np.inf, COST, (BOUNDS[0], high)).sold
        ours, found = timed(partial(solve_discriminatory, consumers, capacity, COST, (BOUNDS[0], high)), 3)
        units = cp.Variable(n)
        shortfall = cp.sum(cp.multiply(value, cp.inv_pos(1 + cp.multiply(efficiency, units))))
        limits = [units >= 0, units <= consumers.demand(BOUNDS[0]), cp.sum(units) <= capacity]
        objective = cp.Maximize(float(value.sum()) - shortfall - COST * cp.sum(units))
        theirs, profit = timed(partial(cp.Problem(objective, limits).solve, solver=cp.CLARABEL), 1)
        rows.append(
            {
                "consumers": n,
                "seconds": ours,
                "profit": found.profit,
                "cvxpy_seconds": theirs,
                "cvxpy_profit": profit,
                "time_ratio": ours / theirs,
            }
        )
    return rows


def chart(rows: list[dict[str, Any]], prices: list[dict[str, Any]], path: Path) -> None:
    """Time against the number of consumers, log-log, with the part of the optimum that each reaches."""
    figure = new_figure(10.5, 4.6)
    axes = figure.add_subplot(1, 2, 1)
    colors = ("#1f5fa8", "#6b8e23", "#c8421f", "#8a6d9b")
    names = list(dict.fromkeys(row["solver"] for row in rows))
    for color, name in zip(colors, names, strict=True):
        mine = [row for row in rows if row["solver"] == name]
        part = mine[-1]["part_of_best"]
        axes.loglog(
            [row["consumers"] for row in mine],
            [row["seconds"] for row in mine],
            "o-",
            color=color,
            label=f"{name}: {part:.1%} of the optimum at {mine[-1]['consumers']:,}",
        )
    axes.set_title("one price for all", fontsize=10)
    axes.set_ylabel("seconds")
    axes.legend(loc="upper left", fontsize=8)
    axes.set_ylim(top=axes.get_ylim()[1] * 30)
    other = figure.add_subplot(1, 2, 2)
    consumers = [row["consumers"] for row in prices]
    other.loglog(consumers, [row["seconds"] for row in prices], "o-", color=colors[0], label="this solver")
    other.loglog(
        consumers, [row["cvxpy_seconds"] for row in prices], "o-", color=colors[2], label="cvxpy, Clarabel"
    )
    other.set_title("a price for each, with scarce capacity", fontsize=10)
    other.legend(loc="upper left", fontsize=8)
    for part_of_figure in (axes, other):
        part_of_figure.set_xlabel("consumers")
    figure.savefig(path, dpi=150)


def run(largest: int = 10**6, chart_path: Path = CHART) -> dict[str, Any]:
    """Time pricing up to `largest` consumers, print, and draw the chart."""
    sizes = [n for n in (10, 100, 1000, 10**4, 10**5, 10**6) if n <= largest]
    rows, prices = one_price(sizes), many_prices([n for n in sizes if 100 <= n <= 10**5])
    seconds = {row["solver"]: row["seconds"] for row in rows if row["consumers"] == sizes[-1]}
    ratios = {
        "exact_over_slsqp": {"consumers": sizes[-1], "time_ratio": seconds[EXACT] / seconds[SLSQP]},
        "discriminatory_over_cvxpy": {name: prices[-1][name] for name in ("consumers", "time_ratio")},
    }
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    chart_path.parent.mkdir(parents=True, exist_ok=True)
    chart(rows, prices, chart_path)
    for row in rows:
        print("{consumers:>9,} {solver:<30} {seconds:10.6f} s  {part_of_best:8.3%} of best".format(**row))
    for row in prices:
        print("{consumers:>9,} prices {seconds:10.6f} s, cvxpy {cvxpy_seconds:10.4f} s".format(**row))
    print(ratios)
    return {
        "conditions": versions | {"cvxpy": cp.__version__, "machine": platform.machine()},
        "ratios": ratios,
        "one_price": rows,
        "many_prices": prices,
    }
