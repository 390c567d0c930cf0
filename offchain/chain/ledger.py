"""The learning ledger: blocks, their hashes, their validity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from offchain.chain.client import Client

BLOCK_DOMAIN = keccak(text="PoLeStar.LearningBlock.v1")
_CHECKED_AT_ONCE = 1000  # some 10 million gas of a call
_HEADER = "(uint256,uint256,uint256,address,bytes32,bytes32,int256,bytes32)"


@dataclass(frozen=True, slots=True)
class Header:
    """A learning block without its hash, in the order of the Solidity struct."""

    index: int
    timestamp: int
    task_id: int
    winner: str
    model_hash: bytes
    parameters_hash: bytes
    score_wad: int
    previous_hash: bytes

    def as_tuple(self) -> tuple[object, ...]:
        """The values as the ABI takes them."""
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Block:
    """A learning block."""

    header: Header
    hash: bytes


def block_hash(chain_id: int, ledger: str, header: Header) -> bytes:
    """The hash of a block: the twin of `LearningLedger.hashOf`."""
    kinds = ["bytes32", "uint256", "address", _HEADER]
    return keccak(encode(kinds, [BLOCK_DOMAIN, chain_id, ledger, header.as_tuple()]))


class LearningLedgerClient(Client):
    """The only module that knows this contract's function names."""

    name = "ledger"

    def length(self) -> int:
        """The number of blocks, genesis included."""
        return int(self._read(self._contract.functions.length()))

    def blocks(self) -> list[Block]:
        """All blocks, genesis first, as their events tell them."""
        return [
            Block(
                _header(event["args"]["header"]),
                bytes(event["args"]["blockHash"]),
            )
            for event in self._events(self._contract.events.BlockAppended())
        ]

    def first_invalid(self, told: list[Block] | None = None) -> int | None:
        """The index of the ledger's first block that is missing or another one, or None.

        told : the blocks, genesis first, where they are not to be read from the events
        """
        length = self.length()
        blocks = self.blocks() if told is None else told
        misplaced = [i for i, block in enumerate(blocks) if block.header.index != i]
        missing = [len(blocks)] if len(blocks) < length else []
        bad = self.first_bad(blocks)
        return min([*misplaced, *missing, *([] if bad is None else [bad])], default=None)

    def first_bad(self, blocks: list[Block]) -> int | None:
        """The position of the first block that is not the ledger's, or None where all are.

        The contract checks the headers and this function the hashes that came with them.
        """
        headers = [block.header.as_tuple() for block in blocks]
        first_bad = None
        # Each call begins with the last header of the one before, which the next has to follow.
        for start in range(0, max(1, len(headers) - 1), _CHECKED_AT_ONCE):
            checked = headers[start : start + _CHECKED_AT_ONCE + 1]
            valid, at = self._read(self._contract.functions.verify(checked))
            if not valid:
                first_bad = start + at
                break
        chain_id = self.connection.deployment.chain_id
        wrong_hash = [
            i for i, b in enumerate(blocks) if block_hash(chain_id, self.address, b.header) != b.hash
        ]
        return min([*([] if first_bad is None else [first_bad]), *wrong_hash], default=None)


def _header(values: Mapping[str, Any]) -> Header:
    fields: list[Any] = [bytes(value) if isinstance(value, bytes) else value for value in values.values()]
    return Header(*fields)
