"""Errors that a user can mend, as one line and exit status 1."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import requests

from offchain.chain.errors import ChainError
from offchain.compute.errors import ComputeError
from offchain.learning.errors import LearningError
from offchain.storage import StorageError
from offchain.workers.errors import WorkerError


@contextmanager
def one_line() -> Iterator[None]:
    """Raise a ClickException in place of any error that is the user's to mend."""
    try:
        yield
    except (ChainError, ComputeError, LearningError, StorageError, WorkerError) as error:
        raise click.ClickException(str(error)) from error
    except requests.RequestException as error:
        raise click.ClickException(f"the node stopped answering: {error}") from error
