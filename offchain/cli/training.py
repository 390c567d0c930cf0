"""Where a worker's training runs: the options that its commands share."""

from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import click

from offchain.cli.options import with_options
from offchain.compute.executor import JobExecutor
from offchain.compute.process import Limits


class Scheduler(click.ParamType):
    """Where a Dask scheduler listens."""

    name = "tcp://host:port"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """Check that it is ``tcp://HOST:PORT``, or the same with TLS."""
        try:
            parts = urlsplit(value)
            is_whole = parts.scheme in ("tcp", "tls") and bool(parts.hostname and parts.port)
        except ValueError:  # a port that is none
            is_whole = False
        if not is_whole or parts.path:
            self.fail(f"{value!r} is not tcp://HOST:PORT or tls://HOST:PORT", param, context)
        return str(value)


OPTIONS = (
    click.option(
        "--dask",
        type=Scheduler(),
        metavar="tcp://HOST:PORT",
        help="Train on the machines behind this Dask scheduler, which must trust each other and you.",
    ),
    click.option(
        "--processes",
        type=click.IntRange(1),
        default=2,
        show_default=True,
        help="Jobs at a time on this machine, where there is no --dask, or it cannot be had.",
    ),
    click.option(
        "--job-seconds",
        type=click.FloatRange(0, min_open=True),
        default=600.0,
        show_default=True,
        help="The most that a job may take.",
    ),
    click.option(
        "--job-megabytes",
        type=click.IntRange(1),
        default=2048,
        show_default=True,
        help="The most memory for one.",
    ),
)


@dataclass(frozen=True, slots=True)
class Trainers:
    """What the options name, opened when it is needed."""

    dask: str | None
    processes: int
    limits: Limits

    def open(self) -> JobExecutor:
        """The executor; raises ClusterUnreachable."""
        if self.dask:
            return JobExecutor.dask(self.dask, self.processes, self.limits)
        return JobExecutor.local(self.processes, self.limits)


def training_options(command: Any) -> Any:
    """Add the options, and pass them on as one `trainers`, which opens what they name."""

    @wraps(command)
    def wrapped(
        dask: str | None, processes: int, job_seconds: float, job_megabytes: int, **options: Any
    ) -> Any:
        limits = Limits(job_seconds, job_megabytes << 20)
        return command(trainers=Trainers(dask, processes, limits), **options)

    return with_options(wrapped, *OPTIONS)
