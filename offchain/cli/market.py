"""`pole market`: look at the epochs of the compute market."""

from decimal import Decimal

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from offchain.chain.vault import shown_in_tokens
from offchain.cli.configuration import ConfiguredGroup
from offchain.cli.options import Node, chain_options, json_option
from offchain.index.queries import all_of
from offchain.workers.market_reading import EpochReport, epoch_report
from offchain.workers.plain import plain
from offchain.workers.reading import to_json


@click.group(cls=ConfiguredGroup)
def market() -> None:
    """Look at the epochs in which compute is sold."""


@market.command("list")
@json_option
@chain_options
def list_(node: Node, as_json: bool) -> None:
    """List all epochs."""
    connection = node.connect()
    with node.index(connection) as index:
        found = list(all_of(index.epochs, lambda each: each.epoch.epoch_id))
        status = index.status()
    now = status.timestamp if status else 0
    epochs = [each.epoch for each in found]
    rows = [
        {
            "epoch": epoch.epoch_id,
            "phase": each.phase(now).name,
            "price": epoch.price or None,
            "capacity": epoch.capacity,
            "sold": epoch.sold_units,
            "consumers": epoch.consumer_count,
            "purchases": epoch.purchase_count,
            "provider": epoch.provider,
        }
        for each, epoch in zip(found, epochs, strict=True)
    ]
    if as_json:
        click.echo(to_json([plain(row) for row in rows]))
        return
    money = shown_in_tokens(connection)
    table = Table("epoch", "phase", "price", "sold", "consumers", "provider", box=SIMPLE)
    for epoch, row in zip(epochs, rows, strict=True):
        price = money(epoch.price) if epoch.price else ""
        sold = f"{_units(epoch.sold_units)} of {_units(epoch.capacity)}"
        owner = f"{epoch.provider[:6]}…{epoch.provider[-4:]}"
        table.add_row(str(epoch.epoch_id), str(row["phase"]), price, sold, str(epoch.consumer_count), owner)
    Console().print(table)


@market.command()
@click.argument("epoch_id", type=int)
@json_option
@chain_options
def show(node: Node, epoch_id: int, as_json: bool) -> None:
    """Show one epoch: its phase, its price, what its consumers want and have bought."""
    connection = node.connect()
    with node.index(connection) as index:
        report = epoch_report(connection, index, epoch_id)
    if as_json:
        click.echo(to_json(report.as_json()))
        return
    epoch, money = report.epoch, shown_in_tokens(connection)
    left = f", {report.seconds_left} s left" if report.seconds_left is not None else ""
    click.echo(f"Epoch {epoch_id}: {report.phase.name}{left}")
    click.echo(f"  provider   {epoch.provider}")
    click.echo(f"  price      {money(epoch.price) if epoch.price else 'none yet'}")
    click.echo(
        f"  bounds     {money(epoch.price_floor)} to {money(epoch.price_cap)},"
        f" at a unit cost of {money(epoch.unit_cost)}"
    )
    scarce = ", more than there is" if report.is_scarce else ""
    wanted = f", {_units(report.demand)} wanted{scarce}" if report.demand is not None else ""
    click.echo(f"  units      {_units(epoch.sold_units)} of {_units(epoch.capacity)} sold{wanted}")
    click.echo(f"  bond       {money(epoch.bond)}")
    _print_followers(report)
    _print_purchases(report)


def _print_followers(report: EpochReport) -> None:
    table = Table("", "consumer", "utility", "best response", box=SIMPLE)
    for follower in report.followers:
        declared = follower.declaration
        wants = "" if follower.best_response is None else _units(follower.best_response)
        table.add_row(str(declared.index), declared.consumer, declared.utility.name.lower(), wants)
    if report.followers:
        Console().print(table)


def _print_purchases(report: EpochReport) -> None:
    table = Table("purchase", "consumer", "units", "status", box=SIMPLE)
    for purchase in report.purchases:
        table.add_row(
            str(purchase.purchase_id), purchase.consumer, _units(purchase.units), purchase.status.name
        )
    if report.purchases:
        Console().print(table)


def _units(units: int) -> str:
    """Compute units with up to six decimals."""
    return f"{(Decimal(units) / 10**18).quantize(Decimal('0.000001')).normalize():f}"
