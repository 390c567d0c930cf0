"""Attack: the RPC endpoint lies. It is all that a worker knows of the chain, and often somebody else's machine.

It would gain:

- by silence, drops, or an answer without an end (CWE-400, the server's side of Slowloris): a worker that waits while
  its windows close, and loses its bond; by a body of gigabytes, the same;
- by wrong types, truncated bodies, states that cannot be: a worker that ends with a traceback;
- by a made-up fee: the account's ether, for the block's builder;
- by a made-up balance: deposits of what nobody needs, or a worker that trains for what it cannot pay;
- by hidden, repeated or reordered events and forgotten transactions: a second commitment, a commitment whose salt is
  lost, another block than the ledger's.

Defence: bounded requests (`offchain/chain/endpoint.py`), one typed error for whatever cannot be, on which workers wait
and go on, secrets on disk before they are committed to, signatures for one chain id, a limit on the fee of a
transaction. What is not defended: who lies without contradicting itself can hide the chain; run a node of your own,
or name several endpoints, which are asked for the phase before a model is revealed (`tests/unit/test_endpoints.py`).
"""

import logging
import os
import re
import signal
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from web3 import Web3

from offchain.chain import endpoint, errors, transactions
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection, connect
from offchain.chain.ledger import LearningLedgerClient
from offchain.chain.local import anvil_chain
from offchain.chain.phase import EpochPhase, Phase, PurchaseStatus
from offchain.chain.registry import Task
from offchain.chain.transactions import Sender, SendingRules
from offchain.chain.vault import VaultClient
from offchain.cli import main
from offchain.cli.running import Printable
from offchain.compute.executor import JobExecutor
from offchain.compute.process import Limits
from offchain.workers import loop
from offchain.workers.errors import AWAY, FundsTooLow
from offchain.workers.funds import make_available
from offchain.workers.home import Home
from offchain.workers.miner import Miner, Move
from offchain.workers.provider import Plan, Provider
from tests.attacks.lying_proxy import (
    Ask,
    Lie,
    LyingProxy,
    Request,
    drip,
    error,
    http,
    once,
    raw,
    result,
    silence,
    word,
)
from tests.integration.test_command_line import POLE
from tests.market_world import bought, epoch_spec
from tests.stories import settle_one
from tests.training import EXECUTOR, after
from tests.unit.test_miner import manifest_of
from tests.world import UNIT, Person, World, deploy_world, toy_rows

PATIENCE = 1.0  # seconds of a request in these tests
LOGGED = re.compile(r"\d{4}-\d\d-\d\dT\S+ (info|warning) ")
BOUND = 3 * PATIENCE + 2.0  # to connect, to answer, and a busy machine


@pytest.fixture(scope="module")
def module_world(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts, people=3)


@pytest.fixture
def world(module_world: World) -> Iterator[World]:
    go_back = module_world.chain.snapshot()
    yield module_world
    go_back()


@pytest.fixture(scope="module")
def proxy(module_world: World) -> LyingProxy:
    return LyingProxy(str(module_world.chain.w3.provider.endpoint_uri))  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def url(proxy: LyingProxy) -> Iterator[str]:
    with proxy.serving() as url:
        yield url


@pytest.fixture
def deployments(world: World, tmp_path: Path) -> Path:
    return world.connection.deployment.save(tmp_path / "deployments").parent


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", PATIENCE)
    monkeypatch.setattr(transactions, "RECEIPT_SECONDS", PATIENCE)


@pytest.fixture
def connection(world: World, proxy: LyingProxy, url: str, deployments: Path) -> Connection:
    proxy.asked.clear()
    proxy.sent.clear()
    return connect([url], deployments)


@pytest.fixture
def person(world: World, connection: Connection) -> Person:
    """The first miner, who believes the proxy."""
    return Person(connection, 1)


# The transport

SPOILED_BODIES: dict[str, Lie] = {
    "nothing": raw(b""),
    "no HTTP": raw(b"\x00\x01\x02\r\n\r\n"),
    "an empty body": raw(http(b"")),
    "a truncated body": raw(http(b'{"jsonrpc":"2.0","id":1,"res', length=400)),
    "truncated JSON": raw(http(b'{"jsonrpc":"2.0","id":1,"res')),
    "HTML": raw(http(b"<html>rate limited</html>", "Content-Type: text/html")),
    "invalid UTF-8": raw(http(b'{"jsonrpc":"2.0","id":0,"result":"\xff"}')),
    "a list": raw(http(b"[]")),
    "a number": raw(http(b"1")),
    "null": raw(http(b"null")),
    "an empty object": raw(http(b"{}")),
    "no result": lambda request, _: {"jsonrpc": "2.0", "id": request["id"]},
    "result and error": lambda request, _: {
        "jsonrpc": "2.0",
        "id": request["id"],
        "result": "0x1",
        "error": {"code": 1, "message": "m"},
    },
    "deep lists": raw(http(b"[" * 1_000_000)),
    "deep objects": raw(http(b'{"jsonrpc":"2.0","id":0,"result":' + b'{"a":' * 200_000)),
    "many digits": raw(http(b'{"jsonrpc":"2.0","id":0,"result":' + b"9" * 1_000_000 + b"}")),
    "the answer to another request": lambda request, _: {
        "jsonrpc": "2.0",
        "id": request["id"] - 1,
        "result": "0x" + "00" * 31 + "07",
    },
    "NaN": raw(http(b'{"jsonrpc":"2.0","id":0,"result":NaN}')),
    "a server's error": raw(http(b"", status="500 Internal Server Error")),
    "too many requests": raw(http(b"", status="429 Too Many Requests")),
    "another place": raw(http(b"", "Location: http://127.0.0.1:9/", status="307 Temporary Redirect")),
    "a compressed body": raw(http(b"\x1f\x8b\x08\x00", "Content-Encoding: gzip")),
    "an endless head": raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000),
    "a negative length": raw(http(b"{}", length=-1)),
    "silence": silence,
    "a head in drops": drip(b"HTTP/1.1 200 OK\r\nA: ", b"a"),
    "a body in drops": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "a chunk's size in drops": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "a body without a length in drops": drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
}


@pytest.mark.parametrize("lie", SPOILED_BODIES.values(), ids=SPOILED_BODIES)
def test_an_answer_that_is_none_is_a_typed_error_in_bounded_time(
    person: Person, proxy: LyingProxy, lie: Lie
) -> None:
    started = time.monotonic()

    with (
        proxy.lying("eth_call", lie),
        pytest.raises((errors.EndpointFaulty, requests.RequestException)) as caught,
    ):
        person.vault.balance_of(person.address)

    assert time.monotonic() - started < BOUND
    assert isinstance(caught.value, AWAY)  # so a worker waits and goes on
    assert person.balance() > 0  # as it can, when the truth is told again


def endless(chunk: bytes) -> Lie:
    def pieces(*_: object) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield chunk

    return pieces


def test_a_body_without_an_end_takes_bounded_memory(
    person: Person, proxy: LyingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_SECONDS", 30.0)
    tracemalloc.start()
    try:
        with (
            proxy.lying("eth_call", endless(b" " * 65_536)),
            pytest.raises(errors.EndpointFaulty, match="more than"),
        ):
            person.vault.balance_of(person.address)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * endpoint.MAX_ANSWER_BYTES


def test_a_transaction_whose_sending_is_not_answered_stays_the_same_one(
    person: Person, proxy: LyingProxy
) -> None:
    with proxy.lying("eth_sendRawTransaction", silence), pytest.raises(errors.TransactionTimeout):
        person.vault.withdraw(1, person.address)

    assert len(set(proxy.sent)) == 1


@pytest.mark.parametrize("told", ["0x1", "zz", None, [], {"a": 1}, "0x", True, "0x7a69" * 50])
def test_another_chain_id_is_found_out_when_connecting(
    world: World, proxy: LyingProxy, url: str, deployments: Path, told: object
) -> None:
    with (
        proxy.lying("eth_chainId", result(told)),
        pytest.raises((errors.EndpointUnreachable, errors.WrongChain, errors.DeploymentInvalid)),
    ):
        connect([url], deployments)


def test_signatures_are_for_the_chain_of_the_deployment_whatever_is_told_later(
    world: World, person: Person, proxy: LyingProxy
) -> None:
    with proxy.lying("eth_chainId", result("0x1")):
        person.vault.withdraw(1, person.address)

    (signed,) = proxy.sent
    assert Web3().eth.account.recover_transaction(signed) == person.address
    receipt = world.chain.w3.eth.get_transaction(Web3.keccak(hexstr=signed))
    assert receipt["chainId"] == 31337


# Wrong types

WRONG_RESULTS = [
    None,
    1,
    1.5,
    True,
    "",
    "zz",
    "0x",
    "0x1",
    "0xzz",
    [],
    ["0x"],
    {},
    {"a": 1},
    "0x" + "ff" * 31,
    "ä",
]


# What a node is only asked when it has rejected a transaction.
AFTER_A_REJECTION = ("eth_getTransactionByHash", "eth_getBalance")


@contextmanager
def telling(proxy: LyingProxy, method: str, lie: Lie) -> Iterator[None]:
    """Lie about a method, and give a reason to ask for it."""
    with ExitStack() as lies:
        if method in AFTER_A_REJECTION:
            lies.enter_context(proxy.lying("eth_sendRawTransaction", once(error(-32000, "no"))))
        lies.enter_context(proxy.lying(method, lie))
        yield


READS: list[tuple[str, Callable[[Person], object]]] = [
    ("eth_call", lambda person: person.proof.phase_of(1)),
    ("eth_call", lambda person: person.registry.task_count()),
    ("eth_call", lambda person: person.market.declarations(1)),
    ("eth_call", lambda person: person.balance()),
    ("eth_getBlockByNumber", lambda person: person.sender.connection.head()),
    ("eth_getLogs", lambda person: person.ledger.blocks()),
]


@pytest.mark.parametrize(
    ("method", "read", "told"),
    # No events are an answer of the right type.
    [(*case, told) for case in READS for told in WRONG_RESULTS if (case[0], told) != ("eth_getLogs", [])],
)
def test_a_read_of_another_type_is_an_error_of_the_tree(
    world: World,
    person: Person,
    proxy: LyingProxy,
    method: str,
    read: Callable[[Person], object],
    told: object,
) -> None:
    world.data_node.market.open(epoch_spec())
    read(person)  # works, where nobody lies

    with proxy.lying(method, result(told)), pytest.raises(errors.ChainError) as caught:
        read(person)

    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("told", WRONG_RESULTS, ids=repr)
@pytest.mark.parametrize(
    "method",
    [
        "eth_estimateGas",
        "eth_maxPriorityFeePerGas",
        "eth_getBlockByNumber",
        "eth_getTransactionCount",
        "eth_sendRawTransaction",
        "eth_getTransactionReceipt",
        *AFTER_A_REJECTION,
    ],
)
def test_a_result_of_another_type_is_an_error_of_the_tree_or_the_transaction_is_true(
    world: World, person: Person, proxy: LyingProxy, method: str, told: object
) -> None:
    before, started = world.miners[0].balance(), time.monotonic()

    receipt = None
    with telling(proxy, method, result(told)):
        try:
            receipt = person.vault.withdraw(1, person.address)
        except errors.ChainError as caught:
            assert len(str(caught)) < 1000

    assert method in proxy.asked
    assert time.monotonic() - started < 2 * BOUND
    if receipt is not None:
        assert receipt == world.chain.w3.eth.get_transaction_receipt(receipt["transactionHash"])
        assert world.miners[0].balance() == before - 1


@pytest.mark.parametrize("told", [value for value in WRONG_RESULTS if value != "0x" + "ff" * 31], ids=repr)
def test_a_depth_of_another_type_confirms_nothing(
    person: Person, proxy: LyingProxy, told: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that is to be followed by a block, which nobody makes. A number that is too large is believed."""
    monkeypatch.setattr(transactions, "CONFIRMATION_SECONDS", PATIENCE)
    careful = Sender(person.sender.connection, person.sender.account, rules=SendingRules(confirmations=1))

    with proxy.lying("eth_blockNumber", result(told)), pytest.raises(errors.ChainError):
        VaultClient(careful.connection, careful).withdraw(1, person.address)

    assert "eth_blockNumber" in proxy.asked


@pytest.mark.parametrize("told", WRONG_RESULTS, ids=repr)
def test_code_of_another_type_makes_no_other_error(person: Person, proxy: LyingProxy, told: object) -> None:
    """It is asked for where a call is answered with nothing, to tell whether there is a contract at all."""
    with (
        proxy.lying("eth_call", result("0x")),
        proxy.lying("eth_getCode", result(told)),
        pytest.raises(errors.EndpointFaulty),
    ):
        person.registry.task_count()

    assert "eth_getCode" in proxy.asked


@pytest.mark.parametrize("value", [9, 200, 2**255, -1])
def test_a_phase_that_no_contract_has_is_an_error_of_the_tree(
    person: Person, proxy: LyingProxy, value: int
) -> None:
    with proxy.lying("phaseOf(uint256)", result(word(value))):
        with pytest.raises(errors.EndpointFaulty):
            person.proof.phase_of(1)
        with pytest.raises(errors.EndpointFaulty):
            person.market.phase_of(1)


@pytest.mark.parametrize(
    "lie",
    [
        error(-32005, "limit exceeded"),
        error(-32000, "\x1b]0;owned\x07" * 10_000),
        error(3, "execution reverted", "0xzz"),
        error(3, "execution reverted", {"data": 5}),
        error(3, "execution reverted", "0x" + "ab" * 100),
        error(3, "execution reverted"),
        error("3", None),  # type: ignore[arg-type]
        result({"code": 3}),
    ],
)
def test_an_error_of_any_form_is_one_of_the_tree(person: Person, proxy: LyingProxy, lie: Lie) -> None:
    with proxy.lying("eth_call", lie):
        with pytest.raises(errors.EndpointFaulty):
            person.registry.task_count()  # which cannot revert
        with pytest.raises(errors.ChainError):
            person.vault.balance_of(person.address)


def test_a_count_of_everything_is_not_believed(person: Person, proxy: LyingProxy) -> None:
    with (
        proxy.lying("taskCount()", result(word(2**256 - 1))),
        proxy.lying("epochCount()", result(word(2**256 - 1))),
    ):
        with pytest.raises(errors.EndpointFaulty):
            person.registry.task_count()
        with pytest.raises(errors.EndpointFaulty):
            person.market.epoch_count()


# Money


@pytest.mark.parametrize("method", ["eth_maxPriorityFeePerGas", "eth_estimateGas"])
def test_a_made_up_fee_is_not_paid(person: Person, proxy: LyingProxy, method: str) -> None:
    with (
        proxy.lying(method, result(hex(10**15))),
        pytest.raises((errors.FeeTooHigh, errors.TransactionTooLarge)),
    ):
        person.vault.withdraw(1, person.address)

    assert proxy.sent == []


def test_a_made_up_base_fee_is_not_paid(person: Person, proxy: LyingProxy) -> None:
    def dear(request: Request, ask: Ask) -> dict[str, Any]:
        told = ask(request)
        told["result"]["baseFeePerGas"] = hex(10**15)
        return told

    with proxy.lying("eth_getBlockByNumber", dear), pytest.raises(errors.FeeTooHigh):
        person.vault.withdraw(1, person.address)

    assert proxy.sent == []


MOST = 2**256 - 1


@contextmanager
def lying_about_balances(
    proxy: LyingProxy, person: Person, inside: int | None, outside: int | None
) -> Iterator[None]:
    """Tell other balances than an account has in the vault and outside; None is the truth."""
    told = {person.vault.address.lower(): inside, person.token.address.lower(): outside}

    def lie(request: Request, ask: Ask) -> dict[str, Any]:
        balance = told[request["params"][0]["to"].lower()]
        return ask(request) if balance is None else {**ask(request), "result": word(balance)}

    with proxy.lying("balanceOf(address)", lie):
        yield


@pytest.mark.parametrize(
    ("inside", "outside", "moved"),
    [
        (None, None, 0),
        (MOST, None, 0),
        (0, None, 3 * UNIT),  # the whole need, of five that are there
        (UNIT, None, 2 * UNIT),  # what is lacking of it
        (0, MOST, 3 * UNIT),  # and not more for being rich
        (3 * UNIT - 1, MOST, 1),
    ],
)
def test_a_lie_about_a_balance_deposits_what_seems_to_lack_and_no_more(
    world: World, person: Person, proxy: LyingProxy, inside: int | None, outside: int | None, moved: int
) -> None:
    own = world.miners[0]
    own.token.mint(person.address, 5 * UNIT)
    before = own.balance()

    with lying_about_balances(proxy, person, inside, outside):
        make_available(person.sender, 3 * UNIT, person.proof.address)

    assert own.balance() - before == moved
    assert own.token.balance_of(person.address) == 5 * UNIT - moved


@pytest.mark.parametrize(
    ("inside", "outside", "error"),
    [(0, None, FundsTooLow), (0, 0, FundsTooLow), (0, MOST, errors.ERC20InsufficientBalance)],
)
def test_a_lie_about_a_balance_that_is_not_there_is_told_by_name_before_anything_is_sent(
    world: World, person: Person, proxy: LyingProxy, inside: int, outside: int | None, error: type[Exception]
) -> None:
    before = world.miners[0].balance()

    with lying_about_balances(proxy, person, inside, outside), pytest.raises(error):
        make_available(person.sender, 3 * UNIT, person.proof.address)

    assert proxy.sent == []
    assert world.miners[0].balance() == before


# A forgotten transaction, reordered events


def test_a_forgotten_transaction_is_told_in_bounded_time(
    world: World, person: Person, proxy: LyingProxy
) -> None:
    def forgets(request: Request, _: Ask) -> dict[str, Any]:
        named = Web3.keccak(hexstr=request["params"][0]).to_0x_hex()
        return {"jsonrpc": "2.0", "id": request["id"], "result": named}

    before, started = world.miners[0].balance(), time.monotonic()
    with proxy.lying("eth_sendRawTransaction", forgets), pytest.raises(errors.TransactionTimeout):
        person.vault.withdraw(1, person.address)
    assert time.monotonic() - started < BOUND

    person.vault.withdraw(1, person.address)  # the same nonce, and so once

    assert world.miners[0].balance() == before - 1


def test_a_receipt_without_its_event_is_told(world: World, proxy: LyingProxy, connection: Connection) -> None:
    def bare(request: Request, ask: Ask) -> dict[str, Any]:
        told = ask(request)
        if told["result"]:
            told["result"]["logs"] = []
        return told

    owner = Person(connection, 0)
    with proxy.lying("eth_getTransactionReceipt", bare):
        with pytest.raises(errors.EndpointFaulty):
            owner.registry.post(world.spec(toy_rows()))
        with pytest.raises(errors.EndpointFaulty):
            owner.market.open(epoch_spec())


def backwards(request: Request, ask: Ask) -> dict[str, Any]:
    told = ask(request)
    return {**told, "result": told["result"][::-1]}


def test_reordered_events_come_in_their_order(
    world: World, connection: Connection, proxy: LyingProxy
) -> None:
    settle_one(world)
    settle_one(world)

    with proxy.lying("eth_getLogs", backwards):
        blocks = LearningLedgerClient(connection).blocks()

    assert [block.header.index for block in blocks] == [0, 1, 2]
    assert LearningLedgerClient(connection).first_invalid() is None


@pytest.mark.parametrize(
    "change",
    [lambda logs: logs[:-1], lambda logs: logs[1:], lambda logs: logs + logs[-1:], lambda logs: []],
    ids=["the last hidden", "the first hidden", "one twice", "none"],
)
def test_hidden_and_repeated_blocks_are_found(
    world: World, connection: Connection, proxy: LyingProxy, change: Callable[[list[Any]], list[Any]]
) -> None:
    settle_one(world)

    def forged(request: Request, ask: Ask) -> dict[str, Any]:
        told = ask(request)
        return {**told, "result": change(told["result"])}

    with proxy.lying("eth_getLogs", forged):
        assert LearningLedgerClient(connection).first_invalid() is not None


# The miner


@pytest.fixture
def home(connection: Connection, person: Person, tmp_path: Path) -> Home:
    return Home.of(tmp_path, connection, person.address)


@pytest.fixture
def task(world: World, home: Home) -> Task:
    """A task whose rows are published in the miner's storage."""
    rows = toy_rows(24)
    manifest_hash = home.blobs.put(manifest_of(24).to_bytes()).digest
    task = world.drawn(world.spec(rows, manifest_hash=manifest_hash))
    blob = rows.training_blob(world.data_node.registry.test_rows_of(task.task_id))
    world.data_node.registry.publish(task.task_id, home.blobs.put(blob).digest)
    return task


def attempt(miner: Miner, task: Task) -> Move | Exception:
    """A step, and what it ends with; nothing but what the loop survives for as long as it takes."""
    try:
        return miner.step(task.task_id)
    except (*AWAY, errors.ChainError) as failure:
        return failure


EVERY_METHOD = [
    "eth_call",
    "eth_getBlockByNumber",
    "eth_getLogs",
    "eth_estimateGas",
    "eth_maxPriorityFeePerGas",
    "eth_getTransactionCount",
    "eth_sendRawTransaction",
    "eth_getTransactionReceipt",
    *AFTER_A_REJECTION,
]


@pytest.mark.parametrize(
    "lie", [error(-32000, "no"), result(None), raw(http(b"{"))], ids=["error", "null", "torn"]
)
@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_miner_goes_on_after_any_one_lie_and_never_commits_twice_or_without_its_salt(
    world: World, person: Person, home: Home, task: Task, proxy: LyingProxy, method: str, lie: Lie
) -> None:
    miner, own = Miner(person.sender, home, "ridge", 0, EXECUTOR), world.miners[0]
    before = own.balance()

    for phase in (Phase.COMMIT, Phase.REVEAL):
        if phase == Phase.REVEAL:
            world.disclose(task, toy_rows(24))
        for _ in range(3):
            with telling(proxy, method, once(lie)):
                attempt(miner, task)
            while attempt(miner, task) == Move.TRAIN and home.load_model(task) is None:
                time.sleep(0.1)
            place = own.proof.commitment_of(task.task_id, person.address)
            if place.order:
                assert home.load_model(task) is not None

    assert method in proxy.asked
    assert world.data_node.proof.commitment_count(task.task_id) == 1
    assert own.proof.phase_of(task.task_id) == Phase.SETTLED
    assert own.balance() == before + task.reward  # the bond is back


def test_a_miner_that_is_told_it_has_not_committed_commits_once(
    world: World, person: Person, home: Home, task: Task, proxy: LyingProxy
) -> None:
    miner, before = Miner(person.sender, home, "ridge", 0, EXECUTOR), world.miners[0].balance()
    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT
    kept = home.load_model(task)

    with proxy.lying("commitmentOf(uint256,address)", result("0x" + "00" * 96)):
        assert attempt(miner, task) == Move.COMMIT  # tries to, and is told by the contract
        with proxy.lying("eth_estimateGas", result(hex(200_000))):
            attempt(miner, task)

    assert world.data_node.proof.commitment_count(task.task_id) == 1
    assert world.miners[0].balance() == before - task.miner_bond
    assert home.load_model(task) == kept


@pytest.mark.parametrize(
    ("inside", "error"), [(MOST, errors.BalanceTooLow), (0, FundsTooLow)], ids=["too much", "too little"]
)
def test_a_miner_that_is_told_another_balance_keeps_its_money_and_its_salt_and_commits_after(
    world: World,
    person: Person,
    home: Home,
    task: Task,
    proxy: LyingProxy,
    inside: int,
    error: type[Exception],
) -> None:
    """Too much: its bond is believed to be in the vault, and is outside. Too little: the other way round."""
    miner, own = Miner(person.sender, home, "ridge", 0, EXECUTOR), world.miners[0]
    while miner.step(task.task_id) == Move.TRAIN and home.load_model(task) is None:
        time.sleep(0.1)
    if inside:
        own.vault.withdraw(own.balance(), person.address)
    money = own.balance() + own.token.balance_of(person.address)
    kept = home.load_model(task)
    proxy.sent.clear()

    with lying_about_balances(proxy, person, inside, None), pytest.raises(error):
        miner.step(task.task_id)
    assert (proxy.sent, home.load_model(task)) == ([], kept)
    assert miner.step(task.task_id) == Move.COMMIT

    assert world.data_node.proof.commitment_count(task.task_id) == 1
    assert own.balance() + own.token.balance_of(person.address) == money - task.miner_bond


@pytest.mark.parametrize("phase", [Phase.UNKNOWN, Phase.SETTLE, Phase.ABORT, Phase.DISCLOSE, 77])
def test_a_miner_that_is_told_of_a_wrong_phase_keeps_its_secret(
    world: World, person: Person, home: Home, task: Task, proxy: LyingProxy, phase: int
) -> None:
    miner = Miner(person.sender, home, "ridge", 0, EXECUTOR)
    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT

    with proxy.lying("phaseOf(uint256)", result(word(phase))):
        attempt(miner, task)
    world.disclose(task, toy_rows(24))

    assert miner.step(task.task_id) == Move.REVEAL


def test_a_miner_that_is_carried_goes_on_when_the_endpoint_makes_sense_again(
    world: World, person: Person, home: Home, task: Task, proxy: LyingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.01)
    miner, lies = Miner(person.sender, home, "ridge", 0, EXECUTOR), iter(SPOILED_BODIES[name] for name in (
        "nothing", "truncated JSON", "a list", "deep lists", "a server's error", "silence",
    ))  # fmt: skip

    def step(task_id: int) -> Move:
        lie = next(lies, None)
        if lie is None:
            return Move.DONE if miner.step(task_id) == Move.WAIT else Move.WAIT
        with proxy.lying("eth_call", lie):
            return miner.step(task_id)

    loop.carry(step, [task.task_id])

    assert world.data_node.proof.commitment_count(task.task_id) == 1


# The provider


def test_a_provider_delivers_what_it_sold_after_lies_about_everything(
    world: World, connection: Connection, proxy: LyingProxy, tmp_path: Path
) -> None:
    seller = Person(connection, 0)
    home = Home.of(tmp_path, connection, seller.address)
    epoch_id, purchase_id = bought(
        world
    )  # of a job that nobody finds: answered with a refusal at the last call
    with JobExecutor.local(1, Limits(10.0, 1 << 30)) as executor:
        provider = Provider(seller.sender, home, Plan(epoch_spec(), 0, 1), executor)
        while world.data_node.market.phase_of(epoch_id) != EpochPhase.DELIVER:
            ends_at = world.data_node.market.phase_ends_at(epoch_id)
            assert ends_at is not None
            world.chain.set_time(ends_at)
        for method in EVERY_METHOD:
            if method == "eth_getTransactionReceipt":
                continue
            with telling(proxy, method, result("0x")), suppress(*AWAY, errors.ChainError):
                provider.step(epoch_id)
        assert provider.epochs() == [epoch_id]
        provider.step(epoch_id)

    assert world.data_node.market.purchase(epoch_id, purchase_id).status == PurchaseStatus.DELIVERED


# The command

COMMANDS = [
    ("task", "list"),
    ("ledger", "--verify"),
    ("vault", "withdraw", "1", "--account", "dev:1"),
    ("mine", "--account", "dev:1", "--task", "1"),
]


@pytest.fixture
def environment(url: str, deployments: Path, tmp_path: Path) -> dict[str, str]:
    own = {"POLE_RPC": url, "POLE_DEPLOYMENTS": str(deployments), "POLE_HOME": str(tmp_path)}
    return {**os.environ, **own}


def pole(environment: dict[str, str], command: Sequence[str]) -> Result:
    """What a command prints and how it ends, in this process."""
    return CliRunner(mix_stderr=False, env=environment).invoke(main, command)


def assert_is_one_line(ended: Result) -> None:
    """One line of an error; a worker may have logged before that it tried again."""
    assert isinstance(ended.exception, SystemExit), ended.exception
    assert ended.exit_code == 1
    *logged, told = ended.stderr.splitlines()
    assert told.startswith("Error: ")
    assert all(LOGGED.match(line) for line in logged)
    assert "\x1b" not in ended.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_that_is_told_of_no_chain_ends_with_one_line(
    environment: dict[str, str], proxy: LyingProxy, command: tuple[str, ...]
) -> None:
    with proxy.lying("eth_chainId", error(-32000, "\x1b[2J\nno\n")):
        assert_is_one_line(pole(environment, command))


@pytest.mark.parametrize("command", COMMANDS[:-1], ids=" ".join)
@pytest.mark.parametrize(
    "lie",
    [result("0xzz"), raw(http(b"<html>")), error(3, "\x1b[2Ja\nb"), silence],
    ids=["no digits", "HTML", "a revert", "silence"],
)
def test_a_command_whose_calls_are_lied_to_ends_with_one_line(
    environment: dict[str, str], proxy: LyingProxy, command: tuple[str, ...], lie: Lie
) -> None:
    started = time.monotonic()

    with proxy.lying("eth_call", lie):
        assert_is_one_line(pole(environment, command))

    assert time.monotonic() - started < BOUND


def test_a_deployments_file_without_the_events_is_one_line(
    world: World, environment: dict[str, str], deployments: Path
) -> None:
    told = world.connection.deployment
    told.model_copy(update={"registry": told.registry.model_copy(update={"abi": []})}).save(deployments)

    ended = pole(environment, ("task", "list"))

    assert_is_one_line(ended)
    assert "the deployments file has no event DrawRearmed" in ended.stderr


def test_what_a_worker_says_does_nothing_to_a_terminal() -> None:
    record = logging.LogRecord("pole", logging.INFO, "", 0, "%s", ("\x1b]0;owned\x07\n\u202e§",), None)

    assert Printable("%(message)s").format(record) == r"\x1b]0;owned\x07\n\u202e§"


def test_a_mining_process_outlives_the_lies_and_commits_once(
    world: World, environment: dict[str, str], home: Home, task: Task, proxy: LyingProxy
) -> None:
    with proxy.lying("eth_call", SPOILED_BODIES["a list"]):
        process = subprocess.Popen(
            [str(POLE), "mine", "--account", "dev:1", "--estimator", "ridge", "--task", str(task.task_id)],
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            deadline = time.monotonic() + 60
            while proxy.asked.count("eth_call") < 3 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert process.poll() is None
        except BaseException:
            process.kill()
            raise
    try:
        deadline = time.monotonic() + 60
        while world.data_node.proof.commitment_count(task.task_id) == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    assert world.data_node.proof.commitment_count(task.task_id) == 1
    assert home.load_model(task) is not None
