"""Logs as a node tells them, decoded strictly by the deployment's ABIs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from eth_abi.abi import decode
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic
from eth_utils.address import to_checksum_address

from offchain.chain.deployment import Deployment
from offchain.index.errors import EventInvalid

CONTRACTS = ("vault", "registry", "proof", "ledger", "market")
"""Whose events are indexed. The token is not: it may be a busy one that others made."""

LOG_BITS = 24
"""An event's position is its block's number and, in so many bits, its place among the block's logs."""

# What the ABI gives 256 bits and is a small number all the same. Other wide integers are amounts, kept as text.
_NUMBERS = {
    "taskId",
    "epochId",
    "purchaseId",
    "index",
    "timestamp",
    "scoreWad",
    "disclosedCount",
    "scoredCount",
}
_WIDEST_NUMBER = 2**63

Plain: TypeAlias = "int | str | bool | list[Plain] | dict[str, Plain]"
"""What JSON can hold without loss: amounts are decimal text, bytes are hex."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a contract told; `contract` is the field of the deployment, `arguments` are named as in Solidity."""

    block: int
    log_index: int
    transaction_hash: bytes
    contract: str
    name: str
    arguments: Mapping[str, Plain]

    @property
    def at(self) -> int:
        """Its position on the chain, by which events are ordered."""
        return self.block << LOG_BITS | self.log_index


@dataclass(frozen=True, slots=True)
class _Kind:
    """An event of an ABI, split into what topics and what data hold."""

    contract: str
    name: str
    indexed: tuple[Mapping[str, Any], ...]
    others: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, contract: str, entry: Mapping[str, Any]) -> "_Kind":
        inputs = entry["inputs"]
        indexed = tuple(parameter for parameter in inputs if parameter.get("indexed"))
        others = tuple(parameter for parameter in inputs if not parameter.get("indexed"))
        return cls(contract, entry["name"], indexed, others)

    def arguments(self, topics: Sequence[bytes], data: bytes) -> dict[str, Plain]:
        """The values that topics, without the event's own, and data hold."""
        if len(topics) != len(self.indexed):
            raise ValueError(f"{self.name} has {len(self.indexed)} indexed values, not {len(topics)}")
        values = list(decode([_type_of(parameter) for parameter in self.indexed], b"".join(topics)))
        values += decode([_type_of(parameter) for parameter in self.others], data)
        parameters = (*self.indexed, *self.others)
        return {
            parameter["name"]: _plain(parameter, value)
            for parameter, value in zip(parameters, values, strict=True)
        }


class EventDecoder:
    """Knows the events of a deployment's contracts by address and topic."""

    def __init__(self, deployment: Deployment) -> None:
        self.addresses = [getattr(deployment, name).address for name in CONTRACTS]
        self._kinds = {
            (address, event_abi_to_log_topic(entry)): _Kind.of(name, entry)
            for name, address in zip(CONTRACTS, self.addresses, strict=True)
            for entry in getattr(deployment, name).abi
            if entry["type"] == "event"
        }

    @property
    def names(self) -> set[str]:
        """The names of all events."""
        return {kind.name for kind in self._kinds.values()}

    def decode(self, log: Mapping[str, Any], first: int, last: int) -> Event:
        """The event of a log, as web3 gives it, of the blocks asked for; raises EventInvalid."""
        try:
            return self._decode(log, first, last)
        except EventInvalid:
            raise
        except Exception as error:  # the log may be anything, and fails in as many ways
            told = log if isinstance(log, Mapping) else {}
            reason = str(error) or repr(error)
            raise EventInvalid(told.get("blockNumber"), told.get("logIndex"), reason) from error

    def _decode(self, log: Mapping[str, Any], first: int, last: int) -> Event:
        block, log_index = log["blockNumber"], log["logIndex"]
        if not (isinstance(block, int) and first <= block <= last):
            raise ValueError(f"blocks {first} to {last} were asked for")
        if not (isinstance(log_index, int) and 0 <= log_index < 2**LOG_BITS) or log.get("removed"):
            raise ValueError("it has no place in its block")
        topics = [bytes(topic) for topic in log["topics"]]
        kind = self._kinds.get((to_checksum_address(log["address"]), topics[0] if topics else b""))
        if kind is None:
            raise ValueError(f"{log['address']} has no event of this topic")
        transaction_hash, data = bytes(log["transactionHash"]), bytes(log["data"])
        arguments = kind.arguments(topics[1:], data)
        return Event(block, log_index, transaction_hash, kind.contract, kind.name, arguments)


def _type_of(parameter: Mapping[str, Any]) -> str:
    return collapse_if_tuple(parameter)  # type: ignore[arg-type]


def _plain(parameter: Mapping[str, Any], value: Any) -> Plain:
    kind, name = parameter["type"], parameter["name"]
    if kind.endswith("]"):
        item = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_plain(item, each) for each in value]
    if kind == "tuple":
        components = parameter["components"]
        return {part["name"]: _plain(part, each) for part, each in zip(components, value, strict=True)}
    if kind == "address":
        return to_checksum_address(value)
    if kind == "bool":
        return bool(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if int(kind.removeprefix("u").removeprefix("int") or 256) > 64 and name not in _NUMBERS:
        return str(value)
    if not -_WIDEST_NUMBER <= value < _WIDEST_NUMBER:
        raise ValueError(f"{name} cannot be {value}")
    return int(value)
