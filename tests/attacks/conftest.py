from collections.abc import Iterator

import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from tests.world import World, deploy_world


@pytest.fixture(scope="session")
def on_anvil(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts)


@pytest.fixture
def anvil_world(on_anvil: World) -> Iterator[World]:
    """A world for what takes much gas, many transactions or several of them in a block."""
    go_back = on_anvil.chain.snapshot()
    yield on_anvil
    go_back()
