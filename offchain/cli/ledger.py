"""`pole ledger`: print the learning ledger and check it."""

import click

from offchain.chain.ledger import LearningLedgerClient
from offchain.cli.options import Node, chain_options, json_option
from offchain.workers import reading


@click.command()
@click.option("--verify", is_flag=True, help="Check every block against the hashes on chain.")
@json_option
@chain_options
def ledger(node: Node, verify: bool, as_json: bool) -> None:
    """Print the learning blocks, which are JSON for everybody; with --verify, whether they are valid.

    Exit status 1 where a block is not.
    """
    blobs, connection = node.blobs, node.connect()
    with node.index(connection) as index:
        if not verify:
            click.echo(reading.to_json(reading.paper_ledger(index, connection.deployment, blobs)))
            return
        blocks = reading.ledger_blocks(index)
    bad = LearningLedgerClient(connection).first_invalid(blocks)
    if as_json:
        click.echo(reading.to_json({"valid": bad is None, "blocks": len(blocks), "first_invalid": bad}))
    else:
        click.echo(f"Is the learning ledger valid? {bad is None}")
    if bad is not None:
        raise click.ClickException(f"block {bad} is not the one on chain")
