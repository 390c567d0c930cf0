"""Deploys the protocol and writes `deployments/<chain id>.json`: `ape run deploy --network ...`."""

from pathlib import Path

import ape
import click
from ape.cli import network_option

from offchain.chain.deploying import check_unused, keep_earlier
from offchain.cli.keys import passphrase_from
from offchain.cli.options import PASSPHRASE_OPTION
from scripts._deploying import DEPLOYMENTS, NodeCommand, deploy_with, open_deployer


@click.command(cls=NodeCommand)
@network_option()
@click.option(
    "--account", "alias", help="Alias of an ape account.  [default on a local network: a test account]"
)
@PASSPHRASE_OPTION
@click.option(
    "--token", help="The ERC-20 that all money is.  [default: a new TestToken that anyone can mint]"
)
@click.option(
    "--replace",
    is_flag=True,
    help="Deploy where the chain has a deployment already; its file is kept as deployments/<chain id>.json.bak.",
)
def cli(alias: str | None, passphrase_file: Path | None, token: str | None, replace: bool) -> None:
    """Deploy the protocol and write deployments/<chain id>.json."""
    if not replace:
        check_unused(ape.networks.provider.web3, DEPLOYMENTS / f"{ape.chain.chain_id}.json")
    deployment = deploy_with(open_deployer(alias, passphrase_from(passphrase_file)), token)
    for name, address in deployment.addresses.items():
        click.echo(f"{name:<12} {address}")
    kept = keep_earlier(deployment.path(DEPLOYMENTS))
    click.echo(
        f"wrote {deployment.save(DEPLOYMENTS)}"
        + (f", in the place of an earlier deployment, whose file is {kept} now" if kept else "")
    )
