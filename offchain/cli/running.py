"""How a worker's command runs: what it says, and how it ends when it is told to."""

import json
import logging
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import FrameType

import click
from rich.console import Console
from rich.logging import RichHandler

from offchain import metrics
from offchain.cli.failures import one_line, printable

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.1
SUBJECT = re.compile(r"(task|epoch|purchase) (\d+)(?: of epoch (\d+))?: ")


class Printable(logging.Formatter):
    """What a worker says may quote what others wrote."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        return printable(super().format(record))


class PlainLines(Printable):
    """Time, level and what happened, for a file or a journal."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        return f"{_time_of(record)} {record.levelname.lower()} {super().format(record)}"


class JsonLines(logging.Formatter):
    """A JSON object a line: time, level, what it is about by number, and what happened."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        said = printable(record.getMessage())
        about = SUBJECT.match(said)
        numbers = {about[1]: int(about[2])} | ({"epoch": int(about[3])} if about[3] else {}) if about else {}
        return json.dumps(
            {
                "time": _time_of(record),
                "level": record.levelname.lower(),
                **numbers,
                "event": said[about.end() :] if about else said,
                "logger": record.name,
            }
        )


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def log_warnings() -> None:
    """Show what a command warns of, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Printable("Warning: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def log_progress(log_format: str) -> None:
    """Show what a worker does, a line a step, on standard error."""
    handler: logging.Handler
    if log_format == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
    elif sys.stderr.isatty():
        handler = RichHandler(
            console=Console(stderr=True),
            show_path=False,
            show_level=False,
            omit_repeated_times=False,
            log_time_format="[%X]",
        )
        handler.setFormatter(Printable("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(PlainLines())
    handler.addFilter(_is_ours_to_tell)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)  # web3 warns where a request fails that it can do without
    for noisy in ("web3", "urllib3", "requests", "botocore", "aiobotocore", "s3fs", "fsspec"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _is_ours_to_tell(record: logging.LogRecord) -> bool:
    """Whether it is not Dask's word on a cluster: what becomes of that is told where it matters.

    A level of its loggers does not last, for Dask sets them when it is imported.
    """
    return record.name.partition(".")[0] not in ("distributed", "tornado")


@contextmanager
def last_words(log_format: str) -> Iterator[None]:
    """Log the error that ends the block as all else is logged, where that is for a program to read."""
    if log_format != "json":
        yield
        return
    try:
        with one_line():
            yield
    except click.UsageError:
        raise
    except click.ClickException as error:
        log.error("%s", error.message)
        sys.exit(error.exit_code)


@contextmanager
def serving(address: tuple[str, int] | None) -> Iterator[None]:
    """Serve metrics at an address, where one is given, until the block ends."""
    if address is None:
        yield
        return
    host, port = address
    with ExitStack() as stack:
        try:
            stack.enter_context(metrics.served(host, port))
        except OSError as error:
            raise click.ClickException(
                f"metrics cannot be served at {host}:{port}: {error.strerror}: name another port with --metrics"
            ) from error
        log.info("metrics are at http://%s:%d/metrics", host, port)
        yield


class Stopped(BaseException):
    """Somebody wants this process to end. No step catches it."""

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        self.goes_on = "started again, it goes on where it was"
        super().__init__(self.signal.name)


@contextmanager
def stopping() -> Iterator[None]:
    """Leave the block at once on SIGINT and SIGTERM, and the process with status 130 or 0.

    A step can be left anywhere: what must not be lost is on disk before it is sent. A second signal ends the process.
    """

    def stop(number: int, _: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Stopped(number)

    def stop_again(unraisable: "sys.UnraisableHookArgs") -> None:
        """Python drops what is raised while it finalises an object, so a signal that came then is sent again."""
        if not isinstance(unraisable.exc_value, Stopped):
            hook(unraisable)
            return
        number = unraisable.exc_value.signal
        for each in before:
            signal.signal(each, stop)
        main = threading.main_thread().ident or 0
        threading.Timer(AGAIN_SECONDS, signal.pthread_kill, (main, number)).start()

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    hook, sys.unraisablehook = sys.unraisablehook, stop_again
    try:
        yield
    except Stopped as stopped:
        log.info("stopped by %s: %s", stopped, stopped.goes_on)
        sys.exit(130 if stopped.signal == signal.SIGINT else 0)
    finally:
        sys.unraisablehook = hook
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def told_when_stopped(goes_on: str) -> Iterator[None]:
    """Say so where the block is stopped by a signal, in place of that the command can be started again."""
    try:
        yield
    except Stopped as stopped:
        stopped.goes_on = goes_on
        raise
