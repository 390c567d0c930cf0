"""`pole market`: what is sold, at which price, and what became of it."""

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from offchain.chain.market import WAD
from offchain.cli.options import Node, chain_options, json_option
from offchain.workers import reading


@click.command()
@click.argument("epoch_id", type=int, required=False)
@json_option
@chain_options
def market(node: Node, epoch_id: int | None, as_json: bool) -> None:
    """List the epochs, or the purchases of one."""
    connection = node.connect()
    rows = reading.epochs(connection) if epoch_id is None else reading.purchases(connection, epoch_id)
    if as_json:
        click.echo(reading.to_json(rows))
        return
    if not rows:
        click.echo("none yet")
        return
    table = Table(*rows[0], box=SIMPLE)
    for row in rows:
        table.add_row(*(_shown(name, value) for name, value in row.items()))
    Console().print(table)


def _shown(name: str, value: object) -> str:
    if isinstance(value, int) and name in reading.WAD_COLUMNS:
        return f"{value / WAD:g}"
    text = str(value)
    return f"{text[:6]}…{text[-4:]}" if text.startswith("0x") else text
