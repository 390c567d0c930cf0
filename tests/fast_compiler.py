"""Compiles single contracts otherwise than for a deployment: quickly, or so that every instruction has its place.

The old code generator takes a fraction of the time; where it runs out of stack, the new one with the least of its
optimizer takes its place.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from typing import Any

from offchain.chain.compiler import ROOT, SETTINGS, SOLC_VERSION

STEPS = {"yul": True, "yulDetails": {"stackAllocation": True, "optimizerSteps": "u"}}
FAST: tuple[dict[str, Any], ...] = (
    {"viaIR": False, "optimizer": {"enabled": True, "runs": 1}},
    {"viaIR": True, "optimizer": {"enabled": True, "runs": 1, "details": STEPS}},
)
IMPORT = re.compile(r'^import .*?"(\.[^"]+)";', re.MULTILINE | re.DOTALL)


class CompilationFailed(Exception):
    """A mutant is no Solidity."""


@cache
def sources_of(path: str) -> frozenset[str]:
    """A source and all of the project's that it imports."""
    found, open_ends = {path}, [path]
    while open_ends:
        name = open_ends.pop()
        folder = (ROOT / name).parent
        imported = IMPORT.findall((ROOT / name).read_text())
        new = {(folder / other).resolve().relative_to(ROOT).as_posix() for other in imported} - found
        found |= new
        open_ends += new
    return frozenset(found)


@cache
def fast_settings(path: str) -> dict[str, Any]:
    """The fastest settings that compile a source as it is."""
    for settings in FAST:
        try:
            _compile(path, {}, settings)
        except CompilationFailed:
            continue
        return settings
    raise CompilationFailed(path)


def compile_fast(path: str, changed: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The artifacts of a source's contracts, where some sources are changed; raises CompilationFailed."""
    return _compile(path, changed, fast_settings(path))


def _compile(path: str, changed: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    output = compile_with(settings, path, {path: {"*": ["abi", "evm.bytecode.object"]}}, changed)
    return {
        name: {"abi": contract["abi"], "bytecode": contract["evm"]["bytecode"]["object"]}
        for name, contract in output["contracts"][path].items()
    }


def compile_with(
    settings: Mapping[str, Any], path: str, selection: Mapping[str, Any], changed: Mapping[str, str]
) -> Any:
    """What the compiler tells of a source; raises CompilationFailed."""
    sources = {name: {"content": changed.get(name) or (ROOT / name).read_text()} for name in sources_of(path)}
    request = {
        "language": "Solidity",
        "sources": sources,
        "settings": {**SETTINGS, **settings, "outputSelection": selection},
    }
    solc = ROOT / "toolchain" / "solc" / f"solc-v{SOLC_VERSION}"
    run = subprocess.run(
        [solc, "--standard-json", "--base-path", ROOT],
        input=json.dumps(request),
        capture_output=True,
        text=True,
    )
    output = json.loads(run.stdout)
    if any(error["severity"] == "error" for error in output.get("errors", [])):
        raise CompilationFailed(path)
    return output
