"""A process that has imported what takes long, and forks itself for each piece of work.

Imports take seconds and a fork takes milliseconds. Whoever asks gets a connection to the fork, over which both speak
as they like, and learns how it ended. Forks end with the server, and the server with the process that began it.

A request is a datagram: JSON of the environment and the arguments, with three descriptors: the fork's end of the
connection, another connection that tells its process group and then its exit status (4 bytes each, big-endian), and a
file for its last words. A fork of the server waits for the fork that does the work, as the leader of their group: it
stays until it is let go, so that no other group can have its number when it is killed.

`multiprocessing` has such a server too, but Dask's workers are daemons, which it allows no child.
"""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from typing import BinaryIO, Final, NoReturn, Self

FORK_NAME: Final = "pole-job"
"""What `ps` and `top` call a fork."""
_NUMBER: Final = struct.Struct(">i")
_MAX_REQUEST: Final = 1 << 20
_CHUNK: Final = 1 << 20
_SET_DEATH_SIGNAL, _SET_NAME = 1, 15  # PR_SET_PDEATHSIG and PR_SET_NAME of prctl(2)

Act = Callable[..., None]
"""What a fork does, with its end of the connection and the arguments."""


class ForkServer:
    """The server as who asks it for forks sees it; it is started when it is first asked, and again if it has ended."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        """module : is run by Python, and calls `serve`; environment : is added to that of server and forks."""
        self._module, self._environment = module, environment
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        os.register_at_fork(after_in_child=self._let_go)

    def fork(self, *arguments: int) -> Fork:
        """Have it fork, with this process's environment as it is now; does not wait until it has imported all."""
        connection, its_connection = socket.socketpair()
        control, its_control = socket.socketpair()
        words = os.fdopen(os.memfd_create("words"), "rb")
        request = json.dumps([{**os.environ, **self._environment}, arguments]).encode()
        with its_connection, its_control:
            self._send(request, [its_connection.fileno(), its_control.fileno(), words.fileno()])
        return Fork(connection, control, words)

    def kill(self) -> None:
        """End it and its forks now."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._requests is not None
            # Of one that ends just now, the fork's status tells.
            with suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(self._requests, [request], descriptors)

    def _start(self) -> None:
        if self._requests is not None:
            self._requests.close()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **self._environment},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def _let_go(self) -> None:
        """Forget, in a fork of this process, the server that is not its own."""
        self._lock = Lock()
        if self._requests is not None:
            self._requests.close()
        self._process = self._requests = None


class Fork:
    """A fork, as who asked for it sees it; a context manager that ends it."""

    def __init__(self, connection: socket.socket, control: socket.socket, words: BinaryIO) -> None:
        self._connection, self._control, self._words = connection, control, words
        self._group: int | None = None

    def converse(self, said: bytes, seconds: float) -> bytes:
        """Say something once it is there, and hear all that is answered; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        answer = bytearray()
        self._group = self._told(deadline)
        # One that ends early breaks the connection; its status tells.
        with suppress(BrokenPipeError, ConnectionResetError):
            _wait_until(deadline, self._connection)
            self._connection.sendall(said)
            self._connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while True:
                _wait_until(deadline, self._connection)
                heard = self._connection.recv(_CHUNK)
                if not heard:
                    break
                answer += heard
        return bytes(answer)

    def status(self) -> int:
        """How it ended, as `subprocess.Popen.returncode` says it; waits for the end."""
        told = self._told(math.inf)
        return -signal.SIGKILL if told is None else told

    def last_words(self) -> str:
        """The last line that it wrote to its standard error."""
        self._words.seek(max(0, self._words.seek(0, os.SEEK_END) - _CHUNK))
        return b"".join(self._words.read().strip().splitlines()[-1:]).decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._group is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._group, signal.SIGKILL)
        self._connection.close()
        self._control.close()
        self._words.close()

    def _told(self, deadline: float) -> int | None:
        _wait_until(deadline, self._control)
        told = self._control.recv(_NUMBER.size)
        return _NUMBER.unpack(told)[0] if told else None


def _wait_until(deadline: float, peer: socket.socket) -> None:
    """Let the next act on a connection take so long; raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    peer.settimeout(None if left == math.inf else left)


def serve(descriptor: int, act: Act) -> None:
    """The server: fork for each request, until nobody is left who could ask."""
    gc.freeze()  # no collection touches, and so copies, what all forks share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = os.getpid()
    with socket.socket(fileno=descriptor) as requests:
        while True:
            request, descriptors, _, _ = socket.recv_fds(requests, _MAX_REQUEST, 3)
            if not request:
                return
            if os.fork() == 0:
                try:
                    requests.close()
                    _end_with(server)
                    _supervise(act, request, *descriptors)
                finally:
                    os._exit(1)
            for each in descriptors:
                os.close(each)


def _supervise(act: Act, request: bytes, connection: int, control: int, words: int) -> None:
    """Fork for the work, and tell how that ends; who is let go before it begins does not begin."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    leader = os.getpid()
    with socket.socket(fileno=control) as told, suppress(BrokenPipeError, ConnectionResetError):
        told.sendall(_NUMBER.pack(leader))
        worker = os.fork()
        if worker == 0:
            told.close()
            _end_with(leader)
            _work(act, request, connection, words)
        os.close(connection)
        _, status = os.waitpid(worker, 0)
        told.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
        told.recv(1)  # until it is let go


def _work(act: Act, request: bytes, connection: int, words: int) -> NoReturn:
    """Do the work."""
    status = 1
    os.dup2(words, sys.stderr.fileno())
    try:
        _prctl(_SET_NAME, FORK_NAME.encode())
        environment, arguments = json.loads(request)
        os.environ.clear()
        os.environ.update(environment)
        with socket.socket(fileno=connection) as peer:
            act(peer, *arguments)
        status = 0
    except BaseException:  # this process is nobody else's
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _end_with(parent: int) -> None:
    """Have this process killed when the one that forked it ends."""
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None).prctl(option, value)
