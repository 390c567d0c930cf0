"""The miner among tasks that are not what they should be, and with a data directory from before."""

from dataclasses import replace
from pathlib import Path

import pytest

from offchain.workers.home import Home, ModelSecret
from offchain.workers.miner import Miner
from tests.stories import RIGHT, WRONG
from tests.world import Person, World, toy_rows


def home_of(world: World, person: Person, root: Path) -> Home:
    return Home.of(root, world.connection, person.address)


@pytest.fixture
def home(world: World, tmp_path: Path) -> Home:
    return home_of(world, world.miners[0], tmp_path)


@pytest.fixture
def miner(world: World, home: Home) -> Miner:
    return Miner(world.miners[0].sender, home, "ridge", seed=0)


def test_a_model_is_kept_for_its_task_alone(world: World, home: Home) -> None:
    task = world.drawn(world.spec(toy_rows()))
    namesake = world.drawn(world.spec(toy_rows(14)))
    home.save_model(task, ModelSecret(RIGHT, bytes(32)))

    # After a local chain was started anew, another task has the id of the first.
    namesake = replace(namesake, task_id=task.task_id)

    assert home.load_model(task) == ModelSecret(RIGHT, bytes(32))
    assert home.load_model(namesake) is None


def test_a_kept_model_is_never_overwritten(world: World, home: Home) -> None:
    task = world.drawn(world.spec(toy_rows()))
    home.save_model(task, ModelSecret(RIGHT, bytes(32)))

    home.save_model(task, ModelSecret(WRONG, bytes(32)))  # as a second process of the account would

    assert home.load_model(task) == ModelSecret(RIGHT, bytes(32))
