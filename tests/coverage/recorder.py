"""A plugin of pytest: deploys contracts compiled for coverage, and keeps which of their instructions ran.

Only chains in this process are seen; what Anvil runs is not.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth.vm.code_stream import CodeStream
from eth.vm.forks.shanghai import computation as shanghai
from eth.vm.forks.spurious_dragon import computation as spurious_dragon

from offchain.chain import compiler
from offchain.chain.compiler import ROOT, Artifact

BUILD = ROOT / ".build" / "coverage" / "artifacts.json"
RUNS = ROOT / ".build" / "coverage" / "runs"
JUMPI, STOP = 0x57, 0x00
RAN, WENT_ON, JUMPED = 1, 2, 4

_seen: dict[bytes, bytearray] = {}
_compile_contracts = compiler.compile_contracts


def _instructions(self: CodeStream) -> Iterator[int]:
    """CodeStream's own iteration, which also takes down where it comes by."""
    code = self._raw_code_bytes
    marks = _seen.setdefault(code, bytearray(len(code)))
    while (at := self.program_counter) < len(code):
        opcode = code[at]
        marks[at] |= RAN
        self.program_counter = at + 1
        yield opcode
        if opcode == JUMPI:
            marks[at] |= WENT_ON if self.program_counter == at + 1 else JUMPED
    yield STOP


def _compiled_for_coverage(*folders: str) -> dict[str, Artifact]:
    replaced = {name: Artifact(**artifact) for name, artifact in json.loads(BUILD.read_text()).items()}
    return _compile_contracts(*folders) | replaced


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before a conftest imports what is replaced here."""
    CodeStream.__iter__ = _instructions  # type: ignore[method-assign]
    compiler.compile_contracts = _compiled_for_coverage
    # Without the optimizer, contracts outgrow what a chain accepts.
    spurious_dragon.EIP170_CODE_SIZE_LIMIT = 1 << 20  # type: ignore[attr-defined]
    shanghai.MAX_INITCODE_SIZE = 1 << 20  # type: ignore[attr-defined]


def pytest_unconfigure() -> None:
    """When all tests of this process are over."""
    RUNS.mkdir(parents=True, exist_ok=True)
    told = {code.hex(): marks.hex() for code, marks in _seen.items()}
    Path(RUNS / f"{os.getpid()}.json").write_text(json.dumps(told))
