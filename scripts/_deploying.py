"""Deploys with an account of ape; what the scripts and the console share."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import ape
import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand
from ape.cli.options import NETWORK_META_KEY
from ape.exceptions import ProviderError
from ape_accounts.accounts import ApeSigner, KeyfileAccount
from web3 import Web3

from offchain.chain.accounts import Passphrase, open_keyfile
from offchain.chain.deploying import CONTRACTS, Bounds, MarketBounds, check_coin, check_token, deploy
from offchain.chain.deployment import Deployment
from offchain.chain.errors import AccountInvalid, ChainError

DEPLOYMENTS = Path("deployments")
LOCAL_BOUNDS = Bounds(5, 30 * 86_400, 1, 1)
LOCAL_MARKET_BOUNDS = MarketBounds(5, 30 * 86_400, 10**15, 5 * 10**16, 1, 10**15)
PUBLIC_BOUNDS = Bounds(600, 30 * 86_400, 10**18, 10**18)
PUBLIC_MARKET_BOUNDS = MarketBounds(300, 30 * 86_400, 10**15, 5 * 10**16, 10**18, 10**17)

LOCAL_REMEDY = "`make node` starts a local node."
PUBLIC_REMEDY = "docs/deploy.md says how ape-config.yaml names a network's endpoint."


class NodeCommand(ConnectedProviderCommand):
    """A command that needs a node, and says so where none answers; an error of ours it tells in a line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Connect and run."""
        try:
            return super().invoke(ctx)
        except ChainError as error:
            raise click.ClickException(str(error)) from None
        except ProviderError as error:
            if ape.networks.active_provider is not None:
                raise
            is_local = ctx.meta[NETWORK_META_KEY]["network"].is_local
            raise click.ClickException(f"{error} {LOCAL_REMEDY if is_local else PUBLIC_REMEDY}") from None


class ApeDeployer:
    """Creates contracts with an account of ape; see `offchain.chain.deploying.Deployer`."""

    def __init__(self, account: AccountAPI) -> None:
        self._account = account
        self.chain_id = int(ape.chain.chain_id)

    def block_number(self) -> int:
        """The number of the newest block."""
        return int(ape.chain.blocks.height)

    def create(self, name: str, *arguments: Any) -> str:
        """Create the contract of a name and give its address."""
        # Not `account.deploy`: on a local network it does not wait for a node that mines by the clock.
        transaction = ape.project.get_contract(name)(*arguments)
        transaction.sender = self._account.address  # a node estimates gas by who pays for it
        sent = self._account.call(transaction)
        receipt = ape.networks.provider.web3.eth.wait_for_transaction_receipt(sent.txn_hash)
        return str(receipt["contractAddress"])

    def abi(self, name: str) -> list[dict[str, Any]]:
        """The ABI of a contract."""
        abi = ape.project.get_contract(name).contract_type.abi
        return [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in abi]

    def read(self, name: str, address: str, function: str) -> Any:
        """Call a view function without arguments."""
        return getattr(ape.project.get_contract(name).at(address), function)()


def at_node(url: str) -> AbstractContextManager[Any]:
    """Connect ape to a local node."""
    os.environ.pop("APE_FOUNDRY_HOST", None)  # to ape it is more than what it is told here
    network = ape.networks.ethereum.local
    return cast(AbstractContextManager[Any], network.use_provider("foundry", provider_settings={"host": url}))


def open_deployer(alias: str | None, passphrase: Callable[[Path], Passphrase]) -> AccountAPI:
    """The account of an alias, or on a local network a test account."""
    if alias is None:
        if not ape.networks.provider.network.is_local:
            raise click.UsageError("name an account with --account: this network is not a local one")
        return ape.accounts.test_accounts[0]
    return load_account(alias, passphrase)


def load_account(alias: str, passphrase: Callable[[Path], Passphrase]) -> AccountAPI:
    """The account of an alias, which signs all that it is given where it has a keyfile.

    Ape's own would ask for the passphrase and for consent at every transaction, when those before it are paid for.

    Raises
    ------
    AccountInvalid : there is no such account, or the passphrase is not its own
    """
    try:
        account = ape.accounts.load(alias)
    except (KeyError, ValueError):
        raise AccountInvalid(
            f"ape has no account {alias!r}: `ape accounts list` tells which it has, `ape accounts generate` makes one"
        ) from None
    if isinstance(account, KeyfileAccount):
        opened = open_keyfile(account.keyfile_path, passphrase)
        return ApeSigner(private_key=Web3.to_hex(opened.key))
    return account


def _creation_size(name: str) -> int:
    code = ape.project.get_contract(name).contract_type.deployment_bytecode
    assert code is not None and code.bytecode is not None
    return len(code.bytecode) // 2 - 1


def deploy_with(account: AccountAPI, token: str | None) -> Deployment:
    """Deploy on the connected network; raises TokenInvalid or GasMissing before anything is paid for."""
    click.echo("compiling the contracts: the first time that takes a minute or more")
    if token is not None:
        token = check_token(ape.networks.provider.web3, token, account.address)
    names = CONTRACTS if token else ("TestToken", *CONTRACTS)
    check_coin(ape.networks.provider.web3, account.address, map(_creation_size, names))
    is_local = ape.networks.provider.network.is_local
    bounds = (LOCAL_BOUNDS, LOCAL_MARKET_BOUNDS) if is_local else (PUBLIC_BOUNDS, PUBLIC_MARKET_BOUNDS)
    return deploy(ApeDeployer(account), *bounds, token)
