"""A dashboard over a live chain on which real workers have played: a settled task, an open one, and a market."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from offchain.chain.compiler import Artifact
from offchain.chain.local import anvil_chain
from offchain.chain.phase import Phase, PurchaseStatus
from tests.attacks.lying_proxy import LyingProxy
from tests.cast import Cast
from tests.indexes import pay_and_refund
from tests.world import Person, World, deploy_world

POLE = Path(sys.executable).parent / "pole"
PATIENCE = 600.0  # for workers on a busy machine
HAND_MADE, SOLD = 1, 2  # epochs
SETTLED, OPEN = 1, 2  # tasks
EPOCH = ("--capacity", "300", "--price-cap", "2", "--declare-seconds", "3000", "--price-seconds", "3000")


@dataclass(frozen=True)
class Stage:
    """The dashboard and what it shows.

    url : of the dashboard
    proxy : stands between the dashboard and the node
    provider, consumer : of the second epoch; the first is the people's by hand
    """

    world: World
    url: str
    proxy: LyingProxy
    environment: dict[str, str]
    process: "subprocess.Popen[str]"

    @property
    def provider(self) -> Person:
        """Who sells in the second epoch."""
        return self.world.people[4]

    @property
    def consumer(self) -> Person:
        """Who buys in it."""
        return self.world.people[3]


def until(happened: Callable[[], object], *running: "subprocess.Popen[str]") -> None:
    """Wait for what running processes bring about."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        for process in running:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def pole(environment: dict[str, str], *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A running `pole`, ended with the block."""
    process = subprocess.Popen(
        [str(POLE), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def dashboard(environment: dict[str, str], *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A running `pole dashboard` and its URL."""
    with pole(environment, "dashboard", "--port", "0", *arguments) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found is not None, said + process.communicate()[0]
        yield process, found[0].rstrip("/")


def play(world: World, environment: dict[str, str]) -> None:
    """A task that two miners compete for, and one for which a consumer buys training; all as processes."""
    proof, market = world.data_node.proof, world.data_node.market
    people = Cast(world, Path(environment["POLE_HOME"]))
    for seconds in (3_000, 400_000):
        people.post("iris", commit_seconds=seconds)
    with ExitStack() as stack:
        running = [
            stack.enter_context(pole(environment, *arguments))
            for arguments in (
                ("task", "serve", "--account", "dev:0"),
                ("mine", "--task", str(SETTLED), "--account", "dev:1"),
                ("mine", "--task", str(SETTLED), "--account", "dev:2", "--estimator", "svm"),
                ("consume", "--task", str(OPEN), "--account", "dev:3"),
                ("provide", *EPOCH, "--account", "dev:4"),
            )
        ]
        serve, *miners, consume, provide = running
        until(lambda: proof.commitment_count(SETTLED) == 2, serve, *miners)
        until(lambda: market.epoch_count() == SOLD and market.declarations(SOLD), consume, provide)
        ends_at = (
            world.data_node.registry.task(SETTLED).commit_ends_at,
            market.phase_ends_at(SOLD) or 0,
        )
        world.chain.set_time(max(ends_at))
        until(lambda: proof.phase_of(SETTLED) == Phase.SETTLED, serve)
        until(
            lambda: [found.status for found in market.purchases(SOLD)] == [PurchaseStatus.PAID],
            consume,
            provide,
        )


@contextmanager
def staged(artifacts: dict[str, Artifact], folder: Path) -> Iterator[Stage]:
    """The stage, with a block a second."""
    with anvil_chain() as chain:
        world = deploy_world(chain, artifacts)
        pay_and_refund(world)
        world.connection.deployment.save(folder / "deployments")
        node = str(chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
        environment = {
            **os.environ,
            "POLE_RPC": node,
            "POLE_DEPLOYMENTS": str(folder / "deployments"),
            "POLE_HOME": str(folder / "home"),
            "POLE_CONFIG": str(folder / "config.toml"),
            "COLUMNS": "200",
        }
        (folder / "config.toml").write_text("")
        chain.w3.provider.make_request("evm_setIntervalMining", [1])  # type: ignore[arg-type]
        play(world, environment)
        proxy = LyingProxy(node)
        with proxy.serving() as url, dashboard({**environment, "POLE_RPC": url}) as (process, place):
            shown = ((f"/tasks/{SETTLED}", ">Settled<"), (f"/epochs/{SOLD}", ">Paid<"))
            until(lambda: all(word in requests.get(place + page).text for page, word in shown), process)
            yield Stage(world, place, proxy, environment, process)
