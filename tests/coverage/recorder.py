"""A plugin of pytest: deploys contracts compiled for coverage, and keeps which of their instructions each test runs.

Seen is what runs in this process, which tests of contracts that ask for Anvil do as well.
"""

import json
import os
from base64 import b64encode
from collections import defaultdict
from collections.abc import Generator, Iterator
from typing import Any
from zlib import compress

import pytest
from eth.vm.code_stream import CodeStream

from offchain.chain import compiler
from offchain.chain.compiler import ROOT, Artifact
from tests.coverage.here import use_chains_here

BUILD = ROOT / ".build" / "coverage" / "artifacts.json"
RUNS = ROOT / ".build" / "coverage" / "runs"
JUMPI, STOP = 0x57, 0x00
RAN, WENT_ON, JUMPED = 1, 2, 4

_compile_contracts = compiler.compile_contracts


class _Seen:
    """What ran since it was last told, by whom it belongs to: a test, or a fixture that tests share."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[bytes, bytearray]] = defaultdict(dict)
        self._owners = [""]
        self._codes: dict[bytes, int] = {}
        self.passed = True
        self.seconds = 0.0

    def of(self, code: bytes) -> bytearray:
        """A byte of marks for each byte of a code."""
        marks = self._marks[self._owners[-1]]
        if code not in marks:
            marks[code] = bytearray(len(code))
        return marks[code]

    def belongs_to(self, owner: str) -> Generator[None, object, object]:
        """For a wrapping hook: whatever runs within it is the owner's."""
        self._owners.append(owner)
        try:
            return (yield)
        finally:
            self._owners.pop()

    def tell(self, test: str) -> None:
        """Write down what ran, a line for each new code and each owner, and begin anew."""
        if not self._marks:
            return  # a test of something else, or another process runs it
        RUNS.mkdir(parents=True, exist_ok=True)
        with (RUNS / f"{os.getpid()}.jsonl").open("a") as file:
            for owner, marks in self._marks.items():
                for code in marks.keys() - self._codes.keys():
                    self._codes[code] = len(self._codes)
                    file.write(json.dumps({"code": code.hex()}) + "\n")
                packed = {
                    self._codes[code]: b64encode(compress(seen)).decode() for code, seen in marks.items()
                }
                file.write(json.dumps({"owner": owner, "marks": packed}) + "\n")
            file.write(json.dumps({"test": test, "passed": self.passed, "seconds": self.seconds}) + "\n")
        self._marks.clear()
        self.passed, self.seconds = True, 0.0


_seen = _Seen()


def _instructions(self: CodeStream) -> Iterator[int]:
    """CodeStream's own iteration, which also takes down where it comes by."""
    code = self._raw_code_bytes
    marks = _seen.of(code)
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
    use_chains_here()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around a test and the fixtures that it is the first to need."""
    return (yield from _seen.belongs_to(item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Around a fixture: what tests share belongs to all tests of their file, or to all."""
    file = request.node.nodeid if fixturedef.scope == "module" else ""
    owner = request._pyfuncitem.nodeid if fixturedef.scope == "function" else file
    return (yield from _seen.belongs_to(owner))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """After each of a test's three parts."""
    _seen.passed &= report.outcome != "failed"
    _seen.seconds += report.duration


def pytest_runtest_logfinish(nodeid: str) -> None:
    """When a test and what it set up is over."""
    _seen.tell(nodeid)
