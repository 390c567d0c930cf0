"""The whole protocol on a chain of its own, with every worker a process: `ape run demo`."""

import tempfile
from pathlib import Path

import ape
import click
from ape.logging import LogLevel, logger

from offchain.chain.accounts import dev_account
from offchain.chain.connection import Connection
from offchain.chain.gas import transactions
from offchain.chain.ledger import LearningLedgerClient
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.market import ComputeMarketClient
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient
from offchain.storage import BlobStore
from offchain.workers import reading
from scripts._deploying import at_node, deploy_with
from scripts._market_act import CONSUMERS, EPOCH, PROVIDER, play_market
from scripts._stage import Stage, address_of, company, console, table_of, tie_of

FUNDS = 1_000 * 10**18
DATA_NODE = "dev:0"
MINERS = {"dev:1": "logistic", "dev:2": "mlp", "dev:3": "svm"}
TASK = 1  # the chain is new


@click.command()
@click.option(
    "--dataset",
    type=click.Choice(["iris", "wine", "breast_cancer", "digits"]),
    default="iris",
    show_default=True,
    help="What is learned.",
)
def cli(dataset: str) -> None:
    """Run the main job end to end, and then once more with compute that is bought.

    Starts an Anvil of its own and a process for every worker, which talk to the chain over JSON-RPC only; ends all of
    them. First a data node and three miners: post, draw, train, commit, disclose, reveal, settle. Then a task for
    which a provider sells the training to three consumers.
    """
    with tempfile.TemporaryDirectory() as folder, anvil_chain(block_seconds=1) as chain:
        stage = Stage(chain, _deploy(chain, Path(folder)), Path(folder))
        _fund(stage.connection)
        _play_main_job(stage, dataset)
        play_market(stage, DATA_NODE, dataset, TASK + 1)
        _tell(stage)


def _play_main_job(stage: Stage, dataset: str) -> None:
    with company() as workers:
        for account, estimator in MINERS.items():
            command = ["mine", "--estimator", estimator, *stage.at(account)]
            workers.start(f"miner {estimator}", command)
        terms = ["--reward", "100", "--min-score", "0.5"]
        terms += ["--commit-seconds", "600", "--reveal-seconds", "600"]
        workers.start("data node", ["task", "post", dataset, *terms, *stage.at(DATA_NODE)])
        stage.follow(TASK, workers, [stage.commits_end(TASK, len(MINERS))])
    _tell_leaderboard(stage)


def _deploy(chain: LocalChain, home: Path) -> Connection:
    console.print("[bold]Deploying[/] with ape on a new Anvil chain")
    url = chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    logger.set_level(LogLevel.WARNING)
    with at_node(url):
        deployment = deploy_with(ape.accounts.test_accounts[0], token=None)
    deployment.save(home)
    for name in ("vault", "registry", "proof", "ledger", "market"):
        console.print(f"  {name:<9} {getattr(deployment, name).address}")
    return Connection.over(chain.w3, deployment)


def _fund(connection: Connection) -> None:
    bank = TokenClient(connection, Sender(connection, dev_account(9)))
    for account in (DATA_NODE, *MINERS, PROVIDER, *CONSUMERS):
        bank.mint(address_of(account), FUNDS)


def _tell_leaderboard(stage: Stage) -> None:
    with stage.index() as index:
        report = reading.report(index, TASK)
    names = {address_of(account): name for account, name in MINERS.items()}
    vault = VaultClient(stage.connection)
    columns = ("rank", "miner", "model", "score", "reward", "vault balance")
    board = table_of(*columns, title="Leaderboard")
    for rank, model in enumerate(report.leaderboard, 1):
        reward = report.task.reward if model.miner == report.winner else 0
        amounts = (reward, vault.balance_of(model.miner))
        shown = [f"{amount / 10**18:g}" for amount in amounts]
        board.add_row(str(rank), model.miner, names[model.miner], f"{model.score_wad / 10**18:.4f}", *shown)
    console.print(board)
    if tie := tie_of(report):
        console.print(f" {tie.strip(' ()')}")
    if len(report.leaderboard) != len(MINERS):
        raise click.ClickException("not every miner has revealed")


def _tell(stage: Stage) -> None:
    connection = stage.connection
    gas = table_of("block", "sender", "contract", "function", "gas", title="Gas of every transaction")
    for row in transactions(connection):
        gas.add_row(str(row.block), row.sender, row.contract, row.function, f"{row.gas:,}")
    console.print(gas)

    console.print("[bold]The learning ledger[/]")
    with stage.index() as index:
        ledger = reading.paper_ledger(index, connection.deployment, BlobStore(stage.home / "blobs"))
        blocks = reading.ledger_blocks(index)
    click.echo(reading.to_json(ledger))
    valid = LearningLedgerClient(connection).first_invalid(blocks) is None
    click.echo(f"Is the learning ledger valid? {valid}")
    if not valid:
        raise click.ClickException("the demo did not end as it should")
    _sum_up(stage, len(blocks))


def _sum_up(stage: Stage, block_count: int) -> None:
    """Say in a few lines what has happened, and where to go on."""
    names = {address_of(account): name for account, name in {**MINERS, **CONSUMERS}.items()}
    epoch = ComputeMarketClient(stage.connection).epoch(EPOCH)
    console.print("\n[bold]In short[/]")
    with stage.index() as index:
        for task_id, who in ((TASK, "miners"), (TASK + 1, "consumers with bought training")):
            report = reading.report(index, task_id)
            assert report.winner is not None  # both acts have ended as they should
            best = report.leaderboard[0].score_wad / 10**18
            console.print(
                f"  Task {task_id}, for {who}: {names[report.winner]} won {report.task.reward / 10**18:g} tokens"
                f" with a score of {best:.4f}{tie_of(report)}"
            )
    console.print(
        f"  Compute: {epoch.sold_units / 10**18:g} of {epoch.capacity / 10**18:g} units sold, at"
        f" {epoch.price / 10**18:.6f} tokens each, the price that was proved"
    )
    console.print(f"  Learning ledger: {block_count} blocks, a genesis and one for each task, all valid")
    console.print(
        "  Next: README.md, Use it, has the same by hand; docs/README.md has all pages, `pole -h` all commands"
    )
