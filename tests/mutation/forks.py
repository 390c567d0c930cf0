"""Forks of a process that has imported what takes long: each meets one mutant."""

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import Phase, settings

PYTEST = ("-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0")
# What takes long to import and is nobody's mutant.
LIBRARIES = (
    *("cvxpy", "eth_tester", "matplotlib.pyplot", "nashpy", "pydantic", "scipy.optimize", "web3"),
    *(
        "sklearn.datasets",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.neural_network",
        "sklearn.svm",
    ),
)
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
SPARE_SECONDS = 60.0

Thing = TypeVar("Thing")


def prepare(work: Path, environment: dict[str, str]) -> None:
    """Import the libraries, and keep what tests write to themselves in a folder."""
    os.environ.update(
        {**ENVIRONMENT, **environment, "HYPOTHESIS_STORAGE_DIRECTORY": str(work / "hypothesis")}
    )
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(work / "bytecode")
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()  # nor does it look through the libraries for garbage


def fork(act: Callable[..., object], *arguments: object) -> ForkProcess:
    """Start a child that does this and ends."""
    child = multiprocessing.get_context("fork").Process(target=act, args=arguments)
    child.start()
    return child


def run_each(
    things: Iterable[Thing], act: Callable[[Thing], object], seconds: Callable[[Thing], float], jobs: int
) -> Iterator[tuple[Thing, int | None]]:
    """Do something with each thing in a fork of its own, so many at a time; tells the exit code of each.

    None stands for who takes much longer than its seconds. What a fork starts ends with it.
    """
    waiting, running = list(things)[::-1], dict[ForkProcess, tuple[Thing, float]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            thing = waiting.pop()
            running[fork(_alone, act, thing)] = thing, time.monotonic() + SPARE_SECONDS + 5 * seconds(thing)
        wait([child.sentinel for child in running], timeout=1.0)
        for child, (thing, deadline) in list(running.items()):
            late = child.is_alive()
            if late and time.monotonic() < deadline:
                continue
            with suppress(ProcessLookupError):
                os.killpg(child.pid or 0, signal.SIGKILL)
            child.join()
            del running[child]
            yield thing, None if late else child.exitcode


def meet_tests(names: list[str]) -> int:
    """Run tests until one fails; tells the exit code of pytest."""
    # A failure need not be small.
    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")
    return pytest.main([*PYTEST, "-x", "-p", "no:unraisableexception", *names])


def redirect(file: Path | str) -> None:
    """Send what this process prints to a file."""
    target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, sys.stdout.fileno())
    os.dup2(target, sys.stderr.fileno())


def _alone(act: Callable[[Thing], object], thing: Thing) -> None:
    os.setpgid(0, 0)
    redirect(os.devnull)
    act(thing)
