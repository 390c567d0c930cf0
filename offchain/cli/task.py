"""`pole task`: post a training task, carry it to its end, look at tasks."""

import sys
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from offchain.chain.registry import TaskRegistryClient
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient, VaultClient, shown_in_tokens
from offchain.cli.configuration import ConfiguredGroup
from offchain.cli.options import (
    Node,
    Signer,
    Tokens,
    chain_options,
    json_option,
    show_units,
    to_units,
    worker_options,
)
from offchain.cli.running import Stopped, told_when_stopped
from offchain.cli.tables import open_data, show_cost, show_data, show_loss, table_options
from offchain.index.queries import all_of
from offchain.learning.mapping import default_width
from offchain.learning.metrics import Metric
from offchain.learning.model import KIND_DENSE, KIND_TREES
from offchain.learning.preparing import Wishes
from offchain.workers import reading
from offchain.workers.data_node import DataNode, Terms, default_test_count
from offchain.workers.loop import carry, watch
from offchain.workers.plain import plain
from offchain.workers.posting_gas import posting_gas
from offchain.workers.scorers import SCORERS

NARROW: dict[str, Any] = {"show_edge": False, "pad_edge": False}  # for 80 columns
MODELS = {"dense": KIND_DENSE, "trees": KIND_TREES}
SECONDS = click.IntRange(5, 30 * 86_400)
"""What `ape run deploy` allows at all; the deployment is asked for its own bounds."""


@click.group(cls=ConfiguredGroup)
def task() -> None:
    """Post a training task, carry it to its end, look at tasks."""


@task.command()
@click.argument("data")
@table_options
@click.option("--reward", type=Tokens(), default="100", show_default=True, help="What the best model earns.")
@click.option("--bond", type=Tokens(), default="30", show_default=True, help="Lost if you do not disclose.")
@click.option(
    "--miner-bond",
    type=Tokens(),
    default="5",
    show_default=True,
    help="Lost by a miner that does not reveal.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(-9, 1),
    default=0.0,
    show_default=True,
    help="Below it nobody is paid.",
)
@click.option(
    "--test-rows",
    type=click.IntRange(1, 2**16 - 1),
    help="Hidden test rows.  [default: 30%, as far as they fit]",
)
@click.option(
    "--commit-seconds", type=SECONDS, default=3600, show_default=True, help="Time to train and commit."
)
@click.option(
    "--disclose-seconds", type=SECONDS, default=3600, show_default=True, help="Your time to disclose."
)
@click.option(
    "--reveal-seconds", type=SECONDS, default=3600, show_default=True, help="The miners' time to reveal."
)
@click.option(
    "--models",
    type=click.Choice(list(MODELS)),
    default="dense",
    show_default=True,
    help="What miners may send: linear models and MLPs, or decision trees and their ensembles.",
)
@click.option(
    "--metric",
    type=click.Choice([metric.name.lower() for metric in Metric]),
    help="What is scored.  [default: accuracy, or r2 where the target is a number]",
)
@click.option(
    "--mapping-width",
    type=click.Choice(["auto", *map(str, range(0, 257, 32))]),
    default="auto",
    show_default=True,
    help="Features of a row after its secure mapping; 0 turns it off, auto is twice the features, at least 64.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show what would be posted and what it would cost; send nothing."
)
@click.option("--yes", is_flag=True, help="Post a CSV file without asking, as a script has to.")
@click.option("--detach", is_flag=True, help="Post only, for a `pole task serve` to carry on.")
@worker_options
def post(
    node: Node,
    account: Signer,
    data: str,
    target: str | None,
    wishes: Wishes,
    reward: Decimal,
    bond: Decimal,
    miner_bond: Decimal,
    min_score: float,
    test_rows: int | None,
    commit_seconds: int,
    disclose_seconds: int,
    reveal_seconds: int,
    models: str,
    metric: str | None,
    mapping_width: str,
    dry_run: bool,
    yes: bool,
    detach: bool,
) -> None:
    """Post a training task over DATA and carry it to its end.

    DATA is iris, wine, breast_cancer, digits, diabetes, or the path of a CSV file; then name the column to predict
    with --target. What a file's columns are is inferred and shown with what it costs, and you are asked before anything
    is sent. The rows and their salts stay in the data directory: without them the test rows cannot be disclosed, and
    the bond is lost.
    """
    prepared, table = open_data(data, target, wishes)
    manifest = prepared.encoded.manifest
    scored = Metric[(metric or ("accuracy" if manifest.class_count else "r2")).upper()]
    count = test_rows or default_test_count(manifest.row_count, manifest.row_length)
    width = default_width(manifest.feature_count) if mapping_width == "auto" else int(mapping_width)
    is_shown = dry_run or table is not None
    if is_shown:
        show_data(prepared, table)
        show_loss(prepared, scored, MODELS[models], min_score)
        mapping = f"{width} wide" if width else "off"
        click.echo(f"{count:,} of {manifest.row_count:,} rows are hidden; the secure mapping is {mapping}.")
    sender, home = node.sign_as(account)
    connection = sender.connection
    terms = Terms(
        reward=to_units(connection, reward),
        data_node_bond=to_units(connection, bond),
        miner_bond=to_units(connection, miner_bond),
        min_score_wad=score_to_wad(min_score),
        commit_seconds=commit_seconds,
        disclose_seconds=disclose_seconds,
        reveal_seconds=reveal_seconds,
        mapping_width=width,
    )
    data_node = DataNode(sender, home)
    scorer = connection.deployment.scorers[SCORERS[MODELS[models]]].address
    if is_shown:
        _show_terms(sender, terms, manifest.row_count, manifest.row_length, count)
        data_node.check(prepared.encoded, scorer, scored, count, terms)
    if dry_run:
        return
    if table is not None and not yes:
        _ask()
    with (
        told_when_stopped("pole task serve carries on what was posted"),
        nullcontext() if detach else home.hold(),
    ):
        task_id = data_node.post(prepared.encoded, scorer, scored, count, terms)
        click.echo(
            f"Task {task_id}: {manifest.name}, {manifest.row_count} rows, {count} of them hidden,"
            f" {show_units(connection, terms.reward)} to win"
        )
        if not detach:
            carry(data_node.step, [task_id])


def score_to_wad(score: float) -> int:
    """A score as the decimal number that it prints as: what scores exactly that is to be paid.

    >>> score_to_wad(0.55), score_to_wad(-9)
    (550000000000000000, -9000000000000000000)
    """
    return int(Decimal(str(score)).scaleb(18))


def _show_terms(sender: Sender, terms: Terms, row_count: int, row_length: int, test_count: int) -> None:
    """What the task costs in gas and in tokens, beside what the account has."""
    connection = sender.connection
    vault, registry = VaultClient(connection), TaskRegistryClient(connection)
    inside = vault.balance_of(sender.address)
    outside = TokenClient(connection).balance_of(sender.address)
    needed = terms.reward + terms.data_node_bond
    spending = posting_gas(
        row_count,
        row_length,
        test_count,
        deposits=inside < needed,
        approves=not vault.is_operator(sender.address, registry.address),
    )
    show_cost(spending, connection.wei_per_gas())
    money = shown_in_tokens(connection)
    click.echo(
        f"{money(terms.reward)} go to the winner, or back to you where no model reaches the least score;"
        f" {money(terms.data_node_bond)} come back when you have disclosed. You have {money(inside)} in the vault and"
        f" {money(outside)} outside."
    )


def _ask() -> None:
    """Go on only if a person at a terminal says so."""
    if not sys.stdin.isatty():
        raise click.UsageError("nothing was sent: without a terminal to ask at, say --yes")
    try:
        click.confirm("Post this task?", abort=True)
    except Stopped:
        raise click.Abort from None


@task.command()
@click.option("--once", is_flag=True, help="End when the tasks there are have ended.")
@worker_options
def serve(node: Node, account: Signer, once: bool) -> None:
    """Carry your tasks to their end, and those that you post meanwhile."""
    with node.work_as(account) as (sender, home):
        data_node = DataNode(sender, home)
        tasks = data_node.tasks()
        awaited = f"tasks so far: {len(tasks)}" if tasks else "waiting for a task"
        node.tell_start("serving tasks", sender.address, account, awaited)
        if once:
            carry(data_node.step, tasks)
        else:
            watch(data_node.step, data_node.tasks)


@task.command("list")
@json_option
@chain_options
def list_(node: Node, as_json: bool) -> None:
    """List all tasks."""
    connection = node.connect()
    with node.index(connection) as index:
        found = list(all_of(index.tasks, lambda each: each.task.task_id))
        status = index.status()
    now = status.timestamp if status else 0
    rows: list[dict[str, Any]] = [
        {
            "task": each.task.task_id,
            "phase": each.phase(now).name,
            "reward": each.task.reward,
            "metric": Metric(each.task.metric).name,
            "rows": each.task.row_count,
            "features": each.task.feature_count,
            "classes": each.task.class_count,
            "commitments": each.commitments,
            "data_node": each.task.data_node,
        }
        for each in found
    ]
    if as_json:
        click.echo(reading.to_json([plain(row) for row in rows]))
        return
    money = shown_in_tokens(connection)
    table = Table("task", "phase", "reward", "metric", "data", "commits", box=SIMPLE, **NARROW)
    for row in rows:
        kind = f"{row['classes']} classes" if row["classes"] else "values"
        data = f"{row['rows']} rows, {kind}"
        reward = money(row["reward"])
        table.add_row(str(row["task"]), row["phase"], reward, row["metric"], data, str(row["commitments"]))
    Console().print(table)


@task.command()
@click.argument("task_id", type=int)
@json_option
@chain_options
def show(node: Node, task_id: int, as_json: bool) -> None:
    """Show one task: its terms, its phase, its leaderboard, who was paid."""
    connection = node.connect()
    with node.index(connection) as index:
        report = reading.report(index, task_id)
    if as_json:
        click.echo(reading.to_json(report.as_json()))
        return
    stored, money = report.task, shown_in_tokens(connection)
    left = f", {report.seconds_left} s left" if report.seconds_left is not None else ""
    click.echo(f"Task {task_id}: {report.phase.name}{left}")
    click.echo(f"  data node    {stored.data_node}")
    click.echo(f"  reward       {money(stored.reward)}")
    click.echo(
        f"  bonds        {money(stored.data_node_bond)} data node, {money(stored.miner_bond)} each miner"
    )
    click.echo(
        f"  data         {stored.row_count} rows, {stored.test_count} hidden, {stored.feature_count} features,"
        f" {stored.class_count} classes"
    )
    click.echo(f"  metric       {Metric(stored.metric).name}, at least {stored.min_score_wad / 10**18:g}")
    click.echo(f"  commitments  {report.commitments}")
    miner = Column("miner", min_width=42)
    table = Table("rank", miner, "score", "order", "paid", box=SIMPLE, **NARROW)
    for rank, model in enumerate(report.leaderboard, 1):
        score = f"{model.score_wad / 10**18:.4f}"
        paid = money(stored.reward) if model.miner == report.winner else ""
        table.add_row(str(rank), model.miner, score, str(model.order), paid)
    if report.leaderboard:
        Console().print(table)
