"""What the experiment over epochs prints and writes: the paper's lines, a table, a document, a chart, a page."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from offchain.economics.charts import new_figure
from offchain.economics.epochs import Scenario, Step
from offchain.economics.wad import WAD

SHOWN = 20
"""As many consumers get a line, a column and a colour of their own."""

_NOTE = """The paper gives neither a utility function nor parameters, so the two numbers that it prints (a price of
1.0000, a profit of 0.5918) cannot be derived, here or anywhere. What is reproduced is what they show: the price at
its bound once the provider's resources are scarce, consumers that could not get any, and resources that shrink.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of a step: amounts in WAD, profits in money, consumers up to `SHOWN`."""

    step: int
    price_wad: int
    capacity_wad: int
    demand_wad: int
    sold_wad: int
    remaining_wad: int
    price_is_bound: bool
    empty_handed: int
    provider_profit: float
    consumers_profit: float
    units_wad: tuple[int, ...]
    profits: tuple[float, ...]


def row_of(step: Step) -> Row:
    """Reduce a step to its row."""
    return Row(
        step=step.index,
        price_wad=step.price,
        capacity_wad=step.offer.capacity,
        demand_wad=int(step.demands.sum()),
        sold_wad=step.sold,
        remaining_wad=step.remaining,
        price_is_bound=step.is_bound,
        empty_handed=len(step.empty_handed),
        provider_profit=step.provider_profit,
        consumers_profit=float(step.consumer_profits.sum()),
        units_wad=tuple(map(int, step.units[:SHOWN])),
        profits=tuple(map(float, step.consumer_profits[:SHOWN])),
    )


def paper_lines(step: Step) -> list[str]:
    """A time step in the paper's words."""
    lines = [f"Time Step {step.index}: Optimal Price Set by CPP: {step.price / WAD:.4f}"]
    empty_handed = set(step.empty_handed.tolist())
    for index, profit in enumerate(step.consumer_profits[:SHOWN]):
        if index in empty_handed:
            lines.append(f"Consumer {index + 1} could not get resources.")
        else:
            lines.append(f"Consumer {index + 1} Profit: {profit:.4f}")
    if len(step.consumer_profits) > SHOWN:
        lines.append(
            f"All {len(step.consumer_profits):,} Consumers Profit: {step.consumer_profits.sum():.4f};"
            f" {len(empty_handed):,} could not get resources."
        )
    lines.append(f"CPP Profit: {step.provider_profit:.4f}")
    lines.append(f"CPP Remaining Resources: {step.remaining / WAD:.4f}")
    return lines


def write_report(folder: Path, name: str, scenario: Scenario, rows: list[Row], command: str) -> None:
    """Write NAME.csv, NAME.json, NAME.png and NAME.md into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / f"{name}.csv", rows)
    document = {"scenario": asdict(scenario), "steps": [asdict(row) for row in rows]}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    _draw(folder / f"{name}.png", rows)
    (folder / f"{name}.md").write_text(_page(name, scenario, rows, command))


def _write_csv(path: Path, rows: list[Row]) -> None:
    shown = range(1, len(rows[0].units_wad) + 1)
    head = ["step", "price", "capacity", "demand", "sold", "remaining", "price_is_bound", "empty_handed"]
    head += ["provider_profit", "consumers_profit"]
    head += [f"units_{index}" for index in shown] + [f"profit_{index}" for index in shown]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for row in rows:
            amounts = (row.price_wad, row.capacity_wad, row.demand_wad, row.sold_wad, row.remaining_wad)
            writer.writerow(
                [
                    row.step,
                    *(amount / WAD for amount in amounts),
                    int(row.price_is_bound),
                    row.empty_handed,
                    row.provider_profit,
                    row.consumers_profit,
                    *(units / WAD for units in row.units_wad),
                    *row.profits,
                ]
            )


def _draw(path: Path, rows: list[Row]) -> None:
    """Allocation, price and profit over time, one above the other."""
    figure = new_figure(8.0, 8.0)
    allocation, price, profit = figure.subplots(3, 1, sharex=True)
    steps = [row.step for row in rows]
    floor = [0.0] * len(rows)
    for index in range(len(rows[0].units_wad)):
        units = [row.units_wad[index] / WAD for row in rows]
        allocation.bar(steps, units, bottom=floor, label=f"consumer {index + 1}")
        floor = [below + more for below, more in zip(floor, units, strict=True)]
        profit.plot(steps, [row.profits[index] for row in rows], marker=".", linewidth=1)
    rest = [row.sold_wad / WAD - below for row, below in zip(rows, floor, strict=True)]
    if max(rest) > 1e-9:
        allocation.bar(steps, rest, bottom=floor, color="#a9bcd3", label="all others")
    left = [row.remaining_wad / WAD for row in rows]
    allocation.plot(steps, left, color="#222222", marker="o", label="left with the provider")
    price.plot(steps, [row.price_wad / WAD for row in rows], color="#1f5fa8", marker="o")
    bound = [row for row in rows if row.price_is_bound]
    price.plot(
        [row.step for row in bound],
        [row.price_wad / WAD for row in bound],
        "D",
        color="#c8421f",
        label="price at its bound",
    )
    price.legend()
    profit.plot(
        steps, [row.provider_profit for row in rows], color="#222222", marker="o", label="the provider"
    )
    profit.legend()
    allocation.set_ylabel("units")
    price.set_ylabel("price, money per unit")
    profit.set_ylabel("profit, money")
    profit.set_xlabel("time step")
    if len(rows[0].units_wad) <= 8:
        allocation.legend(ncols=2)
    figure.savefig(path, dpi=120)


def _page(name: str, scenario: Scenario, rows: list[Row], command: str) -> str:
    bound = [row for row in rows if row.price_is_bound]
    scarce = [row for row in rows if row.empty_handed]
    table = "\n".join(
        f"| {row.step} | {row.price_wad / WAD:.4f}{' (bound)' if row.price_is_bound else ''}"
        f" | {row.capacity_wad / WAD:,.2f} | {row.sold_wad / WAD:,.2f} | {row.remaining_wad / WAD:,.2f}"
        f" | {row.empty_handed:,} | {row.provider_profit:,.4f} | {row.consumers_profit:,.4f} |"
        for row in rows
    )
    return f"""# The paper's experiment

{scenario.consumers:,} consumers have logarithmic utilities, drawn anew in each of {scenario.steps} time steps (seed
{scenario.seed}). The provider starts with {scenario.stock / WAD:g} units and gets {scenario.replenishment / WAD:g}
more before each later step. A unit costs it {scenario.unit_cost / WAD:g}; its price may be from
{scenario.price_floor / WAD:g} to {scenario.price_cap / WAD:g}. The numbers are the same with a chain and without one.

{_NOTE}
The price is at its bound in {len(bound)} of {len(rows)} steps; in {len(scarce)} somebody could not get resources.

| step | price | capacity | sold | left | without | provider's profit | consumers' profit |
|---|---|---|---|---|---|---|---|
{table}

![allocation, price and profit over time]({name}.png)

Reproduce: `{command}`
"""
