"""Compiles `contracts/` with the pinned solc, for tests, benchmarks and in-process chains.

Who runs a worker needs none of this: the deployments file carries the ABIs.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parents[2]
SOLC_VERSION = "0.8.37"
EVM_VERSION = "prague"
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 1_000_000},
    "viaIR": True,
    "evmVersion": EVM_VERSION,
    "metadata": {"bytecodeHash": "none"},
    "remappings": ["@openzeppelin/=node_modules/@openzeppelin/", "solady/=node_modules/solady/src/"],
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract."""

    abi: list[dict[str, Any]]
    bytecode: str


def compile_contracts(*folders: str) -> dict[str, Artifact]:
    """Compile every contract under `folders` (default: `contracts`), by name; cached by the sources' content."""
    sources = {
        path.relative_to(ROOT).as_posix(): {"content": path.read_text()}
        for folder in folders or ("contracts",)
        for path in sorted((ROOT / folder).rglob("*.sol"))
    }
    request = {"language": "Solidity", "sources": sources, "settings": SETTINGS}
    key = hashlib.sha256((SOLC_VERSION + json.dumps(request, sort_keys=True)).encode()).hexdigest()
    cache = ROOT / ".build" / "solc" / f"{key}.json"
    if not cache.exists():
        output = solcx.compile_standard(
            request,
            base_path=str(ROOT),
            allow_paths=[str(ROOT)],
            solc_binary=ROOT / "toolchain" / "solc" / f"solc-v{SOLC_VERSION}",
        )
        artifacts = {
            name: {"abi": contract["abi"], "bytecode": contract["evm"]["bytecode"]["object"]}
            for source in sources
            for name, contract in output["contracts"].get(source, {}).items()
        }
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary = cache.with_suffix(f".{hashlib.sha256(str(id(output)).encode()).hexdigest()[:8]}")
        temporary.write_text(json.dumps(artifacts))
        temporary.replace(cache)
    return {name: Artifact(**artifact) for name, artifact in json.loads(cache.read_text()).items()}


if __name__ == "__main__":
    compile_contracts(*sys.argv[1:])
