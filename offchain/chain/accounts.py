"""Whose key signs: the well-known accounts of local chains, or encrypted keyfiles."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from offchain.chain.errors import AccountInvalid, KeyfileMissing, PassphraseWrong

DEV_MNEMONIC = (
    "test test test test test test test test test test test junk"  # Anvil's; anybody has these keys
)
DEV_CHAIN_IDS = (1337, 31337, 131277322940537)  # geth --dev, Anvil, eth-tester
APE_ACCOUNTS = Path.home() / ".ape" / "accounts"

Account.enable_unaudited_hdwallet_features()


@dataclass(frozen=True, slots=True)
class Passphrase:
    """What opens a keyfile, and where it came from, which may be told."""

    secret: str = field(repr=False)
    source: str


def dev_account(index: int) -> LocalAccount:
    """One of the accounts that local chains fund; never to be used elsewhere."""
    account: LocalAccount = Account.from_mnemonic(DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


def open_account(name: str, chain_id: int, passphrase: Callable[[Path], Passphrase]) -> LocalAccount:
    """The account that `name` means.

    Parameters
    ----------
    name : ``dev:INDEX`` on a local chain, the path of a keyfile, or the alias of an account of ``ape accounts``
    chain_id : the chain it is for
    passphrase : gives that of a keyfile

    Raises
    ------
    AccountInvalid
    """
    if name.startswith("dev:"):
        if chain_id not in DEV_CHAIN_IDS:
            raise AccountInvalid(
                f"{name} is for local chains: anybody has its key, and this is chain {chain_id}"
            )
        if not name[4:].isdecimal():
            raise AccountInvalid(f"{name}: what follows 'dev:' is a number")
        return dev_account(int(name[4:]))
    path = Path(name) if name.endswith(".json") else APE_ACCOUNTS / f"{name}.json"
    if not path.is_file():
        raise KeyfileMissing(str(path))
    return open_keyfile(path, passphrase)


def open_keyfile(path: Path, passphrase: Callable[[Path], Passphrase]) -> LocalAccount:
    """The account of a keyfile; raises AccountInvalid."""
    try:
        content = json.loads(path.read_text())
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"version", "crypto"} <= set(map(str.lower, content)):
        raise AccountInvalid(f"{path} is no keyfile: ape accounts generate makes one")
    told = passphrase(path)
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(content, told.secret))
    except (ValueError, KeyError, TypeError) as error:
        if str(error) == "MAC mismatch":  # all that eth_keyfile says of it
            raise PassphraseWrong(str(path), told.source, not told.secret) from None
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise AccountInvalid(f"{path} cannot be opened: {reason}") from None
    return account
