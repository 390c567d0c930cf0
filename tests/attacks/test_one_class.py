"""Attack: a data set whose test rows all have one class.

No model can be told from a constant one, so that the first address to commit to a constant model is paid.

Source: no named attack. A constant model is as good as its class is frequent: what statistics call the no-information
rate is 1 here.
Defence: none in the contract, which cannot see training rows. A worker trains on no data set of a single class, and a
random split of rows with several classes has a single one in its test rows only by chance: for a class with a share
p of the rows and n test rows, about p ** n.
Limit: a data node that pays for such a task pays for nothing; ties go to the earliest commitment.
"""

from pathlib import Path

import pytest

from offchain.learning.metrics import Metric
from offchain.learning.rows import SaltedRows, TrainingRowsInvalid
from offchain.workers.home import Home
from offchain.workers.miner import Miner
from tests.stories import ALWAYS_0, RIGHT, SALT, commit
from tests.training import EXECUTOR
from tests.unit.test_miner import published
from tests.world import FUNDS, UNIT, World

ONE_CLASS = SaltedRows(tuple(bytes([200 - i, 10 + i, 0]) for i in range(12)), b"\x07" * 32)


@pytest.mark.parametrize("metric", [Metric.ACCURACY, Metric.BALANCED_ACCURACY, Metric.MACRO_F1])
def test_a_constant_model_that_came_first_is_paid(world: World, metric: Metric) -> None:
    task = world.drawn(world.spec(ONE_CLASS, metric=metric))
    first, second = world.miners[:2]
    commit(first, task, ALWAYS_0)
    commit(second, task, RIGHT)  # as good on these rows
    world.disclose(task, ONE_CLASS)

    second.proof.reveal(task.task_id, SALT, RIGHT)
    first.proof.reveal(task.task_id, SALT, ALWAYS_0)
    second.proof.settle(task.task_id)

    assert {model.score_wad for model in first.proof.revealed_models(task.task_id)} == {10**18}
    assert [person.balance() for person in (first, second)] == [FUNDS + 100 * UNIT, FUNDS]


@pytest.mark.parametrize("estimator", ["ridge", "mlp"])  # which scikit-learn does train on a single class
def test_a_miner_trains_on_no_single_class(world: World, tmp_path: Path, estimator: str) -> None:
    home = Home.of(tmp_path, world.connection, world.miners[0].address)
    task = published(world, home, ONE_CLASS)
    miner = Miner(world.miners[0].sender, home, estimator, 0, EXECUTOR)

    with pytest.raises(TrainingRowsInvalid, match="of one class"):
        miner.step(task.task_id)

    assert home.load_model(task) is None
    assert world.miners[0].balance() == FUNDS
