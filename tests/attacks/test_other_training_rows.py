"""Attack: publish other training rows than those that were committed.

Miners who train on rotten rows would reveal worthless models, and the data node's friend wins with the true ones.

Source: the class's usual names are equivocation and data poisoning; to take such rows would be CWE-345 (insufficient
verification of data authenticity).
Defence: a miner hashes what was published, with the leaves of the test rows, to the root that is on chain, before it
spends a cycle; nothing else than the committed rows has that root.
"""

from pathlib import Path

import pytest

from offchain.learning.rows import TrainingRowsInvalid
from offchain.workers import data_node, miner
from tests.cast import Cast
from tests.world import FUNDS, World


@pytest.mark.parametrize("place", [-40, 40, 5])  # in a salt, in a row, in the magic's neighbour
def test_a_miner_refuses_rows_of_another_root(world: World, tmp_path: Path, place: int) -> None:
    cast = Cast(world, tmp_path)
    task_id = cast.post("iris")
    cast.until(cast.data_node, task_id, data_node.Move.DRAW)
    task = world.data_node.registry.task(task_id)
    rows = cast.home(world.data_node).load_rows(task.data_root)
    assert rows is not None
    blob = bytearray(rows.training_blob(world.data_node.registry.test_rows_of(task_id)))
    blob[place] ^= 1

    name = cast.home(world.data_node).blobs.put(bytes(blob)).digest
    world.data_node.registry.publish(task_id, name)

    with pytest.raises(TrainingRowsInvalid, match="another root"):
        cast.miners[0].step(task_id)
    assert cast.home(world.miners[0]).load_model(task) is None
    assert world.miners[0].balance() == FUNDS


def test_the_true_rows_are_taken_after_false_ones(world: World, tmp_path: Path) -> None:
    cast = Cast(world, tmp_path)
    task_id = cast.post("iris")
    cast.until(cast.data_node, task_id, data_node.Move.DRAW)
    blobs = cast.home(world.data_node).blobs
    world.data_node.registry.publish(task_id, blobs.put(b"false").digest)
    rows = cast.home(world.data_node).load_rows(world.data_node.registry.task(task_id).data_root)
    assert rows is not None
    truth = rows.training_blob(world.data_node.registry.test_rows_of(task_id))
    world.data_node.registry.publish(task_id, blobs.put(truth).digest)

    cast.until(cast.miners[0], task_id, miner.Move.COMMIT)

    assert world.data_node.proof.commitment_count(task_id) == 1
