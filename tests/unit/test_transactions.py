"""Transactions as a node with blocks of its own answers them: overtaken, rejected, stuck, forgotten, reorganised."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.types import TxReceipt

from offchain.chain import endpoints, errors, transactions
from offchain.chain.compiler import Artifact
from offchain.chain.connection import Connection
from offchain.chain.endpoints import Endpoints
from offchain.chain.local import anvil_chain
from offchain.chain.transactions import Sender, SendingRules
from offchain.chain.vault import TokenClient
from offchain.workers.home import Home
from offchain.workers.miner import Miner, Move
from tests.attacks.lying_proxy import Answer, Ask, LyingProxy, Request, once, raw
from tests.stories import RIGHT, SALT, commit, disclosed
from tests.training import EXECUTOR, after
from tests.unit.test_miner import published
from tests.world import UNIT, World, deploy_world, toy_rows


@pytest.fixture(scope="module")
def anvil(artifacts: dict[str, Artifact]) -> Iterator[World]:
    with anvil_chain() as chain:
        yield deploy_world(chain, artifacts)


def request(world: World, method: str, *parameters: object) -> Any:
    return world.connection.w3.provider.make_request(method, list(parameters))["result"]  # type: ignore[arg-type]


def in_one_block(world: World, *acts: Callable[[], object]) -> list[BaseException | None]:
    """Have all acts send their transactions before a block takes them; gives what each raised."""
    request(world, "evm_setAutomine", False)
    try:
        with ThreadPoolExecutor(len(acts)) as pool:
            running = [pool.submit(act) for act in acts]
            while int(request(world, "txpool_status")["pending"], 16) < len(acts):
                pass
            request(world, "evm_mine")
            return [act.exception() for act in running]
    finally:
        request(world, "evm_setAutomine", True)


def test_a_draw_overtaken_in_its_block_says_so(anvil: World) -> None:
    task_id = anvil.data_node.registry.post(anvil.spec(toy_rows()))
    anvil.chain.mine(3)

    raised = in_one_block(anvil, *[lambda p=person: p.registry.draw(task_id) for person in anvil.people[:2]])

    assert sorted(map(type, raised), key=str) == [type(None), errors.AlreadyDrawn]


def test_a_settlement_overtaken_in_its_block_says_so(anvil: World) -> None:
    task, _ = disclosed(anvil, [RIGHT])
    anvil.miners[0].proof.reveal(task.task_id, SALT, RIGHT)

    raised = in_one_block(
        anvil, *[lambda p=person: p.proof.settle(task.task_id) for person in anvil.people[:2]]
    )

    assert sorted(map(type, raised), key=str) == [type(None), errors.WrongPhase]


def test_a_commitment_that_comes_too_late_in_its_block_says_so(anvil: World) -> None:
    task = anvil.drawn(anvil.spec(toy_rows()))
    request(anvil, "evm_setNextBlockTimestamp", task.commit_ends_at)

    (raised,) = in_one_block(anvil, lambda: commit(anvil.miners[0], task, RIGHT))

    assert isinstance(raised, errors.CommitWindowClosed)


def test_send_raises_when_the_account_cannot_pay_for_gas(anvil: World) -> None:
    penniless = Sender(anvil.connection, Account.from_key(b"\x11" * 32))

    with pytest.raises(errors.GasMissing) as caught:
        TokenClient(anvil.connection, penniless).mint(penniless.address, UNIT)

    assert (caught.value.account, caught.value.balance) == (penniless.address, 0)


def test_deposit_raises_when_the_account_has_too_few_tokens(anvil: World) -> None:
    with pytest.raises(errors.ERC20InsufficientBalance) as caught:
        anvil.miners[0].vault.deposit_with_permit(UNIT)

    assert (caught.value.sender, caught.value.balance, caught.value.needed) == (
        anvil.miners[0].address,
        0,
        UNIT,
    )


# What is in no block yet

GWEI = 10**9
PATIENCE = 20.0  # seconds in which a busy machine comes to anything


class Held:
    """An Anvil that makes blocks when it is told to, and the transactions of one new account on it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.account: LocalAccount = Account.create()
        self.sender = self.sender_with(SendingRules())
        self._threads = ThreadPoolExecutor(1)
        request(world, "anvil_setBalance", self.account.address, hex(100 * UNIT))

    def sender_with(self, rules: SendingRules) -> Sender:
        """A sender that knows nothing of what another has sent, as after a restart."""
        return Sender(self.world.connection, self.account, rules=rules)

    def mint(self, amount: int, sender: Sender | None = None) -> TxReceipt:
        return TokenClient(self.world.connection, sender or self.sender).mint(self.account.address, amount)

    def minting(self, amount: int, sender: Sender | None = None) -> "Future[TxReceipt]":
        """Mint in a thread, and be in the pool."""
        running = self._threads.submit(self.mint, amount, sender)
        self.until(lambda: running.done() or self.pooled())
        return running

    def minted(self) -> int:
        return TokenClient(self.world.connection).balance_of(self.account.address)

    def nonce(self) -> int:
        return int(self.world.connection.w3.eth.get_transaction_count(self.account.address))

    def pooled(self) -> dict[str, Any] | None:
        """The account's transaction that waits for a block."""
        waiting = request(self.world, "txpool_content")["pending"]
        own = [of for address, of in waiting.items() if address.lower() == self.account.address.lower()]
        return next(iter(own[0].values())) if own else None

    def send_raw(self, nonce: int, gwei: int) -> str:
        """Send nothing to oneself, as a wallet that has the same key may."""
        fields = {"chainId": 31337, "nonce": nonce, "gas": 21_000, "to": self.account.address, "value": 0}
        fields |= {"maxFeePerGas": gwei * GWEI, "maxPriorityFeePerGas": gwei * GWEI}
        signed = self.account.sign_transaction(fields)  # type: ignore[arg-type]
        return str(request(self.world, "eth_sendRawTransaction", signed.raw_transaction.to_0x_hex()))

    def mine(self, blocks: int = 1) -> None:
        request(self.world, "anvil_mine", hex(blocks))

    def until(self, happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def held(anvil: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    monkeypatch.setattr(transactions, "STALE_SECONDS", 1.0)
    request(anvil, "evm_setAutomine", False)
    yield Held(anvil)
    request(anvil, "anvil_dropAllTransactions")
    request(anvil, "evm_setAutomine", True)


def test_a_stuck_transaction_is_replaced_by_one_that_pays_more(held: Held) -> None:
    minting = held.minting(5)
    first = held.pooled()
    assert first is not None

    held.until(lambda: (held.pooled() or first)["hash"] != first["hash"])
    second = held.pooled()
    held.mine()

    assert second is not None
    assert (second["nonce"], second["input"]) == (first["nonce"], first["input"])
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert int(second[fee], 16) >= int(first[fee], 16) * 1.1  # what nodes ask of a replacement
    assert minting.result(PATIENCE)["transactionHash"].to_0x_hex() == second["hash"]
    assert (held.minted(), held.nonce()) == (5, 1)


def test_a_transaction_that_the_node_forgot_is_sent_again(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "STALE_SECONDS", 60.0)
    minting = held.minting(5)
    first = held.pooled()
    assert first is not None

    request(held.world, "anvil_dropTransaction", first["hash"])
    held.until(held.pooled)
    held.mine()

    assert minting.result(PATIENCE)["transactionHash"].to_0x_hex() == first["hash"]
    assert (held.minted(), held.nonce()) == (5, 1)


def test_a_transaction_whose_block_is_reorganised_away_is_sent_again(held: Held) -> None:
    minting = held.minting(5, held.sender_with(SendingRules(confirmations=2)))
    held.mine()
    held.until(lambda: held.minted() == 5)

    request(held.world, "anvil_reorg", 1, [])
    assert held.minted() == 0
    held.until(held.pooled)
    held.mine(3)

    block = held.world.connection.w3.eth.get_block(minting.result(PATIENCE)["blockNumber"])
    assert minting.result()["blockHash"] == block["hash"]
    assert (held.minted(), held.nonce()) == (5, 1)


def test_send_waits_for_the_confirmations_that_are_asked_for(held: Held) -> None:
    minting = held.minting(5, held.sender_with(SendingRules(confirmations=2)))

    held.mine(2)
    time.sleep(1.0)
    assert not minting.done()
    held.mine(1)

    assert minting.result(PATIENCE)["status"] == 1


def test_send_goes_on_with_the_same_call_after_it_gave_up(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "RECEIPT_SECONDS", 0.5)
    with pytest.raises(errors.TransactionTimeout):
        held.mint(5)
    monkeypatch.setattr(transactions, "RECEIPT_SECONDS", PATIENCE)

    minting = held.minting(5)
    held.mine()

    assert minting.result(PATIENCE)["status"] == 1
    assert (held.minted(), held.nonce()) == (5, 1)


def test_send_ends_an_earlier_call_before_another_and_asks_for_a_new_decision(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "RECEIPT_SECONDS", 0.5)
    with pytest.raises(errors.TransactionTimeout):
        held.mint(5)
    monkeypatch.setattr(transactions, "RECEIPT_SECONDS", PATIENCE)

    minting = held.minting(7)
    held.mine()

    assert isinstance(minting.exception(PATIENCE), errors.TransactionOvertaken)
    assert (held.minted(), held.nonce()) == (5, 1)


def test_a_restarted_sender_lets_what_was_sent_before_come_first(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "STALE_SECONDS", 60.0)
    held.send_raw(nonce=0, gwei=9)

    minting = held.minting(5)
    time.sleep(1.0)  # until it has looked
    held.mine()

    assert isinstance(minting.exception(PATIENCE), errors.TransactionOvertaken)
    assert (held.minted(), held.nonce()) == (0, 1)


def test_a_restarted_sender_takes_the_place_of_what_is_stuck(held: Held) -> None:
    stuck = held.send_raw(nonce=0, gwei=9)

    minting = held.minting(5)
    held.until(lambda: (held.pooled() or {"hash": stuck})["hash"] != stuck)
    held.mine()

    assert minting.result(PATIENCE)["status"] == 1
    assert (held.minted(), held.nonce()) == (5, 1)


def test_send_fills_a_gap_before_what_waits_behind_it(held: Held) -> None:
    held.send_raw(nonce=1, gwei=9)  # its predecessor was lost

    minting = held.minting(5)
    held.mine()

    assert minting.result(PATIENCE)["status"] == 1
    held.until(lambda: held.nonce() == 2)


def test_send_tells_when_a_wallet_used_its_nonce(held: Held) -> None:
    minting = held.minting(5)

    held.send_raw(nonce=0, gwei=500)
    held.mine()

    assert isinstance(minting.exception(PATIENCE), errors.TransactionOvertaken)
    assert (held.minted(), held.nonce()) == (0, 1)


class Outpaced:
    """An account that a wallet uses just while a transaction is signed with it here."""

    def __init__(self, held: Held) -> None:
        self.address, self._held = held.account.address, held

    def sign_transaction(self, fields: Any) -> SignedTransaction:
        self._held.send_raw(fields["nonce"], gwei=500)
        self._held.mine()
        return self._held.account.sign_transaction(fields)


def test_send_tells_when_a_wallet_was_quicker_than_the_signature(held: Held) -> None:
    sender = Sender(held.world.connection, Outpaced(held))  # type: ignore[arg-type]

    with pytest.raises(errors.TransactionOvertaken):
        held.mint(5, sender)

    assert (held.minted(), held.nonce()) == (0, 1)


def test_send_offers_no_more_than_the_rules_allow(held: Held) -> None:
    request(held.world, "anvil_setNextBlockBaseFeePerGas", hex(1000 * GWEI))
    held.mine()
    eth = held.world.connection.w3.eth
    base_fee, tip = eth.get_block("latest")["baseFeePerGas"], eth.max_priority_fee
    most = 100_000 * (base_fee + tip)  # more than a block asks for 82,000 gas, less than a fair fee is

    minting = held.minting(5, held.sender_with(SendingRules(most_wei=most)))
    sent = held.pooled()
    held.mine()

    assert sent is not None
    gas, offered = int(sent["gas"], 16), int(sent["maxFeePerGas"], 16)
    assert gas * offered <= most < gas * (2 * base_fee + tip)
    assert minting.result(PATIENCE)["status"] == 1


def test_send_raises_when_a_block_costs_more_than_the_rules_allow(held: Held) -> None:
    with pytest.raises(errors.FeeTooHigh) as caught:
        held.mint(5, held.sender_with(SendingRules(most_wei=1000)))

    assert caught.value.limit == 1000
    assert held.pooled() is None


def test_a_commitment_that_a_reorganisation_removed_is_made_again_and_the_same(
    anvil: World, tmp_path: Path
) -> None:
    person = anvil.miners[0]
    home = Home.of(tmp_path, anvil.connection, person.address)
    task = published(anvil, home, toy_rows(24))
    miner = Miner(person.sender, home, "ridge", 0, EXECUTOR)
    assert after(Move.TRAIN, miner.step, task.task_id) == Move.COMMIT
    committed = person.proof.commitment_of(task.task_id, person.address)

    request(anvil, "anvil_reorg", 1, [])
    assert person.proof.commitment_of(task.task_id, person.address).order == 0

    assert miner.step(task.task_id) == Move.COMMIT
    assert person.proof.commitment_of(task.task_id, person.address) == committed


@pytest.mark.parametrize("arrives", [True, False], ids=["and arrived", "and did not arrive"])
def test_a_transaction_whose_sending_was_not_answered_is_followed(held: Held, arrives: bool) -> None:
    node = str(held.world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
    proxy = LyingProxy(node)

    def hang_up(request: Request, ask: Ask) -> Answer:
        if arrives:
            ask(request)
        return ()

    with proxy.serving() as url, proxy.lying("eth_sendRawTransaction", once(hang_up)):
        connection = Connection.over(Web3(Endpoints([url])), held.world.connection.deployment)
        minting = held.minting(5, Sender(connection, held.account))
        held.mine()

        assert minting.result(PATIENCE)["status"] == 1
    assert (held.minted(), held.nonce()) == (5, 1)


def test_a_transaction_is_followed_while_the_node_is_away(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "ATTEMPTS", 1)
    monkeypatch.setattr(transactions, "STALE_SECONDS", 60.0)
    proxy = LyingProxy(str(held.world.chain.w3.provider.endpoint_uri))  # type: ignore[attr-defined]

    with proxy.serving() as url:
        connection = Connection.over(Web3(Endpoints([url])), held.world.connection.deployment)
        minting = held.minting(5, Sender(connection, held.account))
        with proxy.lying("*", raw(b"")):
            asked = len(proxy.asked)
            held.until(lambda: len(proxy.asked) > asked + 2)
        held.mine()

        assert minting.result(PATIENCE)["status"] == 1
    assert (held.minted(), held.nonce()) == (5, 1)
