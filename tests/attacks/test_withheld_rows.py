"""Attack: a data node that leaves out what it owes: the draw, the training rows, or the disclosure.

It would lock the miners' bonds, or get their commitments and pay for nothing.

Source: data withholding; on chains, the data availability problem (Al-Bassam, Sonnino and Buterin, "Fraud and Data
Availability Proofs", 2018).
Defence: anyone draws, and miners do, eight blocks later. Who publishes no training rows gets no commitments, because a
miner trains on what it has checked. A commitment's bond is safe: without disclosure the task is aborted, every bond
goes back, and the data node's own is shared among those who committed.
Limit: a data node that leaves out the training rows loses only gas, and its money is locked for the windows.
"""

from pathlib import Path

from offchain.chain.phase import Phase
from offchain.workers import data_node, miner
from tests.cast import Cast
from tests.stories import RIGHT, commit, held
from tests.world import FUNDS, UNIT, World, toy_rows


def test_a_stranger_draws_for_a_data_node_that_does_not(world: World) -> None:
    task_id = world.data_node.registry.post(world.spec(toy_rows()))
    world.chain.mine(3)

    world.miners[3].registry.draw(task_id)

    assert world.miners[3].proof.phase_of(task_id) == Phase.COMMIT


def test_a_miner_draws_for_a_data_node_that_has_not_for_eight_blocks(world: World, tmp_path: Path) -> None:
    """What draws is a block's number: until it and eight more have passed the draw is left to who posted."""
    cast = Cast(world, tmp_path)
    task_id = cast.post("iris")
    draw_block = world.data_node.registry.task(task_id).draw_block
    world.chain.mine(draw_block + 8 - world.connection.head().number)
    assert cast.miners[0].step(task_id) == miner.Move.WAIT
    world.chain.mine(1)

    assert cast.miners[0].step(task_id) == miner.Move.DRAW

    assert world.data_node.proof.phase_of(task_id) == Phase.COMMIT


def test_a_miner_does_not_commit_before_it_has_rows(world: World, tmp_path: Path) -> None:
    cast = Cast(world, tmp_path)
    task_id = cast.post("iris")
    cast.until(cast.data_node, task_id, data_node.Move.DRAW)

    for _ in range(5):
        assert cast.miners[0].step(task_id) == miner.Move.TRAIN
        world.chain.mine(1)

    world.close_commits(world.data_node.registry.task(task_id))
    world.miners[0].proof.abort(task_id)
    assert world.miners[0].balance() == FUNDS
    assert world.data_node.balance() == FUNDS


def test_a_data_node_that_does_not_disclose_pays_those_who_committed(world: World) -> None:
    task = world.drawn(world.spec(toy_rows()))
    first, second = world.miners[:2]
    commit(first, task, RIGHT)
    commit(second, task, RIGHT)
    world.chain.set_time(task.commit_ends_at + task.disclose_seconds)

    second.proof.abort(task.task_id)
    for person in (first, second):
        person.proof.claim(task.task_id)

    assert [person.balance() - FUNDS for person in world.people[:3]] == [-30 * UNIT, 15 * UNIT, 15 * UNIT]
    assert held(world) == 0
