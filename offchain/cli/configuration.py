"""The configuration file: what it may say, and how commands come to it.

::

    rpc = ["https://one.example", "https://two.example"]     # for every command
    account = "miner"

    [mine]                                                    # for one
    estimator = "mlp"

    [task.post]
    reward = 50

A flag comes before the environment, the environment before the file, the file before what is usual.
"""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import click
from platformdirs import user_config_path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from offchain.learning.errors import LearningError

MAX_FILE_BYTES = 64 * 1024


def default_path() -> Path:
    """Where the file is looked for."""
    return user_config_path("polestar") / "config.toml"


def check_url(url: str) -> str:
    """Give back the URL of an endpoint; raises ValueError where it is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not a URL that begins with http:// or https://")
    return url


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Url = Annotated[str, AfterValidator(check_url)]


class Settings(BaseModel):
    """What the file may say for every command."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    rpc: Annotated[list[Url], BeforeValidator(_as_list), Field(min_length=1)] | None = None
    deployments: str | None = None
    home: str | None = None
    storage: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)] | None = None
    account: str | None = None
    passphrase_file: str | None = None
    max_fee: Annotated[float | int, Field(gt=0)] | None = None
    confirmations: Annotated[int, Field(ge=0, le=1000)] | None = None
    log_format: Literal["text", "json"] | None = None


def load(path: Path, root: click.Group, context: click.Context) -> dict[str, Any]:
    """Read the file into the form of click's `default_map`; raises ClickException with the place that is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise click.ClickException(f"{path}: larger than {MAX_FILE_BYTES:,} bytes")
        told = tomllib.loads(data.decode())
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise click.ClickException(f"{path}: not TOML: {error}") from None
    tables = {name: value for name, value in told.items() if isinstance(value, dict)}
    shared = _shared(path, {name: value for name, value in told.items() if name not in tables})
    return {**shared, **{name: _checked(path, name, tables[name], root, context) for name in tables}}


def _shared(path: Path, told: dict[str, Any], place: str = "") -> dict[str, Any]:
    """The settings that every command has; raises ClickException, never with what was written there."""
    try:
        return Settings.model_validate(told).model_dump(exclude_none=True)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
    name = first["loc"][0]
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        raise click.ClickException(
            f"{path}: there is no setting {name!r}: there are {known}, and tables of commands"
        )
    raise click.ClickException(f"{path}: {place}{name}: {first['msg'].removeprefix('Value error, ')}")


def _checked(
    path: Path, place: str, table: dict[str, Any], group: click.Group, context: click.Context
) -> dict[str, Any]:
    """A table; raises ClickException where it is not of a command, or sets what that has no option for."""
    command = group.get_command(context, place.rpartition(".")[2])
    if command is None:
        raise click.ClickException(f"{path}: there is no command {place!r}")
    known = [option.name for option in command.params if isinstance(option, click.Option) and option.name]
    checked: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(command, click.Group) and isinstance(value, dict):
            checked[name] = _checked(path, f"{place}.{name}", value, command, context)
        elif name not in known:
            there_are = f": there are {', '.join(known)}" if known else ""
            raise click.ClickException(f"{path}: there is no setting {name!r} in [{place}]{there_are}")
        elif name in Settings.model_fields:
            checked |= _shared(path, {name: value}, f"{place}.")
        else:
            option = next(each for each in command.params if each.name == name)
            checked[name] = _of_option(f"{path}: {place}.{name}", option, value, context)
    return checked


def _of_option(where: str, option: click.Parameter, value: Any, context: click.Context) -> Any:
    """A value that an option takes; raises ClickException where it does not."""
    if option.multiple:
        value = _as_list(value)
    elif isinstance(value, dict | list):
        raise click.ClickException(f"{where}: one value is needed")
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise click.ClickException(f"{where}: {error.message}") from None
    except LearningError as error:
        raise click.ClickException(f"{where}: {error}") from None
    return value


class ConfiguredGroup(click.Group):
    """A group whose commands have what the file says for all of them."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and hand down what the file says."""
        try:
            name, command, rest = super().resolve_command(context, args)
        except click.UsageError as error:
            if meant := get_close_matches(args[0], self.list_commands(context), 1):
                error.message += f" Did you mean {meant[0]!r}?"
            raise
        if name is not None:
            context.default_map = inherited(context, name)
        return name, command, rest


def inherited(context: click.Context, name: str) -> dict[str, Any]:
    """The context's map, in which a command has what is said for all, unless it is said for that one."""
    told = dict(context.default_map or {})
    for_all = {key: value for key, value in told.items() if not isinstance(value, dict)}
    return {**told, name: {**for_all, **told.get(name, {})}}


def read_file(context: click.Context, option: click.Parameter, path: Path | None) -> None:
    """Have the context's defaults come from the file, where there is one or one is named."""
    if context.resilient_parsing or not isinstance(context.command, click.Group):
        return
    if path is not None or default_path().is_file():
        context.default_map = load(path or default_path(), context.command, context)
    context.obj = path or default_path()
