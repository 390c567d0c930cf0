"""The scorers on Anvil, measured from inside a transaction; for fuzz tests and benchmarks."""

from typing import Any

from eth_abi.abi import decode
from web3 import Web3
from web3.types import RPCEndpoint

from offchain.chain.accounts import dev_account
from offchain.chain.compiler import Artifact
from offchain.chain.deploying import Web3Deployer
from offchain.chain.local import LocalChain
from offchain.chain.reverts import RevertDecoder
from offchain.chain.transactions import MAX_TRANSACTION_GAS
from offchain.learning.metrics import Metric
from offchain.learning.model import KIND_DENSE, KIND_TREES

ROWS_AT = "0x" + "77" * 20


class Rejected(Exception):
    """A scorer reverted; the message is the error's name."""


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
    ) -> tuple[int, int]:
        """Score in WAD and the gas it took, without calldata; raises `Rejected` where the scorer reverts."""
        shape = (feature_count, class_count)
        arguments = [self._scorers[kind], int(metric), shape, ROWS_AT, model]
        call = {
            "to": self._probe.address,
            "data": self._probe.encode_abi("measure", arguments),
            "gas": hex(MAX_TRANSACTION_GAS),
        }
        overrides = {ROWS_AT: {"code": "0x00" + rows.hex()}}
        response = self._provider.make_request(RPCEndpoint("eth_call"), [call, "latest", overrides])
        if "error" in response:
            data = str(response["error"].get("data") or "0x")
            raise Rejected(type(self._reverts.decode(bytes.fromhex(data[2:]))).__name__)
        score_wad, gas = decode(["int256", "uint256"], bytes.fromhex(response["result"][2:]))
        return int(score_wad), int(gas)
