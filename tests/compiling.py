"""Compiles single sources of the contracts otherwise than for a deployment, with some of them changed."""

import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from typing import Any

from offchain.chain.compiler import ROOT, SETTINGS, SOLC_VERSION

IMPORT = re.compile(r'^import .*?"(\.[^"]+)";', re.MULTILINE | re.DOTALL)


class CompilationFailed(Exception):
    """The changed sources are no Solidity."""


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


def compile_source(
    path: str, settings: Mapping[str, Any], changed: Mapping[str, str], selection: Mapping[str, Any]
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


def artifacts(
    path: str, settings: Mapping[str, Any], changed: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The contracts of a source, by name, as the project's compiler keeps them; raises CompilationFailed."""
    output = compile_source(path, settings, changed, {path: {"*": ["abi", "evm.bytecode.object"]}})
    return {
        name: {"abi": contract["abi"], "bytecode": contract["evm"]["bytecode"]["object"]}
        for name, contract in output["contracts"][path].items()
    }
