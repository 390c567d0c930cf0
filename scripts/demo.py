"""The main job on a chain of its own, with every worker a process: `ape run demo`."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ape
import click
from ape.logging import LogLevel, logger
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from offchain.chain.accounts import dev_account
from offchain.chain.connection import Connection
from offchain.chain.gas import transactions
from offchain.chain.ledger import LearningLedgerClient
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.phase import Phase
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import TaskRegistryClient
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient
from offchain.storage import BlobStore
from offchain.workers import reading
from scripts._deploying import deploy_with

DEADLINE_SECONDS = 240.0
FUNDS = 1_000 * 10**18
DATA_NODE = "dev:0"
MINERS = {"dev:1": "logistic", "dev:2": "mlp", "dev:3": "svm"}
TASK = 1  # the chain is new
STORIES = {
    Phase.DRAW: "posted: a block yet to come will draw the hidden test rows",
    Phase.COMMIT: "drawn: the data node publishes the training rows, miners check them, train and commit",
    Phase.DISCLOSE: "commits are closed: the data node discloses the test rows",
    Phase.REVEAL: "disclosed: miners reveal, and the contract scores each model on the spot",
    Phase.SETTLE: "every commitment is revealed: anyone may settle",
    Phase.SETTLED: "settled: the best model is paid and is the next learning block",
}

# Addresses and log lines are wide; where no terminal sets the width, they get the room.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 132)


@click.command()
@click.option(
    "--dataset",
    type=click.Choice(["iris", "wine", "breast_cancer", "digits"]),
    default="iris",
    show_default=True,
    help="What is learned.",
)
def cli(dataset: str) -> None:
    """Run the main job end to end: post, draw, train, commit, disclose, reveal, settle.

    Starts an Anvil of its own and a process for the data node and for each of three miners, which talk to the
    chain over JSON-RPC only; ends all of them.
    """
    with tempfile.TemporaryDirectory() as folder, anvil_chain(block_seconds=1) as chain:
        home = Path(folder)
        connection = _deploy(chain, home)
        _fund(connection)
        with _workers() as workers:
            for account, estimator in MINERS.items():
                command = ["mine", "--estimator", estimator, *_at(chain, home, account)]
                workers.start(f"miner {estimator}", command)
            workers.start("data node", [*_post(dataset), *_at(chain, home, DATA_NODE)])
            _follow(connection, chain, workers)
        _tell(connection, BlobStore(home / "blobs"))


def _post(dataset: str) -> list[str]:
    terms = ["--reward", "100", "--payout", "7000,3000", "--min-score", "0.5"]
    return ["task", "post", dataset, *terms, "--commit-seconds", "600", "--reveal-seconds", "600"]


def _at(chain: LocalChain, home: Path, account: str) -> list[str]:
    url = chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    return ["--rpc", url, "--deployments", str(home), "--home", str(home), "--account", account]


def _deploy(chain: LocalChain, home: Path) -> Connection:
    console.print("[bold]Deploying[/] with ape on a new Anvil chain")
    url = chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    logger.set_level(LogLevel.WARNING)
    with ape.networks.ethereum.local.use_provider("foundry", provider_settings={"host": url}):
        deployment = deploy_with(ape.accounts.test_accounts[0], token=None)
    deployment.save(home)
    for name in ("vault", "registry", "proof", "ledger"):
        console.print(f"  {name:<9} {getattr(deployment, name).address}")
    return Connection.over(chain.w3, deployment)


def _fund(connection: Connection) -> None:
    bank = TokenClient(connection, Sender(connection, dev_account(9)))
    for account in (DATA_NODE, *MINERS):
        bank.mint(dev_account(int(account[4:])).address, FUNDS)


class Workers:
    """Processes whose lines are shown as they come."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, name: str, arguments: list[str]) -> None:
        """Start `pole` with these arguments."""
        program = Path(sys.executable).parent / "pole"
        environment = {**os.environ, "COLUMNS": "110", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [str(program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.processes[name] = process
        threading.Thread(target=self._show, args=(name, process), daemon=True).start()

    def check(self) -> None:
        """Fail where a worker did."""
        for name, process in self.processes.items():
            if process.poll() not in (None, 0):
                raise click.ClickException(f"the {name} ended with status {process.returncode}")

    def _show(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            console.print(f"  [cyan]{name:<16}[/] {escape(line.rstrip())}")


@contextmanager
def _workers() -> Iterator[Workers]:
    workers = Workers()
    try:
        yield workers
    finally:
        for process in workers.processes.values():
            process.terminate()
        for process in workers.processes.values():
            process.wait()


def _follow(connection: Connection, chain: LocalChain, workers: Workers) -> None:
    """Tell each phase as it begins, until the data node has seen its task to the end."""
    registry, proof = TaskRegistryClient(connection), ProofOfLearningClient(connection)
    deadline = time.monotonic() + DEADLINE_SECONDS
    seen = Phase.UNKNOWN
    turned = False
    while seen != Phase.SETTLED or workers.processes["data node"].poll() is None:
        workers.check()
        if time.monotonic() > deadline:
            raise click.ClickException(f"the task is not settled after {DEADLINE_SECONDS:.0f} s")
        phase = proof.phase_of(TASK)
        for passed in [p for p in STORIES if seen < p <= phase]:
            console.print(f"[bold green]{passed.name}[/] {STORIES[passed]}")
        seen = phase
        if phase == Phase.COMMIT and not turned and proof.commitment_count(TASK) == len(MINERS):
            console.print("  every miner has committed, so the demo turns the clock to the end of commits")
            chain.set_time(registry.task(TASK).commit_ends_at)
            turned = True
        time.sleep(0.2)


def _table(*columns: str, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(
            column, no_wrap=True, justify="right" if column in ("gas", "block", "rank") else "left"
        )
    return table


def _tell(connection: Connection, blobs: BlobStore) -> None:
    report = reading.report(connection, TASK)
    names: dict[str, str] = {dev_account(int(account[4:])).address: name for account, name in MINERS.items()}
    vault = VaultClient(connection)

    columns = ("rank", "miner", "model", "score", "reward", "vault balance")
    board = _table(*columns, title="Leaderboard and payouts")
    paid = {payment.miner: payment.amount for payment in report.payments}
    for rank, model in enumerate(report.leaderboard, 1):
        amounts = (paid.get(model.miner, 0), vault.balance_of(model.miner))
        shown = [f"{amount / 10**18:g}" for amount in amounts]
        board.add_row(str(rank), model.miner, names[model.miner], f"{model.score_wad / 10**18:.4f}", *shown)
    console.print(board)

    gas = _table("block", "sender", "contract", "function", "gas", title="Gas of every transaction")
    for row in transactions(connection):
        gas.add_row(str(row.block), row.sender, row.contract, row.function, f"{row.gas:,}")
    console.print(gas)

    console.print("[bold]The learning ledger[/]")
    click.echo(reading.to_json(reading.paper_ledger(connection, blobs)))
    valid = LearningLedgerClient(connection).first_invalid() is None
    click.echo(f"Is the learning ledger valid? {valid}")
    if not valid or len(report.leaderboard) != len(MINERS):
        raise click.ClickException("the demo did not end as it should")
