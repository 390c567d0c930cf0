import pytest

from tests.fuzz.scoring_chain import ScoringChain


@pytest.fixture(scope="session")
def scorers():
    chain = ScoringChain()
    yield chain
    chain.close()
