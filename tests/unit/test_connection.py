"""Connecting: every way in which it can fail has its error."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account

from offchain.chain import errors
from offchain.chain.accounts import Passphrase, dev_account, open_account
from offchain.chain.connection import connect
from offchain.chain.deployment import Deployment
from offchain.chain.local import LocalChain, anvil_chain
from tests.world import World


@pytest.fixture(scope="module")
def anvil() -> Iterator[LocalChain]:
    with anvil_chain() as chain:
        yield chain


@pytest.fixture
def url(anvil: LocalChain) -> str:
    return str(anvil.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


@pytest.fixture
def described(deployed: World) -> Deployment:
    return deployed.connection.deployment.model_copy(update={"chain_id": 31337})


def test_connect_raises_when_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(errors.EndpointUnreachable):
        connect(["http://127.0.0.1:9"], tmp_path)


def test_connect_raises_when_the_endpoint_is_no_url(tmp_path: Path) -> None:
    with pytest.raises(errors.EndpointUnreachable):
        connect(["nonsense"], tmp_path)


def test_connect_raises_when_the_chain_is_not_the_one_meant(url: str, tmp_path: Path) -> None:
    with pytest.raises(errors.WrongChain) as caught:
        connect([url], tmp_path, chain_id=1)

    assert (caught.value.expected, caught.value.actual) == (1, 31337)


def test_connect_raises_when_there_is_no_deployments_file(url: str, tmp_path: Path) -> None:
    with pytest.raises(errors.DeploymentInvalid):
        connect([url], tmp_path)


def test_connect_raises_when_the_file_is_of_another_chain(
    url: str, tmp_path: Path, described: Deployment
) -> None:
    described.model_copy(update={"chain_id": 5}).save(tmp_path).rename(tmp_path / "31337.json")

    with pytest.raises(errors.WrongChain):
        connect([url], tmp_path)


def test_connect_raises_when_the_contracts_are_not_there(
    url: str, tmp_path: Path, described: Deployment
) -> None:
    described.save(tmp_path)

    with pytest.raises(errors.DeploymentInvalid, match="no contract"):
        connect([url], tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"chain_id": 31337}',
        b"\xff\xfe",
    ],
    ids=["empty", "a list", "incomplete", "binary"],
)
def test_load_raises_when_the_file_is_malformed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "31337.json"
    path.write_bytes(content)

    with pytest.raises(errors.DeploymentInvalid):
        Deployment.load(path)


def test_load_raises_when_an_address_is_misspelled(tmp_path: Path, described: Deployment) -> None:
    path = described.save(tmp_path)
    path.write_text(path.read_text().replace(described.vault.address, described.vault.address.lower()))

    with pytest.raises(errors.DeploymentInvalid, match=r"vault\.address"):
        Deployment.load(path)


def test_save_and_load_are_inverse(tmp_path: Path, described: Deployment) -> None:
    assert Deployment.load(described.save(tmp_path)) == described


# accounts


def unasked(keyfile: Path) -> Passphrase:
    raise AssertionError(f"nobody needs the passphrase of {keyfile}")


def test_dev_accounts_are_those_of_anvil(anvil: LocalChain) -> None:
    assert [dev_account(index).address for index in range(3)] == list(anvil.w3.eth.accounts[:3])


def test_open_account_raises_when_a_dev_account_is_used_on_a_public_chain() -> None:
    with pytest.raises(errors.AccountInvalid):
        open_account("dev:0", 1, unasked)


def test_open_account_raises_when_a_dev_account_has_no_number() -> None:
    with pytest.raises(errors.AccountInvalid):
        open_account("dev:x", 31337, unasked)


@pytest.fixture
def keyfile(tmp_path: Path) -> Path:
    path = tmp_path / "miner.json"
    path.write_text(json.dumps(Account.encrypt(b"\x01" * 32, "right", iterations=2)))
    return path


def test_open_account_decrypts_a_keyfile(keyfile: Path) -> None:
    account = open_account(str(keyfile), 1, lambda _: Passphrase("right", "a test"))

    assert account.address == Account.from_key(b"\x01" * 32).address


@pytest.mark.parametrize(("secret", "word"), [("pass", "wrong"), ("", "empty")])
def test_open_account_raises_when_the_passphrase_is_wrong(keyfile: Path, secret: str, word: str) -> None:
    with pytest.raises(errors.PassphraseWrong) as caught:
        open_account(str(keyfile), 1, lambda _: Passphrase(secret, "a test"))

    assert str(caught.value) == f"{keyfile}: the passphrase from a test is {word}"


def test_a_passphrase_is_not_shown() -> None:
    assert repr(Passphrase("secret", "a test")) == "Passphrase(source='a test')"


def test_open_account_raises_when_there_is_no_keyfile() -> None:
    with pytest.raises(errors.AccountInvalid):
        open_account("nobody-has-this-alias", 1, unasked)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"version": 3}', b"\xff\xfe"])
def test_open_account_says_of_what_is_no_keyfile_that_it_is_none_and_asks_nobody(
    keyfile: Path, content: bytes
) -> None:
    keyfile.write_bytes(content)

    with pytest.raises(errors.AccountInvalid) as caught:
        open_account(str(keyfile), 1, unasked)

    assert str(caught.value) == f"{keyfile} is no keyfile: ape accounts generate makes one"


def test_open_account_names_what_a_keyfile_lacks(keyfile: Path) -> None:
    content = json.loads(keyfile.read_text())
    del content["crypto"]["kdf"]
    keyfile.write_text(json.dumps(content))

    with pytest.raises(errors.AccountInvalid, match="it has no 'kdf'"):
        open_account(str(keyfile), 1, lambda _: Passphrase("right", "a test"))
