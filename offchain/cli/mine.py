"""`pole mine`: compete for open tasks."""

import logging
from typing import Any

import click

from offchain.cli.options import Node, Signer, worker_options
from offchain.cli.training import Trainers, training_options
from offchain.learning import estimators
from offchain.workers.loop import carry, watch
from offchain.workers.miner import Miner

log = logging.getLogger(__name__)


class Estimator(click.ParamType):
    """The name of an estimator; a factory of the user's own is executed, and so looked at only when it is used."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """Let through what may be one; raises UnknownEstimator, EstimatorError."""
        return str(value) if ":" in str(value) else estimators.named(str(value))


@click.command()
@click.option("--task", "task_id", type=int, help="Compete for this task only, and end with it.")
@click.option(
    "--estimator",
    type=Estimator(),
    default="logistic",
    show_default=True,
    help="What to train: logistic, mlp, svm, sgd, ridge, tree, forest, extra_trees or boosting; or your own, by"
    " FILE.py:FUNCTION or MODULE:FUNCTION, which is executed.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Fixes the training.")
@training_options
@worker_options
def mine(
    node: Node, account: Signer, trainers: Trainers, task_id: int | None, estimator: str, seed: int
) -> None:
    """Train for open tasks, commit, reveal, and take the reward.

    Each choice of the estimator's hyperparameters is tried in a process of its own, or on the machines behind --dask,
    and the one that scores best on rows that it was not trained on is committed to.

    The model and its salt are on disk before they are committed to, so a miner that was stopped goes on where it
    was when it is started again with the same account and data directory.
    """
    trained = estimators.named(estimator)
    with node.work_as(account) as (sender, home), trainers.open() as executor:
        miner = Miner(sender, home, trained, seed, executor)
        awaited = "waiting for a task" if task_id is None else f"task {task_id}"
        node.tell_start("mining", sender.address, account, awaited)
        if trained != estimator:
            log.info("the estimator %s is known as %s, by its file's content", estimator, trained)
        if task_id is not None:
            miner.follow(task_id)
            carry(miner.step, [task_id])
        else:
            watch(miner.step, miner.tasks)
