"""What a consumer gains by lying: the price that its declaration makes the best one, by its share of demand."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from offchain.economics.followers import FloatArray, LogConsumers, PiecewiseFollowers, QuadConsumers
from offchain.economics.groups import Together
from offchain.economics.leader import LeaderSolution, solve_leader

SHARES = (0.01, 0.05, 0.10, 0.25, 0.50, 1.0)
# Equal log consumers with a = 4 and k = 1 at a unit cost of 1: each wants one unit at the best price, which is 2.
VALUE, EFFICIENCY, UNIT_COST = 4.0, 1.0, 1.0
PRICES = (1.0, 10.0)
# What an honest consumer locks: the most that it would pay at any price, a - p / k at the floor.
HONEST_LOCK = VALUE - PRICES[0] / EFFICIENCY
# Capacity for each consumer, units: twice what it wants at the best price, and so little that the price has to clear.
PLENTY, SCARCE = 2.0, 0.6
# A step that no double tells from a vertical one, and a price just above the floor.
STEEP, LOWEST = 1e-9, 1.001
PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "misreport.md"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a lie leads to, against the truth.

    Attributes
    ----------
    price : money per unit
    gain : the liar's utility beyond that of the truth, as a part of the latter
    loss : what the provider earns less, as a part of what it earns by the truth
    """

    price: float
    gain: float
    loss: float


class Crowd:
    """Equal consumers, of whom one lies: it declares that it wants some units up to a price, and none above.

    size : consumers, the liar among them
    capacity : units for each
    """

    def __init__(self, size: int, capacity: float) -> None:
        self._honest, self._capacity = size - 1, size * capacity
        self._truth = self._led(_log_consumers(1))
        self.price = self._truth.price

    def best_lie(self, most_units: Callable[[float], float]) -> Outcome:
        """The lie that gains most, of those that want no more than `most_units` at their price."""
        coarse = np.linspace(LOWEST, self.price, 100)
        best = self._best_of(coarse, most_units)
        step = coarse[1] - coarse[0]
        return self._best_of(np.linspace(max(best.price - step, LOWEST), best.price, 25), most_units)

    def outcome(self, price: float) -> Outcome:
        """What follows from a price: others buy what they want, and the liar of the rest what it truly wants."""
        units = min(units_at(price), self._left(price))
        earned = (price - UNIT_COST) * (self._honest * units_at(price) + units)
        truth = utility(self.price, min(units_at(self.price), self._left(self.price)))
        return Outcome(price, utility(price, units) / truth - 1, 1 - earned / self._truth.profit)

    def is_led_to(self, price: float, units: float) -> bool:
        """Whether so many units up to a price make that the leader's. More than there are would only raise it."""
        units = min(units, self._left(price))
        if units <= 0:
            return False
        step = QuadConsumers(*np.array([[price + STEEP * units], [STEEP], [units]]))
        return self._led(step).price <= price * (1 + 1e-9)

    def _best_of(self, prices: FloatArray, most_units: Callable[[float], float]) -> Outcome:
        outcomes = [self.outcome(p) for p in prices.tolist() if self.is_led_to(p, most_units(p))]
        return max([*outcomes, self.outcome(self.price)], key=lambda found: found.gain)

    def _left(self, price: float) -> float:
        return self._capacity - self._honest * units_at(price)

    def _led(self, one: PiecewiseFollowers) -> LeaderSolution:
        others = (_log_consumers(self._honest),) if self._honest else ()
        return solve_leader(Together((one, *others)), self._capacity, UNIT_COST, PRICES)


def _log_consumers(count: int) -> LogConsumers:
    return LogConsumers(np.full(count, VALUE), np.full(count, EFFICIENCY))


def units_at(price: float) -> float:
    """The true best response, units."""
    return max(VALUE / price - 1 / EFFICIENCY, 0.0)


def utility(price: float, units: float) -> float:
    """The true utility of units at a price, money."""
    return float(VALUE * np.log1p(EFFICIENCY * units) - price * units)


# What a liar wants at most: no more than it will buy, what its money allows, or anything.
LIES: dict[str, Callable[[float], float]] = {
    "no more than it buys": units_at,
    "for the honest lock": lambda price: HONEST_LOCK / price,
    "for ten times the lock": lambda price: 10 * HONEST_LOCK / price,
    "anything": lambda price: np.inf,
}


def curve(capacity: float) -> dict[str, dict[str, Outcome]]:
    """The outcome of the best lie of each kind, by share of demand."""
    crowds = {f"{share:.0%}": Crowd(round(1 / share), capacity) for share in SHARES}
    return {
        share: {lie: crowd.best_lie(most) for lie, most in LIES.items()} for share, crowd in crowds.items()
    }


HEAD = """# What a consumer gains by lying

Equal log consumers (a = 4, k = 1) at a unit cost of 1, and the one among them with the given share of demand declares a
step: so many units up to a price, none above it. That makes the step's price the leader's. For each share, of the step
that gains most: the price, what the liar gains as a part of its true utility, and what the provider earns more or less.
Others buy what they want, and the liar what it truly wants of the rest; what it declared beyond that it lets go. The
columns tell how many units it dares to declare. Prices are the leader's exactly; by the tolerance a lie has to be a
little larger. `make bench` writes this page.
"""
TAIL = """
Where there is capacity to spare, the truth is nobody's best declaration. Profit is flat at its top, so a small step is
enough to move it: whoever has a hundredth of the demand can take 8% off the price with money that it would have locked
anyway, and nearly as much by a declaration that it buys to the last unit: to be bound to buy would change little. More
money goes on to where the whole capacity, sold, earns what the honest price does. Everybody but the provider gains.
Where capacity is scarce, a small consumer gains nothing, and a large one what it gains by wanting less.

What is left to a provider is what it offers: a floor at the price that it wants at least, and no more capacity than it
expects to sell. A lie costs the gas of a declaration and the idle time of its lock.
"""


def table_of(outcomes: dict[str, dict[str, Outcome]], title: str) -> tuple[Table, list[str]]:
    """The table to print, and its lines for the page."""
    table = Table("share", *LIES, title=title)
    lines = [f"\n## {title}\n", "| share | " + " | ".join(LIES) + " |", "| --- " * 5 + "|"]
    for share, found in outcomes.items():
        cells = [f"{x.price:.3f}; {x.gain:+.0%}; {-x.loss:+.1%}" for x in found.values()]
        table.add_row(share, *cells)
        lines.append(f"| {share} | {' | '.join(cells)} |")
    return table, lines


def run() -> dict[str, Any]:
    """Measure, print, and write the page."""
    regimes = {"plenty": PLENTY, "scarce": SCARCE}
    found = {name: curve(capacity) for name, capacity in regimes.items()}
    lines: list[str] = []
    for name, capacity in regimes.items():
        honest = Crowd(1, capacity).price
        title = f"Capacity of {capacity} units for each consumer; the honest price is {honest:.3g}"
        table, more = table_of(found[name], title)
        Console(width=150).print(table)
        lines += more
    PAGE.write_text(HEAD + "\n".join(lines) + "\n" + TAIL)
    return {
        name: {
            share: {lie: [round(x, 4) for x in (o.price, o.gain, o.loss)] for lie, o in outcomes.items()}
            for share, outcomes in shares.items()
        }
        for name, shares in found.items()
    }
