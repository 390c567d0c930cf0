"""What the environment says under names that no command reads."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import click

from offchain.cli.keys import PASSPHRASE_VARIABLE
from offchain.cli.options import CHAIN_OPTIONS, LOG_OPTION, OPTIONAL_ACCOUNT_OPTION, SIGNING_OPTIONS
from offchain.learning.estimators import FACTORY

PREFIX = "POLE_"
OTHERS = (PASSPHRASE_VARIABLE, FACTORY, "POLE_FUZZ_CASES", "POLE_MARKET_EPOCHS")
"""What is no option; the last two are of this project's tests."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable that nothing reads, and one that may be meant."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        hint = f": is {self.meant} meant?" if self.meant else ""
        return f"{self.name} in the environment is no setting{hint}"


def unknown_variables(context: click.Context) -> list[Unknown]:
    """The variables with this program's prefix that no option has, in order."""
    root = context.find_root()
    found = []
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX):
            known = {*OTHERS, *_shared(), *_known(root, root.command, PREFIX, variable)}
            if variable not in known:
                close = get_close_matches(variable, sorted(known), 1)
                found.append(Unknown(variable, close[0] if close else None))
    return found


def _shared() -> Iterator[str]:
    """The variables of the options that commands share."""
    for option in (*CHAIN_OPTIONS, OPTIONAL_ACCOUNT_OPTION, *SIGNING_OPTIONS, LOG_OPTION):
        for each in option(click.Command("any")).params:
            yield from _explicit(each)


def _known(context: click.Context, command: click.Command, prefix: str, variable: str) -> Iterator[str]:
    """The variables of a command and of those below it that `variable` may be of: the others take time to import."""
    for option in command.params:
        if isinstance(option, click.Option) and option.name:
            yield prefix + option.name.upper()
            yield from _explicit(option)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = f"{prefix}{name.replace('-', '_').upper()}_"
            if variable.startswith(below) and (inner := command.get_command(context, name)):
                yield from _known(context, inner, below, variable)


def _explicit(option: click.Parameter) -> list[str]:
    return [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
