from collections.abc import Iterator

import pytest

from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from tests.scoring_chain import ScoringChain


@pytest.fixture(scope="session")
def scorers(artifacts: dict[str, Artifact]) -> Iterator[ScoringChain]:
    with anvil_chain() as chain:
        yield ScoringChain(chain, artifacts)
