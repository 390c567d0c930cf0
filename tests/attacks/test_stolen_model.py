"""Attack: take another miner's model, from its disk or from an earlier task, and commit to its bytes as one's own.

The commitment cannot tell: the thief knows the bytes in time.

Source: the class's usual name is the theft of models, against which the paper has its Secure Mapping Layer.
Defence: the secure mapping. Each miner's rows are mixed by signs and offsets that derive from its address, so that
the owner's weights fit the owner's rows alone.
Limit: who also has the training rows gets nearly all of the score back by one linear fit
(`docs/results/mapping.md`), which is work, but less than training.
"""

from pathlib import Path

from offchain.workers import data_node, miner
from tests.cast import Cast
from tests.stories import SALT, commit
from tests.world import World


def test_a_stolen_model_is_worth_what_guessing_is(world: World, tmp_path: Path) -> None:
    cast = Cast(world, tmp_path)
    owner, thief = world.miners[:2]
    task_id = cast.post("digits", mapping_width=64)
    cast.to_commits(task_id)
    task = world.data_node.registry.task(task_id)
    cast.until(cast.miners[0], task_id, miner.Move.COMMIT)
    secret = cast.home(owner).load_model(task)
    assert secret is not None

    commit(thief, task, secret.model)
    world.close_commits(task)
    cast.until(cast.data_node, task_id, data_node.Move.DISCLOSE)
    owner.proof.reveal(task_id, secret.salt, secret.model)
    thief.proof.reveal(task_id, SALT, secret.model)

    scores = {model.miner: model.score_wad / 10**18 for model in owner.proof.revealed_models(task_id)}
    assert scores[owner.address] > 0.85
    assert scores[thief.address] < 0.5  # ten classes, about a tenth of the rows each
