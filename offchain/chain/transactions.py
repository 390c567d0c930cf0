"""Signs, sends and awaits transactions: the one owner of an account's nonces."""

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import TxParams, TxReceipt, Wei

from offchain import metrics
from offchain.chain.connection import Connection
from offchain.chain.errors import (
    EndpointFaulty,
    FeeTooHigh,
    GasMissing,
    TransactionOvertaken,
    TransactionRejected,
    TransactionTimeout,
    TransactionTooLarge,
    UnknownRevert,
)
from offchain.chain.pending import Fees, Outstanding, Standing, Step, next_step

log = logging.getLogger(__name__)

MAX_TRANSACTION_GAS = 2**24  # EIP-7825
GAS_MARGIN = 1.2  # state may change between the estimate and the block
RECEIPT_SECONDS = 120.0
STALE_SECONDS = 30.0  # two slots of twelve seconds, and a little
CONFIRMATION_SECONDS = 30.0
MOST_OFFERS = 100  # from a wei to beyond what any rules allow, by four tenths more each time
POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SendingRules:
    """What the owner of an account wants of its transactions.

    most_wei : the most that one may cost in fees; what the node tells of them is its word only
    confirmations : how many blocks are to follow the one that it is in
    """

    most_wei: int = 10**18
    confirmations: int = 0


class Sender:
    """Sends the transactions of one account, one after the other.

    Each takes the first nonce that no block has used. So there are no gaps, and of all that was ever signed for
    a nonce, before a restart or with other fees, one comes into a block at most.
    """

    def __init__(
        self,
        connection: Connection,
        account: LocalAccount,
        gas_limit: int | None = None,
        rules: SendingRules = SendingRules(),
    ) -> None:
        """gas_limit : for a chain in this process, where an estimate takes many times what the transaction does."""
        self.connection = connection
        self.account = account
        self._gas_limit, self._rules = gas_limit, rules
        self._lock = threading.Lock()
        self._outstanding: Outstanding | None = None

    @property
    def address(self) -> str:
        """The account's address."""
        return str(self.account.address)

    def send(self, call: ContractFunction) -> TxReceipt:
        """Send `call` and wait until it is in a block, and that as deep as the rules say.

        What was sent before and is in no block yet comes first: if it is the same call, it is not sent twice.

        Raises
        ------
        ContractError, UnknownRevert : a contract refuses, before sending where that can be known
        GasMissing, TransactionRejected : the node does not take it
        TransactionTooLarge : it needs more than 2^24 gas
        FeeTooHigh : it may cost more than the rules allow
        TransactionOvertaken : another transaction of the account came first, and may have changed what is to do
        EndpointFaulty : the node answers what cannot be
        OSError : the node is away, and was for as long as a transaction is waited for where one was sent
        TransactionTimeout : it was sent and is in no block yet, or not deep enough
        """
        with self._lock, self.connection.asking():
            content = call.build_transaction(self._frame(0, 0, Fees(0, 0)))
            earlier = self._outstanding
            if earlier is None:
                self._begin(call, content)
            receipt = self._follow()
            if earlier is not None and not earlier.does(content):
                raise TransactionOvertaken(self.address, earlier.nonce)
            return receipt

    def _begin(self, call: ContractFunction, content: TxParams) -> None:
        """Sign and send for the first time."""
        nonce, has_rival = self._first_nonce()
        gas = self._gas_limit or self._estimate(call)
        base_fee, fees = self._fair_fees()
        for offer in count(1):
            fields = content | self._frame(nonce, gas, fees.within(gas, self._rules.most_wei, base_fee))
            self._outstanding = self._sign(fields)
            try:
                self._submit(self._outstanding)
            except TransactionRejected:
                self._outstanding = None
                if not has_rival or offer == MOST_OFFERS:
                    metrics.TRANSACTIONS.labels("failed").inc()
                    raise
                fees = fees.raised().raised().raised()  # it takes the place of one whose fees are not known
                time.sleep(POLL_SECONDS)
                continue
            except (OSError, EndpointFaulty) as error:
                log.warning("whether a transaction has arrived is yet to be seen: %s", error)
            metrics.TRANSACTIONS.labels("sent").inc()
            return

    def _first_nonce(self) -> tuple[int, bool]:
        """The first nonce that no block has used, and whether a transaction that is not known here waits with it.

        Such a one was sent before a restart, or by another process. It is given time to come into a block.
        """
        used = self.connection.w3.eth.get_transaction_count
        nonce, stale_at = used(self.account.address, "latest"), time.monotonic() + STALE_SECONDS
        while has_rival := used(self.account.address, "pending") > nonce:
            if time.monotonic() > stale_at:
                log.warning("an earlier transaction with nonce %d is stuck: this one takes its place", nonce)
                break
            time.sleep(POLL_SECONDS)
            if used(self.account.address, "latest") > nonce:
                raise TransactionOvertaken(self.address, nonce)
        return int(nonce), has_rival

    def _follow(self) -> TxReceipt:
        """Do what is to be done about the outstanding transaction until it has come to its end.

        A node that is away is waited for: what was sent may be in a block meanwhile.
        """
        seconds = RECEIPT_SECONDS + CONFIRMATION_SECONDS * self._rules.confirmations
        deadline, was_in_block, pause = time.monotonic() + seconds, False, POLL_SECONDS
        while True:
            sent = self._outstanding
            assert sent is not None
            try:
                standing, receipt = self._look_for(sent)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                pause = _rest(pause)
                continue
            if was_in_block and receipt is None:
                log.warning("transaction %s was in a block that is no more", sent.hashes[0].to_0x_hex())
            was_in_block = receipt is not None
            match next_step(standing, stale=time.monotonic() - sent.sent_at > STALE_SECONDS):
                case Step.FINISH:
                    assert receipt is not None
                    self._outstanding = None
                    metrics.FEES.inc(receipt["gasUsed"] * receipt["effectiveGasPrice"])
                    if receipt["status"] != 1:
                        metrics.TRANSACTIONS.labels("failed").inc()
                        self._replay(sent.fields, receipt)
                    return receipt
                case Step.GIVE_UP:
                    self._outstanding = None
                    raise TransactionOvertaken(self.address, sent.nonce)
                case Step.RESEND:
                    with suppress(OSError):  # it is looked for again in any case
                        self._resend(sent)
                case Step.REPLACE:
                    with suppress(OSError):
                        self._replace(sent)
            if time.monotonic() > deadline:
                raise TransactionTimeout(sent.hashes[0].to_0x_hex(), seconds)
            pause = _rest(pause)

    def _look_for(self, sent: Outstanding) -> tuple[Standing, TxReceipt | None]:
        """Where a transaction stands, with its receipt where it is in a block."""
        eth = self.connection.w3.eth
        # Asked first: what comes into a block between two questions then has its receipt.
        used = self._is_used(sent.nonce)
        for name in sent.hashes:
            with suppress(TransactionNotFound):
                receipt = eth.get_transaction_receipt(name)
                wanted = self._rules.confirmations
                is_deep = wanted == 0 or eth.block_number - receipt["blockNumber"] >= wanted
                return (Standing.CONFIRMED if is_deep else Standing.IN_BLOCK), receipt
        if used:
            return Standing.NONCE_USED, None
        return (Standing.POOLED if any(map(self._is_known, sent.hashes)) else Standing.UNKNOWN), None

    def _is_used(self, nonce: int) -> bool:
        """Whether a block has a transaction with this nonce."""
        return self.connection.w3.eth.get_transaction_count(self.account.address, "latest") > nonce

    def _is_known(self, name: HexBytes) -> bool:
        try:
            self.connection.w3.eth.get_transaction(name)
        except TransactionNotFound:
            return False
        return True

    def _resend(self, sent: Outstanding) -> None:
        try:
            self._submit(sent)
        except TransactionRejected:
            # The node has not got it and will not: what takes its nonce next excludes it.
            self._outstanding = None
            raise

    def _replace(self, sent: Outstanding) -> None:
        """Offer more, as far as that is allowed; else go on waiting."""
        base_fee, fair = self._fair_fees()
        with suppress(FeeTooHigh):
            fees = (
                sent.fees.raised()
                .at_least(fair)
                .within(int(sent.fields["gas"]), self._rules.most_wei, base_fee)
            )
            if fees.most >= sent.fees.raised().most:
                log.info(
                    "transaction %s is in no block after %.0f s: sent again for at most %.2f gwei",
                    *(sent.hashes[0].to_0x_hex(), time.monotonic() - sent.sent_at, fees.most / 10**9),
                )
                signed = self._sign(sent.fields | self._frame(sent.nonce, int(sent.fields["gas"]), fees))
                sent = replace(signed, signed=(*sent.signed, *signed.signed))
                metrics.TRANSACTIONS.labels("replaced").inc()
        self._outstanding = replace(sent, sent_at=time.monotonic())
        try:
            self._submit(sent)
        except TransactionRejected as error:
            log.warning("%s", error)  # what was sent before may still do

    def _submit(self, sent: Outstanding) -> None:
        """Hand the newest bytes to the node; raises TransactionRejected, TransactionOvertaken, GasMissing."""
        try:
            self.connection.w3.eth.send_raw_transaction(sent.signed[-1].raw_transaction)
        except ContractLogicError:  # of a node that runs it first
            self._outstanding = None
            raise
        except Web3RPCError as error:
            if self._is_known(sent.hashes[0]):
                return
            if self._is_used(sent.nonce) and not any(map(self._is_known, sent.hashes)):
                self._outstanding = None
                raise TransactionOvertaken(self.address, sent.nonce) from error
            balance = int(self.connection.w3.eth.get_balance(self.account.address))
            needed = int(sent.fields["gas"]) * sent.fees.most
            if balance < needed:
                self._outstanding = None
                raise GasMissing(self.address, balance, needed) from error
            raise TransactionRejected(error.message) from error

    def _sign(self, fields: TxParams) -> Outstanding:
        signed = self.account.sign_transaction(fields)  # type: ignore[arg-type]
        return Outstanding(fields, (signed,), time.monotonic())

    def _estimate(self, call: ContractFunction) -> int:
        gas = call.estimate_gas({"from": self.account.address})
        if gas > MAX_TRANSACTION_GAS:
            raise TransactionTooLarge(gas, MAX_TRANSACTION_GAS)
        return min(int(gas * GAS_MARGIN), MAX_TRANSACTION_GAS)

    def _fair_fees(self) -> tuple[int, Fees]:
        """The base fee of the newest block, and what to pay from there."""
        eth = self.connection.w3.eth
        tip, base_fee = eth.max_priority_fee, eth.get_block("latest")["baseFeePerGas"]
        return int(base_fee), Fees.fair(base_fee, tip)

    def _frame(self, nonce: int, gas: int, fees: Fees) -> TxParams:
        return {
            "from": self.account.address,
            "chainId": self.connection.deployment.chain_id,
            "nonce": nonce,  # type: ignore[typeddict-item]
            "gas": gas,
            "maxPriorityFeePerGas": Wei(fees.tip),
            "maxFeePerGas": Wei(fees.most),
        }

    def _replay(self, transaction: Any, receipt: TxReceipt) -> None:
        """Raise the reason of a transaction that failed in its block, by calling it on the state behind that.

        Before the block it would have succeeded, or it would not have been sent.
        """
        call: TxParams = {key: transaction[key] for key in ("from", "to", "data")}  # type: ignore[assignment]
        self.connection.w3.eth.call(call, receipt["blockNumber"])
        raise UnknownRevert(b"")


def _rest(pause: float) -> float:
    """Wait between two looks; gives how long to wait the next time."""
    time.sleep(pause)
    return min(1.5 * pause, LONGEST_POLL_SECONDS)
