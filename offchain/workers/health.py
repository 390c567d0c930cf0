"""What a worker needs, looked at piece by piece, each with what mends it."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path

from eth_account.signers.local import LocalAccount
from web3 import Web3

from offchain.chain.accounts import DEV_CHAIN_IDS
from offchain.chain.connection import Connection, connect, open_endpoint, readable
from offchain.chain.deployment import Deployment
from offchain.chain.endpoint import shown
from offchain.chain.errors import (
    AccountInvalid,
    ChainError,
    KeyfileMissing,
    PassphraseMissing,
    PassphraseWrong,
)
from offchain.chain.vault import TokenClient, VaultClient, shown_in_tokens
from offchain.cid import Cid
from offchain.filesystems import probe_folder
from offchain.index.errors import IndexDamaged, IndexFailure
from offchain.index.store import connect as open_index
from offchain.index.store import cure_of, index_path, usable
from offchain.storage import (
    BlobMissing,
    BlobStore,
    BlobTooLarge,
    StorageAway,
    StorageDenied,
    StorageError,
    StorageReadOnly,
    StorageUnwritable,
)
from offchain.workers.errors import StateUnreadable
from offchain.workers.home import Home

LEAST_FREE_BYTES = 1 << 30
LEAST_GAS = 10_000_000  # a reveal of a large model, and what is around it
CLOCK_SECONDS = 15  # more than a block is made in
OLD_HEAD_SECONDS = 60  # then workers leave an endpoint for another
DEAD_HEAD_SECONDS = 300  # 25 blocks of Ethereum: no such pause is chance
LOCAL_DEPLOYMENT = "`ape run deploy --network ethereum:local:foundry` deploys to the node of `make node`"
PUBLIC_DEPLOYMENT = "docs/deploy.md has the command that deploys"


class State(Enum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"  # it may be meant so
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and how to mend it where it is not as it should be."""

    check: str
    state: State
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What is to be looked at.

    account : opens the account for a chain, where one is named
    """

    urls: Sequence[str]
    deployments: Path
    home: Path
    blobs: BlobStore
    account: Callable[[int], LocalAccount] | None


def examine(needs: Needs) -> Iterator[Finding]:
    """Look at everything that can be looked at with what works so far."""
    yield check_home(needs.home)
    yield check_storage(needs.blobs)
    chain_ids: dict[str, int] = {}
    for url in needs.urls:
        chain_id, findings = check_endpoint(url)
        if chain_id is not None:
            chain_ids[url] = chain_id
        yield from findings
    served = sorted(set(chain_ids.values()))
    if len(served) > 1:
        found = f"the endpoints serve different chains: {', '.join(map(str, served))}"
        yield Finding("chain", State.WRONG, found, "name endpoints of one chain: --rpc")
    if len(served) != 1:
        return
    yield Finding("chain", State.OK, f"chain {served[0]}")
    connection, finding = check_deployment(list(chain_ids), needs.deployments, served[0])
    yield finding
    if connection is not None:
        yield check_index(index_path(needs.home, connection.deployment))
        yield from check_account(needs, connection)


def check_home(home: Path) -> Finding:
    """Whether the data directory, or the folder that it will be made in, can be written and has room."""
    try:
        nearest = probe_folder(home)
        free = shutil.disk_usage(nearest).free
    except OSError as error:
        return Finding("home", State.WRONG, f"{home}: {error.strerror or error}", cure_of(error))
    found = f"{home}: {free / 2**30:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Finding("home", State.WRONG, found, "make room, or name another folder: --home")
    if nearest != home:
        mend = "it is made when it is needed; is it the right one? --home"
        return Finding("home", State.NOTE, f"{home} is not there yet: {free / 2**30:.1f} GB free", mend)
    return Finding("home", State.OK, found)


def check_state(home: Home) -> Finding:
    """Whether the account's state can be read and is whole, where there is one yet."""
    path = home.state_path
    try:
        is_there = home.check()
    except StateUnreadable as error:
        mend = "restore your backup before a deadline passes; to look at the damage: sqlite3 FILE .recover"
        return Finding("state", State.WRONG, str(error), mend)
    if not is_there:
        mend = "it is made when it is needed; is it the right data directory? --home"
        return Finding("state", State.NOTE, f"{path} is not there yet", mend)
    return Finding("state", State.OK, f"{path} is whole")


def check_index(path: Path) -> Finding:
    """Whether the index can be read and is whole, where there is one yet; it has nothing that the chain has not."""
    if not path.is_file():
        return Finding("index", State.OK, f"{path} is not there yet: it is made when it is needed")
    try:
        with usable(path), closing(open_index(path, "rw")) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise IndexDamaged(path, " ".join(found.split()))
    except IndexDamaged as error:
        return Finding(
            "index", State.WRONG, str(error), f"rm {path}: no more is lost than the time to read it again"
        )
    except IndexFailure as error:
        return Finding("index", State.WRONG, str(error), "see that it is yours to read and write")
    return Finding("index", State.OK, f"{path} is whole")


def check_storage(blobs: BlobStore) -> Finding:
    """Whether the blobs' places answer, and the first can be written."""
    try:
        blobs.check_writable()
        blobs.get(Cid.of(b"a blob that nobody stores"), 0)
    except (BlobMissing, BlobTooLarge):
        return Finding("storage", State.OK, ", ".join(blobs.places))
    except StorageError as error:
        return Finding("storage", State.WRONG, str(error), _mend_of_storage(error))
    return Finding("storage", State.WRONG, "a place has a blob that nobody stores", "name another: --storage")


def _mend_of_storage(error: StorageError) -> str:
    is_bucket = isinstance(error, StorageAway) and error.place.startswith("s3://")
    match error:
        case StorageDenied() if is_bucket:
            return (
                "check the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE;"
                " they have to allow to get and to put objects"
            )
        case StorageAway() if is_bucket:
            return (
                "check AWS_ENDPOINT_URL_S3, and that there is such a bucket; or name another place: --storage"
            )
        case StorageReadOnly() | StorageUnwritable():
            return "name a place first that you can write to: --storage"
    return "name a place that answers: --storage"


def check_endpoint(url: str) -> tuple[int | None, list[Finding]]:
    """Whether somebody answers, and how the newest block goes with the own clock; gives the chain's id."""
    try:
        started = time.monotonic()
        w3, chain_id = open_endpoint(url)
        with readable():
            block = w3.eth.get_block("latest")
            number, timestamp = int(block["number"]), int(block["timestamp"])
        seconds = time.monotonic() - started
    except (ChainError, OSError) as error:
        mend = "start the node, on this machine by `make node`, or name another: --rpc"
        return None, [Finding("endpoint", State.WRONG, str(error), mend)]
    found = f"{shown(url)}: block {number:,}, answers in {seconds:.2f} s"
    clock = compare_clocks(timestamp, time.time(), chain_id)
    return chain_id, [Finding("endpoint", State.OK, found), clock]


def compare_clocks(timestamp: int, now: float, chain_id: int) -> Finding:
    """Whether a node's newest block is neither old nor from the future; a local chain rests until it is used."""
    ahead = timestamp - now
    if ahead > CLOCK_SECONDS:
        mend = "set the clock of this machine (timedatectl set-ntp true); on a local chain it may be meant so"
        return Finding("clock", State.NOTE, f"the newest block is {ahead:,.0f} s ahead of this clock", mend)
    if ahead < -OLD_HEAD_SECONDS:
        is_dead = ahead < -DEAD_HEAD_SECONDS and chain_id not in DEV_CHAIN_IDS
        mend = "wait until the node has synchronised, or name another; a local chain rests until it is used"
        state = State.WRONG if is_dead else State.NOTE
        return Finding("clock", state, f"the newest block is {-ahead:,.0f} s old", mend)
    return Finding("clock", State.OK, f"{abs(ahead):.0f} s from the newest block")


def check_deployment(
    urls: Sequence[str], deployments: Path, chain_id: int
) -> tuple[Connection | None, Finding]:
    """Whether the deployments file fits, and there is code at each of its addresses."""
    deploying = LOCAL_DEPLOYMENT if chain_id in DEV_CHAIN_IDS else PUBLIC_DEPLOYMENT
    name, mend = "deployment", f"name the folder of the right file: --deployments; or deploy: {deploying}"
    try:
        connection = connect(urls, deployments, chain_id)
        empty = list(_without_code(connection))
    except (ChainError, OSError) as error:
        return None, Finding(name, State.WRONG, str(error), mend)
    if empty:
        return None, Finding(name, State.WRONG, f"there is no contract at {', '.join(empty)}", mend)
    return connection, Finding(
        name, State.OK, f"all contracts are there, since block {connection.deployment.block:,}"
    )


def _without_code(connection: Connection) -> Iterator[str]:
    for name, address in _addresses(connection.deployment):
        with readable():
            code = connection.w3.eth.get_code(Web3.to_checksum_address(address))
        if not code:
            yield f"{name} {address}"


def _addresses(deployment: Deployment) -> Iterator[tuple[str, str]]:
    for name in ("token", "vault", "registry", "proof", "ledger", "market"):
        yield name, getattr(deployment, name).address
    for name, scorer in deployment.scorers.items():
        yield name, scorer.address


def check_account(needs: Needs, connection: Connection) -> Iterator[Finding]:
    """Whether the account opens, can pay for gas, has tokens, and lets the contracts move them."""
    if needs.account is None:
        yield Finding("account", State.NOTE, "no account is named", "name one: --account")
        return
    try:
        account = needs.account(connection.deployment.chain_id)
    except AccountInvalid as error:
        yield Finding("account", State.WRONG, str(error), _mend_of_account(error))
        return
    yield Finding("account", State.OK, account.address)
    yield check_state(Home.of(needs.home, connection, account.address, needs.blobs))
    try:
        yield check_gas_money(connection, account.address)
        yield check_tokens(connection, account.address)
        yield check_allowance(connection, account.address)
        yield check_operators(connection, account.address)
    except (ChainError, OSError) as error:
        yield Finding("money", State.WRONG, str(error), "try again, or name another endpoint: --rpc")


def _mend_of_account(error: AccountInvalid) -> str:
    match error:
        case KeyfileMissing():
            return "ape accounts list shows what there is: --account"
        case PassphraseWrong(source=source):
            return f"the right one has to come from {source}; or is it another keyfile's? --account"
        case PassphraseMissing():
            return "put it into POLE_PASSPHRASE, or name a file that has it: --passphrase-file"
    return "name an account that can be used here: --account"


def check_gas_money(connection: Connection, account: str) -> Finding:
    """Whether the account has enough of the chain's own coin."""
    with readable():
        balance = int(connection.w3.eth.get_balance(Web3.to_checksum_address(account)))
        needed = LEAST_GAS * int(connection.w3.eth.gas_price)
    found = f"{Decimal(balance).scaleb(-18):f} of the chain's own coin"
    if balance < needed:
        mend = f"send {account} at least {Decimal(needed - balance).scaleb(-18):f} more"
        return Finding("gas money", State.WRONG, found, mend)
    return Finding("gas money", State.OK, found)


def check_tokens(connection: Connection, account: str) -> Finding:
    """Whether there is anything for bonds and rewards; what is outside the vault is deposited when it is needed."""
    token = TokenClient(connection)
    inside, outside = VaultClient(connection).balance_of(account), token.balance_of(account)
    decimals, symbol = token.decimals(), token.symbol()
    told = [f"{Decimal(units).scaleb(-decimals).normalize():f} {symbol}" for units in (inside, outside)]
    found = f"{told[0]} in the vault, {told[1]} outside"
    if inside + outside == 0:
        mend = f"get {symbol}; on a local chain or test network: pole vault mint 1000"
        return Finding("tokens", State.WRONG, found, mend)
    return Finding("tokens", State.OK, found)


def check_allowance(connection: Connection, account: str) -> Finding:
    """What the vault may take of the tokens outside; none is well, for a deposit is permitted as it is made."""
    token, vault = connection.deployment.token, connection.deployment.vault
    contract = connection.w3.eth.contract(Web3.to_checksum_address(token.address), abi=token.abi)
    with connection.asking():
        units = int(contract.functions.allowance(account, vault.address).call())
    found = f"the vault may take {shown_in_tokens(connection)(units)} from outside; a deposit permits its own amount"
    return Finding("allowance", State.OK, f"{found} by a signature (EIP-2612)")


def check_operators(connection: Connection, account: str) -> Finding:
    """Which contracts may move the vault balance; a worker approves the one it needs, once, by itself."""
    vault, deployment = VaultClient(connection), connection.deployment
    names = ("registry", "proof", "market")
    approved = [name for name in names if vault.is_operator(account, getattr(deployment, name).address)]
    missing = [name for name in names if name not in approved]
    found = f"may move the vault balance: {', '.join(approved) or 'none'}"
    return Finding(
        "operators", State.OK, found + (f"; approved when needed: {', '.join(missing)}" if missing else "")
    )
