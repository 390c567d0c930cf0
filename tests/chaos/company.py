"""Workers as a supervisor keeps them: started, killed, started again, and their lives written down."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.test_command_line import POLE

RESTART_SECONDS = 2.0  # after which one that failed is started again
AGAIN_SECONDS = 60.0  # after which one that was done is, for a reorganisation may have undone that
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Life:
    """A process of a worker, by the wall clock.

    status : how it ended, as `subprocess` tells it; None of one that was never seen to
    ended_by : "kill", "stop", or "itself"
    ready_at : when it asked the chain for the first time; its end where it never did
    """

    worker: str
    started_at: float
    ended_at: float
    status: int | None
    ended_by: str
    ready_at: float = 0.0


@dataclass
class Worker:
    """A command that is to run all the time, as an account of its own, with a home of its own."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0  # when to start it next
    ready_at: float | None = None
    ended_by: str = "itself"

    @property
    def runs(self) -> bool:
        """Whether there is a process that nobody has ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the command; what it says is added to its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(POLE), *self.command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started_at, self.ready_at, self.ended_by = time.time(), None, "itself"


@dataclass
class Company:
    """All workers of a run."""

    workers: list[Worker]
    lives: list[Life] = field(default_factory=list)
    kills: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def start(self) -> None:
        """Start everybody."""
        for worker in self.workers:
            worker.start()

    def kill(self, worker: Worker, pause: float) -> bool:
        """SIGKILL a worker, to be started again after a pause; False where it is not running."""
        with self._lock:
            if not worker.runs:
                return False
            assert worker.process is not None
            worker.process.kill()
            worker.process.wait()
            worker.ended_by, worker.start_at = "kill", time.time() + pause
            self.kills += 1
            return True

    def kill_by_name(self, name: str | None, pause: float) -> bool:
        """SIGKILL the worker of a name, likewise."""
        worker = self._named(name)
        return worker is not None and self.kill(worker, pause)

    def note_request(self, name: str) -> None:
        """Note that a worker asks the chain for something."""
        worker = self._named(name)
        if worker is not None and worker.ready_at is None:
            worker.ready_at = time.time()

    def running(self) -> list[Worker]:
        """Who runs."""
        with self._lock:
            return [worker for worker in self.workers if worker.runs]

    def supervise(self) -> None:
        """Note who has ended, and start them again when it is time."""
        with self._lock:
            for worker in self.workers:
                if worker.runs:
                    continue
                if worker.process is not None:
                    self._bury(worker)
                    if worker.ended_by == "itself":
                        is_done = self.lives[-1].status == 0
                        worker.start_at = time.time() + (AGAIN_SECONDS if is_done else RESTART_SECONDS)
                elif time.time() >= worker.start_at:
                    worker.start()

    def stop(self) -> None:
        """Tell everybody to end, as a supervisor does, and wait for it."""
        with self._lock:
            for worker in self.workers:
                if worker.runs:
                    assert worker.process is not None
                    worker.process.send_signal(signal.SIGTERM)
                    worker.ended_by = "stop"
            deadline = time.monotonic() + STOP_SECONDS
            for worker in self.workers:
                if worker.process is None:
                    continue
                try:
                    worker.process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    worker.process.kill()
                    worker.process.wait()
                self._bury(worker)

    def _named(self, name: str | None) -> Worker | None:
        return next((worker for worker in self.workers if worker.name == name), None)

    def _bury(self, worker: Worker) -> None:
        assert worker.process is not None
        status, now = worker.process.returncode, time.time()
        ready_at = min(worker.ready_at or now, now)
        self.lives.append(Life(worker.name, worker.started_at, now, status, worker.ended_by, ready_at))
        worker.process = None


def environment_of(folder: Path, name: str, url: str, **own: str) -> dict[str, str]:
    """A worker's environment: a home of its own, the blobs that all share, and nothing of this user's."""
    foreign = {key: value for key, value in os.environ.items() if not key.startswith("POLE_")}
    home = folder / "homes" / name
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").touch()
    settings: dict[str, Any] = {
        "HOME": home,
        "POLE_CONFIG": home / "config.toml",
        "POLE_HOME": home,
        "POLE_STORAGE": folder / "blobs",
        "POLE_RPC": url,
        "POLE_DEPLOYMENTS": folder / "deployments",
        "POLE_LOG_FORMAT": "json",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return {**foreign, **{key: str(value) for key, value in settings.items()}, **own}
