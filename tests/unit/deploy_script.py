"""What `ape run deploy` does before it sends anything: which node it asks, whose account it opens, what it says.

For `test_deploying.py`, which runs them in a process of their own.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import ape
import click
import pytest
from ape.cli import ConnectedProviderCommand
from ape.cli.options import NETWORK_META_KEY
from ape.exceptions import ProviderError
from ape_accounts.accounts import KeyfileAccount
from ape_ethereum.transactions import DynamicFeeTransaction
from eth_account import Account
from web3.types import RPCEndpoint

from offchain.chain.accounts import Passphrase, dev_account
from offchain.chain.errors import AccountInvalid, GasMissing, PassphraseWrong
from offchain.chain.local import anvil_chain
from scripts._deploying import NodeCommand, at_node, deploy_with, load_account


def test_at_node_connects_to_the_node_that_it_is_told_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APE_FOUNDRY_HOST", "http://127.0.0.1:9")
    with anvil_chain() as chain:
        url = chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]

        with at_node(url):
            used = ape.networks.provider.uri

    assert used == url


def test_deploy_with_sends_nothing_when_the_account_cannot_pay_to_the_end() -> None:
    with anvil_chain() as chain:
        w3 = chain.w3
        with at_node(w3.provider.endpoint_uri):  # type: ignore[attr-defined]
            account = ape.accounts.test_accounts[0]
            enough_for_some = 15_000_000 * w3.eth.gas_price  # of 18 million
            w3.provider.make_request(RPCEndpoint("anvil_setBalance"), [account.address, hex(enough_for_some)])

            with pytest.raises(GasMissing, match="the deployment may cost"):
                deploy_with(account, None)

        assert w3.eth.get_transaction_count(dev_account(0).address) == 0


@pytest.fixture
def asked() -> list[Path]:
    """The keyfiles whose passphrase was asked for."""
    return []


@pytest.fixture
def deployer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The alias of an account that ape has."""
    keyfile = tmp_path / "deployer.json"
    keyfile.write_text(json.dumps(Account.encrypt(dev_account(1).key, "a passphrase", iterations=2)))
    account = KeyfileAccount(keyfile_path=keyfile)
    monkeypatch.setattr(type(ape.accounts), "load", lambda _, alias: {"deployer": account}[alias])
    return "deployer"


def test_load_account_asks_for_the_passphrase_once_for_all_transactions(
    deployer: str, asked: list[Path]
) -> None:
    def passphrase(keyfile: Path) -> Passphrase:
        asked.append(keyfile)
        return Passphrase("a passphrase", "a test")

    account = load_account(deployer, passphrase)
    signed = [
        account.sign_transaction(
            DynamicFeeTransaction(chainId=1, nonce=nonce, gas=21_000, maxFeePerGas=1, maxPriorityFeePerGas=1)
        )
        for nonce in range(6)
    ]

    assert account.address == dev_account(1).address
    assert all(transaction is not None and transaction.signature for transaction in signed)
    assert len(asked) == 1


def test_load_account_raises_when_the_passphrase_is_wrong(deployer: str) -> None:
    with pytest.raises(PassphraseWrong, match=r"deployer\.json: the passphrase from a test is wrong$"):
        load_account(deployer, lambda keyfile: Passphrase("another", "a test"))


@pytest.mark.parametrize("alias", ["nobodyhere", ""])
def test_load_account_raises_when_ape_has_no_such_account(alias: str) -> None:
    with pytest.raises(AccountInvalid, match=f"no account '{alias}'.*ape accounts list"):
        load_account(alias, lambda keyfile: Passphrase("", "a test"))


def ended(monkeypatch: pytest.MonkeyPatch, error: Exception, is_local: bool) -> str:
    """What a command says at its end where it meets an error; it says it in a line."""

    def fails(command: click.Command, ctx: click.Context) -> None:
        raise error

    monkeypatch.setattr(ConnectedProviderCommand, "invoke", fails)

    @click.command(cls=NodeCommand)
    def command() -> None:
        raise AssertionError("it never gets here")

    context = click.Context(command)
    context.meta[NETWORK_META_KEY] = {"network": SimpleNamespace(is_local=is_local)}
    with pytest.raises(click.ClickException) as caught:
        command.invoke(context)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_command_says_how_to_start_a_node_when_the_network_is_local(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = ended(monkeypatch, ProviderError("Nobody answers."), is_local=True)

    assert "make node" in said and "docs/deploy.md" not in said


def test_a_command_names_the_page_on_networks_when_the_network_is_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = ended(monkeypatch, ProviderError("Missing URI."), is_local=False)

    assert "docs/deploy.md" in said and "make node" not in said


def test_a_command_tells_what_is_wrong_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    error = AccountInvalid("there is no such account")

    assert ended(monkeypatch, error, is_local=True) == "there is no such account"
