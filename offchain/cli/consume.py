"""`pole consume`: compete for open tasks with compute that others sell."""

import click

from offchain.cli.options import Node, Signer, worker_options
from offchain.cli.training import Trainers, training_options
from offchain.compute.recipes import RECIPES
from offchain.workers.consumer import Consumer
from offchain.workers.loop import carry, watch


@click.command()
@click.option("--task", "task_id", type=int, help="Compete for this task only, and end with it.")
@click.option(
    "--estimator",
    type=click.Choice(list(RECIPES)),
    default="logistic",
    show_default=True,
    help="What to have trained.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Fixes the training.")
@training_options
@worker_options
def consume(
    node: Node, account: Signer, trainers: Trainers, task_id: int | None, estimator: str, seed: int
) -> None:
    """Buy training where it is worth its price, check it, and mine with it.

    A short pilot on the task's rows tells what an iteration is worth; that is declared, and the best response to the
    provider's price is bought. A model is accepted if it scores on rows kept back what the pilot leads to expect.
    """
    with node.work_as(account) as (sender, home), trainers.open() as executor:
        consumer = Consumer(sender, home, estimator, seed, executor)
        awaited = "waiting for a task" if task_id is None else f"task {task_id}"
        node.tell_start("consuming", sender.address, account, awaited)
        if task_id is not None:
            consumer.miner.follow(task_id)
            carry(consumer.step, [task_id])
        else:
            watch(consumer.step, consumer.tasks)
