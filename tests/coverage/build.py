"""The contracts, compiled so that each instruction belongs to one place of the sources."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.compiling import compile_source
from tests.coverage.positions import Code
from tests.coverage.recorder import BUILD

DEPLOYED = (
    "contracts/Vault.sol",
    "contracts/ProofOfLearning.sol",
    "contracts/ComputeMarket.sol",
    "contracts/scoring/DenseScorer.sol",
    "contracts/scoring/TreeScorer.sol",
    "contracts/dev/TestToken.sol",
    "tests/contracts/Twins.sol",
    "tests/contracts/MarketTwins.sol",
    "tests/contracts/ScoreProbe.sol",
)
# Nothing of the optimizer that would let one instruction stand for two places.
KEPT = {
    "peephole": True,
    "jumpdestRemover": True,
    "inliner": False,
    "orderLiterals": False,
    "deduplicate": False,
    "cse": False,
    "constantOptimizer": False,
    "yul": False,
}
SETTINGS = {"viaIR": False, "optimizer": {"enabled": True, "runs": 1, "details": KEPT}}


@cache
def compiled() -> dict[str, Any]:
    """What the compiler tells of each source that is deployed."""
    told = {"*": {"": ["ast"], "*": ["abi", "evm.bytecode", "evm.deployedBytecode"]}}
    return {path: compile_source(path, SETTINGS, {}, told) for path in DEPLOYED}


def codes(path: str) -> Iterator[Code]:
    """The codes of a source's contracts and of those that they create."""
    for of_source in compiled()[path]["contracts"].values():
        for contract in of_source.values():
            for kind in ("bytecode", "deployedBytecode"):
                if contract["evm"][kind]["object"]:
                    yield Code.of(contract["evm"][kind])


def keep_artifacts() -> None:
    """Leave them where the recorder finds them."""
    kept = {
        name: {"abi": contract["abi"], "bytecode": contract["evm"]["bytecode"]["object"]}
        for path, output in compiled().items()
        for name, contract in output["contracts"][path].items()
    }
    BUILD.parent.mkdir(parents=True, exist_ok=True)
    BUILD.write_text(json.dumps(kept))
