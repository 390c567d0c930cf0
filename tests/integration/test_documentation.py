"""The documentation, done as its readers would: every block of every page, against real chains, in a clean home."""

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection
from offchain.chain.deploying import Bounds, MarketBounds, Web3Deployer, deploy
from offchain.chain.deployment import Deployment
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import TaskRegistryClient
from tests.conftest import ROOT
from tests.reader import Reader, plain_environment, reader

LOCAL_URL = "http://127.0.0.1:8545"
"""Where the pages have their chain; it is replaced, in ape's configuration too, for another port is free here."""

# What `ape run deploy` sets on a local chain; the pages but for README and deploy.md find it done.
BOUNDS = Bounds(5, 30 * 86_400, 1, 1)
MARKET_BOUNDS = MarketBounds(5, 30 * 86_400, 10**15, 5 * 10**16, 1, 10**15)

COMMITMENTS = {"post-a-task": 1, "mine": 2}
"""How many the first task of a page gets: then the time to commit, minutes for a reader who types, is skipped."""

CHECKOUT = (
    *(".build", ".venv", "contracts", "docs", "node_modules", "offchain", "scripts", "toolchain"),
    *("ape_console_extras.py", "pyproject.toml"),
)
"""What a checkout after `make setup` has, as far as the pages need it."""


@pytest.fixture(scope="module")
def anvil() -> Iterator[LocalChain]:
    with anvil_chain(block_seconds=1) as chain:
        yield chain


@pytest.fixture(scope="module")
def deployment(anvil: LocalChain, artifacts: dict[str, Artifact]) -> Deployment:
    return deploy(Web3Deployer(anvil.w3, dev_account(9), artifacts), BOUNDS, MARKET_BOUNDS, None)


@pytest.fixture
def chain(anvil: LocalChain, deployment: Deployment) -> Iterator[LocalChain]:
    """The chain as it is after the deployment."""
    go_back = anvil.snapshot()
    yield anvil
    go_back()


def url_of(chain: LocalChain) -> str:
    return str(chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that is a checkout, to which nothing of this one is written."""
    folder = tmp_path / "polestar"
    folder.mkdir()
    for name in CHECKOUT:
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    node = Path(shutil.which("node") or "").parent
    path = f"{node}:/usr/local/bin:/usr/bin:/bin"
    # IPython's prompt needs a terminal with more than this reader looks at.
    return plain_environment(home, PATH=path, PYTHONPATH=str(ROOT), IPY_TEST_SIMPLE_PROMPT="1")


@pytest.fixture
def local(
    chain: LocalChain, deployment: Deployment, checkout: Path, environment: dict[str, str]
) -> Iterator[Reader]:
    """A reader who has done what docs/README.md says."""
    deployment.save(checkout / "deployments")
    configure_ape(checkout, {LOCAL_URL: url_of(chain)})
    with reader(checkout, {**environment, "POLE_RPC": url_of(chain)}) as someone:
        yield someone


def configure_ape(checkout: Path, replaced: Mapping[str, str]) -> None:
    text = (ROOT / "ape-config.yaml").read_text()
    for written, used in replaced.items():
        assert written in text
        text = text.replace(written, used)
    (checkout / "ape-config.yaml").write_text(text)


@contextmanager
def commits_end_early(chain: LocalChain, deployment: Deployment, wanted: int) -> Iterator[None]:
    """Skip what is left of the time to commit to task 1 once so many have."""
    connection = Connection.over(chain.w3, deployment)
    registry, proof = TaskRegistryClient(connection), ProofOfLearningClient(connection)
    left = threading.Event()

    def watch() -> None:
        while not left.wait(1):
            if registry.task_count() and proof.commitment_count(1) >= wanted:
                chain.set_time(registry.task(1).commit_ends_at)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        watcher.join()


@pytest.mark.parametrize("page", ["post-a-task", "mine", "provide", "console"])
def test_a_page_does_what_it_says(
    local: Reader, chain: LocalChain, deployment: Deployment, page: str
) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()

    with commits_end_early(chain, deployment, COMMITMENTS.get(page, 1000)):
        local.follow(text)
        local.leave()
