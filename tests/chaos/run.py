"""One run: a chain of its own, an endpoint that fails, a company of workers, and what a schedule does to them."""

import logging
import math
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.chain.phase import EpochPhase, Phase
from tests.chaos.company import Company, Worker, environment_of
from tests.chaos.facts import Done, Facts, Reader, Verdict
from tests.chaos.faults import FailingProxy
from tests.chaos.profile import (
    DEEPEST_REORGANISATION,
    Fault,
    Kill,
    Kind,
    Profile,
    Reorganisation,
    draw_schedule,
)
from tests.integration.test_command_line import POLE
from tests.world import UNIT, World, deploy_world

DATA_NODES = 2
FUNDS = 10_000 * UNIT
DATASETS = ("iris", "wine")
MINERS = ("logistic", "ridge", "sgd", "svm")
CONSUMERS = ("logistic", "sgd")
TICK_SECONDS = 0.1
LOOK_SECONDS = 2.0
POST_SECONDS = 180.0
# What no worker says: that a secret is lost, or what Python says of an error that nobody has thought of.
FORBIDDEN = ("Traceback", "the secrets of", "cannot be used: ")

console = Console()


@dataclass
class Run:
    """A run on its way.

    folder : where its evidence is kept: the workers' logs and homes, the schedule, the facts
    """

    profile: Profile
    folder: Path
    world: World
    reader: Reader
    proxy: FailingProxy
    company: Company
    url: str
    accounts: dict[str, str]
    started_at: float = field(default_factory=time.monotonic)
    clock: list[tuple[float, int]] = field(default_factory=list)
    reorganisations: int = 0
    posts: list[subprocess.Popen[bytes]] = field(default_factory=list)
    posted: int = 0
    post_times: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.post_times = self.profile.post_times

    @property
    def elapsed(self) -> float:
        """Seconds since the workers run."""
        return time.monotonic() - self.started_at

    def carry(self) -> None:
        """Do what the schedule says, keep the workers running, and end when all tasks and epochs have."""
        schedule = draw_schedule(self.profile)
        events: list[Kill | Fault | Reorganisation] = [
            *schedule.kills,
            *schedule.faults,
            *schedule.reorganisations,
        ]
        due = deque(sorted(events, key=lambda event: event.at))
        look_at, in_time = 0.0, True
        with _shown(self.profile) as show:
            while in_time:
                while due and due[0].at <= self.elapsed:
                    self._do(due.popleft())
                self.company.supervise()
                self._post()
                if self.elapsed >= look_at:
                    look_at = self.elapsed + LOOK_SECONDS
                    ended = self._look(show)
                    if not due and self._is_made_up() and ended and not self.posts:
                        return
                time.sleep(TICK_SECONDS)
                in_time = self.elapsed < self.profile.longest
        console.print(f"given up after {self.elapsed:.0f} s")

    def _do(self, event: Kill | Fault | Reorganisation) -> None:
        match event:
            case Fault():
                self.proxy.arm(event)
            case Reorganisation():
                self._reorganise(event)
            case Kill() if event.while_sending:
                self.proxy.arm_kill(event)
            case Kill():
                running = self.company.running()
                if not running or not self.company.kill(running[int(event.who * len(running))], event.pause):
                    self.proxy.arm_kill(event)

    def _is_made_up(self) -> bool:
        """Have what was armed and met nobody happen all the same, to whoever is there; tells whether all has."""
        _, kills = self.proxy.disarm()
        for _ in range(kills):
            self._do(Kill(0.0, False, False, 0.5, 1.0))
        missing = self.profile.faults - self.proxy.taken.total()
        for _ in range(missing):
            self.proxy.arm(Fault(0.0, Kind.REFUSE, False, 1.0))
        return not kills and missing <= 0

    def _reorganise(self, event: Reorganisation) -> None:
        w3 = self.world.chain.w3
        newest = w3.eth.block_number
        depth = min(event.depth, newest - self.reader.first_block - 1)
        lost: list[list[Any]] = []
        if not event.forgets:
            for number in range(newest - depth + 1, newest + 1):
                for transaction in w3.eth.get_block(number)["transactions"]:
                    raw = _ask(w3, "eth_getRawTransactionByHash", transaction.to_0x_hex())  # type: ignore[union-attr]
                    lost.append([raw, depth - 1])
        _ask(w3, "anvil_reorg", depth, lost)
        self.reorganisations += 1
        self._note(f"reorganised {depth} blocks of {newest}, {len(lost)} transactions put back")

    def _post(self) -> None:
        """Post the next task when it is time, by the command that everybody uses."""
        for process in [process for process in self.posts if process.poll() is not None]:
            self.posts.remove(process)
            self.posted += process.returncode == 0
        wanted = sum(at <= self.elapsed for at in self.post_times)
        if len(self.posts) < DATA_NODES and self.posted + len(self.posts) < wanted:
            self.posts.append(self._posting((self.posted + len(self.posts)) % DATA_NODES))

    def _posting(self, number: int) -> "subprocess.Popen[bytes]":
        name, windows = f"data-node-{number}", self.profile.windows
        command = [
            *("task", "post", DATASETS[number % len(DATASETS)], "--detach", "--min-score", "0.3"),
            *("--commit-seconds", windows.commit, "--disclose-seconds", windows.disclose),
            *("--reveal-seconds", windows.reveal, "--mapping-width", "0"),
            *("--confirmations", DEEPEST_REORGANISATION if self.profile.reorganisations else 0),
        ]
        environment = environment_of(self.folder, name, self.url, POLE_ACCOUNT=_account(name))
        with (self.folder / "logs" / f"{name}-posts.log").open("ab") as log:
            return subprocess.Popen([str(POLE), *map(str, command)], env=environment, stdout=log, stderr=log)

    def _look(self, show: "Show") -> bool:
        """Look at the chain, tell how far it is; gives whether all that was begun has ended."""
        try:
            latest = self.world.chain.w3.eth.get_block("latest")
            self.clock.append((time.time(), latest["timestamp"]))
            count = self.reader.task_count()
            ended = sum(
                self.reader.call("proof", "phaseOf", task_id) in (Phase.SETTLED, Phase.ABORTED)
                for task_id in range(1, count + 1)
            )
            show(
                tasks=ended,
                kills=self.company.kills,
                faults=self.proxy.taken.total(),
                reorganisations=self.reorganisations,
            )
            if ended < max(count, self.profile.tasks):
                return False
            return self._money_is_out()
        except (OSError, Web3Exception) as error:  # a block went while it was looked at
            self._note(f"the chain cannot be read: {error}")
            return False

    def _money_is_out(self) -> bool:
        held = sum(
            self.reader.call("vault", "balanceOf", self.reader.contracts[name].address)
            for name in ("proof", "market")
        )
        epochs = range(1, self.reader.call("market", "epochCount") + 1)
        over = (EpochPhase.OVER, EpochPhase.UNPRICED)
        return held == 0 and all(self.reader.call("market", "phaseOf", epoch) in over for epoch in epochs)

    def gather(self) -> Facts:
        """Read everything that the run is judged by."""
        reader, w3 = self.reader, self.world.chain.w3
        verdicts = tuple(self._verify(name) for name in ("index", "stranger"))
        acts = tuple(reader.acts())
        everybody = {dev_account(9).address, *self.accounts.values(), *reader.addresses().values()}
        for act in acts:
            for told in act.told:
                everybody |= {
                    str(value)
                    for key, value in told.values.items()
                    if key in ("from", "to", "account") and Web3.is_address(value)
                }
        balances = {account: reader.call("vault", "balanceOf", account) for account in sorted(everybody)}
        outside = {account: reader.call("token", "balanceOf", account) for account in sorted(everybody)}
        assert w3.is_connected()
        return Facts(
            profile=self.profile,
            addresses=reader.addresses(),
            accounts=self.accounts,
            tasks=tuple(reader.tasks()),
            epochs=tuple(reader.epochs()),
            acts=acts,
            balances=balances,
            outside=outside,
            supply=reader.call("token", "totalSupply"),
            ledger_length=reader.call("ledger", "length"),
            lives=tuple(self.company.lives),
            clock=tuple(self.clock),
            done=Done(self.company.kills, self.proxy.taken.total(), self.reorganisations),
            verdicts=verdicts,
            complaints=tuple(_complaints(self.folder / "logs")),
            stamps=tuple(reader.stamps(acts[0].block, acts[-1].block)),
        )

    def _verify(self, name: str) -> Verdict:
        """Have the ledger verified, by who followed the chain all the time or by who never saw it before."""
        node = str(self.world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
        ended = subprocess.run(
            [str(POLE), "ledger", "--verify"],
            env=environment_of(self.folder, name, node),
            capture_output=True,
            text=True,
            check=False,
        )
        return Verdict(name, ended.returncode, (ended.stdout + ended.stderr).strip())

    def _note(self, text: str) -> None:
        with (self.folder / "events.log").open("a") as log:
            log.write(f"{time.time():.3f} {self.elapsed:8.1f} {text}\n")


def run(profile: Profile, folder: Path, artifacts: dict[str, Artifact]) -> Facts:
    """Run a profile and keep its evidence in an empty folder."""
    logging.getLogger("urllib3").setLevel(
        logging.ERROR
    )  # the proxy's pool of connections is too small at times
    (folder / "logs").mkdir(parents=True)
    with ExitStack() as opened:
        local = opened.enter_context(anvil_chain())
        node = str(local.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
        world = deploy_world(local, artifacts, people=1)
        deployment = world.connection.deployment
        deployment.save(folder / "deployments")
        accounts = {name: str(dev_account(_index(name)).address) for name in _names(profile)}
        for account in accounts.values():
            world.people[0].token.mint(account, FUNDS)
        _ask(local.w3, "anvil_setIntervalMining", 1)

        company = Company([])
        names = {address: name for name, address in accounts.items()}
        proxy = FailingProxy(
            node,
            lambda address, kill: company.kill_by_name(names.get(address), kill.pause),
            company.note_request,
        )
        url = opened.enter_context(proxy.serving())
        company.workers += _workers(profile, folder, url)
        reader = Reader(Web3(HTTPProvider(node, request_kwargs={"timeout": 60})), deployment)
        one = Run(profile, folder, world, reader, proxy, company, url, accounts)
        (folder / "profile.txt").write_text(repr(profile) + "\n" + repr(draw_schedule(profile)) + "\n")
        try:
            company.start()
            one.carry()
        finally:
            company.stop()
        facts = one.gather()
    facts.save(folder / "facts.json")
    return facts


def _names(profile: Profile) -> Iterator[str]:
    for kind, count in (
        ("data-node", DATA_NODES),
        ("miner", profile.miners),
        ("consumer", profile.consumers),
        ("provider", profile.providers),
    ):
        yield from (f"{kind}-{number}" for number in range(count))


def _index(name: str) -> int:
    kind, _, number = name.rpartition("-")
    return {"data-node": 20, "miner": 30, "consumer": 60, "provider": 80}[kind] + int(number)


def _account(name: str) -> str:
    return f"dev:{_index(name)}"


def _workers(profile: Profile, folder: Path, url: str) -> Iterator[Worker]:
    """Everybody; every other one waits for blocks on top of its transactions, the others do not."""
    for name in _names(profile):
        kind, _, number = name.rpartition("-")
        own = {"POLE_ACCOUNT": _account(name), "POLE_CONFIRMATIONS": str(2 * (int(number) % 2))}
        yield _worker(folder, name, _command(profile, kind, int(number)), url, own)
    yield _worker(folder, "index", ["index"], url, {})


def _worker(folder: Path, name: str, command: list[str], url: str, own: dict[str, str]) -> Worker:
    environment = environment_of(folder, name, f"{url}/{name}", **own)
    return Worker(name, command, environment, folder / "logs" / f"{name}.log")


def _command(profile: Profile, kind: str, number: int) -> list[str]:
    match kind:
        case "data-node":
            return ["task", "serve"]
        case "miner":
            return ["mine", "--estimator", MINERS[number % len(MINERS)], "--seed", str(number)]
        case "consumer":
            return ["consume", "--estimator", CONSUMERS[number % len(CONSUMERS)], "--seed", str(number)]
    windows = profile.windows
    terms: dict[str, object] = {
        "capacity": 300,
        "price-cap": 2,
        "epochs": profile.epochs,
        "processes": 1,
        "declare-seconds": windows.declare,
        "price-seconds": windows.price,
        "buy-seconds": windows.buy,
        "leftover-seconds": windows.leftover,
        "deliver-seconds": windows.deliver,
        "accept-seconds": windows.accept,
        "job-seconds": math.ceil(windows.deliver),
    }
    return ["provide", *(word for name, value in terms.items() for word in (f"--{name}", str(value)))]


def _complaints(logs: Path) -> Iterator[str]:
    for log in sorted(logs.glob("*.log")):
        for line in log.read_text(errors="replace").splitlines():
            if any(words in line for words in FORBIDDEN):
                yield f"{log.stem}: {line[:300]}"


def _ask(w3: Web3, method: str, *parameters: object) -> Any:
    answer = w3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
    if "error" in answer:
        raise Web3Exception(f"{method}: {answer['error']}")
    return answer["result"]


class Show:
    """Tells how far a run is: bars where somebody looks, else a line now and then."""

    LINE_SECONDS = 20.0

    def __init__(self, progress: Progress, bars: dict[str, TaskID]) -> None:
        self._progress, self._bars, self._line_at = progress, bars, 0.0

    def __call__(self, **counts: int) -> None:
        """Tell how many of each there are."""
        for name, count in counts.items():
            self._progress.update(self._bars[name], completed=count)
        if not console.is_terminal and time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + self.LINE_SECONDS
            console.print(", ".join(f"{count} {name}" for name, count in counts.items()))


@contextmanager
def _shown(profile: Profile) -> Iterator[Show]:
    columns = (TextColumn("{task.description:>16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        names = ("tasks", "kills", "faults", "reorganisations")
        yield Show(
            progress, {name: progress.add_task(name, total=getattr(profile, name) or None) for name in names}
        )
