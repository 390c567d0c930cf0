"""Forks of a server, from the outside: who answers, and what is left when somebody ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil
import pytest

from offchain.compute.forkserver import FORK_NAME, Fork, ForkServer
from tests.unit.compute.answering import ECHO, ENDLESS, FAILING

SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[ForkServer]:
    there = ForkServer("tests.unit.compute.answering", {})
    yield there
    there.kill()


def server_of(fork: Fork) -> int:
    """The process that has forked the one that leads this fork's group."""
    _, group, _ = fork.converse(b"", SECONDS).split(b" ", 2)
    return int(psutil.Process(int(group)).ppid())


def wait_until_gone(processes: Iterable[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(list(processes), timeout=SECONDS)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


def test_a_fork_hears_all_and_answers_all(server: ForkServer) -> None:
    said = os.urandom(3 << 20)

    with server.fork(ECHO) as fork:
        answer = fork.converse(said, SECONDS)

        assert answer.endswith(said)
        assert fork.status() == 0
        assert fork.last_words() == ""


def test_one_server_forks_for_all(server: ForkServer) -> None:
    with server.fork(ECHO) as one, server.fork(ECHO) as other:
        assert server_of(one) == server_of(other)


def test_a_fork_has_the_environment_of_who_asks_as_it_is_then(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for told in (b"one", b"other"):
        monkeypatch.setenv("POLE_TOLD", told.decode())
        with server.fork(ECHO) as fork:
            assert fork.converse(b"", SECONDS).split(b" ", 2)[2] == told + b" "


def test_a_fork_that_fails_tells_its_status_and_its_last_words(server: ForkServer) -> None:
    with server.fork(FAILING) as fork:
        assert fork.converse(b"nothing here", SECONDS) == b""
        assert fork.status() == 1
        assert fork.last_words() == "ValueError: nothing here"


def test_a_fork_that_is_let_go_ends(server: ForkServer) -> None:
    with server.fork(ECHO) as fork:
        fork.converse(b"", SECONDS)  # the server has imported all
    with server.fork(ENDLESS) as fork:
        with pytest.raises(TimeoutError):
            fork.converse(b"", 1.0)
        forks = forks_at_work()

    wait_until_gone(forks)


def test_who_waits_for_a_server_that_does_not_come_waits_no_longer_than_it_wants() -> None:
    server = ForkServer("tests.unit.compute.never", {})

    with server.fork() as fork, pytest.raises(TimeoutError):
        fork.converse(b"", 0.5)

    server.kill()


def test_a_server_that_cannot_start_is_a_fork_that_was_killed() -> None:
    with ForkServer("tests.unit.compute.nowhere", {}).fork() as fork:
        assert fork.converse(b"", SECONDS) == b""
        assert fork.status() == -signal.SIGKILL


def test_a_killed_fork_tells_the_signal(server: ForkServer) -> None:
    with server.fork(ENDLESS) as fork:
        _, worker = forks_at_work()
        worker.send_signal(signal.SIGTERM)

        assert fork.converse(b"", SECONDS) == b""
        assert fork.status() == -signal.SIGTERM


def test_forks_end_with_their_server_and_the_next_has_another(server: ForkServer) -> None:
    with server.fork(ECHO) as fork:
        first = server_of(fork)
    with server.fork(ENDLESS) as fork:
        forks = forks_at_work()
        psutil.Process(first).kill()

        assert fork.converse(b"", SECONDS) == b""
        assert fork.status() == -signal.SIGKILL
        wait_until_gone(forks)
    with server.fork(ECHO) as fork:
        assert server_of(fork) != first


def test_all_end_with_the_process_that_asked() -> None:
    asking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from offchain.compute.forkserver import ForkServer\n"
            "from tests.unit.compute.answering import ENDLESS\n"
            "with ForkServer('tests.unit.compute.answering', {}).fork(ENDLESS) as fork:\n"
            "    print('forked', flush=True)\n"
            "    fork.converse(b'', 600)\n",
        ],
        stdout=subprocess.PIPE,
    )
    assert asking.stdout is not None and asking.stdout.readline() == b"forked\n"
    forks = forks_at_work(asking.pid)
    servers = psutil.Process(asking.pid).children()
    assert len(servers) == 1

    asking.kill()
    asking.communicate()

    wait_until_gone([*servers, *forks])


def test_a_fork_of_who_asks_has_a_server_of_its_own(server: ForkServer) -> None:
    with server.fork(ECHO) as fork:
        own = server_of(fork)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with server.fork(ECHO) as fork:
                os.write(writer, str(server_of(fork)).encode())
            server.kill()
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)

    assert int(os.read(reader, 20)) != own
    os.close(reader)
    with server.fork(ECHO) as fork:
        assert server_of(fork) == own


def forks_at_work(asking: int | None = None) -> tuple[psutil.Process, psutil.Process]:
    """Who waits for the one fork that a process (this one) has asked for, and who works."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):  # the one before has just ended
            for server in psutil.Process(asking).children():
                for leader in server.children():
                    for worker in leader.children():
                        if worker.name() == FORK_NAME:
                            return leader, worker
    raise AssertionError("nobody is at work")
