"""What the typed clients share: one contract, read by anybody, written by a sender."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeVar

import requests
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractEvent, ContractFunction
from web3.logs import DISCARD
from web3.types import BlockIdentifier, EventData, TxReceipt

from offchain.chain.connection import Connection
from offchain.chain.errors import (
    AccountInvalid,
    ChainError,
    ContractError,
    EndpointFaulty,
    TransactionReverted,
)
from offchain.chain.transactions import Sender

MOST_RANGE_BLOCKS = 10_000  # of which logs are asked for at once: what public nodes usually take
MOST_BLOCKS = 10**9  # eight years of a quarter of a second: with more, a lie would be asked about for ever

Value = TypeVar("Value")


class Client:
    """The base of the typed clients. Each is the only module that knows its contract's function names."""

    name: ClassVar[str]  # the field of the deployment

    def __init__(self, connection: Connection, sender: Sender | None = None) -> None:
        self.connection = connection
        self.sender = sender
        contract = getattr(connection.deployment, self.name)
        self.address: str = contract.address
        self._contract: Contract = connection.w3.eth.contract(
            Web3.to_checksum_address(contract.address), abi=contract.abi
        )
        self._counted = 0
        self._range_blocks = MOST_RANGE_BLOCKS

    def _read(self, call: ContractFunction) -> Any:
        with self.connection.asking():
            return call.call()

    def _read_as(
        self, kind: Callable[[Any], Value], call: ContractFunction, block: BlockIdentifier = "latest"
    ) -> Value:
        """Read what is of a kind, such as an enumeration, that the ABI does not know."""
        with self.connection.asking():
            return kind(call.call(block_identifier=block))

    def _count(self, call: ContractFunction, look_up: Callable[[int], object]) -> int:
        """A contract's counter, which cannot revert, and whose last number stands for something."""
        try:
            count = int(self._read(call))
            if count not in (0, self._counted):
                look_up(count)
        except TransactionReverted as error:
            raise EndpointFaulty(f"a count that does not hold: {error}") from error
        self._counted = count
        return count

    def _write(self, call: ContractFunction) -> TxReceipt:
        if self.sender is None:
            raise AccountInvalid(f"{self.name} can only be read: no account was given")
        with self._telling_money():
            return self.sender.send(call)

    def _try(self, call: ContractFunction, account: str) -> None:
        """Raise what a contract has against a transaction of an account; sends nothing."""
        with self._telling_money(), self.connection.asking():
            call.call({"from": account})

    @contextmanager
    def _telling_money(self) -> Iterator[None]:
        """Have a revert in the block tell money as people write it, where the token says how that is."""
        try:
            yield
        except ContractError as error:
            from offchain.chain.vault import shown_in_tokens  # of the clients that are based on this one

            with suppress(ChainError, OSError):
                error.tell_money(shown_in_tokens(self.connection))
            raise

    def _events(self, event: ContractEvent, from_block: int | None = None, **filters: Any) -> list[EventData]:
        """All events of one kind since a block, or since the deployment, oldest first.

        They are asked for in ranges: nodes bound blocks, logs, bytes or time, and each says so in its own way.
        """
        first = self.connection.deployment.block if from_block is None else from_block
        head = self._block_number()
        if head - first > MOST_BLOCKS:
            raise EndpointFaulty(f"a newest block of number {head:,}")
        logs: list[EventData] = []
        while first <= head:
            last = min(first + self._range_blocks - 1, head)
            try:
                with self.connection.asking():
                    logs += event.get_logs(argument_filters=filters, from_block=first, to_block=last)
            except (EndpointFaulty, requests.RequestException):
                if last == first:
                    raise
                self._block_number()  # raises where the node is away from this too
                self._range_blocks = (last - first + 1) // 2
            else:
                self._range_blocks = min(MOST_RANGE_BLOCKS, self._range_blocks + 1 + self._range_blocks // 4)
                first = last + 1
        with self.connection.asking():
            return sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))

    def _block_number(self) -> int:
        with self.connection.asking():
            return int(self.connection.w3.eth.block_number)

    def _told(self, receipt: TxReceipt, event: ContractEvent) -> Mapping[str, Any]:
        """The values of the event that a transaction of the sender emitted."""
        with self.connection.asking():
            arguments: Mapping[str, Any] = event.process_receipt(receipt, DISCARD)[0]["args"]
            return arguments
