"""Pieces of stories that several tests tell."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from eth_utils.crypto import keccak

from offchain.chain.connection import Connection
from offchain.chain.registry import Task
from offchain.index.follow import up_to_date
from offchain.index.store import index_path
from offchain.learning.model import DenseLayer, DenseModel, encode
from offchain.learning.rows import SaltedRows
from offchain.storage import BlobStore
from offchain.workers import reading
from tests.world import Person, World, toy_rows

SALT = b"\x05" * 32


def toy_model(weights: list[list[int]], biases: list[int], note: str = "") -> bytes:
    """A linear model of the toy rows; `weights` of each feature by class. `note` makes another model of it."""
    layer = DenseLayer(np.array(weights, np.int8), np.array(biases, np.int32), 0)
    return encode(DenseModel(hashlib.sha256(note.encode()).digest(), (layer,)))


# The class of a toy row is 1 where its second feature is greater.
RIGHT = toy_model([[1, 0], [0, 1]], [0, 0])
WRONG = toy_model([[0, 1], [1, 0]], [0, 0])
ALWAYS_0 = toy_model([[0, 0], [0, 0]], [1, 0])


def commit(miner: Person, task: Task, model: bytes, salt: bytes = SALT) -> None:
    """Commit a person to a model."""
    miner.proof.commit(task.task_id, hash_of(model), salt)


def hash_of(model: bytes) -> bytes:
    """What a commitment is to."""
    return keccak(model)


def disclosed(world: World, models: list[bytes], **changes: object) -> tuple[Task, SaltedRows]:
    """A task with one commitment for each of `models`, by the miners in turn, and its test rows disclosed."""
    rows = toy_rows()
    task = world.drawn(world.spec(rows, **changes))
    for miner, model in zip(world.miners, models, strict=False):
        commit(miner, task, model)
    return world.disclose(task, rows), rows


def settle_one(world: World) -> Task:
    """A task that one miner wins."""
    task, _ = disclosed(world, [RIGHT])
    world.miners[0].proof.reveal(task.task_id, SALT, RIGHT)
    world.miners[1].proof.settle(task.task_id)
    return task


def held(world: World) -> int:
    """What the vault keeps for the proof of learning."""
    return world.data_node.vault.balance_of(world.data_node.proof.address)


def printed_ledger(connection: Connection, home: Path) -> list[dict[str, Any]]:
    """The learning ledger as `pole ledger` prints it with a data directory."""
    with up_to_date(index_path(home, connection.deployment), connection) as index:
        return reading.paper_ledger(index, connection.deployment, BlobStore(home / "blobs"))
