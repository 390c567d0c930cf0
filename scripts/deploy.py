"""Deploys the protocol and writes `deployments/<chain id>.json`: `ape run deploy --network ...`."""

import click
from ape.cli import ConnectedProviderCommand, network_option

from scripts._deploying import DEPLOYMENTS, deploy_with, open_deployer


@click.command(cls=ConnectedProviderCommand)
@network_option()
@click.option(
    "--account", "alias", help="Alias of an ape account.  [default on a local network: a test account]"
)
@click.option(
    "--token", help="The ERC-20 that all money is.  [default: a new TestToken that anyone can mint]"
)
def cli(alias: str | None, token: str | None) -> None:
    """Deploy the protocol and write deployments/<chain id>.json."""
    deployment = deploy_with(open_deployer(alias), token)
    click.echo(f"wrote {deployment.save(DEPLOYMENTS)}")
