"""The scorers on Anvil, measured from inside a transaction; for fuzz tests and benchmarks."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode
from web3 import Web3
from web3.types import RPCEndpoint

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.errors import TransactionReverted
from offchain.chain.local import LocalChain
from offchain.chain.reverts import RevertDecoder
from offchain.chain.transactions import MAX_TRANSACTION_GAS
from offchain.learning.metrics import Metric
from offchain.learning.model import KIND_DENSE, KIND_TREES

NO_MAPPING = (0, bytes(32))


def code_of_parts(rows: bytes, parts: Sequence[int]) -> tuple[dict[str, dict[str, str]], str]:
    """The code of the contracts that hold rows, by address, and the address of the last."""
    overrides: dict[str, dict[str, str]] = {}
    previous, start = "0x" + "00" * 20, 0
    for number, size in enumerate([*parts, len(rows) - sum(parts)]):
        address = Web3.to_checksum_address(f"0x{0x77 + number:02x}" + "77" * 19)
        overrides[address] = {"code": "0x00" + previous[2:] + rows[start : start + size].hex()}
        previous, start = address, start + size
    return overrides, previous


class Rejected(Exception):
    """A scorer reverted; the message is the error's name."""

    def __init__(self, error: TransactionReverted) -> None:
        super().__init__(type(error).__name__)
        self.error = error


class ScoringChain:
    """Scorers, called as a transaction would call them: with at most 2^24 gas."""

    def __init__(self, chain: LocalChain, artifacts: dict[str, Artifact]) -> None:
        deployer = Web3Deployer(chain.w3, dev_account(0), artifacts)
        self._provider = chain.w3.provider
        self._scorers = {
            KIND_DENSE: deployer.create("DenseScorer"),
            KIND_TREES: deployer.create("TreeScorer"),
        }
        self._probe: Any = chain.w3.eth.contract(
            Web3.to_checksum_address(deployer.create("ScoreProbe")),
            abi=artifacts["ScoreProbe"].abi,
        )
        self._reverts = RevertDecoder([artifacts["DenseScorer"].abi, artifacts["TreeScorer"].abi])

    def measure(
        self,
        metric: Metric,
        feature_count: int,
        class_count: int,
        rows: bytes,
        model: bytes,
        kind: int = KIND_DENSE,
        mapping: tuple[int, bytes] = NO_MAPPING,
        head: int = 0,
        parts: Sequence[int] = (),
        skip: int = 0,
    ) -> tuple[int, int]:
        """Score in WAD and the gas it took, without calldata; raises `Rejected` where the scorer reverts.

        mapping : width and seed of the secure mapping
        head : the rows are scored in two goes, of which the first has so many
        parts : how many bytes of rows each contract but the last holds; one contract holds all
        skip : how many rows are left out, those of the last parts first
        """
        shape = (feature_count, class_count)
        size = feature_count + (1 if class_count else 4)
        overrides, last = code_of_parts(rows, parts)
        row_range = (last, skip, len(rows) // size - skip)
        question = (self._scorers[kind], int(metric), shape, mapping, row_range, head, model)
        call = {
            "to": self._probe.address,
            "data": self._probe.encode_abi("measure", [question]),
            "gas": hex(MAX_TRANSACTION_GAS),
        }
        response = self._provider.make_request(RPCEndpoint("eth_call"), [call, "latest", overrides])
        if "error" in response:
            data = str(response["error"].get("data") or "0x")
            raise Rejected(self._reverts.decode(bytes.fromhex(data[2:])))
        score_wad, gas = decode(["int256", "uint256"], bytes.fromhex(response["result"][2:]))
        return int(score_wad), int(gas)
