"""The scorers on a local chain, for the tests that hold Solidity and NumPy together."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

import solcx
from eth_abi import decode
from web3 import Web3
from web3.types import RPCEndpoint

from offchain.learning.metrics import Metric

ROOT = Path(__file__).parents[2]
_ROWS_AT = "0x" + "77" * 20
_SOURCES = (
    "contracts/interfaces",
    "contracts/libraries",
    "contracts/scoring",
    "contracts/dev/ScoreProbe.sol",
)
_GAS_LIMIT = 2**24


@cache
def artifacts() -> dict[str, dict[str, Any]]:
    """ABI and creation code of every contract, compiled as the project compiles them."""
    os.environ.setdefault("SOLCX_BINARY_PATH", str(ROOT / "toolchain" / "solc"))
    roots = [ROOT / source for source in _SOURCES]
    files = [file for root in roots for file in ([root] if root.suffix else sorted(root.glob("*.sol")))]
    wanted = {"DenseScorer", "TreeScorer", "ScoreProbe"}
    compiled = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {
                str(file.relative_to(ROOT)): {"content": file.read_text()}
                for file in files
                if file.parent.name != "interfaces" or "Scorer" in file.name
            },
            "settings": {
                "optimizer": {"enabled": True, "runs": 1_000_000},
                "viaIR": True,
                "evmVersion": "prague",
                "metadata": {"bytecodeHash": "none"},
                "outputSelection": {"*": {"*": ["abi", "evm.deployedBytecode.object"]}},
            },
        },
        solc_version="0.8.37",
    )
    return {
        name: contract
        for file in compiled["contracts"].values()
        for name, contract in file.items()
        if name in wanted
    }


class ScoringChain:
    """Scorers on an Anvil of their own, called as a transaction would call them: with at most 2^24 gas."""

    def __init__(self) -> None:
        artifacts()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self._anvil = subprocess.Popen(
            [_anvil_path(), "--port", str(port), "--silent", "--no-mining", "--hardfork", "prague"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        atexit.register(self._anvil.kill)
        self._web3 = Web3(Web3.HTTPProvider(f"http://127.0.0.1:{port}"))
        deadline = time.monotonic() + 20
        while not self._web3.is_connected():
            assert time.monotonic() < deadline, "Anvil does not answer"
            time.sleep(0.05)
        self._probe = self._put("ScoreProbe")
        self._scorers = {1: self._put("DenseScorer"), 2: self._put("TreeScorer")}

    def close(self) -> None:
        """Ends the Anvil."""
        self._anvil.terminate()
        self._anvil.wait()

    def measure(
        self, metric: Metric, feature_count: int, class_count: int, rows: bytes, model: bytes, kind: int = 1
    ) -> tuple[int, int]:
        """Score in WAD and the gas it took, without calldata; raises `Rejected` where the scorer reverts."""
        shape = (feature_count, class_count)
        call = self._probe.functions.measure(self._scorers[kind].address, int(metric), shape, _ROWS_AT, model)
        data = call.build_transaction({"gas": _GAS_LIMIT, "gasPrice": 0, "nonce": 0, "chainId": 31337})[
            "data"
        ]
        overrides = {_ROWS_AT: {"code": "0x00" + rows.hex()}}
        request = {"to": self._probe.address, "data": data, "gas": hex(_GAS_LIMIT)}
        response = self._web3.provider.make_request(RPCEndpoint("eth_call"), [request, "latest", overrides])
        if "error" in response:
            raise Rejected(self._error_name(response["error"]))
        score_wad, gas_used = decode(["int256", "uint256"], bytes.fromhex(response["result"][2:]))
        return int(score_wad), int(gas_used)

    def _error_name(self, error: Any) -> str:
        data = str(error.get("data") or "")
        for contract in self._scorers.values():
            for entry in contract.abi:
                if entry["type"] == "error":
                    kinds = ",".join(part["type"] for part in entry["inputs"])
                    if data.startswith("0x" + Web3.keccak(text=f"{entry['name']}({kinds})")[:4].hex()):
                        return str(entry["name"])
        return f"unnamed: {error}"

    def _put(self, name: str) -> Any:
        artifact = artifacts()[name]
        address = Web3.to_checksum_address(Web3.keccak(text=name)[-20:])
        code = "0x" + artifact["evm"]["deployedBytecode"]["object"]
        self._web3.provider.make_request(RPCEndpoint("anvil_setCode"), [address, code])
        return self._web3.eth.contract(address=address, abi=artifact["abi"])


class Rejected(Exception):
    """A scorer reverted; the message is the error's name."""


def _anvil_path() -> str:
    found = shutil.which("anvil") or next(ROOT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"), None)
    assert found is not None, "no Anvil: run `make setup`"
    return str(found)
