"""`pole simulate`: the paper's experiment."""

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from platformdirs import user_data_path

from offchain.economics.epochs import Market, PlainMarket, Scenario, Step, paper_scenario, run
from offchain.economics.experiments.epochs_report import Row, paper_lines, row_of, write_report

if TYPE_CHECKING:
    from offchain.chain.local import LocalChain
    from offchain.workers.simulation import ChainMarket


@click.command()
@click.option("--consumers", type=click.IntRange(1), default=3, show_default=True, help="How many consumers.")
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True, help="How many time steps.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Who comes, reproducibly.")
@click.option(
    "--replenish",
    type=click.FloatRange(0, 1000),
    default=2.0,
    show_default=True,
    help="Units added for each consumer before each later step.",
)
@click.option("--offchain", is_flag=True, help="The same economics without a chain, and without training.")
@click.option("--rpc", metavar="URL", help="An Anvil to run on.  [default: a chain in this process]")
@click.option(
    "--dataset",
    type=click.Choice(["iris", "wine", "breast_cancer", "digits"]),
    default="iris",
    show_default=True,
    help="What the bought units learn.",
)
@click.option(
    "--out",
    "folder",
    default=lambda: user_data_path("polestar") / "simulation",
    show_default="simulation in the data directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where table, document, chart and page go.",
)
def simulate(
    consumers: int,
    steps: int,
    seed: int,
    replenish: float,
    offchain: bool,
    rpc: str | None,
    dataset: str,
    folder: Path,
) -> None:
    """Run the paper's experiment: a provider sells a shrinking stock to consumers, step by step.

    On a chain every step is an epoch of the market: the price is proved, what is bought is trained, and the best model
    of the step becomes a learning block. The seed gives the same numbers with and without a chain.
    """
    scenario = paper_scenario(consumers, steps, seed, replenish)
    command = f"pole simulate --consumers {consumers} --steps {steps} --seed {seed}"
    command += f" --replenish {replenish:g}" * (replenish != 2.0)
    if offchain:
        plain = PlainMarket()
        _report(folder, scenario, _told(run(scenario, plain), plain), command + " --offchain")
        return
    with tempfile.TemporaryDirectory() as home:
        market = _chain_market(rpc, Path(home), consumers, dataset, seed)
        played = _announced(run(scenario, market), steps)
        _report(folder, scenario, _told(played, market), command)
        _tell_ledger(market, Path(home))


def _announced(played: Iterator[Step], steps: int) -> Iterator[Step]:
    """Say of each step that it is under way: on a chain it takes its time."""
    for number in range(1, steps + 1):
        click.echo(f"time step {number} of {steps}: proving the price, selling, training", err=True)
        yield next(played)


def _told(played: Iterable[Step], market: Market) -> list[Row]:
    """Print each step as it ends."""
    started = time.monotonic()
    rows = []
    for step in played:
        click.echo("\n".join(paper_lines(step)))
        for trained in getattr(market, "trained", []):
            click.echo(
                f"Consumer {trained.consumer + 1} trained {trained.estimator} for"
                f" {trained.iterations} iterations: {trained.score:.4f} on its own rows"
            )
        rows.append(row_of(step))
    click.echo(f"{len(rows)} time steps in {time.monotonic() - started:.1f} s")
    return rows


def _report(folder: Path, scenario: Scenario, rows: list[Row], command: str) -> None:
    write_report(folder, "simulation", scenario, rows, command)
    click.echo(f"wrote {folder}/simulation.csv, .json, .png and .md")


def _chain_market(rpc: str | None, home: Path, consumers: int, dataset: str, seed: int) -> "ChainMarket":
    # Only this needs the compiler and a chain, and they take their time to import.
    from offchain.chain.compiler import compile_contracts
    from offchain.workers.simulation import open_market

    chain = _chain(rpc, consumers)
    click.echo("compiling the contracts: for the first time that takes a minute", err=True)
    artifacts = compile_contracts()
    click.echo("deploying them", err=True)
    return open_market(chain, artifacts, home, consumers, dataset, seed)


def _chain(rpc: str | None, consumers: int) -> "LocalChain":
    from offchain.chain.connection import open_endpoint
    from offchain.chain.local import eth_tester_chain, running_anvil

    if rpc is None:
        return eth_tester_chain(consumers + 2)
    return running_anvil(open_endpoint(rpc)[0])


def _tell_ledger(market: "ChainMarket", home: Path) -> None:
    from offchain.chain.ledger import LearningLedgerClient
    from offchain.index.follow import up_to_date
    from offchain.index.store import index_path
    from offchain.storage import BlobStore
    from offchain.workers import reading

    connection = market.connection
    click.echo("The learning ledger")
    with up_to_date(index_path(home, connection.deployment), connection) as index:
        ledger = reading.paper_ledger(index, connection.deployment, BlobStore(home / "blobs"))
        blocks = reading.ledger_blocks(index)
    click.echo(reading.to_json(ledger))
    bad = LearningLedgerClient(connection).first_invalid(blocks)
    click.echo(f"Is the learning ledger valid? {bad is None}")
    if bad is not None:
        raise click.ClickException(f"block {bad} is not the one on chain")
