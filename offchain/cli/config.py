"""`pole config`: what holds, and why."""

import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from click.core import ParameterSource
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from offchain.chain.endpoint import shown
from offchain.cli.configuration import Settings, inherited
from offchain.cli.environment import unknown_variables
from offchain.cli.failures import printable
from offchain.cli.keys import PASSPHRASE_VARIABLE
from offchain.cli.options import (
    CHAIN_OPTIONS,
    LOG_OPTION,
    OPTIONAL_ACCOUNT_OPTION,
    SIGNING_OPTIONS,
    json_option,
    with_options,
)
from offchain.workers.reading import to_json

SOURCES = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
    ParameterSource.DEFAULT: "default",
}
PLAIN_BUCKET = re.compile(r"s3://[^@?#]*")


@dataclass(frozen=True, slots=True)
class Row:
    """A setting, what it is and where that comes from."""

    setting: str
    value: Any
    source: str


def config(as_json: bool, **_: Any) -> None:
    """Show what holds: a flag before the environment, that before the file, that before the default.

    Nothing secret is shown: neither a passphrase nor what follows the host in the URL of an endpoint or a gateway.
    """
    context = click.get_current_context()
    for variable in unknown_variables(context):
        click.echo(f"Warning: {printable(str(variable))}", err=True)
    root = context.find_root()
    rows = [
        Row(name, _plain(name, context.params[name]), _source(context.get_parameter_source(name)))
        for name in Settings.model_fields
    ]
    if PASSPHRASE_VARIABLE in os.environ:
        rows.append(Row("passphrase", "(not shown)", "environment"))
    rows += _of_commands(root, root.command)
    if as_json:
        click.echo(to_json({"file": str(root.obj), "settings": [asdict(row) for row in rows]}))
        return
    click.echo(f"{root.obj}{'' if root.obj.is_file() else ' (there is no such file)'}")
    table = Table("setting", "value", "from", box=SIMPLE)
    for row in rows:
        value = " ".join(row.value) if isinstance(row.value, list) else row.value
        table.add_row(row.setting, "(not set)" if value in (None, "") else str(value), row.source)
    Console().print(table)


def _of_commands(context: click.Context, group: click.Command, place: str = "") -> Iterator[Row]:
    """What is set for one command, and is not what is usual; raises BadParameter where it cannot be."""
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        prefix = f"POLE_{place}{name}_".replace(".", "_").replace("-", "_").upper()
        if name not in (context.default_map or {}) and not any(key.startswith(prefix) for key in os.environ):
            continue  # nothing is said of it, and it takes its time to import
        command = group.get_command(context, name)
        assert command is not None
        if command is click.get_current_context().command:
            continue  # this one, whose own options are what holds for every command
        own = (context.default_map or {}).get(name, {})
        context.default_map = inherited(context, name)
        inner = click.Context(command, parent=context, info_name=name)
        if isinstance(command, click.Group):
            yield from _of_commands(inner, command, f"{place}{name}.")
            continue
        for option in command.params:
            is_shared = option.name in Settings.model_fields and option.name not in own
            if option.name is None or is_shared or isinstance(option, click.Argument):
                continue
            value, source = option.consume_value(inner, {})
            if source is not ParameterSource.DEFAULT:
                typed = option.type_cast_value(inner, value)
                yield Row(f"{place}{name}.{option.name}", _plain(option.name, typed), _source(source))


def _source(source: ParameterSource | None) -> str:
    return SOURCES.get(source, "default") if source else "default"


def _shown_place(place: str) -> str:
    """A storage; of a gateway, and of what has a key in it that is refused later, the host alone."""
    return shown(place) if "://" in place and not PLAIN_BUCKET.fullmatch(place) else place


def _plain(name: str, value: Any) -> Any:
    if name == "rpc":
        return list(map(shown, value))
    if name == "storage":
        return list(map(_shown_place, value))
    if name == "metrics":
        return "{}:{}".format(*value)
    if isinstance(value, tuple):
        return list(map(str, value))
    return value if value is None or isinstance(value, bool | int | float) else str(value)


config = with_options(
    config,
    click.command(),
    json_option,
    *CHAIN_OPTIONS,
    OPTIONAL_ACCOUNT_OPTION,
    *SIGNING_OPTIONS,
    LOG_OPTION,
)
