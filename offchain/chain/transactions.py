"""Signs, sends and awaits transactions: the one owner of an account's nonces."""

import threading
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.contract.contract import ContractFunction
from web3.exceptions import TimeExhausted, Web3RPCError
from web3.types import TxParams, TxReceipt, Wei

from offchain.chain.connection import Connection
from offchain.chain.errors import (
    FeeTooHigh,
    TransactionRejected,
    TransactionTimeout,
    TransactionTooLarge,
    UnknownRevert,
)

MAX_TRANSACTION_GAS = 2**24  # EIP-7825
GAS_MARGIN = 1.2  # state may change between the estimate and the block
MAX_FEE = 10**18  # wei; what the node tells of fees is its word only
RECEIPT_SECONDS = 120.0
POLL_SECONDS = 0.2


class Sender:
    """Sends the transactions of one account, one after the other."""

    def __init__(self, connection: Connection, account: LocalAccount, gas_limit: int | None = None) -> None:
        """gas_limit : for a chain in this process, where an estimate takes many times what the transaction does."""
        self.connection = connection
        self.account = account
        self._gas_limit = gas_limit
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """The account's address."""
        return str(self.account.address)

    def send(self, call: ContractFunction) -> TxReceipt:
        """Send `call` and wait until it is in a block.

        Raises
        ------
        ContractError, UnknownRevert : a contract refuses, before sending where that can be known
        TransactionRejected : the node does not take it
        TransactionTooLarge : it needs more than 2^24 gas
        FeeTooHigh : it may cost more than one ether
        EndpointFaulty : the node answers what cannot be
        TransactionTimeout : it was sent and is in no block yet
        """
        with self._lock, self.connection.asking():
            try:
                return self._send(call)
            except Web3RPCError as error:
                raise TransactionRejected(error.message) from error

    def _send(self, call: ContractFunction) -> TxReceipt:
        w3 = self.connection.w3
        transaction = call.build_transaction(self._frame(self._gas_limit or self._estimate(call)))
        signed = self.account.sign_transaction(transaction)  # type: ignore[arg-type]
        transaction_hash = w3.eth.send_raw_transaction(signed.raw_transaction)
        try:
            receipt = w3.eth.wait_for_transaction_receipt(transaction_hash, RECEIPT_SECONDS, POLL_SECONDS)
        except TimeExhausted as error:
            raise TransactionTimeout(transaction_hash.to_0x_hex(), RECEIPT_SECONDS) from error
        if receipt["status"] != 1:
            self._replay(transaction, receipt)
        return receipt

    def _estimate(self, call: ContractFunction) -> int:
        gas = call.estimate_gas({"from": self.account.address})
        if gas > MAX_TRANSACTION_GAS:
            raise TransactionTooLarge(gas, MAX_TRANSACTION_GAS)
        return min(int(gas * GAS_MARGIN), MAX_TRANSACTION_GAS)

    def _frame(self, gas: int) -> TxParams:
        w3 = self.connection.w3
        priority_fee = w3.eth.max_priority_fee
        base_fee = w3.eth.get_block("latest")["baseFeePerGas"]
        max_fee = 2 * base_fee + priority_fee
        if gas * max_fee > MAX_FEE:
            raise FeeTooHigh(gas * max_fee, MAX_FEE)
        return {
            "from": self.account.address,
            "chainId": self.connection.deployment.chain_id,
            "nonce": w3.eth.get_transaction_count(self.account.address, "pending"),
            "gas": gas,
            "maxPriorityFeePerGas": priority_fee,
            "maxFeePerGas": Wei(max_fee),
        }

    def _replay(self, transaction: Any, receipt: TxReceipt) -> None:
        """Raise the reason of a transaction that failed in its block, by calling it on the state behind that.

        Before the block it would have succeeded, or it would not have been sent.
        """
        call: TxParams = {key: transaction[key] for key in ("from", "to", "data")}  # type: ignore[assignment]
        self.connection.w3.eth.call(call, receipt["blockNumber"])
        raise UnknownRevert(b"")
