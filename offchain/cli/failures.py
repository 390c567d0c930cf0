"""Errors that a user can mend, as one line and exit status 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from web3.exceptions import Web3Exception

from offchain.chain.accounts import DEV_CHAIN_IDS
from offchain.chain.errors import ChainError, DeploymentInvalid, EndpointUnreachable
from offchain.compute.errors import ComputeError
from offchain.index.errors import IndexFailure
from offchain.learning.errors import LearningError
from offchain.storage import StorageError
from offchain.workers.errors import WorkerError
from offchain.workers.health import LOCAL_DEPLOYMENT, PUBLIC_DEPLOYMENT


def printable(text: str) -> str:
    """A text from anywhere as one line that does nothing to a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:1000])


@contextmanager
def one_line() -> Iterator[None]:
    """Raise a ClickException in place of any error that is the user's to mend."""
    try:
        yield
    except (ChainError, ComputeError, IndexFailure, LearningError, StorageError, WorkerError) as error:
        raise click.ClickException(printable(f"{error}{_command_for(error)}")) from error
    except Web3Exception as error:
        raise click.ClickException(printable(f"the deployment has no such function: {error}")) from error
    except BrokenPipeError:  # who reads what is printed has enough: click ends quietly
        raise
    except OSError as error:  # of files and folders that were named
        raise click.ClickException(printable(str(error))) from error


def _command_for(error: Exception) -> str:
    """The command that mends an error, where its text has none; it follows that text."""
    match error:
        case EndpointUnreachable():
            return ": `make node` starts one on this machine, --rpc names another"
        case DeploymentInvalid(path=path) if not Path(path).exists():
            is_local = Path(path).stem in map(str, DEV_CHAIN_IDS)
            return f": {LOCAL_DEPLOYMENT if is_local else PUBLIC_DEPLOYMENT}"
    return ""
