"""`pole index`: keep the chain's events at hand."""

import logging

import click

from offchain.cli.options import Node, chain_options, json_option, running_options
from offchain.cli.progress import backfill_shown
from offchain.index.follow import Follower, follow
from offchain.index.store import Store, index_path
from offchain.workers.errors import AWAY
from offchain.workers.reading import to_json

log = logging.getLogger(__name__)


@click.command()
@click.option("--once", is_flag=True, help="Catch up with the chain, tell how far that is, and end.")
@json_option
@chain_options
@running_options
def index(node: Node, once: bool, as_json: bool) -> None:
    """Follow the deployment's events into a file of the data directory, which lists and the dashboard read.

    It goes on where it stopped, and back where the chain was reorganised. The commands that list things bring the
    index up to date by themselves: this one only saves them the time. One process writes at a time, any number read;
    --once waits for one that writes to come up to date.
    """
    if as_json and not once:
        raise click.UsageError("--json goes with --once: who follows has no last word")
    if once:
        _catch_up(node, as_json)
    else:
        _follow(node)


def _catch_up(node: Node, as_json: bool) -> None:
    connection = node.connect()
    path = index_path(node.root, connection.deployment)
    with node.index(connection) as found:
        status = found.status()
    assert status is not None
    if as_json:
        told = {
            "chain_id": connection.deployment.chain_id,
            "block": status.block,
            "block_hash": "0x" + status.block_hash.hex(),
            "timestamp": status.timestamp,
            "events": status.events,
            "path": str(path),
        }
        click.echo(to_json(told))
        return
    click.echo(f"{status.events:,} events up to block {status.block} in {path}")


def _follow(node: Node) -> None:
    connection = node.wait_for()
    path = index_path(node.root, connection.deployment)
    with Store.writing(path, connection.deployment) as store, backfill_shown(transient=False) as tell:
        try:
            for progress in Follower(connection, store).catch_up():
                tell(progress)
        except AWAY as error:
            log.warning("%s: going on when it answers again", error)
        events = store.event_count()
    click.echo(f"following into {path}, which has {events:,} events")
    follow(node.connect, path)
