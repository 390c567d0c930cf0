import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("SOLCX_BINARY_PATH", str(ROOT / "toolchain" / "solc"))
for program_folder in (ROOT / "node_modules" / "@foundry-rs").glob("*-*/bin"):
    os.environ["PATH"] = f"{program_folder}{os.pathsep}{os.environ['PATH']}"
# A shell has what runs in the background ignore Ctrl-C, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

from offchain.chain.compiler import Artifact, compile_contracts  # noqa: E402 - needs the environment above
from offchain.chain.local import LocalChain, anvil_chain, eth_tester_chain  # noqa: E402
from tests.scoring_chain import ScoringChain  # noqa: E402
from tests.seaweed import BUCKET, Seaweed, running_seaweed  # noqa: E402
from tests.world import World, deploy_world  # noqa: E402


@pytest.fixture(scope="session")
def artifacts() -> dict[str, Artifact]:
    return compile_contracts("contracts", "tests/contracts")


@pytest.fixture(scope="session")
def deployed(artifacts: dict[str, Artifact]) -> World:
    return deploy_world(eth_tester_chain(), artifacts)


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    go_back = deployed.chain.snapshot()
    yield deployed
    go_back()


@pytest.fixture
def chain(world: World) -> LocalChain:
    return world.chain


@pytest.fixture(scope="session")
def scorers(artifacts: dict[str, Artifact]) -> Iterator[ScoringChain]:
    with anvil_chain() as chain:
        yield ScoringChain(chain, artifacts)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with running_seaweed(tmp_path_factory.mktemp("seaweed")) as seaweed:
        yield seaweed


@pytest.fixture
def s3(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URL of an empty storage in a bucket, which the environment has the key of."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{tmp_path.name}"
