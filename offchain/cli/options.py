"""The options that commands share, and what they open."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.logging import RichHandler

from offchain.chain.accounts import open_account
from offchain.chain.connection import Connection, connect
from offchain.chain.transactions import Sender
from offchain.chain.vault import TokenClient
from offchain.cli.failures import printable
from offchain.cli.progress import backfill_shown
from offchain.index.follow import up_to_date
from offchain.index.queries import Index
from offchain.index.store import index_path
from offchain.storage import BlobStore
from offchain.workers.home import Home, default_root

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script to read.")

account_option = click.option(
    "--account",
    envvar="POLE_ACCOUNT",
    required=True,
    metavar="NAME",
    help="Who signs: dev:INDEX on a local chain, a keyfile, or an alias of `ape accounts`."
    " A keyfile's passphrase is read from POLE_PASSPHRASE.",
)


@dataclass(frozen=True, slots=True)
class Node:
    """What the chain options name, opened when it is needed."""

    rpc: str
    deployments: Path
    root: Path

    def connect(self) -> Connection:
        """Connect to the deployment."""
        return connect(self.rpc, self.deployments)

    def sign_as(self, account: str) -> tuple[Sender, Home]:
        """Connect as an account."""
        connection = self.connect()
        sender = Sender(connection, open_account(account, connection.deployment.chain_id))
        return sender, Home.of(self.root, connection, sender.address)

    @contextmanager
    def index(self, connection: Connection) -> Iterator[Index]:
        """The index of the connection's deployment, up to the newest block."""
        path = index_path(self.root, connection.deployment)
        with backfill_shown(transient=True) as tell, up_to_date(path, connection, tell) as index:
            yield index

    @property
    def blobs(self) -> BlobStore:
        """The blobs that workers share."""
        return BlobStore(self.root / "blobs")


def chain_options(command: Command) -> Command:
    """Add --rpc, --deployments and --home, and pass them on as one `node`."""

    def wrapped(rpc: str, deployments: Path, home: Path, **options: Any) -> Any:
        return command(node=Node(rpc, deployments, home), **options)

    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__dict__.update(command.__dict__)
    for option in (
        click.option(
            "--home",
            envvar="POLE_HOME",
            type=click.Path(path_type=Path),
            default=default_root,
            help="Data directory: secrets and blobs.",
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
            "--rpc",
            envvar="POLE_RPC",
            default="http://127.0.0.1:8545",
            show_default=True,
            help="The node to talk to.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


class Tokens(click.ParamType):
    """An amount of whole tokens, as people write it."""

    name = "tokens"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Decimal:
        """Parse a number that is not negative."""
        try:
            amount = Decimal(value)
        except ArithmeticError:
            self.fail(f"{value!r} is not a number", param, context)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount", param, context)
        return amount


def to_units(connection: Connection, amount: Decimal) -> int:
    """Whole tokens in token units."""
    return int(amount.scaleb(TokenClient(connection).decimals()))


def show_units(connection: Connection, units: int) -> str:
    """Token units in whole tokens, with the symbol."""
    return shown_in_tokens(connection)(units)


def shown_in_tokens(connection: Connection) -> Callable[[int], str]:
    """What shows token units in whole tokens, with the symbol, without asking each time what they are."""
    token = TokenClient(connection)
    decimals, symbol = token.decimals(), token.symbol()
    return lambda units: f"{Decimal(units).scaleb(-decimals).normalize():f} {symbol}"


class Printable(logging.Formatter):
    """What a worker says may quote what others wrote."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        return printable(super().format(record))


def log_progress() -> None:
    """Show what a worker does, a line a step."""
    handler = RichHandler(
        show_path=False, show_level=False, omit_repeated_times=False, log_time_format="[%X]"
    )
    handler.setFormatter(Printable("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for noisy in ("web3", "urllib3", "requests"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
