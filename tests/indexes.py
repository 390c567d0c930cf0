"""Chains with a story that touches every table of an index, and what an index has kept of them."""

import sqlite3
from pathlib import Path
from typing import Any

from offchain.chain.connection import Connection
from offchain.index.follow import Follower, Progress
from offchain.index.store import Store, index_path
from tests.market_world import JOB, RESULT, consumers_of, declare, declared, opened, pass_phase, provider_of
from tests.stories import RIGHT, SALT, WRONG, commit, disclosed
from tests.world import UNIT, World, toy_rows


def catch_up(connection: Connection, home: Path) -> list[Progress]:
    """Bring the index in a data directory up to the chain."""
    with Store.writing(index_path(home, connection.deployment), connection.deployment) as store:
        return list(Follower(connection, store).catch_up())


def kept(connection: Connection, home: Path) -> dict[str, list[Any]]:
    """All rows of an index by their tables, but for the blocks: which ends of ranges are in it depends on its past."""
    database = sqlite3.connect(index_path(home, connection.deployment))
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names if name != "blocks"}
    database.close()
    return {name: sorted(found) for name, found in rows.items()}


def kept_anew(connection: Connection, home: Path) -> dict[str, list[Any]]:
    """What an index keeps that reads the whole chain at once."""
    catch_up(connection, home / "anew")
    return kept(connection, home / "anew")


def play(world: World) -> None:
    """Tasks and epochs in every state, and money on every way."""
    settle_with_a_slash(world)
    abort_with_a_claim(world)
    open_task(world)
    pay_and_refund(world)
    open_epoch(world)
    world.miners[0].vault.withdraw(UNIT, world.miners[1].address)


def settle_with_a_slash(world: World) -> None:
    """A task that three miners commit to, two reveal for and one wins."""
    task, _ = disclosed(world, [WRONG, RIGHT, RIGHT])
    world.miners[0].proof.reveal(task.task_id, SALT, WRONG)
    world.miners[1].proof.reveal(task.task_id, SALT, RIGHT)
    world.chain.set_time(task.reveal_ends_at)
    world.miners[3].proof.settle(task.task_id)


def abort_with_a_claim(world: World) -> None:
    """A task that is not disclosed: one of its two miners has claimed its part."""
    task = world.drawn(world.spec(toy_rows()))
    for miner in world.miners[:2]:
        commit(miner, task, RIGHT)
    world.chain.set_time(task.commit_ends_at + task.disclose_seconds)
    world.miners[2].proof.abort(task.task_id)
    world.miners[0].proof.claim(task.task_id)


def open_task(world: World) -> int:
    """A task with a mapping that takes commitments, has one, and has its training rows published."""
    task = world.drawn(world.spec(toy_rows(), mapping_width=32, commit_seconds=100_000))
    world.data_node.registry.publish(task.task_id, b"\x03" * 32)
    commit(world.miners[0], task, RIGHT)
    return task.task_id


def pay_and_refund(world: World) -> int:
    """An epoch with a purchase that is paid, one that is refunded, one of what was left, and a lock given back."""
    provider, (first, second, third, fourth) = provider_of(world), consumers_of(world)
    epoch_id = declared(world, 3)
    provider.market.post_price(epoch_id, 2 * UNIT)
    first.market.buy(epoch_id, 0, UNIT, JOB)
    second.market.buy(epoch_id, 1, UNIT // 2, JOB)
    third.market.return_lock(epoch_id, 2)
    pass_phase(world, epoch_id)
    fourth.market.buy_leftover(epoch_id, UNIT, JOB)
    provider.market.deliver(epoch_id, 1, RESULT)
    provider.market.deliver(epoch_id, 3, RESULT)
    first.market.accept(epoch_id, 1)
    pass_phase(world, epoch_id)
    pass_phase(world, epoch_id)
    provider.market.settle(epoch_id, 2)
    provider.market.release_bond(epoch_id)
    return epoch_id


def open_epoch(world: World) -> int:
    """An epoch that takes declarations and has two."""
    epoch_id = opened(world, declare_seconds=100_000)
    declare(consumers_of(world)[0], epoch_id)
    declare(consumers_of(world)[1], epoch_id, value=5)
    return epoch_id
