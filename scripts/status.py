"""Tells how the deployment on the connected chain stands: `ape run status --network ...`."""

import ape
import click
from ape.cli import ConnectedProviderCommand, network_option

from offchain.chain.connection import Connection
from offchain.chain.deployment import Deployment
from offchain.chain.ledger import LearningLedgerClient
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import TaskRegistryClient
from scripts._deploying import DEPLOYMENTS


@click.command(cls=ConnectedProviderCommand)
@network_option()
def cli() -> None:
    """Tell the contracts, the tasks by phase, and whether the learning ledger is valid."""
    deployment = Deployment.load(DEPLOYMENTS / f"{ape.chain.chain_id}.json")
    connection = Connection.over(ape.networks.provider.web3, deployment)
    for name in ("token", "vault", "registry", "proof", "ledger"):
        click.echo(f"{name:<9} {getattr(deployment, name).address}")
    proof = ProofOfLearningClient(connection)
    for task_id in range(1, TaskRegistryClient(connection).task_count() + 1):
        click.echo(f"task {task_id:<4} {proof.phase_of(task_id).name}")
    ledger = LearningLedgerClient(connection)
    blocks = ledger.blocks()
    click.echo(f"ledger    {len(blocks)} blocks, valid: {ledger.first_bad(blocks) is None}")
