"""What a worker's log is to a program, and how its command ends."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from offchain.cli.running import JsonLines, stopping


def line(message: str, *arguments: object) -> dict[str, Any]:
    """What is written of a record that was made at the beginning of 2026."""
    record = logging.LogRecord("pole", logging.WARNING, "", 0, message, arguments, None)
    record.created = 1_767_225_600.25
    written = JsonLines().format(record)
    assert "\n" not in written
    told: dict[str, Any] = json.loads(written)
    return told


@pytest.mark.parametrize(
    ("message", "arguments", "about"),
    [
        ("task %d: %s", (3, "done"), {"task": 3}),
        ("epoch %d: %s", (4, "done"), {"epoch": 4}),
        ("purchase %d of epoch %d: %s", (2, 1, "done"), {"purchase": 2, "epoch": 1}),
        ("%s", ("done",), {}),
    ],
)
def test_a_line_tells_time_level_and_what_it_is_about(
    message: str, arguments: tuple[object, ...], about: dict[str, int]
) -> None:
    assert line(message, *arguments) == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "level": "warning",
        **about,
        "event": "done",
        "logger": "pole",
    }


def test_a_line_is_one_line_whatever_others_wrote() -> None:
    assert line("task %d: %s", 1, 'a\n{"level": "info"}\x1b[2J')["event"] == r'a\n{"level": "info"}\x1b[2J'


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_leaves_what_sleeps_and_no_step_catches_it(number: signal.Signals, status: int) -> None:
    before = signal.getsignal(number)
    started = time.monotonic()

    with pytest.raises(SystemExit) as ended, stopping():
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except Exception as error:
            raise AssertionError("a step caught it") from error

    assert ended.value.code == status
    assert time.monotonic() - started < 5
    assert signal.getsignal(number) == before


class Finalised:
    """Is told to stop while it is finalised, where Python drops what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_comes_while_an_object_is_finalised_is_not_lost() -> None:
    with pytest.raises(SystemExit) as ended, stopping():
        Finalised()
        time.sleep(10)

    assert ended.value.code == 0


def logged(program: str) -> "subprocess.CompletedProcess[str]":
    """What a program logs where its output is no terminal."""
    command = f"import logging; from offchain.cli.running import log_progress; {program}"
    return subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=True,
    )


def test_where_there_is_no_terminal_a_line_has_time_zone_and_level_however_long_it_is() -> None:
    words = "task 1: " + "long " * 40 + "ended"

    ended = logged(f"log_progress('text'); logging.getLogger('pole').warning({words!r} + '\\nand more')")

    moment, level, said = ended.stderr.removesuffix("\n").split(" ", 2)
    assert datetime.fromisoformat(moment).utcoffset() == timedelta(0)
    assert (level, said, ended.stdout) == ("warning", words + r"\nand more", "")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_dask_says_nothing_of_a_cluster_itself(log_format: str) -> None:
    said = "logging.getLogger('distributed.client').error('Failed to reconnect')"

    ended = logged(f"log_progress({log_format!r}); import distributed; {said}")

    assert ended.stderr == ""


def test_a_library_that_warns_writes_a_line_like_all_others() -> None:
    program = (
        "import warnings; from offchain.cli.running import log_progress;"
        " log_progress('json'); warnings.warn('an issue\\nof two lines')"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    (told,) = map(json.loads, ended.stderr.splitlines())
    assert told["level"] == "warning"
    assert "an issue" in told["event"]
