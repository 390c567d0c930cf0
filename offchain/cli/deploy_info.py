"""`pole deploy-info`: what is deployed where."""

import click

from offchain.cli.options import Node, chain_options, json_option
from offchain.workers.reading import to_json


@click.command("deploy-info")
@json_option
@chain_options
def deploy_info(node: Node, as_json: bool) -> None:
    """Show the addresses of the deployment on the node's chain."""
    deployment = node.connect().deployment
    if as_json:
        click.echo(
            to_json({"chain_id": deployment.chain_id, "block": deployment.block, **deployment.addresses})
        )
        return
    click.echo(f"chain {deployment.chain_id}, since block {deployment.block}")
    for name, address in deployment.addresses.items():
        click.echo(f"  {name:<12} {address}")
