"""The second act of the demo: a task whose competitors buy their training from a provider."""

import click

from offchain.chain.market import ComputeMarketClient, cost_of
from offchain.chain.phase import EpochPhase, PurchaseStatus
from offchain.workers import reading
from scripts._stage import Stage, Turn, address_of, company, console, table_of, tie_of

PROVIDER = "dev:4"
CONSUMERS = {"dev:5": "logistic", "dev:6": "mlp", "dev:7": "sgd"}
EPOCH = 1  # the chain is new


def play_market(stage: Stage, data_node: str, dataset: str, task_id: int) -> None:
    """Post a task, sell the training for it, and tell what every consumer has gained."""
    console.print("[bold]The compute market[/]: a provider sells iterations, and three consumers buy")
    market = ComputeMarketClient(stage.connection)
    with company() as workers:
        terms = ["--reward", "100", "--min-score", "0.5", "--commit-seconds", "6000"]
        workers.start("data node", ["task", "post", dataset, *terms, *stage.at(data_node)])
        windows = ["--declare-seconds", "600", "--leftover-seconds", "60", "--deliver-seconds", "600"]
        offer = ["--capacity", "60", "--epochs", "1", *windows]
        workers.start("provider", ["provide", *offer, *stage.at(PROVIDER)])
        for account, estimator in CONSUMERS.items():
            command = ["consume", "--estimator", estimator]
            workers.start(f"consumer {estimator}", [*command, *stage.at(account)])
        declared = Turn(
            "everyone has declared, so the demo turns the clock to the time of the price",
            lambda: (
                market.epoch_count() >= EPOCH
                and market.phase_of(EPOCH) == EpochPhase.DECLARE
                and market.epoch(EPOCH).consumer_count == len(CONSUMERS)
            ),
            lambda: market.epoch(EPOCH).declare_ends_at,
        )
        stage.follow(task_id, workers, [declared, stage.commits_end(task_id, len(CONSUMERS))])
    _tell(stage, market, task_id)


def _tell(stage: Stage, market: ComputeMarketClient, task_id: int) -> None:
    epoch = market.epoch(EPOCH)
    console.print(
        f"The price is {epoch.price / 10**18:.6f}: the contract has proved that none earns 1% more."
        f" {epoch.sold_units / 10**18:g} of {epoch.capacity / 10**18:g} units are sold."
    )
    costs: dict[str, int] = {}
    for purchase in market.purchases(EPOCH):
        if purchase.status == PurchaseStatus.PAID:
            costs[purchase.consumer] = cost_of(epoch.price, purchase.units)
    units = {purchase.consumer: purchase.units for purchase in market.purchases(EPOCH)}
    with stage.index() as index:
        report = reading.report(index, task_id)
    scores = {model.miner: model.score_wad for model in report.leaderboard}
    columns = ("consumer", "model", "units", "score", "reward", "compute cost", "profit")
    board = table_of(*columns, title="Every consumer's profit: reward less compute cost")
    for account, estimator in CONSUMERS.items():
        who = address_of(account)
        reward, cost = report.task.reward if who == report.winner else 0, costs.get(who, 0)
        money = [f"{amount / 10**18:.4f}" for amount in (reward, cost, reward - cost)]
        score = f"{scores.get(who, 0) / 10**18:.4f}"
        board.add_row(who, estimator, f"{units.get(who, 0) / 10**18:g}", score, *money)
    console.print(board)
    if tie := tie_of(report):
        console.print(f" {tie.strip(' ()')}")
    if len(scores) != len(CONSUMERS) or report.winner is None or len(costs) != len(CONSUMERS):
        raise click.ClickException("the market's epoch did not end as it should")
