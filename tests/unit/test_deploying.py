"""What is looked at before a deployment is paid for: an earlier one, the token, and who pays."""

import subprocess
import sys
from pathlib import Path

import pytest
from hexbytes import HexBytes
from web3.types import RPCEndpoint

from offchain.chain import errors
from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import (
    CONTRACTS,
    Web3Deployer,
    check_coin,
    check_token,
    check_unused,
    deploy,
    keep_earlier,
)
from offchain.chain.deployment import Deployment
from offchain.chain.local import anvil_chain
from tests.world import BOUNDS, MARKET_BOUNDS, World

NOBODY = "0x00000000000000000000000000000000DeaDBeef"


@pytest.fixture
def deployment(world: World) -> Deployment:
    return world.connection.deployment


def test_check_unused_raises_when_the_contracts_are_on_the_chain(
    world: World, deployment: Deployment, tmp_path: Path
) -> None:
    path = deployment.save(tmp_path)

    with pytest.raises(errors.DeploymentPresent, match=r"can be used: --replace .* as \S+\.json\.bak$"):
        check_unused(world.chain.w3, path)


def test_check_unused_raises_when_nobody_can_tell_what_the_file_is_of(world: World, tmp_path: Path) -> None:
    path = tmp_path / "31337.json"
    path.write_text("[]")

    with pytest.raises(errors.DeploymentPresent, match=r"cannot be read .*: --replace"):
        check_unused(world.chain.w3, path)


def test_check_unused_passes_when_the_chain_was_started_anew(
    world: World, deployment: Deployment, tmp_path: Path
) -> None:
    gone = deployment.proof.model_copy(update={"address": NOBODY})
    path = deployment.model_copy(update={"proof": gone}).save(tmp_path)

    check_unused(world.chain.w3, path)


def test_check_unused_passes_when_there_is_no_file(world: World, tmp_path: Path) -> None:
    check_unused(world.chain.w3, tmp_path / "31337.json")


def test_keep_earlier_leaves_the_file_and_a_copy_of_it(deployment: Deployment, tmp_path: Path) -> None:
    path = deployment.save(tmp_path)

    kept = keep_earlier(path)

    assert kept == tmp_path / f"{path.name}.bak"
    assert kept.read_bytes() == path.read_bytes()


def test_keep_earlier_does_nothing_when_there_is_no_file(tmp_path: Path) -> None:
    assert keep_earlier(tmp_path / "31337.json") is None
    assert not list(tmp_path.iterdir())


def test_check_token_gives_the_address_with_its_checksum(world: World, deployment: Deployment) -> None:
    token = deployment.token.address

    assert check_token(world.chain.w3, token.lower(), world.data_node.address) == token


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("POLE", "is not an address"),
        (NOBODY.replace("D", "d"), "is misspelled"),
        (NOBODY, "there is no contract"),
    ],
    ids=["a name", "misspelled", "nothing there"],
)
def test_check_token_raises_when_no_contract_is_named(world: World, token: str, reason: str) -> None:
    with pytest.raises(errors.TokenInvalid, match=reason):
        check_token(world.chain.w3, token, world.data_node.address)


def test_check_token_raises_when_the_contract_is_no_token(world: World, deployment: Deployment) -> None:
    with pytest.raises(errors.TokenInvalid, match=r"does not answer decimals\(\)$"):
        check_token(world.chain.w3, deployment.vault.address, world.data_node.address)


def test_check_token_raises_when_the_contract_tells_no_balance(world: World) -> None:
    # Answers 1 to a call without arguments, and reverts with any.
    code = HexBytes("0x6013600a5f3960135ff3" + "36600414600a575f5ffd5b60015f5260205ff3")
    sent = world.chain.w3.eth.send_transaction({"from": world.data_node.address, "data": code})
    address = world.chain.w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]

    with pytest.raises(errors.TokenInvalid, match=r"does not answer balanceOf\(\)$"):
        check_token(world.chain.w3, str(address), world.data_node.address)


def test_the_script_asks_and_tells_as_deploy_script_says() -> None:
    """In a process of its own: ape makes eth_abi take too few bytes for a number, in all of a process."""
    path = Path(__file__).with_name("deploy_script.py")

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path], capture_output=True, text=True
    )

    assert run.returncode == 0, run.stdout
    assert " passed" in run.stdout


def test_check_coin_wants_what_a_deployment_takes_and_less_than_half_as_much_again(
    artifacts: dict[str, Artifact],
) -> None:
    with anvil_chain() as chain:
        w3 = chain.w3
        deploy(Web3Deployer(w3, dev_account(3), artifacts), BOUNDS, MARKET_BOUNDS)
        blocks = range(1, w3.eth.block_number + 1)
        taken = sum(w3.eth.get_block(block)["gasUsed"] for block in blocks)
        sizes = [len(artifacts[name].bytecode) // 2 - 1 for name in ("TestToken", *CONTRACTS)]
        assert len(sizes) == len(blocks)

        def has(gas: int) -> None:
            w3.provider.make_request(RPCEndpoint("anvil_setBalance"), [NOBODY, hex(gas * w3.eth.gas_price)])

        has(taken)
        with pytest.raises(errors.GasMissing, match=r"the deployment may cost [\d.]+: send it"):
            check_coin(w3, NOBODY, sizes)
        has(taken * 3 // 2)
        check_coin(w3, NOBODY, sizes)
