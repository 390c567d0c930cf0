"""What the acts of the demo share: processes of workers, the clock, tables."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from offchain.chain.accounts import dev_account
from offchain.chain.connection import Connection
from offchain.chain.local import LocalChain
from offchain.chain.phase import Phase
from offchain.chain.proof import ProofOfLearningClient
from offchain.chain.registry import TaskRegistryClient
from offchain.index.follow import up_to_date
from offchain.index.queries import Index
from offchain.index.store import index_path
from offchain.workers.reading import TaskReport

DEADLINE_SECONDS = 240.0
STORIES = {
    Phase.DRAW: "posted: a block yet to come will draw the hidden test rows",
    Phase.COMMIT: "drawn: the data node publishes the training rows, who competes checks them, trains and commits",
    Phase.DISCLOSE: "commits are closed: the data node discloses the test rows",
    Phase.REVEAL: "disclosed: miners reveal, and the contract scores each model on the spot",
    Phase.SETTLE: "every commitment is revealed: anyone may settle",
    Phase.SETTLED: "settled: the best model is paid and is the next learning block",
}

# Addresses and log lines are wide; where no terminal sets the width, they get the room.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 132)


@dataclass(frozen=True, slots=True)
class Turn:
    """Once nobody needs it, the time to a deadline is skipped."""

    words: str
    is_due: Callable[[], bool]
    deadline: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Stage:
    """A chain with the protocol on it, and where the workers keep what they must not lose."""

    chain: LocalChain
    connection: Connection
    home: Path

    def at(self, account: str) -> list[str]:
        """The options with which a worker finds the chain."""
        url = self.chain.w3.provider.endpoint_uri  # type: ignore[attr-defined]
        place = ["--deployments", str(self.home), "--home", str(self.home)]
        return ["--rpc", url, *place, "--account", account]

    def index(self) -> AbstractContextManager[Index]:
        """The index of the deployment, up to the newest block."""
        return up_to_date(index_path(self.home, self.connection.deployment), self.connection)

    def commits_end(self, task_id: int, committed: int) -> Turn:
        """Skip what is left of the time to commit once so many have."""
        registry, proof = TaskRegistryClient(self.connection), ProofOfLearningClient(self.connection)
        return Turn(
            "everyone has committed, so the demo turns the clock to the end of commits",
            lambda: proof.phase_of(task_id) == Phase.COMMIT and proof.commitment_count(task_id) == committed,
            lambda: registry.task(task_id).commit_ends_at,
        )

    def follow(self, task_id: int, workers: "Workers", turns: list[Turn]) -> None:
        """Tell each phase as it begins, until the data node has seen its task to the end."""
        registry, proof = TaskRegistryClient(self.connection), ProofOfLearningClient(self.connection)
        deadline = time.monotonic() + DEADLINE_SECONDS
        seen = Phase.UNKNOWN
        while seen != Phase.SETTLED or workers.processes["data node"].poll() is None:
            workers.check()
            if time.monotonic() > deadline:
                raise click.ClickException(f"the task is not settled after {DEADLINE_SECONDS:.0f} s")
            if registry.task_count() >= task_id:
                phase = proof.phase_of(task_id)
                for passed in [p for p in STORIES if seen < p <= phase]:
                    console.print(f"[bold green]{passed.name}[/] {STORIES[passed]}")
                seen = phase
            if turns and turns[0].is_due():
                turn = turns.pop(0)
                console.print(f"  {turn.words}")
                self.chain.set_time(turn.deadline())
            time.sleep(0.2)


def address_of(account: str) -> str:
    """The address of dev:INDEX."""
    return str(dev_account(int(account[4:])).address)


class Workers:
    """Processes whose lines are shown as they come."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, name: str, arguments: list[str]) -> None:
        """Start `pole` with these arguments."""
        program = Path(sys.executable).parent / "pole"
        environment = {**os.environ, "COLUMNS": "110", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [str(program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.processes[name] = process
        threading.Thread(target=self._show, args=(name, process), daemon=True).start()

    def check(self) -> None:
        """Fail where a worker did."""
        for name, process in self.processes.items():
            if process.poll() not in (None, 0):
                raise click.ClickException(f"the {name} ended with status {process.returncode}")

    def _show(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            console.print(f"  [cyan]{name:<16}[/] {escape(line.rstrip())}")


@contextmanager
def company() -> Iterator[Workers]:
    """Workers that are ended with the block."""
    workers = Workers()
    try:
        yield workers
    finally:
        for process in workers.processes.values():
            process.terminate()
        for process in workers.processes.values():
            process.wait()


EQUALS = "equal scores: the earlier commitment wins"


def tie_of(report: TaskReport) -> str:
    """What decided where the best models score alike, in parentheses; "" where the score did."""
    scores = [model.score_wad for model in report.leaderboard[:2]]
    return f" ({EQUALS})" if len(scores) == 2 and scores[0] == scores[1] else ""


def table_of(*columns: str, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(
            column, no_wrap=True, justify="right" if column in ("gas", "block", "rank", "units") else "left"
        )
    return table
