"""What the typed clients share: one contract, read by anybody, written by a sender."""

from typing import Any, ClassVar

from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractEvent, ContractFunction
from web3.types import EventData, TxReceipt

from offchain.chain.connection import Connection
from offchain.chain.errors import AccountInvalid
from offchain.chain.transactions import Sender


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

    def _read(self, call: ContractFunction) -> Any:
        with self.connection.reverts.typed():
            return call.call()

    def _write(self, call: ContractFunction) -> TxReceipt:
        if self.sender is None:
            raise AccountInvalid(f"{self.name} can only be read: no account was given")
        return self.sender.send(call)

    def _events(self, event: ContractEvent, from_block: int | None = None, **filters: Any) -> list[EventData]:
        """All events of one kind since a block, or since the deployment, oldest first."""
        first = self.connection.deployment.block if from_block is None else from_block
        return list(event.get_logs(argument_filters=filters, from_block=first))
