"""Runs the tests of the contracts beside the recorder, and reads what it took down."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zlib import decompress

from offchain.chain.compiler import ROOT
from tests.coverage.build import keep_artifacts
from tests.coverage.recorder import RUNS

UNITS = ("ledger", "market", "market_purchases", "proof", "registry", "scorers", "vault")
TESTS = (*(f"tests/unit/test_{name}.py" for name in UNITS), "tests/fuzz", "tests/attacks")
ON_ANVIL = ("lying_endpoint", "lying_logs", "price_and_declaration_in_a_block")
BOUNDS_ON_GAS = ("cover_walk", "dust_declarations", "killer_order", "reveal_gas")  # they want an optimizer
SLOW = ("many_identities", "many_models", "model_sizes", "price_tolerance")  # and run no line more
LEFT_OUT = (*ON_ANVIL, *BOUNDS_ON_GAS, *SLOW)
# Of files that are not left out: they change a token's code on Anvil, or bound gas.
SINGLE_TESTS = (
    "hostile_tokens.py::test_a_token_that_comes_to_revert_always_locks_what_is_in_and_moves_nothing",
    "hostile_tokens.py::test_a_fee_that_is_switched_on_later_is_borne_by_who_withdraws",
    "hostile_tokens.py::test_a_fee_on_top_that_is_switched_on_later_takes_nothing_from_others",
    "colluding_miner.py::test_the_whole_cost_is_the_gas_of_a_task",
    "split_grinding.py::test_a_posting_that_is_given_up_costs_its_gas",
    "garbage_reveal.py::test_the_gas_of_a_refusal_is_bounded_and_its_senders",
)
ENVIRONMENT = {"POLE_FUZZ_CASES": "25", "POLE_MARKET_EPOCHS": "2"}
STATE = RUNS / "state"


class Marks(NamedTuple):
    """What was seen of a code: while a test ran, or a fixture that all of a file share, or all tests (no owner)."""

    owner: str
    code: bytes
    marks: bytes


def run() -> None:
    """Run the tests, unless they ran as they and the sources are now; raises `CalledProcessError` where one fails."""
    now = state()
    if STATE.exists() and STATE.read_text() == now:
        return
    keep_artifacts()
    shutil.rmtree(RUNS, ignore_errors=True)
    options = [
        "-p",
        "tests.coverage.recorder",
        "-n",
        "2",
        "--dist",
        "worksteal",
        "-q",
        "-p",
        "no:cacheprovider",
        "--hypothesis-seed=0",
        *(f"--ignore=tests/attacks/test_{name}.py" for name in LEFT_OUT),
        *(f"--deselect=tests/attacks/test_{name}" for name in SINGLE_TESTS),
    ]
    command = [sys.executable, "-m", "pytest", *options, *TESTS]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, check=True)
    STATE.write_text(now)


def marks() -> Iterator[Marks]:
    """Everything that was seen."""
    for lines in _lines():
        codes = [bytes.fromhex(line["code"]) for line in lines if "code" in line]
        for line in lines:
            for number, packed in line.get("marks", {}).items():
                yield Marks(line["owner"], codes[int(number)], decompress(b64decode(packed)))


def seconds() -> dict[str, float]:
    """How long each test took that passed."""
    told = (line for lines in _lines() for line in lines if "test" in line)
    return {line["test"]: line["seconds"] for line in told if line["passed"]}


@cache
def state() -> str:
    """A name that stays while the contracts, what drives them and the tests do."""
    here = Path(__file__).parent.parent
    folders = (ROOT / "contracts", ROOT / "offchain", here)
    files = (
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".sol", ".py", ".json")
    )
    apart = (here / "coverage", here / "mutation")
    content = (path.read_bytes() for path in sorted(files) if path.parent not in apart)
    return hashlib.sha256(b"".join(content)).hexdigest()[:16]


def _lines() -> Iterator[list[dict[str, Any]]]:
    for path in sorted(RUNS.glob("*.jsonl")):
        yield [json.loads(line) for line in path.read_text().splitlines()]
