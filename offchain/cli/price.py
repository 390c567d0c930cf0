"""`pole price`: the leader's optimal price for games written down as JSON."""

import json
from pathlib import Path

import click

from offchain.economics.instances import InvalidInstanceError, read_instances
from offchain.economics.report import named_result


class InvalidInput(click.ClickException):
    """One line on standard error, and the exit status of a usage error."""

    exit_code = 2


@click.command()
@click.argument("instance", type=click.Path(path_type=Path))
def price(instance: Path) -> None:
    """Solve the games in INSTANCE and print what the leader earns and the followers do, as JSON."""
    try:
        games, listed = read_instances(instance.read_text(encoding="utf-8"))
        results = [named_result(game) for game in games]
    except (InvalidInstanceError, OSError, UnicodeDecodeError) as error:
        raise InvalidInput(str(error) if isinstance(error, OSError) else f"{instance}: {error}") from error
    click.echo(json.dumps(results if listed else results[0], indent=2, allow_nan=False))
