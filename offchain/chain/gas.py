"""The gas of all transactions of a deployment, read from the chain."""

from collections.abc import Iterator
from dataclasses import dataclass

from web3 import Web3
from web3.contract import Contract

from offchain.chain.connection import Connection


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a transaction did and cost."""

    block: int
    sender: str
    contract: str
    function: str
    gas: int


def transactions(connection: Connection) -> Iterator[Transaction]:
    """All transactions since the deployment, oldest first."""
    w3, deployment = connection.w3, connection.deployment
    contracts: dict[str, tuple[str, Contract]] = {}
    for name in ("token", "vault", "registry", "proof", "ledger", "market"):
        described = getattr(deployment, name)
        address = Web3.to_checksum_address(described.address)
        contracts[address] = name, w3.eth.contract(address, abi=described.abi)
    for number in range(deployment.block + 1, w3.eth.block_number + 1):
        for sent in w3.eth.get_block(number)["transactions"]:
            transaction, receipt = w3.eth.get_transaction(sent), w3.eth.get_transaction_receipt(sent)  # type: ignore[arg-type]
            name, function = "", "create a contract"
            if to := receipt["to"]:
                name, contract = contracts[to]
                called, _ = contract.decode_function_input(transaction["input"])
                function = called.fn_name
            yield Transaction(number, str(receipt["from"]), name, function, receipt["gasUsed"])
