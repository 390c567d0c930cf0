"""Tells how the deployment on the connected chain stands: `ape run status --network ...`."""

import ape
import click
from ape.cli import network_option

from offchain.chain.connection import Connection
from offchain.chain.deployment import Deployment
from offchain.chain.ledger import LearningLedgerClient
from offchain.index.follow import up_to_date
from offchain.index.queries import all_of
from offchain.index.store import index_path
from offchain.workers.home import default_root
from offchain.workers.reading import ledger_blocks
from scripts._deploying import DEPLOYMENTS, NodeCommand


@click.command(cls=NodeCommand)
@network_option()
def cli() -> None:
    """Tell the contracts, the tasks by phase, and whether the learning ledger is valid."""
    deployment = Deployment.load(DEPLOYMENTS / f"{ape.chain.chain_id}.json")
    connection = Connection.over(ape.networks.provider.web3, deployment)
    for name in ("token", "vault", "registry", "proof", "ledger"):
        click.echo(f"{name:<9} {getattr(deployment, name).address}")
    with up_to_date(index_path(default_root(), deployment), connection) as index:
        status = index.status()
        for found in all_of(index.tasks, lambda found: found.task.task_id):
            phase = found.phase(status.timestamp if status else 0)
            click.echo(f"task {found.task.task_id:<4} {phase.name}")
        blocks = ledger_blocks(index)
    valid = LearningLedgerClient(connection).first_invalid(blocks) is None
    click.echo(f"ledger    {len(blocks)} blocks, valid: {valid}")
