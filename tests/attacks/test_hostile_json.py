"""Attack: JSON that its readers understand differently, choke on, or never finish.

Whoever posts a task, buys compute, delivers a result, reveals a model or hands over a deployments file writes JSON that
others read. A hostile one would gain:

- by repeated keys, byte order marks, NaN, 1e400 (the disagreement of parsers, RFC 8259 section 4 and 6): two readers
  with two meanings of the same hash, or output that is no JSON for scripts behind `pole`;
- by deep nesting: the end of the process, for a recursive parser has no end of its own;
- by 10^5 digits (CVE-2020-10735): quadratic time in the conversion of an integer;
- by quotes behind quotes (CWE-1333, catastrophic regular expressions): minutes in which a miner misses its windows and
  loses its bond. Found here: 32 KiB of escaped quotes took the reader 16 s, four times that for each doubling; they
  take a millisecond now.

Defence: one strict reader, `offchain.canonical.from_json`, with limits before it parses, and models behind it.
"""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from offchain.canonical import from_json, to_canonical_json
from offchain.chain.deployment import MAX_FILE_BYTES, Deployment
from offchain.chain.errors import DeploymentInvalid
from offchain.cid import Cid
from offchain.cli import main
from offchain.compute.errors import JobSpecInvalid, ResultInvalid
from offchain.compute.spec import JobResult, JobSpec, PilotResult
from offchain.compute.trial import TrialResult, TrialSpec
from offchain.economics.instances import InvalidInstanceError, read_instances
from offchain.learning.errors import ManifestError
from offchain.learning.manifest import CategoryColumn, ClassTarget, Manifest, NumberColumn
from offchain.learning.metrics import Metric
from offchain.storage import BlobStore
from offchain.workers import reading
from tests.stories import settle_one
from tests.world import World

SECONDS = 5.0  # for what must take no time, on a machine that is busy
CLOCK_SECONDS = 0.01  # below which two times are alike

MANIFEST = Manifest(
    name="toy",
    description="",
    source="",
    row_count=2,
    columns=(NumberColumn(name="x", offset=0.5, scale=0.25), CategoryColumn(name="z", values=("a", "b"))),
    target=ClassTarget(names=("a", "b")),
).to_bytes()
SPEC = JobSpec.make(
    estimator="logistic",
    hyperparameters={"C": 0.5},
    iterations=3,
    rows=str(Cid.of(b"")),
    feature_count=1,
    class_count=2,
    task_id=1,
    miner="0x" + "ab" * 20,
    seed=0,
).to_bytes()
RESULT = JobResult(
    spec="00" * 32, model=str(Cid.of(b"")), parameters="22" * 32, iterations=3, training_score_wad=10**18
).to_bytes()
TRIAL = TrialSpec.make(
    estimator="ridge",
    parameters={"estimator": "RidgeClassifier", "alpha": 1.0},
    rows=str(Cid.of(b"")),
    feature_count=1,
    class_count=2,
    metric=0,
    seed=7,
).to_bytes()
TRIED = TrialResult(spec="00" * 32, model=str(Cid.of(b"")), score_wad=10**18).to_bytes()
PILOT = PilotResult(
    start=0.5, gain=0.25, efficiency=1.0, residual=0.0, tried=8.0, tried_score=0.75
).to_bytes()
GAME = json.dumps(
    {
        "family": "log_uniform",
        "inputs": {"a": [4.0], "k": [1.0], "d": [None], "c": 1, "Q": None, "pmin": 0.5, "pmax": 10},
    },
    separators=(",", ":"),
).encode()

HUGE = b"9" * 100_000


def as_it_is(key: bytes) -> bytes:
    return key


def in_other_letters(key: bytes) -> bytes:
    return b"\\u%04x" % key[0] + key[1:]


def repeated(data: bytes, spelled: Callable[[bytes], bytes]) -> bytes:
    """The first key of a document once more, with the value that it has: nothing else is wrong."""
    (key, value), *_ = json.loads(data).items()
    again = json.dumps(value, separators=(",", ":")).encode()
    return b'{"' + spelled(key.encode()) + b'":' + again + b"," + data[1:]


# How any document is spoilt: each takes the document, and the number in it that is exchanged.
SPOILED: dict[str, Callable[[bytes, bytes], bytes]] = {
    "nothing": lambda data, number: b"",
    "a byte order mark": lambda data, number: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data, number: data.decode().encode("utf-16"),
    "invalid UTF-8": lambda data, number: data.replace(b'"', b'"\xff', 1),
    "an overlong slash": lambda data, number: data.replace(b'"', b'"\xc0\xaf', 1),
    "a raw NUL": lambda data, number: data.replace(b'"', b'"\x00', 1),
    "a truncation": lambda data, number: data[:-1],
    "something behind": lambda data, number: data + b"{}",
    "NaN": lambda data, number: data.replace(number, b"NaN", 1),
    "Infinity": lambda data, number: data.replace(number, b"-Infinity", 1),
    "1e400": lambda data, number: data.replace(number, b"1e400", 1),
    "-1e400": lambda data, number: data.replace(number, b"-1e400", 1),
    "1e999999999": lambda data, number: data.replace(number, b"1e999999999", 1),
    "many digits": lambda data, number: data.replace(number, HUGE, 1),
    "many digits behind the point": lambda data, number: data.replace(number, b"-0." + HUGE, 1),
    "a list": lambda data, number: data.replace(number, b"[]", 1),
    "an object": lambda data, number: data.replace(number, b"{}", 1),
    "a word": lambda data, number: data.replace(number, b'"1"', 1),
    "a comment": lambda data, number: data.replace(number, number + b"/**/", 1),
    "a hexadecimal number": lambda data, number: data.replace(number, b"0x1", 1),
    "a repeated key": lambda data, number: repeated(data, as_it_is),
    "a key repeated in other letters": lambda data, number: repeated(data, in_other_letters),
    "deep lists": lambda data, number: data.replace(number, b"[" * 100_000 + b"]" * 100_000, 1),
    "deep objects": lambda data, number: data.replace(number, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 1),
    "lists without an end": lambda data, number: b"[" * 15_000,
    "quotes behind quotes": lambda data, number: data[:-1] + b',"' + b'\\"' * 7_000,
    "quotes and a newline": lambda data, number: data[:-1] + b',"' + b'\\"' * 7_000 + b"\\\n" + b'"' * 100,
    "a lone surrogate for a name": lambda data, number: data.replace(number, b'"\\ud800"', 1),
}


def a_deployment(data: bytes, folder: Path) -> Deployment:
    path = folder / "1.json"
    path.write_bytes(data)
    return Deployment.load(path)


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize(
    ("read", "data", "number", "error"),
    [
        (Manifest.from_bytes, MANIFEST, b"0.25", ManifestError),
        (Manifest.from_bytes, MANIFEST, b":2,", ManifestError),
        (JobSpec.from_bytes, SPEC, b"0.5", JobSpecInvalid),
        (JobSpec.from_bytes, SPEC, b":3,", JobSpecInvalid),
        (JobResult.from_bytes, RESULT, b"1000000000000000000", ResultInvalid),
        (TrialSpec.from_bytes, TRIAL, b":7", JobSpecInvalid),
        (TrialResult.from_bytes, TRIED, b"1000000000000000000", ResultInvalid),
        (PilotResult.from_bytes, PILOT, b"0.25", ResultInvalid),
        (
            lambda data: read_instances(data.decode()),
            GAME,
            b"4.0",
            (InvalidInstanceError, UnicodeDecodeError),
        ),
    ],
    ids=[
        *("a manifest's scale", "its rows", "a job's number", "its iterations", "a result"),
        *("a trial", "its result", "a pilot", "a game"),
    ],
)
def test_a_spoiled_document_is_refused_at_once(
    read: Callable[[bytes], object],
    data: bytes,
    number: bytes,
    error: type[Exception] | tuple[type[Exception], ...],
    spoiled: Callable[[bytes, bytes], bytes],
) -> None:
    assert read(data)
    number = number.strip(b":,")
    started = time.process_time()

    with pytest.raises(error):
        read(spoiled(data, number))

    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("what", ["its chain", "its ABI"])
def test_a_spoiled_deployments_file_is_refused_at_once(
    deployed: World, tmp_path: Path, what: str, spoiled: Callable[[bytes, bytes], bytes]
) -> None:
    deployment = deployed.connection.deployment
    data = deployment.save(tmp_path).read_bytes().strip()
    value = {"its chain": str(deployment.chain_id).encode(), "its ABI": b'"error"'}[what]
    started = time.process_time()

    with pytest.raises(DeploymentInvalid):
        a_deployment(spoiled(data, value), tmp_path)

    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"type": 1},
        {"type": "error", "name": ["Stolen"]},
        {"type": "error", "name": "Stolen", "inputs": [{}]},
        {"type": "error", "name": "Stolen", "inputs": {"type": "uint256"}},
    ],
)
def test_a_deployments_file_whose_abi_is_none_is_refused(
    deployed: World, tmp_path: Path, entry: dict[str, Any]
) -> None:
    fields = json.loads(deployed.connection.deployment.model_dump_json())
    fields["registry"]["abi"].append(entry)

    with pytest.raises(DeploymentInvalid, match=r"registry\.abi"):
        a_deployment(json.dumps(fields).encode(), tmp_path)


@pytest.mark.parametrize("unit", [b'\\"', b"[],", b"\\", b'"', b"{", b'"",', b"1,", b" ", b"\\u0022"])
def test_the_reader_takes_linear_time_whatever_the_bytes(unit: bytes) -> None:
    def seconds(size: int) -> float:
        data, started = b'["' + unit * (size // len(unit)), time.process_time()
        with pytest.raises(ValueError):
            from_json(data, MAX_FILE_BYTES)
        return time.process_time() - started

    part = min(seconds(MAX_FILE_BYTES // 8 - 2) for _ in range(3))
    whole = min(seconds(MAX_FILE_BYTES - 2) for _ in range(2))

    # Eight times the bytes take eight times as long, and would take sixty-four times where the time is quadratic.
    assert whole < 24 * max(part, CLOCK_SECONDS)


@pytest.mark.parametrize("text", ["1e400", "-1e400", "NaN", "Infinity", '[1, {"a": -Infinity}]'])
def test_what_was_read_can_be_written_as_json_again(text: str) -> None:
    assert to_canonical_json(from_json(b"1.7e308", 10)) == b"1.7e+308"

    with pytest.raises(ValueError):
        from_json(text.encode(), 100)


def test_brackets_in_strings_are_no_depth() -> None:
    text = json.dumps({"a": '[{"' * 100 + "\\" * 3, "b\\": "]}"})

    assert from_json(text.encode(), 1000) == json.loads(text)


@pytest.mark.parametrize("parameters", [b'{"C":1e400}', b'{"C":NaN}', b"[" * 60_000, b'"\x1b[2J"'])
def test_a_winners_parameters_cannot_spoil_the_printed_ledger(
    world: World, tmp_path: Path, parameters: bytes
) -> None:
    settle_one(world)
    _, block = world.data_node.ledger.blocks()
    blobs = BlobStore(tmp_path)
    blobs.put(parameters)
    header = type(block.header)(
        **{name: getattr(block.header, name) for name in block.header.__slots__}
        | {"parameters_hash": hashlib.sha256(parameters).digest()}
    )

    deployment, told = world.connection.deployment, type(block)(header, block.hash)
    printed = reading.to_json(reading.paper_form(deployment, blobs, told, Metric.ACCURACY))

    assert json.loads(printed, parse_constant=pytest.fail)["data"]["winner"] == world.miners[0].address
    assert "\x1b" not in printed


def test_a_doctored_initialization_is_not_printed_as_that_of_genesis(world: World, tmp_path: Path) -> None:
    (genesis, *_) = world.data_node.ledger.blocks()
    deployment, blobs = world.connection.deployment, BlobStore(tmp_path)
    doctored = deployment.model_copy(update={"initialization": {"minMinerBond": 0}})

    printed = reading.paper_form(doctored, blobs, genesis, None)

    assert printed["data"]["parameters"] == "0x" + genesis.header.parameters_hash.hex()
    true = reading.paper_form(deployment, blobs, genesis, None)
    assert true["data"]["parameters"] == deployment.initialization


@pytest.mark.parametrize(
    "changes",
    [
        {"a": [1e308] * 3, "k": [1e308] * 3, "d": [None] * 3},
        {"a": [1e-308], "k": [1e308]},
        {"a": [5e-324], "k": [5e-324]},
        {"c": 1e308, "pmax": 1.7e308},
        {"Q": 5e-324},
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_game_of_extreme_numbers_has_a_price_or_one_line(tmp_path: Path, changes: dict[str, Any]) -> None:
    game = json.loads(GAME)
    game["inputs"] |= changes
    path = tmp_path / "game.json"
    path.write_text(json.dumps(game))

    ended = CliRunner(mix_stderr=False).invoke(main, ["price", str(path)])

    assert ended.exit_code in (0, 2)
    if ended.exit_code == 0:
        assert json.loads(ended.stdout, parse_constant=pytest.fail)["price"] > 0
    else:
        assert ended.stderr.count("\n") == 1
