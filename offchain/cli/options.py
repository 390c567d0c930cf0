"""The options that commands share, and what they open."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any

import click
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from offchain.chain.accounts import open_account
from offchain.chain.connection import Connection, connect
from offchain.chain.endpoint import shown
from offchain.chain.transactions import Sender, SendingRules
from offchain.chain.vault import EXACT, TokenClient, shown_in_tokens
from offchain.cli.configuration import check_url
from offchain.cli.keys import passphrase_from
from offchain.cli.progress import backfill_shown
from offchain.cli.running import last_words, log_progress, serving, stopping
from offchain.index.follow import up_to_date
from offchain.index.queries import Index
from offchain.index.store import index_path
from offchain.storage import BlobStore, StorageAway
from offchain.workers.errors import AWAY
from offchain.workers.home import Home, default_root

log = logging.getLogger(__name__)

MOST_DIGITS = 78  # of what a contract can count
PATIENCE_SECONDS = 60.0
"""How long a worker that starts waits for its endpoint: a machine that starts may start its node later."""

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON for a script to read; in it amounts are texts, in units of 10^-18.",
)


@dataclass(frozen=True, slots=True)
class Signer:
    """What the account options name, opened when it is needed."""

    name: str
    passphrase_file: Path | None
    rules: SendingRules


@dataclass(frozen=True, slots=True)
class Node:
    """What the chain options name, opened when it is needed."""

    rpc: tuple[str, ...]
    deployments: Path
    root: Path
    storage: tuple[str, ...]

    def connect(self) -> Connection:
        """Connect to the deployment."""
        return connect(self.rpc, self.deployments)

    def wait_for(self) -> Connection:
        """Connect to the deployment, for a minute again and again while no endpoint can be asked."""
        attempts = Retrying(
            retry=retry_if_exception_type(AWAY),
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_exponential(max=8.0),
            before_sleep=_say_again,
            reraise=True,
        )
        return attempts(self.connect)

    def sign_as(self, signer: Signer) -> tuple[Sender, Home]:
        """Connect as an account."""
        return self._sign_on(self.connect(), signer)

    def _sign_on(self, connection: Connection, signer: Signer) -> tuple[Sender, Home]:
        account = open_account(
            signer.name, connection.deployment.chain_id, passphrase_from(signer.passphrase_file)
        )
        sender = Sender(connection, account, rules=signer.rules)
        return sender, Home.of(self.root, connection, sender.address, self.blobs)

    @contextmanager
    def work_as(self, signer: Signer) -> Iterator[tuple[Sender, Home]]:
        """Connect as an account and hold it until the block ends; raises AccountBusy where another process does."""
        sender, home = self._sign_on(self.wait_for(), signer)
        try:
            home.blobs.check_writable()
        except StorageAway as error:
            # What was committed to can be revealed without it.
            log.warning("%s: it is tried again when there is something to store", error)
        with home.hold():
            yield sender, home

    def tell_start(self, act: str, address: str, signer: Signer, awaited: str) -> None:
        """Say who works where, and for what: nothing may come for long."""
        log.info(
            "%s as %s (%s) at %s: %s", act, address, signer.name, ", ".join(map(shown, self.rpc)), awaited
        )

    @contextmanager
    def index(self, connection: Connection) -> Iterator[Index]:
        """The index of the connection's deployment, up to the newest block."""
        path = index_path(self.root, connection.deployment)
        with backfill_shown(transient=True) as tell, up_to_date(path, connection, tell) as index:
            yield index

    @property
    def blobs(self) -> BlobStore:
        """The blobs that workers share."""
        return BlobStore(*(self.storage or (self.root / "blobs",)))


def _say_again(state: RetryCallState) -> None:
    assert state.outcome is not None
    log.warning("%s: it is asked again, for %.0f seconds in all", state.outcome.exception(), PATIENCE_SECONDS)


class Url(click.ParamType):
    """The URL of an endpoint; in the environment several, with spaces or commas between them."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """Parse one."""
        try:
            return check_url(value)
        except ValueError as error:
            self.fail(f"{value!r} is {error}", param, context)

    def split_envvar_value(self, value: str) -> list[str]:
        """Split what the environment says."""
        return value.replace(",", " ").split()


class Tokens(click.ParamType):
    """An amount of whole tokens, as people write it."""

    name = "tokens"

    def __init__(self, is_positive: bool = False) -> None:
        self._is_positive = is_positive

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Decimal:
        """Parse a number that is not negative, nor zero where it is to be positive."""
        try:
            amount = Decimal(str(value))  # of a file's 0.05, and not of its float's last bits
        except ArithmeticError:
            self.fail(f"{value!r} is not a number", param, context)
        if not amount.is_finite() or amount < 0 or (self._is_positive and not amount):
            self.fail(f"{value!r} is not an amount", param, context)
        if amount.adjusted() >= MOST_DIGITS:
            self.fail(f"{value!r} is not an amount", param, context)
        return amount


class Address(click.ParamType):
    """Where to listen: a host and a port, or a port of this machine's own."""

    name = "[host:]port"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, int]:
        """Parse ``HOST:PORT``, ``[HOST]:PORT`` or ``PORT``."""
        host, _, port = str(value).rpartition(":")
        if not port.isdecimal() or int(port) > 65_535:
            self.fail(f"{value!r} is not HOST:PORT", param, context)
        return host.strip("[]") or "127.0.0.1", int(port)


def shown_root() -> str:
    """The data directory where none is named, for people."""
    root, home = default_root(), Path.home()
    return f"~/{root.relative_to(home)}" if root.is_relative_to(home) else str(root)


def to_units(connection: Connection, amount: Decimal) -> int:
    """Whole tokens in token units."""
    return int(EXACT.scaleb(amount, TokenClient(connection).decimals()))


def show_units(connection: Connection, units: int) -> str:
    """Token units in whole tokens, with the symbol."""
    return shown_in_tokens(connection)(units)


CHAIN_OPTIONS = (
    click.option(
        "--rpc",
        envvar="POLE_RPC",
        type=Url(),
        multiple=True,
        default=("http://127.0.0.1:8545",),
        show_default=True,
        help="The node to talk to. Give several, and each stands in for the others, and is asked by itself before a"
        " model is revealed.",
    ),
    click.option(
        "--deployments",
        envvar="POLE_DEPLOYMENTS",
        type=click.Path(path_type=Path),
        default=Path("deployments"),
        show_default=True,
        help="Folder of the deployments files.",
    ),
    click.option(
        "--home",
        envvar="POLE_HOME",
        type=click.Path(path_type=Path),
        default=default_root,
        help=f"Data directory: secrets and blobs.  [default: {shown_root()}]",
    ),
    click.option(
        "--storage",
        envvar="POLE_STORAGE",
        multiple=True,
        metavar="PLACE",
        help="Where blobs are: a folder, s3://BUCKET/PREFIX, or https://GATEWAY/ipfs to read. Several may be given:"
        " they are written to the first and read from the first that has them.  [default: blobs in --home]",
    ),
)

ACCOUNT: dict[str, Any] = {
    "envvar": "POLE_ACCOUNT",
    "metavar": "NAME",
    "help": "Who signs: dev:INDEX on a local chain, a keyfile, or an alias of `ape accounts`.",
}
ACCOUNT_OPTION = click.option("--account", **ACCOUNT, required=True)
OPTIONAL_ACCOUNT_OPTION = click.option("--account", **ACCOUNT)

PASSPHRASE_OPTION = click.option(
    "--passphrase-file",
    envvar="POLE_PASSPHRASE_FILE",
    type=click.Path(path_type=Path),
    help="Holds the keyfile's passphrase.  [default: POLE_PASSPHRASE, else you are asked]",
)

SIGNING_OPTIONS = (
    PASSPHRASE_OPTION,
    click.option(
        "--max-fee",
        envvar="POLE_MAX_FEE",
        type=Tokens(),
        default="1",
        show_default=True,
        help="The most that a transaction may cost, in the chain's own coin.",
    ),
    click.option(
        "--confirmations",
        envvar="POLE_CONFIRMATIONS",
        type=click.IntRange(0, 1000),
        default=0,
        show_default=True,
        help="Blocks to wait for after that of a transaction.",
    ),
)

LOG_OPTION = click.option(
    "--log-format",
    envvar="POLE_LOG_FORMAT",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to say on standard error what is done: for people, or one JSON object a line.",
)


METRICS_OPTION = click.option(
    "--metrics",
    type=Address(),
    help="Serve Prometheus metrics there; a port alone is one of 127.0.0.1.",
)


def chain_options(command: Any) -> Any:
    """Add the options that name a node, and pass them on as one `node`."""

    @wraps(command)
    def wrapped(
        rpc: tuple[str, ...], deployments: Path, home: Path, storage: tuple[str, ...], **options: Any
    ) -> Any:
        return command(node=Node(rpc, deployments, home, storage), **options)

    return with_options(wrapped, *CHAIN_OPTIONS)


def account_options(command: Any) -> Any:
    """Add the options that name an account, and pass them on as one `account`."""

    @wraps(command)
    def wrapped(
        account: str, passphrase_file: Path | None, max_fee: Decimal, confirmations: int, **options: Any
    ) -> Any:
        rules = SendingRules(int(EXACT.scaleb(max_fee, 18)), confirmations)
        return command(account=Signer(account, passphrase_file, rules), **options)

    return with_options(wrapped, ACCOUNT_OPTION, *SIGNING_OPTIONS)


def worker_options(command: Any) -> Any:
    """Add the options of a command that works as an account until it is stopped."""
    return chain_options(account_options(running_options(command)))


def running_options(command: Any) -> Any:
    """Add the options of a command that goes on until it is stopped, and have it log, count and stop as it should."""

    @wraps(command)
    def wrapped(log_format: str, metrics: tuple[str, int] | None, **options: Any) -> Any:
        log_progress(log_format)
        with last_words(log_format), stopping(), serving(metrics):
            return command(**options)

    return with_options(wrapped, LOG_OPTION, METRICS_OPTION)


def with_options(command: Any, *options: Callable[[Any], Any]) -> Any:
    """Add options, the first of which is the first in the help."""
    for option in reversed(options):
        command = option(command)
    return command
