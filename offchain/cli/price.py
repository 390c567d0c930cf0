"""`pole price`: the leader's optimal price for games written down as JSON."""

import json
from pathlib import Path
from typing import Any

import click

from offchain.economics.instances import FAMILIES, Instance, InvalidInstanceError, read_instances
from offchain.economics.report import leader_solution, named_result


class InvalidInput(click.ClickException):
    """One line on standard error, and the exit status of a usage error."""

    exit_code = 2


def _families() -> str:
    """A line for each family with the names of its inputs, those in brackets optional."""
    lines = [
        f"{name}: "
        + " ".join(key if field.is_required() else f"[{key}]" for key, field in inputs.model_fields.items())
        for name, inputs in FAMILIES.items()
    ]
    return "\b\nFamilies and their inputs:\n" + "\n".join(f"  {line}" for line in lines)


@click.command(epilog=_families())
@click.argument("instance", type=click.Path(path_type=Path))
@click.option(
    "--certificate",
    "tolerance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="EPS",
    help="Add a proof that no price earns more than (1 + EPS) times the profit.",
)
@click.option(
    "--plot",
    "chart",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw profit against price; for a file with one game of one price.",
)
def price(instance: Path, tolerance: float | None, chart: Path | None) -> None:
    """Solve the games in INSTANCE and print what the leader earns and the followers do, as JSON.

    INSTANCE is a file with one game, or a list of them. Here a leader sells up to 10 units, each of which costs it 0.5,
    at one price from 0.1 to 10, to two consumers of utility a log(1 + k x), the second of which takes 3 units at most:

    \b
    {
      "family": "log_uniform",
      "inputs": {
        "a": [4, 2], "k": [1, 1], "d": [null, 3],
        "c": 0.5, "Q": 10, "pmin": 0.1, "pmax": 10
      }
    }

    A column has a number for each consumer; null stands for no limit.
    """
    try:
        games, listed = read_instances(instance.read_text(encoding="utf-8"))
        results = [_solved(game, tolerance) for game in games]
        if chart is not None:
            _draw(games, chart)
        printed = json.dumps(results if listed else results[0], indent=2, allow_nan=False)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}: `pole price --help` shows what a file holds"
        raise InvalidInput(reason) from error
    except RuntimeError as error:
        raise InvalidInput(str(error)) from error
    except (InvalidInstanceError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{instance}: {error}") from error
    except ValueError as error:
        raise InvalidInput(f"{instance}: its result is beyond the range of floats") from error
    click.echo(printed)


def _solved(game: Instance, tolerance: float | None) -> dict[str, Any]:
    result = named_result(game)
    if tolerance is not None:
        from offchain.economics.certify import certificate

        result["certificate"] = certificate(game, result.get("price"), tolerance)
    return result


def _draw(games: list[Instance], chart: Path) -> None:
    if len(games) != 1:
        raise InvalidInstanceError(f"a chart shows one game, and the file holds {len(games)}")
    from offchain.economics.charts import draw_profit

    try:
        draw_profit(leader_solution(games[0]), chart)
    except ValueError as error:  # an ending that matplotlib cannot write
        raise InvalidInstanceError(f"{chart}: {error}") from error
