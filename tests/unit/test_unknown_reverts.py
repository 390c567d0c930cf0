"""What a contract says that the deployment does not know, as a token does: it is told, and it is not believed."""

import pytest
from eth_abi.abi import encode

from offchain.chain.errors import UnknownRevert

ERROR = bytes.fromhex("08c379a0")  # keccak256("Error(string)")[:4], as the Solidity documentation has it


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "reverted without a reason"),
        (ERROR + encode(["string"], ["Blacklistable: account"]), "reverted with 'Blacklistable: account'"),
        (ERROR + encode(["string"], ["\x1b[2J\n"]), r"reverted with '\x1b[2J\n'"),
        (ERROR + encode(["string"], ["long " * 100]), f"reverted with {('long ' * 40)!r}"),
        (ERROR + encode(["bytes"], [b"\xff\xfe"]), "reverted with data 0x08c379a0"),
        (ERROR + b"\x01", "reverted with data 0x08c379a001"),
        (b"\x12\x34\x56\x78", "reverted with data 0x12345678"),
    ],
    ids=["nothing", "text", "control characters", "long", "no text", "cut off", "another error"],
)
def test_a_strangers_reason_is_told(data: bytes, told: str) -> None:
    assert str(UnknownRevert(data)).startswith(told)
    assert UnknownRevert(data).data == data
