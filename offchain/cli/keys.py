"""Where the passphrase of a keyfile comes from. It is never an argument, which every process of a machine can read."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from offchain.chain.accounts import Passphrase
from offchain.chain.errors import PassphraseMissing

PASSPHRASE_VARIABLE = "POLE_PASSPHRASE"
MAX_PASSPHRASE_BYTES = 4096


def passphrase_from(file: Path | None) -> Callable[[Path], Passphrase]:
    """What gives the passphrase of a keyfile: from `file`, else from the environment, else from the terminal.

    Raises
    ------
    PassphraseMissing : there is none of them
    """

    def passphrase(keyfile: Path) -> Passphrase:
        # Out of the environment, which the processes of jobs inherit.
        told = os.environ.pop(PASSPHRASE_VARIABLE, None)
        if file is not None:
            return Passphrase(_read(file), f"the file {file}")
        if told is not None:
            return Passphrase(told, PASSPHRASE_VARIABLE)
        if not sys.stdin.isatty():
            raise PassphraseMissing(
                f"{keyfile} needs its passphrase: put it into the environment variable {PASSPHRASE_VARIABLE} or into"
                " a file that --passphrase-file names, or run this in a terminal"
            )
        asked = click.prompt(f"Passphrase of {keyfile}", hide_input=True, err=True)
        return Passphrase(str(asked), "the prompt")

    return passphrase


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_PASSPHRASE_BYTES).decode().rstrip("\r\n")
    except OSError as error:
        raise PassphraseMissing(f"the passphrase cannot be read from {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PassphraseMissing(f"the passphrase in {file} is not UTF-8") from None
