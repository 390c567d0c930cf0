"""Turns what a node says of a revert into the typed error it stands for.

Anvil and other JSON-RPC nodes give the revert data as hex in the error's `data`; eth-tester raises
`TransactionFailed` with the representation of the bytes, or with a text made of them, and then the bytes are in
the exception that caused it.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import abi_to_signature, function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from web3.exceptions import ContractLogicError

from offchain.chain.errors import BY_NAME, TransactionReverted, UnknownRevert


class RevertDecoder:
    """Knows the errors of a deployment's contracts by their selectors."""

    def __init__(self, abis: Iterable[Sequence[dict[str, Any]]]) -> None:
        self._errors = {
            function_signature_to_4byte_selector(abi_to_signature(entry)): entry  # type: ignore[arg-type]
            for abi in abis
            for entry in abi
            if entry["type"] == "error"
        }

    def decode(self, data: bytes) -> TransactionReverted:
        """Give the exception that revert data stands for."""
        entry = self._errors.get(data[:4])
        if entry is None or entry["name"] not in BY_NAME:
            return UnknownRevert(data)
        try:
            values = decode([parameter["type"] for parameter in entry["inputs"]], data[4:])
        except DecodingError:
            return UnknownRevert(data)
        named = {
            parameter["name"]: to_checksum_address(value) if parameter["type"] == "address" else value
            for parameter, value in zip(entry["inputs"], values, strict=True)
        }
        return BY_NAME[entry["name"]](**named)

    @contextmanager
    def typed(self) -> Iterator[None]:
        """Raise the typed error of any revert in the block."""
        try:
            yield
        except _reverts() as error:
            raise self.decode(_revert_data(error)) from error


def _reverts() -> tuple[type[Exception], ...]:
    """What a revert is raised as: by eth-tester only where somebody runs it, for to load it takes a second."""
    tester = sys.modules.get("eth_tester.exceptions")
    return (ContractLogicError, tester.TransactionFailed) if tester else (ContractLogicError,)


def _revert_data(error: Exception) -> bytes:
    if isinstance(error, ContractLogicError):
        data = error.data.get("data", "") if isinstance(error.data, dict) else error.data
        return bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b""
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    for cause in reversed(causes):  # the EVM's own exception, where there is one, has the bytes as they are
        value: object = cause.args[0] if cause.args else b""
        if isinstance(value, str) and value.startswith("b"):
            with suppress(SyntaxError, ValueError):
                value = ast.literal_eval(value)
        if isinstance(value, bytes):
            return value
    return b""
