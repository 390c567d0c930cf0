"""The documentation, done as its readers would: every block of every page, against real chains, in a clean home."""

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from eth_account import Account
from web3 import Web3
from web3.types import RPCEndpoint

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection
from offchain.chain.deploying import Bounds, MarketBounds, Web3Deployer, deploy
from offchain.chain.deployment import Deployment
from offchain.chain.local import LocalChain, anvil_chain
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import TaskRegistryClient
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient
from tests.conftest import ROOT
from tests.reader import Reader, blocks, pattern_of, plain_environment, reader
from tests.seaweed import free_ports

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


SEPOLIA_URL, ROLLUP_URL = "https://ethereum-sepolia-rpc.publicnode.com", "https://sepolia.base.org"
"""The public endpoints of docs/deploy.md, for which chains of the same ids stand in."""

ANSWERS = {
    "Enhance the security of your account by adding additional random input: ": "as I like it",
    "Create Passphrase to encrypt account: ": "only-for-tests-1",
    "Repeat for confirmation: ": "only-for-tests-1",
}
"""What the reader types where docs/deploy.md says that something is asked."""


@contextmanager
def faucet(chain: LocalChain, home: Path) -> Iterator[None]:
    """Send coin to the account of a home as soon as there is one."""
    left = threading.Event()
    keyfile = home / ".ape" / "accounts" / "deployer.json"

    def watch() -> None:
        while not left.wait(0.2):
            with suppress(OSError, ValueError):
                address = Web3.to_checksum_address(json.loads(keyfile.read_text())["address"])
                chain.w3.provider.make_request(RPCEndpoint("anvil_setBalance"), [address, hex(10**18)])
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        watcher.join()


def test_the_page_on_deploying_holds_on_chains_of_other_ids(
    checkout: Path, environment: dict[str, str]
) -> None:
    home = Path(environment["HOME"])
    configure_ape(checkout, {})
    with anvil_chain(1, chain_id=11155111) as sepolia, anvil_chain(1, chain_id=84532) as rollup:
        replaced = {SEPOLIA_URL: url_of(sepolia), ROLLUP_URL: url_of(rollup)}
        with (
            faucet(sepolia, home),
            faucet(rollup, home),
            reader(checkout, environment, replaced, ANSWERS) as someone,
        ):
            someone.follow((ROOT / "docs" / "deploy.md").read_text())

    assert {path.name for path in (checkout / "deployments").iterdir()} == {"11155111.json", "84532.json"}


def ape_deploy(
    checkout: Path, environment: dict[str, str], *options: str
) -> "subprocess.CompletedProcess[str]":
    """Deploy to the local node as README.md has it."""
    deploying = f"ape run deploy --network ethereum:local:foundry {' '.join(options)}"
    command = ["bash", "-c", f". toolchain/activate; {deploying}"]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)


def test_a_deployment_without_a_node_says_how_to_start_one(
    checkout: Path, environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    configure_ape(checkout, {LOCAL_URL: url})

    ended = ape_deploy(checkout, environment)

    assert ended.returncode == 1
    said = ended.stdout + ended.stderr
    assert url in said and "`make node`" in said
    assert said.count("\n") == 1
    assert not (checkout / "deployments").exists()


def test_a_deployment_tells_its_addresses_and_takes_the_place_of_another_only_when_told_to(
    chain: LocalChain, checkout: Path, environment: dict[str, str]
) -> None:
    configure_ape(checkout, {})
    environment = {
        **environment,
        "APE_FOUNDRY_HOST": url_of(chain),
    }  # as docs/README.md has it for another port
    path = checkout / "deployments" / "31337.json"

    first = ape_deploy(checkout, environment).stdout
    earlier = path.read_text()
    refused = ape_deploy(checkout, environment)
    left = path.read_text()
    second = ape_deploy(checkout, environment, "--replace").stdout

    assert first.endswith("wrote deployments/31337.json\n")
    assert (refused.returncode, left) == (1, earlier)
    assert refused.stderr.count("\n") == 1 and "--replace" in refused.stderr
    for name, address in Deployment.load(path).addresses.items():
        assert f"{name:<12} {address}\n" in second
    assert "wrote deployments/31337.json, in the place of an earlier" in second
    assert (path.parent / "31337.json.bak").read_text() == earlier != path.read_text()


def test_a_shell_that_is_activated_has_the_deployments_of_the_checkout_in_every_folder(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    told = [f". {checkout}/toolchain/activate; echo $POLE_DEPLOYMENTS"]
    told += [f"export POLE_DEPLOYMENTS=/of/mine; {told[0]}"]

    said = [
        subprocess.run(["bash", "-c", each], cwd=tmp_path, env=environment, capture_output=True, text=True)
        for each in told
    ]

    assert [each.stdout for each in said] == [f"{checkout}/deployments\n", "/of/mine\n"]


def test_make_node_listens_at_another_port_when_it_is_named() -> None:
    command = ["make", "--just-print", "node", "PORT=8546"]

    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "--port 8546\n" in printed


def test_make_node_says_how_to_name_another_port_when_one_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = ["make", "--assume-old", "setup", "node", f"PORT={port}"]

        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert ended.returncode != 0
    assert ended.stderr.startswith(f"Port {port} is taken: name another, as in `make node PORT={port + 1}`")


def test_the_page_on_operating_holds_for_an_account_with_a_keyfile(
    local: Reader, environment: dict[str, str], chain: LocalChain, deployment: Deployment
) -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    folder = Path(environment["HOME"]) / ".ape" / "accounts"
    folder.mkdir(parents=True)
    keyfile = Account.encrypt(dev_account(1).key, "a passphrase", iterations=2)
    (folder / "miner.json").write_text(json.dumps(keyfile))
    someone = Sender(Connection.over(chain.w3, deployment), dev_account(1))
    TokenClient(someone.connection, someone).mint(someone.address, 100 * 10**18)
    (configuration,) = [block.text for block in blocks(page) if block.language == "toml"]

    local.follow("```sh\n. toolchain/activate\nexport POLE_PASSPHRASE='a passphrase'\n```\n" + page)
    written = f"cat > config.toml <<'EOF'\n{configuration}\nEOF\n"
    shown = "```text\n...https://one.example...\n```\n"
    local.follow(f"```sh\n{written}unset POLE_RPC\npole --config config.toml config\n```\n{shown}")


WEED_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")


def test_the_page_on_storage_holds(
    chain: LocalChain, deployment: Deployment, checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    deployment.save(checkout / "deployments")
    ports = free_ports(2 * len(WEED_PORTS))
    own = " ".join(
        f"-{name}={port} -{name}.grpc={grpc}"
        for name, port, grpc in zip(WEED_PORTS, ports[::2], ports[1::2], strict=True)
    )
    # Other tests have a SeaweedFS as well.
    changed = {
        "weed server -s3": f"weed server -s3 {own} -s3.port.iceberg=0 -s3.port.lance=0",
        "/tmp/weed": str(tmp_path / "weed"),
        "127.0.0.1:8333": f"127.0.0.1:{ports[2 * WEED_PORTS.index('s3.port')]}",
        "127.0.0.1:8888": f"127.0.0.1:{ports[2 * WEED_PORTS.index('filer.port')]}",
    }
    configure_ape(checkout, {LOCAL_URL: url_of(chain)})
    with reader(checkout, {**environment, "POLE_RPC": url_of(chain)}, changed) as someone:
        someone.follow((ROOT / "docs" / "storage.md").read_text())

    assert not (Path(environment["HOME"]) / ".local/share/polestar/blobs").exists()


def test_the_page_on_more_machines_holds(
    chain: LocalChain, deployment: Deployment, checkout: Path, environment: dict[str, str]
) -> None:
    deployment.save(checkout / "deployments")
    (port,) = free_ports(1)
    changed = {"127.0.0.1:8786": f"127.0.0.1:{port}", "--port 8786": f"--port {port}"}
    environment = {**environment, "POLE_RPC": url_of(chain)}
    with reader(checkout, environment, changed) as someone:
        someone.follow((ROOT / "docs" / "machines.md").read_text())


def test_what_the_readme_says_of_using_it_holds(
    anvil: LocalChain, checkout: Path, environment: dict[str, str]
) -> None:
    """Its one block is of paragraphs, each for a terminal, and is `docs/README.md` and the first task in brief."""
    (used,) = [
        block.text for block in blocks((ROOT / "README.md").read_text()) if block.text.startswith("make node")
    ]
    node, posting, mining, provide, consume, looking = used.strip().split("\n\n")
    assert (ROOT / "Makefile").read_text().count("anvil --block-time 1 --hardfork prague") == 1
    assert node.split("#")[0].strip() == "make node"  # `anvil` does it here
    configure_ape(checkout, {LOCAL_URL: url_of(anvil)})
    setup, first, second = posting.rsplit("\n", 2)
    lists, browser = looking.rsplit("\n", 1)
    page = "".join(
        f"```sh\n# terminal {place}{': stays open' if stays else ''}\n{text}\n```\n"
        for place, text, stays in (
            (1, setup, False),
            (1, f"{first}\n{second}", True),
            (2, mining, True),
            (3, provide, True),
            (4, consume, True),
            (5, f". toolchain/activate\n{browser}", True),
        )
    )
    go_back = anvil.snapshot()
    changed = {"pole dashboard": "pole dashboard --port 0"}  # where another one is open
    ended = "Task 1: SETTLED\n...\nIs the learning ledger valid? True"
    with reader(checkout, {**environment, "POLE_RPC": url_of(anvil)}, changed) as someone:
        someone.follow(page)
        someone.terminals[2].wait_for(pattern_of("...committed to 0x..."))
        anvil.advance(300)  # what is left of the time to commit, and more
        someone.terminals[1].wait_for(pattern_of("Task 2: wine..."))
        someone.terminals[4].wait_for(pattern_of("...task 2: declared in epoch ..."))
        someone.terminals[5].wait_for(pattern_of("serving http://127.0.0.1:..."))
        someone.follow(f"```sh\n# terminal 6\n. toolchain/activate\n{lists}\n```\n```text\n{ended}\n```\n")
    go_back()
