"""Random games of each family, meant to be nasty: ties, zeros, bounds on kinks, scarcity, odd scales."""

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.unit.economics.pricing_oracles import DEMANDS, kinks

Inputs = dict[str, Any]
SIZES = (1, 1, 2, 3, 5, 12, 40)


def column(rng: Generator, n: int, scale: float = 1.0, zeros: bool = True) -> list[float]:
    """Rounded to six decimals, as all inputs are; often with ties, sometimes with zeros."""
    kind = rng.integers(0, 4)
    if kind == 0:
        found = rng.lognormal(0, rng.choice([0.2, 1.0, 2.5]), n)
    elif kind == 1:
        found = rng.choice(rng.lognormal(0, 1, 3), n)
    elif kind == 2:
        found = rng.uniform(0.1, 10, n)
    else:
        found = rng.integers(1, 6, n).astype(float)
    found = np.maximum(np.round(found * scale, 6), 1e-6)
    if zeros and rng.random() < 0.15:
        found[rng.random(n) < 0.3] = 0.0
    return [float(x) for x in found]


def limits(rng: Generator, n: int, scale: float = 1.0) -> list[float | None]:
    if rng.random() < 0.25:
        return [None] * n
    found: list[float | None] = list(column(rng, n, scale))
    return [None if rng.random() < 0.1 else x for x in found]


def scale(rng: Generator) -> float:
    return float(rng.choice([1.0, 1.0, 1.0, 1e-3, 1e3, 1e6]))


def uniform_game(rng: Generator, family: str) -> Inputs:
    n, money = int(rng.choice(SIZES)), scale(rng)
    inputs: Inputs = {"a": column(rng, n, money), "d": limits(rng, n, scale(rng)), "Q": None}
    if family in ("log_uniform", "mixed_uniform"):
        inputs["k"] = column(rng, n, scale(rng))
    if family == "log_uniform" and rng.random() < 0.3:
        inputs["B"] = limits(rng, n, money)
    if family == "quad_uniform":
        inputs["b"] = column(rng, n, scale(rng), zeros=False)
    if family == "power_uniform":
        inputs["sigma"] = float(np.round(rng.uniform(0.05, 0.95), 3))
    if family == "mixed_uniform":
        inputs["V"] = column(rng, int(rng.choice(SIZES)), money)
    return with_prices(rng, family, inputs)


def with_prices(rng: Generator, family: str, inputs: Inputs) -> Inputs:
    """Price bounds, cost and capacity near the prices at which something happens."""
    found = kinks(family, inputs)
    found = found[found > 1e-5]
    if not found.size:
        found = np.array([1.0])

    def pick() -> float:
        price = float(rng.choice(found)) * (1.0 if rng.random() < 0.3 else float(rng.lognormal(-0.3, 1)))
        return max(round(price, 6), 1e-6)

    low, high = sorted((pick(), pick()))
    if rng.random() < 0.4:
        high = round(float(found.max()) * 1.1, 6)
    low = min(low, high)
    cost = rng.choice([0.0, low, round(low / 2, 6), round(low * 2, 6), pick(), high])
    inputs |= {"c": float(cost), "pmin": low, "pmax": high}
    if rng.random() < 0.1:
        inputs["pmin"] = inputs["pmax"]
    wanted = DEMANDS[family](inputs)
    at = float(wanted(np.array([rng.uniform(inputs["pmin"], inputs["pmax"])])).sum())
    full = sum(x or 0.0 for x in inputs["d"])
    capacity = float(rng.choice([np.inf, at, at * 0.5, full, 0.0], p=[0.35, 0.35, 0.15, 0.1, 0.05]))
    inputs["Q"] = round(capacity, 6) if np.isfinite(capacity) else None
    return inputs


def discriminatory_game(rng: Generator, family: str) -> Inputs:
    inputs = uniform_game(rng, family.replace("discriminatory", "uniform"))
    return {name: value for name, value in inputs.items() if name != "B"}


def contest_game(rng: Generator) -> Inputs:
    n, money = int(rng.choice(SIZES)), scale(rng)
    high = round(float(rng.lognormal()) + 1e-3, 6)
    low = round(high * rng.random(), 6)
    units = money / high * float(rng.choice([0.05, 0.3, 1.0]))
    cost = float(rng.choice([0.0, high, round(high / 3, 6)]))
    return {"V": column(rng, n, money), "d": limits(rng, n, units), "c": cost, "pmin": low, "pmax": high}


def outside_game(rng: Generator) -> Inputs:
    n = int(rng.choice(SIZES))
    costs = column(rng, n, zeros=False)
    low = round(float(rng.choice([0.0, rng.random(), rng.choice(costs)])), 6)
    high = round(low + float(rng.lognormal(0, 1)), 6)
    if rng.random() < 0.3:
        high = max(low, float(rng.choice(costs)))
    return {"V": column(rng, n, scale(rng)), "h": costs, "c": low, "pmin": low, "pmax": max(high, 1e-6)}


def contest_prices_game(rng: Generator) -> Inputs:
    high = round(float(rng.lognormal()) + 1e-3, 6)
    cost = float(rng.choice([0.0, round(high / 3, 6), round(high * 0.9, 6), round(high / 30, 6)]))
    return {"V": column(rng, int(rng.choice(SIZES)), scale(rng)), "c": cost, "pmax": high}


def clearing_game(rng: Generator) -> Inputs:
    inputs = uniform_game(rng, "log_uniform")
    leaders = int(rng.integers(1, 5))
    at = np.array([float(rng.uniform(inputs["pmin"], inputs["pmax"]))])
    wanted = float(DEMANDS["log_uniform"](inputs | {"B": None})(at).sum())
    parts = np.maximum(np.round(rng.dirichlet(np.ones(leaders)) * max(wanted, 1e-3), 6), 1e-6)
    costs = np.round(rng.uniform(0, 1.2, leaders) * at[0] * rng.choice([0.1, 1.0]), 6)
    chosen = {name: inputs[name] for name in ("a", "k", "d")}
    return chosen | {"costs": costs.tolist(), "capacities": parts.tolist(), "pmax": inputs["pmax"]}


def coupled_game(rng: Generator) -> Inputs:
    n, units, money = int(rng.choice(SIZES)), scale(rng), scale(rng)
    price = max(round(money / units * float(rng.lognormal(0, 1)), 6), 1e-6)
    columns = {"a": column(rng, n, money), "k": column(rng, n, 1 / units), "V": column(rng, n, money)}
    return columns | {"d": limits(rng, n, units), "price": price}
