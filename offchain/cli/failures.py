"""Errors that a user can mend, as one line and exit status 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from web3.exceptions import Web3Exception

from offchain.chain.errors import ChainError
from offchain.compute.errors import ComputeError
from offchain.index.errors import IndexFailure
from offchain.learning.errors import LearningError
from offchain.storage import StorageError
from offchain.workers.errors import WorkerError


def printable(text: str) -> str:
    """A text from anywhere as one line that does nothing to a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:1000])


@contextmanager
def one_line() -> Iterator[None]:
    """Raise a ClickException in place of any error that is the user's to mend."""
    try:
        yield
    except (ChainError, ComputeError, IndexFailure, LearningError, StorageError, WorkerError) as error:
        raise click.ClickException(printable(str(error))) from error
    except Web3Exception as error:
        raise click.ClickException(printable(f"the deployment has no such function: {error}")) from error
    except OSError as error:  # of files and folders that were named
        raise click.ClickException(printable(str(error))) from error
