"""Independent answers: demand written from the conventions, and the best price by search between breakpoints.

Nothing here uses the code under test. Golden-section search runs on every interval between consecutive
breakpoints and grid points, where profit is unimodal, so nothing but its tolerance can be missed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Inputs = dict[str, Any]
Demand = Callable[[Array], Array]  # (m,) prices -> (m, n) units

GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


def numbers(column: list[float | None]) -> Array:
    return np.array([np.inf if x is None else x for x in column])


def capacity_of(inputs: Inputs) -> float:
    return np.inf if inputs["Q"] is None else float(inputs["Q"])


def log_units(inputs: Inputs) -> Demand:
    a, k, d = np.array(inputs["a"]), np.array(inputs["k"]), numbers(inputs["d"])
    budget = numbers(inputs["B"]) if inputs.get("B") else np.full(a.shape, np.inf)

    def units(prices: Array) -> Array:
        p = np.asarray(prices)
        with np.errstate(divide="ignore", invalid="ignore"):
            free = np.nan_to_num(a / p - 1.0 / k, nan=0.0, neginf=0.0, posinf=np.inf)
            spend = np.where(budget > 0, budget / p, 0.0)
        return np.minimum(np.minimum(d, spend), np.maximum(free, 0.0))

    return units


def log_demand(inputs: Inputs) -> Demand:
    units = log_units(inputs)
    return lambda prices: units(np.asarray(prices)[:, None])


def quad_units(inputs: Inputs) -> Demand:
    a, b, d = np.array(inputs["a"]), np.array(inputs["b"]), numbers(inputs["d"])
    return lambda prices: np.minimum(np.maximum((a - prices) / b, 0.0), d)


def quad_demand(inputs: Inputs) -> Demand:
    units = quad_units(inputs)
    return lambda prices: units(np.asarray(prices)[:, None])


def power_demand(inputs: Inputs) -> Demand:
    a, d, sigma = np.array(inputs["a"]), numbers(inputs["d"]), inputs["sigma"]
    return lambda prices: np.minimum(d, (a / np.asarray(prices)[:, None]) ** (1.0 / sigma))


def mining_spend(prizes: list[float]) -> float:
    """y = (n - 1) / sum of 1 / V over the n largest V, for the largest n with V_(n) > y_n."""
    ordered, found = sorted((v for v in prizes if v > 0), reverse=True), 0.0
    for n in range(2, len(ordered) + 1):
        y = (n - 1) / sum(1 / v for v in ordered[:n])
        if ordered[n - 1] > y:
            found = y
    return found


def mixed_demand(inputs: Inputs) -> Demand:
    training, y = log_demand(inputs), mining_spend(inputs["V"])
    return lambda prices: np.column_stack((training(prices), y / np.asarray(prices)))


DEMANDS: dict[str, Callable[[Inputs], Demand]] = {
    "log_uniform": log_demand,
    "quad_uniform": quad_demand,
    "power_uniform": power_demand,
    "mixed_uniform": mixed_demand,
}


def kinks(family: str, inputs: Inputs) -> Array:
    """Every price at which somebody's demand may have a kink; more than there are do no harm."""
    a, d = np.array(inputs["a"]), numbers(inputs["d"])
    with np.errstate(all="ignore"):
        if family == "quad_uniform":
            found = np.concatenate((a, a - np.array(inputs["b"]) * d))
        elif family == "power_uniform":
            found = a / d ** inputs["sigma"]
        else:
            k = np.array(inputs["k"])
            budget = numbers(inputs["B"]) if inputs.get("B") else np.full(a.shape, np.inf)
            found = np.concatenate((a * k, a * k / (1 + k * d), budget / d, k * (a - budget)))
    return np.asarray(found[np.isfinite(found)])


def profit_at(family: str, inputs: Inputs, prices: Array) -> Array:
    wanted = DEMANDS[family](inputs)(np.asarray(prices)).sum(axis=1)
    return np.asarray((np.asarray(prices) - inputs["c"]) * np.minimum(wanted, capacity_of(inputs)))


def best_profit(family: str, inputs: Inputs, grid: int = 200) -> float:
    """Largest profit over the price bounds."""
    low, high = max(inputs["pmin"], min(inputs["c"], inputs["pmax"]), 1e-300), inputs["pmax"]
    inner = kinks(family, inputs)
    between = np.concatenate((np.linspace(low, high, grid), np.geomspace(max(low, high * 1e-12), high, grid)))
    edges = np.unique(np.clip(np.concatenate(([low, high], inner, between)), low, high))
    return golden_maximum(lambda prices: profit_at(family, inputs, prices), edges)


def shares_total(ratios: Array, caps: Array) -> float:
    """Total X at which shares min(d / X, max(0, 1 - r X)) add up to one, by plain bisection."""
    low, high = 0.0, float(1.0 / ratios.min())
    for _ in range(200):
        middle = (low + high) / 2
        if np.minimum(caps / middle, np.maximum(0.0, 1.0 - ratios * middle)).sum() > 1:
            low = middle
        else:
            high = middle
    return low


def contest_efforts(prizes: Array, costs: Array, caps: Array | None = None) -> Array:
    """Nash efforts of the contest; nothing if fewer than two can take part."""
    caps = np.full(prizes.shape, np.inf) if caps is None else caps
    able = (prizes > 0) & (caps > 0)
    efforts = np.zeros(prizes.shape)
    if able.sum() < 2:
        return efforts
    ratios = costs[able] / prizes[able]
    total = shares_total(ratios, caps[able])
    efforts[able] = np.minimum(caps[able], total * np.maximum(0.0, 1.0 - ratios * total))
    return efforts


def outside_profit(inputs: Inputs, price: float) -> float:
    prizes, costs = np.array(inputs["V"]), np.array(inputs["h"])
    efforts = contest_efforts(prizes, np.minimum(price, costs))
    return float((price - inputs["c"]) * efforts[price <= costs].sum())


def golden_maximum(profit: Callable[[Array], Array], edges: Array) -> float:
    """Largest value on the edges and, by golden section, on every interval between them."""
    left, right = edges[:-1].copy(), edges[1:].copy()
    top = float(profit(edges).max())
    for _ in range(80 if left.size else 0):
        first, second = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
        up = profit(first) < profit(second)
        left, right = np.where(up, first, left), np.where(up, right, second)
    return max(top, float(profit(left).max()), float(profit(right).max())) if left.size else top


def discriminatory_bound(family: str, inputs: Inputs) -> float:
    """Lagrangian dual: its minimum over the multiplier is the optimum, any value of it a bound from above.

    Each consumer's profit at cost c + mu rises while its limit or budget binds and is concave from there
    up to its choke price, so one golden section for each finds its best price.
    """
    units = log_units(inputs) if family.startswith("log") else quad_units(inputs)
    low, high, capacity = inputs["pmin"], inputs["pmax"], capacity_of(inputs)
    a = np.array(inputs["a"])
    choke = a * np.array(inputs["k"]) if family.startswith("log") else a

    def dual(multiplier: float) -> float:
        def profit(prices: Array) -> Array:
            return np.asarray((prices - inputs["c"] - multiplier) * units(prices))

        left, right = np.full(a.shape, low), np.clip(choke, low, high)
        best = np.maximum(profit(left), profit(right))
        for _ in range(60):
            first, second = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
            up = profit(first) < profit(second)
            left, right = np.where(up, first, left), np.where(up, right, second)
        best = np.maximum(best, np.maximum(profit(left), profit(right)))
        return float(best.sum() + (multiplier * capacity if multiplier > 0 else 0.0))

    if np.isinf(capacity):
        return dual(0.0)
    lower, upper = 0.0, inputs["pmax"]
    for _ in range(60):
        first, second = upper - GOLDEN * (upper - lower), lower + GOLDEN * (upper - lower)
        if dual(first) > dual(second):
            lower = first
        else:
            upper = second
    return min(dual(0.0), dual(lower), dual(upper))


def contest_prices_profit(inputs: Inputs) -> float:
    """Best profit of prices for each miner: golden section on X, bisection on the shares' multiplier."""
    prizes = np.array([v for v in inputs["V"] if v > 0])
    cost, cap = inputs["c"], inputs["pmax"]
    if prizes.size < 2:
        return 0.0

    def revenue(total: float) -> float:
        floor = np.maximum(0.0, 1.0 - cap * total / prizes)
        low, high = -float(prizes.max()), float(prizes.max())
        for _ in range(100):
            middle = (low + high) / 2
            shares = np.maximum(floor, np.maximum(0.0, (1.0 - middle / prizes) / 2))
            low, high = (middle, high) if shares.sum() > 1 else (low, middle)
        return float((prizes * shares * (1 - shares)).sum())

    least = shares_total(cap / prizes, np.full(prizes.shape, np.inf))
    low, high = least, 4 * least + float(prizes.sum()) / cap
    for _ in range(120):
        first, second = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if revenue(first) - cost * first < revenue(second) - cost * second:
            low = first
        else:
            high = second
    return float(max(revenue(x) - cost * x for x in (least, low, high)))


def deviation_gain(inputs: Inputs, price: float, leader: int) -> tuple[float, float]:
    """What a leader gains by raising its price from the clearing price, and what is at stake."""
    units, rivals = log_demand(inputs), sum(inputs["capacities"]) - inputs["capacities"][leader]
    cost, supply, high = inputs["costs"][leader], inputs["capacities"][leader], inputs["pmax"]

    def profit(prices: Array) -> Array:
        left = np.maximum(units(prices).sum(axis=1) - rivals, 0.0)
        return np.asarray((prices - cost) * np.minimum(left, supply))

    low, above = price, high
    for _ in range(200):  # where nothing is left for the leader; beyond it, it earns nothing
        middle = (low + above) / 2
        low, above = (middle, above) if units(np.array([middle])).sum() > rivals else (low, middle)
    inner = np.concatenate(
        (kinks("log_uniform", inputs), np.linspace(price, above, 50), [price, above, high])
    )
    edges = np.unique(np.clip(inner, price, above))
    best = max(golden_maximum(profit, edges), float(profit(np.array([high]))[0]))
    stay = (price - cost) * supply
    return best - stay, abs(best) + abs(stay) + cost * supply


def coupled_gains(inputs: Inputs, training: Array, mining: Array) -> tuple[Array, Array]:
    """What each consumer gains by its best unilateral deviation, and what is at stake for it.

    For a given mining effort the best training is known, so one golden section over mining is enough.
    """
    a, k, v, d = np.array(inputs["a"]), np.array(inputs["k"]), np.array(inputs["V"]), numbers(inputs["d"])
    price, others = inputs["price"], mining.sum() - mining
    with np.errstate(divide="ignore", invalid="ignore"):
        wish = np.maximum(0.0, np.nan_to_num(a / price - 1 / k, nan=0.0, neginf=0.0))

    def utility(train: Array, mine: Array) -> Array:
        total = others + mine
        share = np.divide(mine, total, out=np.zeros(mine.shape), where=total > 0)
        return np.asarray(a * np.log1p(k * train) + v * share - price * (train + mine))

    def best(mine: Array) -> Array:
        return utility(np.minimum(wish, d - mine), mine)

    left, right = np.zeros(a.shape), np.minimum(d, v / price)
    edges = (best(left), best(right))
    for _ in range(90):
        first, second = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
        up = best(first) < best(second)
        left, right = np.where(up, first, left), np.where(up, right, second)
    found = np.maximum(np.maximum(*edges), np.maximum(best(left), best(right)))
    return found - utility(training, mining), v + a * np.log1p(k * training) + price * (training + mining)
