"""Attack: a data set whose labels are random, or a least score that nobody reaches.

The data node would see miners work, and their models, without paying.

Source: griefing by a task that cannot be done. That what fits random labels does not generalise: Zhang et al.,
"Understanding deep learning requires rethinking generalization" (2017).
Defence: below the least score nobody is paid, and every bond goes back; a miner sees the least score before it
trains, and its own validation score before it commits.
Limit, measured: on 150 rows of random labels no estimator is better than chance by more than four deviations, so
the reward is a lottery among equals. Training costs what it costs, and nothing on chain pays it back. A least score
of 1 gets models revealed for nothing; miners who mind do not commit.
"""

import numpy as np
import pytest

from offchain.learning import datasets
from offchain.learning.scoring import predict_bytes
from offchain.learning.training import train_candidate
from tests.stories import SALT, WRONG, disclosed, held
from tests.world import FUNDS, World


@pytest.mark.parametrize("estimator", ["logistic", "mlp", "forest"])
def test_nothing_learns_random_labels(estimator: str) -> None:
    data = datasets.encode(datasets.load("iris"))
    labels = np.random.default_rng(1).permutation(data.targets)
    fitting, unseen = np.split(np.random.default_rng(2).permutation(150), [105])

    found = train_candidate(data.features[fitting], labels[fitting], data.manifest, estimator, 0)

    right = float(np.mean(predict_bytes(found.model, data.features[unseen]) == labels[unseen]))
    deviation = (1 / 3 * 2 / 3 / len(unseen)) ** 0.5
    assert abs(right - 1 / 3) < 4 * deviation


def test_a_model_below_the_least_score_costs_its_miner_no_bond(world: World) -> None:
    task, _ = disclosed(world, [WRONG], min_score_wad=10**18)
    world.miners[0].proof.reveal(task.task_id, SALT, WRONG)

    world.miners[0].proof.settle(task.task_id)

    assert world.miners[0].balance() == FUNDS
    assert world.data_node.balance() == FUNDS
    assert held(world) == 0
