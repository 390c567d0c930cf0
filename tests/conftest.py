import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("SOLCX_BINARY_PATH", str(ROOT / "toolchain" / "solc"))
for program_folder in (ROOT / "node_modules" / "@foundry-rs").glob("*-*/bin"):
    os.environ["PATH"] = f"{program_folder}{os.pathsep}{os.environ['PATH']}"

from offchain.chain.compiler import Artifact, compile_contracts  # noqa: E402 - needs the environment above
from offchain.chain.local import LocalChain, eth_tester_chain  # noqa: E402
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
