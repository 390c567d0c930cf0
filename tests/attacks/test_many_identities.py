"""Attack: one miner under many addresses (the Sybil attack; Douceur, 2002).

Under a curve that pays the second best as well, the best miner commits to its model twice and takes both ranks.

Defence: the best model takes the whole reward, and among equal models the earliest commitment. So copies of a model
under k addresses earn what one earns.
Limit, measured: k different models are k chances on the test rows: against one equal rival they win in k of k + 1
tasks. Each costs a training, its bond for the time of the task, and the gas of a commitment and a reveal.
"""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.tree import DecisionTreeClassifier

from tests.stories import RIGHT, SALT, WRONG, commit, toy_model
from tests.world import FUNDS, UNIT, Person, World, toy_rows


@pytest.mark.parametrize("copies", [1, 2, 3])
@pytest.mark.parametrize("rival", [RIGHT, WRONG], ids=["an equal rival", "a weaker rival"])
def test_copies_of_a_model_earn_what_one_earns(world: World, copies: int, rival: bytes) -> None:
    rows = toy_rows()
    task = world.drawn(world.spec(rows))
    identities, other = world.miners[:copies], world.miners[3]
    for index, identity in enumerate(identities):
        commit(identity, task, toy_model([[1, 0], [0, 1]], [0, 0], note=str(index)))
    commit(other, task, rival)
    world.disclose(task, rows)

    for index, identity in enumerate(identities):
        identity.proof.reveal(task.task_id, SALT, toy_model([[1, 0], [0, 1]], [0, 0], note=str(index)))
    other.proof.reveal(task.task_id, SALT, rival)
    other.proof.settle(task.task_id)

    assert _gain(identities) == 100 * UNIT
    assert _gain([other]) == 0


def test_what_many_models_win_against_one_equal_rival() -> None:
    """The limit, measured: decision trees on breast_cancer, each of other rows, over 200 splits."""
    shares = {k: _share_of_wins(k) for k in (1, 2, 4, 9)}

    assert shares == {k: pytest.approx(k / (k + 1), abs=0.1) for k in shares}


def _share_of_wins(k: int) -> float:
    """How often the best of k trees wins against one, the earliest among equals; everybody's order is drawn."""
    features, targets = load_breast_cancer(return_X_y=True)
    wins, splits = 0, 200
    for split in range(splits):
        draw = np.random.default_rng(split)
        fitting, unseen = np.split(draw.permutation(len(targets)), [400])
        right = []
        for _ in range(k + 1):
            rows = draw.choice(fitting, len(fitting))
            tree = DecisionTreeClassifier(random_state=0).fit(features[rows], targets[rows])
            right.append(np.sum(tree.predict(features[unseen]) == targets[unseen]))
        order = draw.permutation(k + 1)
        wins += max(range(k + 1), key=lambda model: (right[model], -order[model])) < k
    return wins / splits


def _gain(people: list[Person]) -> int:
    return sum(person.balance() - FUNDS for person in people)
