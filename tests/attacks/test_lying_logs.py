"""A node that lies about events to whoever indexes them.

Source: the class's usual name is insufficient verification of data authenticity (CWE-345).

What it would gain: lists, charts and balances on somebody's screen that are not those of the chain, or an index that
stops, or never ends. A log that no contract can have emitted is refused by name; one that is left out is missed as soon
as a later one follows on it, and read again; a block that is another one than its logs say is asked for anew.

Limit: an index is as true as the node that it is made from. A node that makes up a whole consistent story, or leaves
out the newest events, is believed until another one is asked; `pole ledger --verify` asks the contract itself.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from eth_utils.abi import event_signature_to_log_topic

from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection, connect
from offchain.chain.errors import ChainError, EndpointFaulty
from offchain.chain.local import anvil_chain
from offchain.cli import main
from offchain.index.errors import EventInvalid, IndexFailure, LogMissing, RangeRefused
from tests.attacks.lying_proxy import Ask, Lie, LyingProxy, Request, error, http, raw, result
from tests.attacks.test_lying_endpoint import WRONG_RESULTS
from tests.indexes import catch_up, kept, kept_anew, play
from tests.world import World, deploy_world

Log = dict[str, Any]
TASK_DRAWN = event_signature_to_log_topic("TaskDrawn(uint256,bytes32,uint40)")


@pytest.fixture(scope="module")
def world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        played = deploy_world(chain, artifacts)
        play(played)
        yield played


@pytest.fixture
def proxy(world: World) -> LyingProxy:
    return LyingProxy(str(world.chain.w3.provider.endpoint_uri))  # type: ignore[attr-defined]


@pytest.fixture
def url(proxy: LyingProxy) -> Iterator[str]:
    with proxy.serving() as found:
        yield found


@pytest.fixture
def deployments(world: World, tmp_path: Path) -> Path:
    world.connection.deployment.save(tmp_path / "deployments")
    return tmp_path / "deployments"


@pytest.fixture
def connection(url: str, deployments: Path) -> Connection:
    return connect([url], deployments)


def changed(change: Callable[[list[Log]], list[Log]]) -> Lie:
    """The node's logs, changed."""

    def lie(request: Request, ask: Ask) -> dict[str, Any]:
        told = ask(request)
        return {**told, "result": change(told["result"])}

    return lie


def with_first(**changes: Any) -> Callable[[list[Log]], list[Log]]:
    """The logs, of which the first one is changed."""
    return lambda logs: [{**logs[0], **changes}, *logs[1:]] if logs else logs


IMPOSSIBLE = {
    "an unknown topic": with_first(topics=["0x" + "ab" * 32]),
    "no topic": with_first(topics=[]),
    "a topic too many": with_first(topics=["0x" + "ab" * 32] * 4),
    "another contract": with_first(address="0x" + "11" * 20),
    "no data": with_first(data="0x"),
    "half of the data": with_first(data="0x" + "00" * 31),
    "data of another type": with_first(data=5),
    "a block before": with_first(blockNumber="-0x1"),
    "a block to come": with_first(blockNumber=hex(10**6)),
    "a place beyond any block": with_first(logIndex=hex(2**40)),
    "no place": with_first(logIndex=None),
    "removed": with_first(removed=True),
    "no transaction": with_first(transactionHash=None),
    "one twice": lambda logs: logs + logs[-1:],
    "amounts out of range": lambda logs: [
        {**log, "data": "0x" + "ff" * (len(log["data"]) // 2 - 1)} for log in logs
    ],
    "nothing but a name": lambda logs: [{"address": log["address"]} for log in logs],
}


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_log_that_cannot_be_is_refused_by_name_and_leaves_nothing(
    world: World,
    connection: Connection,
    proxy: LyingProxy,
    tmp_path: Path,
    change: Callable[[list[Log]], list[Log]],
) -> None:
    with (
        proxy.lying("eth_getLogs", changed(change)),
        pytest.raises((EventInvalid, EndpointFaulty, RangeRefused)) as caught,
    ):
        catch_up(connection, tmp_path)

    assert len(str(caught.value)) < 500
    assert kept(connection, tmp_path)["events"] == []
    catch_up(connection, tmp_path)
    assert kept(connection, tmp_path) == kept_anew(world.connection, tmp_path)


@pytest.mark.parametrize("told", WRONG_RESULTS, ids=repr)
@pytest.mark.parametrize("method", ["eth_getLogs", "eth_getBlockByNumber", "eth_call"])
def test_an_answer_of_another_type_is_an_error_of_the_trees(
    connection: Connection, proxy: LyingProxy, tmp_path: Path, method: str, told: object
) -> None:
    with proxy.lying(method, result(told)):
        try:
            catch_up(connection, tmp_path)
        except (ChainError, IndexFailure, requests.RequestException) as caught:
            assert len(str(caught)) < 500
        else:
            assert (method, told) == ("eth_getLogs", [])  # which may be the truth


# By name and by how many of that name come before it in the story.
FOLLOWED = [
    ("BlockAppended", 0),
    ("Deposited", 0),
    ("TaskPosted", 1),
    ("TaskDrawn", 0),
    ("ModelCommitted", 0),
    ("Moved", 1),
    ("TestRowsDisclosed", 0),
    ("RevealsOpened", 0),
    ("EpochOpened", 0),
    ("PriceAccepted", 0),
    ("UnitsBought", 0),
    ("ResultDelivered", 0),
]


@pytest.mark.parametrize(("name", "place"), FOLLOWED)
def test_a_hidden_log_is_missed_and_read_again(
    world: World, connection: Connection, proxy: LyingProxy, tmp_path: Path, name: str, place: int
) -> None:
    told = kept_anew(world.connection, tmp_path)
    at = [row[0] for row in told["events"] if row[3] == name][place]
    hidden = threading.Event()

    def hide(request: Request, ask: Ask) -> Any:
        wanted, answer = request["params"][0], ask(request)
        if int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= 8:
            return error(-32005, "at most 8 blocks")(request, ask)
        left = [
            log
            for log in answer["result"]
            if at != int(log["blockNumber"], 16) << 24 | int(log["logIndex"], 16)
        ]
        if hidden.is_set() or left == answer["result"]:
            return answer
        hidden.set()
        return {**answer, "result": left}

    with proxy.lying("eth_getLogs", hide):
        catch_up(connection, tmp_path)

    assert hidden.is_set()
    assert kept(connection, tmp_path) == told


def test_a_log_that_stays_hidden_ends_in_an_error(
    connection: Connection, proxy: LyingProxy, tmp_path: Path
) -> None:
    asked_before = len(proxy.asked)
    drawn = "0x" + TASK_DRAWN.hex()

    with (
        proxy.lying("eth_getLogs", changed(lambda logs: [log for log in logs if log["topics"][0] != drawn])),
        pytest.raises(LogMissing, match="follows on nothing: a log is missing"),
    ):
        catch_up(connection, tmp_path)

    assert len(proxy.asked) - asked_before < 100


@pytest.mark.parametrize(
    "refusal",
    [
        error(-32005, "query returned more than 10000 results"),
        raw(http(b"", status="413 Payload Too Large")),
        raw(http(b"0" * 100, length=10**9)),
        result(None),
    ],
    ids=["an error", "a status", "an answer that breaks off", "nothing"],
)
def test_a_node_that_tells_no_events_is_given_up(
    connection: Connection, proxy: LyingProxy, tmp_path: Path, refusal: Lie
) -> None:
    with (
        proxy.lying("eth_getLogs", refusal),
        pytest.raises(RangeRefused) as caught,
    ):
        catch_up(connection, tmp_path)

    assert len(str(caught.value)) < 500
    assert len(proxy.asked) < 50


def test_a_chain_that_is_another_one_each_time_is_given_up(
    connection: Connection, proxy: LyingProxy, tmp_path: Path
) -> None:
    counter = iter(range(10**6))

    def another(request: Request, ask: Ask) -> Any:
        told = ask(request)
        return {**told, "result": {**told["result"], "hash": f"0x{next(counter):064x}"}}

    with proxy.lying("eth_getBlockByNumber", another), pytest.raises(EndpointFaulty, match="another chain"):
        catch_up(connection, tmp_path)

    assert kept(connection, tmp_path)["events"] == []


def test_timestamps_are_asked_for_where_logs_do_not_tell_them(
    world: World, connection: Connection, proxy: LyingProxy, tmp_path: Path
) -> None:
    def bare(logs: list[Log]) -> list[Log]:
        return [{name: value for name, value in log.items() if name != "blockTimestamp"} for log in logs]

    with proxy.lying("eth_getLogs", changed(bare)):
        catch_up(connection, tmp_path)

    assert kept(connection, tmp_path) == kept_anew(world.connection, tmp_path)


def test_a_list_of_lies_is_one_line_of_error(
    url: str, deployments: Path, proxy: LyingProxy, tmp_path: Path
) -> None:
    environment = {"POLE_RPC": url, "POLE_DEPLOYMENTS": str(deployments), "POLE_HOME": str(tmp_path)}
    lie = changed(IMPOSSIBLE["an unknown topic"])

    for command in (["task", "list"], ["market", "list"], ["ledger"], ["index", "--once"]):
        with proxy.lying("eth_getLogs", lie):
            ended = CliRunner(mix_stderr=False, env=environment).invoke(main, command)

        assert (ended.exit_code, ended.stdout) == (1, "")
        assert ended.stderr.startswith("Error: log 0 of block")
        assert ended.stderr.count("\n") == 1
