"""What is looked at before a deployment is paid for: the token."""

import pytest
from hexbytes import HexBytes

from offchain.chain import errors
from offchain.chain.deploying import check_token
from offchain.chain.deployment import Deployment
from tests.world import World

NOBODY = "0x00000000000000000000000000000000DeaDBeef"


@pytest.fixture
def deployment(world: World) -> Deployment:
    return world.connection.deployment


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
