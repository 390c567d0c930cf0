"""Several endpoints: one stands in for another, and none is believed alone when a secret depends on it."""

import logging
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from web3.types import RPCEndpoint

from offchain.chain import connection as connection_module
from offchain.chain import endpoint, endpoints, errors
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection, connect
from offchain.chain.endpoint import Endpoint, shown
from offchain.chain.endpoints import Endpoints, Seen, by_preference, is_behind
from offchain.chain.local import anvil_chain
from offchain.chain.phase import Phase
from offchain.workers.home import Home
from offchain.workers.miner import Miner, Move
from tests.attacks.lying_proxy import Ask, Lie, LyingProxy, Request, http, once, raw, result, silence, word
from tests.training import EXECUTOR, after
from tests.unit.test_miner import published
from tests.world import Person, World, deploy_world, toy_rows

NOBODY = "http://127.0.0.1:9"
KEY = "0123456789abcdef"


@pytest.fixture(scope="module")
def anvil(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts, people=3)


@pytest.fixture
def proxies(anvil: World) -> list[LyingProxy]:
    return [LyingProxy(str(anvil.chain.w3.provider.endpoint_uri)) for _ in range(2)]  # type: ignore[attr-defined]


@pytest.fixture
def urls(proxies: list[LyingProxy]) -> Iterator[list[str]]:
    with ExitStack() as stack:
        yield [stack.enter_context(proxy.serving()) for proxy in proxies]


@pytest.fixture
def deployments(anvil: World, tmp_path: Path) -> Path:
    return anvil.connection.deployment.save(tmp_path / "deployments").parent


@pytest.fixture
def connection(urls: list[str], deployments: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(endpoints, "LOOK_SECONDS", 3600.0)
    opened = connect(urls, deployments)
    assert isinstance(opened.w3.provider, Endpoints)
    opened.w3.provider._look_at = time.monotonic() + 3600  # only when a test looks
    return opened


def provider_of(connection: Connection) -> Endpoints:
    assert isinstance(connection.w3.provider, Endpoints)
    return connection.w3.provider


# Which is asked: timestamps on a clock that says 1000

IN_TIME, LATE = Seen(1, 995), Seen(1, 900)


@pytest.mark.parametrize(
    ("seen", "order", "preferred"),
    [
        ([IN_TIME, IN_TIME], [0, 1], [0, 1]),
        ([IN_TIME, IN_TIME], [1, 0], [1, 0]),  # what works is not left
        ([LATE, IN_TIME], [0, 1], [1, 0]),
        ([None, IN_TIME], [0, 1], [1, 0]),
        ([None, LATE, IN_TIME], [0, 1, 2], [2, 1, 0]),
        ([LATE, LATE], [0, 1], [0, 1]),  # nobody mines
        ([Seen(5, 995), IN_TIME], [0, 1], [1]),  # another chain
        ([IN_TIME, Seen(1, 10**9)], [0, 1], [0, 1]),  # a block to come makes nobody late
    ],
)
def test_endpoints_in_time_are_asked_before_those_behind_or_away(
    seen: list[Seen | None], order: list[int], preferred: list[int]
) -> None:
    assert by_preference(seen, order, chain_id=1, now=1000) == preferred


def test_a_head_is_behind_after_five_slots() -> None:
    assert not is_behind(timestamp=940, newest=1000, now=2000)
    assert is_behind(timestamp=939, newest=1000, now=2000)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("https://user:word@node.example/", "https://node.example"),
        (f"https://node.example/v3/{KEY}", "https://node.example/…"),
        (f"https://node.example?key={KEY}", "https://node.example/…"),
    ],
)
def test_a_url_is_shown_without_its_key(url: str, safe: str) -> None:
    assert shown(url) == safe


@pytest.mark.parametrize(
    "lie",
    [raw(http(b"", status="429 Too Many Requests")), raw(b""), silence],
    ids=["refused", "dropped", "silent"],
)
def test_an_error_shows_no_key(
    urls: list[str], proxies: list[LyingProxy], monkeypatch: pytest.MonkeyPatch, lie: Lie
) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 0.5)

    with proxies[0].lying("*", lie), pytest.raises(OSError) as caught:
        Endpoint(f"{urls[0]}/v3/{KEY}").make_request(RPCEndpoint("eth_chainId"), [])

    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_node_that_is_away_is_told_of_in_a_few_words() -> None:
    with pytest.raises(errors.EndpointUnreachable) as caught:
        Endpoint(f"{NOBODY}/v3/{KEY}").make_request(RPCEndpoint("eth_chainId"), [])

    assert str(caught.value) == f"no node answers at {NOBODY}/…: connection refused"


@pytest.mark.parametrize(
    ("lie", "reason"),
    [(silence, "no answer within 0.5 s"), (raw(b""), "closed the connection")],
    ids=["silent", "dropped"],
)
def test_why_a_node_does_not_answer_is_told(
    urls: list[str], proxies: list[LyingProxy], monkeypatch: pytest.MonkeyPatch, lie: Lie, reason: str
) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 0.5)

    with proxies[0].lying("*", lie), pytest.raises(errors.EndpointUnreachable) as caught:
        Endpoint(urls[0]).make_request(RPCEndpoint("eth_chainId"), [])

    assert caught.value.reason == reason


def test_every_endpoint_is_named_when_none_answers(connection: Connection, proxies: list[LyingProxy]) -> None:
    provider = connection.w3.provider
    assert isinstance(provider, Endpoints)
    first, second = (str(each.endpoint_uri) for each in provider.endpoints)

    with (
        proxies[0].lying("*", raw(b"")),
        proxies[1].lying("*", raw(http(b"", status="503 Busy"))),
        pytest.raises(errors.EndpointUnreachable) as caught,
    ):
        provider.make_request(RPCEndpoint("eth_chainId"), [])

    said = str(caught.value)
    assert said.startswith(f"no node answers at {first}: closed the connection; nor at {second}: 503")


def test_a_node_that_was_started_anew_is_told_of(connection: Connection, proxies: list[LyingProxy]) -> None:
    person = Person(connection, 1)

    with (
        proxies[0].lying("eth_call", result("0x")),
        proxies[0].lying("eth_getCode", result("0x")),
        pytest.raises(errors.EndpointFaulty, match="no contract at the deployment's addresses"),
    ):
        person.balance()


def test_a_call_is_one_request(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    make_request = Endpoint.make_request

    def noted(self: Endpoint, method: RPCEndpoint, *options: Any) -> Any:
        asked.append(method)
        return make_request(self, method, *options)

    monkeypatch.setattr(Endpoint, "make_request", noted)
    monkeypatch.setattr(Endpoints, "look_around", lambda self: None)

    Person(connection, 1).balance()

    assert asked == ["eth_call"]


# One for another


@pytest.mark.parametrize("lie", [silence, raw(b""), raw(http(b"<html>"))], ids=["silence", "drop", "HTML"])
def test_another_endpoint_answers_when_the_first_does_not(
    anvil: World, connection: Connection, proxies: list[LyingProxy], lie: Lie, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 2.0)
    person = Person(connection, 1)

    with proxies[0].lying("*", lie):
        assert person.balance() == anvil.miners[0].balance()
    asked = len(proxies[0].asked)
    assert person.balance() == anvil.miners[0].balance()

    assert len(proxies[0].asked) == asked  # what works is not left


def test_an_answer_that_cannot_be_leads_to_another_endpoint(
    anvil: World, connection: Connection, proxies: list[LyingProxy]
) -> None:
    person = Person(connection, 1)

    with proxies[0].lying("eth_call", result("0xzz")):
        with pytest.raises(errors.EndpointFaulty):
            person.balance()
        assert person.balance() == anvil.miners[0].balance()


def test_a_single_drop_is_not_noticed(
    anvil: World, connection: Connection, proxies: list[LyingProxy]
) -> None:
    with proxies[0].lying("eth_call", once(raw(b""))), proxies[1].lying("eth_call", once(raw(b""))):
        assert Person(connection, 1).balance() == anvil.miners[0].balance()


def test_an_endpoint_that_has_fallen_behind_is_left(
    anvil: World, connection: Connection, proxies: list[LyingProxy], caplog: pytest.LogCaptureFixture
) -> None:
    def an_hour_old(request: Request, ask: Ask) -> dict[str, object]:
        told = ask(request)
        told["result"]["timestamp"] = hex(int(told["result"]["timestamp"], 16) - 3600)
        return told

    provider = connection.w3.provider
    assert isinstance(provider, Endpoints)
    with proxies[0].lying("eth_getBlockByNumber", an_hour_old):
        provider.look_around()
        proxies[0].asked.clear()
        connection.head()

    assert proxies[0].asked == []
    assert "behind" in caplog.text


def test_connect_goes_on_without_an_endpoint_that_is_away(
    urls: list[str], deployments: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert connect([NOBODY, urls[0]], deployments).head().number > 0
    assert NOBODY in caplog.text


def test_connect_goes_on_after_a_single_drop(
    urls: list[str], proxies: list[LyingProxy], deployments: Path
) -> None:
    with proxies[0].lying("eth_chainId", once(raw(b""))):
        assert connect(urls[:1], deployments).head().number > 0


def test_connect_raises_when_all_are_away(deployments: Path) -> None:
    with pytest.raises(errors.EndpointUnreachable) as caught:
        connect([NOBODY, "http://127.0.0.1:7"], deployments)

    refused = "connection refused"
    assert (
        str(caught.value) == f"no node answers at {NOBODY}: {refused}; nor at http://127.0.0.1:7: {refused}"
    )


def test_connect_raises_when_one_serves_another_chain(
    urls: list[str], proxies: list[LyingProxy], deployments: Path
) -> None:
    with proxies[1].lying("eth_chainId", result("0x1")), pytest.raises(errors.WrongChain) as caught:
        connect(urls, deployments)

    assert (caught.value.url, caught.value.expected, caught.value.actual) == (urls[1], 31337, 1)


# One that takes the connection and never says a word


@pytest.fixture
def hanging() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_first_endpoint_that_hangs_keeps_nobody_from_the_second(
    anvil: World, hanging: str, urls: list[str], deployments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 0.5)

    connection = connect([hanging, urls[0]], deployments)

    assert Person(connection, 1).balance() == anvil.miners[0].balance()


def test_an_endpoint_that_has_answered_is_asked_before_one_that_hangs(
    hanging: str, urls: list[str], deployments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "OTHERS_SECONDS", 0.1)
    began = time.monotonic()

    provider = connect([hanging, urls[0]], deployments).w3.provider

    assert isinstance(provider, Endpoints)
    assert str(provider.preferred.endpoint_uri) == urls[0]
    assert time.monotonic() - began < endpoints.FIRST_SECONDS


def test_an_endpoint_that_keeps_one_waiting_is_named(
    hanging: str, deployments: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(connection_module, "SLOW_SECONDS", 0.1)

    with pytest.raises(errors.EndpointUnreachable):
        connect([hanging], deployments)

    assert caplog.messages == [f"no answer yet from {hanging}: waiting"]


def test_an_endpoint_that_hangs_keeps_no_process_from_ending() -> None:
    program = "import time; from offchain.chain.endpoints import at_once; at_once(time.sleep, [600])"

    assert subprocess.run([sys.executable, "-c", program], timeout=30).returncode == 0


def test_a_request_that_takes_long_everywhere_is_given_the_whole_time(
    connection: Connection, proxies: list[LyingProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(request: Request, ask: Ask) -> dict[str, object]:
        time.sleep(0.5)
        return ask(request)

    monkeypatch.setattr(endpoints, "FIRST_SECONDS", 0.2)
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 5.0)
    provider = Endpoints([str(each.endpoint_uri) for each in provider_of(connection).endpoints], 31337)

    with proxies[0].lying("eth_chainId", slowly), proxies[1].lying("eth_chainId", slowly):
        answer = provider.make_request(RPCEndpoint("eth_chainId"), [])

    assert answer["result"] == hex(31337)


def test_a_transaction_that_one_endpoint_never_answers_is_sent_to_the_next(
    anvil: World, connection: Connection, proxies: list[LyingProxy]
) -> None:
    person = Person(connection, 1)

    with proxies[0].lying("eth_sendRawTransaction", silence):
        receipt = person.vault.withdraw(1, person.address)

    assert receipt["status"] == 1
    assert (len(proxies[0].sent), proxies[1].sent) == (1, proxies[0].sent)


# Before a secret is told


@pytest.fixture
def committed(anvil: World, connection: Connection, tmp_path: Path) -> Iterator[tuple[Miner, int]]:
    """A miner that has committed to a task whose commits are open."""
    go_back = anvil.chain.snapshot()
    person = Person(connection, 1)
    home = Home.of(tmp_path, connection, person.address)
    task = published(anvil, home, toy_rows(24))
    miner = Miner(person.sender, home, "ridge", 0, EXECUTOR)
    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT
    yield miner, task.task_id
    go_back()


def test_no_model_is_told_to_an_endpoint_that_announces_the_reveals_alone(
    committed: tuple[Miner, int], proxies: list[LyingProxy], urls: list[str]
) -> None:
    miner, task_id = committed
    with (
        proxies[0].lying("phaseOf(uint256)", result(word(Phase.REVEAL))),
        pytest.raises(errors.EndpointsDisagree) as caught,
    ):
        for proxy in proxies:
            proxy.sent.clear()
            proxy.asked.clear()
        miner.step(task_id)

    assert (caught.value.url, caught.value.actual) == (urls[1], Phase.COMMIT)
    asked = {method for proxy in proxies for method in proxy.asked}
    assert asked.isdisjoint({"eth_sendRawTransaction", "eth_estimateGas"})  # an estimate shows the model too


def test_a_model_is_revealed_when_all_agree(
    anvil: World, committed: tuple[Miner, int], proxies: list[LyingProxy]
) -> None:
    miner, task_id = committed
    anvil.disclose(anvil.data_node.registry.task(task_id), toy_rows(24))

    assert miner.step(task_id) == Move.REVEAL
    assert anvil.data_node.proof.leader_of(task_id) == miner.address


def test_an_endpoint_that_is_away_holds_no_reveal_back(
    anvil: World, committed: tuple[Miner, int], proxies: list[LyingProxy]
) -> None:
    miner, task_id = committed
    anvil.disclose(anvil.data_node.registry.task(task_id), toy_rows(24))

    with proxies[1].lying("*", raw(b"")):
        assert miner.step(task_id) == Move.REVEAL


def test_an_endpoint_that_is_far_behind_holds_no_reveal_back(
    anvil: World, committed: tuple[Miner, int], proxies: list[LyingProxy]
) -> None:
    miner, task_id = committed
    anvil.disclose(anvil.data_node.registry.task(task_id), toy_rows(24))

    def an_hour_old(request: Request, ask: Ask) -> dict[str, object]:
        told = ask(request)
        told["result"]["timestamp"] = hex(int(time.time()) - 3600)
        return told

    with (
        proxies[1].lying("phaseOf(uint256)", result(word(Phase.COMMIT))),
        proxies[1].lying("eth_getBlockByNumber", an_hour_old),
    ):
        assert miner.step(task_id) == Move.REVEAL


# What was missed


def test_a_miner_that_missed_the_reveals_says_what_it_cost(
    anvil: World, committed: tuple[Miner, int], caplog: pytest.LogCaptureFixture
) -> None:
    miner, task_id = committed
    task = anvil.disclose(anvil.data_node.registry.task(task_id), toy_rows(24))
    anvil.chain.set_time(task.reveal_ends_at)

    with caplog.at_level(logging.ERROR):
        assert [miner.step(task_id), miner.step(task_id)] == [Move.DONE, Move.DONE]

    (said,) = [record.getMessage() for record in caplog.records]
    assert "bond of 5,000,000,000,000,000,000" in said
    assert "reward of 100,000,000,000,000,000,000" in said
