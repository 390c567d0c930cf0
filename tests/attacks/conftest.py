from collections.abc import Iterator

import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from tests.world import World, deploy_world


@pytest.fixture(scope="session")
def deployed(artifacts: dict[str, Artifact]) -> Iterator[World]:
    """Attacks are told on a real node: what takes much gas, or several transactions in a block, is like the rest."""
    with anvil_chain(repeatable=True) as chain:
        yield deploy_world(chain, artifacts)
