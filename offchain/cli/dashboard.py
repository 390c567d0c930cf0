"""`pole dashboard`: look at a deployment in a browser."""

import errno
import socket
from contextlib import suppress
from pathlib import Path

import click

from offchain.chain.deployment import Deployment
from offchain.chain.vault import TokenClient
from offchain.cli.options import Node, chain_options, running_options
from offchain.dashboard.app import Source, create_app
from offchain.dashboard.serving import server
from offchain.dashboard.shown import Token
from offchain.dashboard.watching import Watcher
from offchain.index.errors import IndexBusy, IndexFailure
from offchain.index.store import Store, index_path


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at: another one than this machine's own is open to whoever reaches it.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8646, show_default=True, help="0 takes a free one."
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="A name that browsers may call this server by, such as that of a proxy in front of it. Addresses and"
    " localhost are always allowed.",
)
@chain_options
@running_options
def dashboard(node: Node, host: str, port: int, names: tuple[str, ...]) -> None:
    """Show tasks, the learning ledger, the market and accounts in a browser, as they change.

    It reads the index and follows the chain into it by itself, unless `pole index` does. It holds no key, and nothing
    can be changed through it.
    """
    connection = node.wait_for()
    token = TokenClient(connection)
    path = index_path(node.root, connection.deployment)
    watcher = Watcher(node.connect, path)
    named = Token.named(token.symbol(), token.decimals())
    source = Source(path, connection.deployment, named, watcher, names)
    _check_index(path, connection.deployment)
    with _listener(host, port) as listener:
        watcher.start()
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"serving http://{shown}:{listener.getsockname()[1]}/ until it is stopped")
        server(create_app(source)).run(sockets=[listener])


def _check_index(path: Path, deployment: Deployment) -> None:
    """Raise what keeps an index from being made; one that is there can be read, even if it cannot be written."""
    try:
        with suppress(IndexBusy), Store.writing(path, deployment):
            pass
    except IndexFailure:
        if not path.exists():
            raise


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"port {port} of {host} is taken, perhaps by another dashboard: name a free one with --port"
            ) from error
        reason = (error.strerror or str(error)).lower()
        raise click.ClickException(
            f"cannot listen at port {port} of {host}: {reason}: name another with --host or --port"
        ) from error
