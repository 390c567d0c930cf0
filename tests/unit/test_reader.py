"""What follows the pages of the documentation can leave whatever they have begun."""

import re
from pathlib import Path

import pytest

from tests.reader import INTERRUPTED, Terminal, plain_environment

DIES_OF_IT = (
    "python3 -c 'import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print(1); signal.pause()'\n"
)
EXITS = "bash -c 'trap \"exit 130\" INT; echo 1; while true; do sleep 0.1; done'\n"


@pytest.mark.parametrize("command", [DIES_OF_IT, EXITS], ids=["dies of it", "exits"])
def test_ctrl_c_ends_what_goes_on(tmp_path: Path, command: str) -> None:
    terminal = Terminal(tmp_path, plain_environment(tmp_path, PYTHONUNBUFFERED="1"), {})
    terminal.begin(command)
    terminal.wait_for(re.compile("^1$", re.MULTILINE))

    terminal.interrupt()

    assert int(terminal.statuses) == INTERRUPTED
    terminal.close()
