"""Job specs and results from strangers: what is read, and what is refused."""

import hashlib
import json
from typing import Any

import pytest

from offchain.canonical import to_canonical_json
from offchain.cid import Cid
from offchain.compute.errors import JobSpecInvalid, ResultInvalid
from offchain.compute.spec import JobResult, JobSpec
from tests.unit.compute.jobs import make_job, make_spec

SPEC = make_job().spec
RESULT = JobResult(
    spec="00" * 32, model=str(Cid.of(b"")), parameters="22" * 32, iterations=3, training_score_wad=10**18
)


def changed(**changes: Any) -> bytes:
    """The spec's JSON with some fields exchanged; None takes a field away."""
    fields = {**json.loads(SPEC.to_bytes()), **changes}
    return to_canonical_json({key: value for key, value in fields.items() if value is not None})


def test_a_spec_is_read_back_and_is_named_by_its_hash() -> None:
    data = SPEC.to_bytes()

    assert JobSpec.from_bytes(data) == SPEC
    assert SPEC.name() == hashlib.sha256(data).digest()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Expecting value"),
        (b"[]", "valid dictionary"),
        (b"{" * 100, "nested too deeply"),
        (b" " + SPEC.to_bytes(), "canonical"),
        (SPEC.to_bytes() + b" " * 20_000, "exceed the limit"),
        (SPEC.to_bytes().replace(b'"seed":0', b'"seed":0,"seed":1'), "repeats a key"),
        (changed(code="import os"), "code: Extra inputs"),
        (changed(seed=None), "seed: Field required"),
        (changed(seed=True), "seed: Input should be a valid integer"),
        (changed(format_version=2), "format_version"),
        (changed(estimator="os.system"), "'os.system' is not sold by the iteration"),
        (changed(estimator="ridge"), "'ridge' is not sold by the iteration"),
        (changed(iterations=0), "iterations: Input should be greater"),
        (changed(iterations=10_001), "iterations: Input should be less"),
        (changed(iterations=1.0), "iterations: Input should be a valid integer"),
        (changed(hyperparameters={}), "logistic takes exactly C"),
        (changed(hyperparameters={"C": 1.0, "verbose": 1}), "logistic takes exactly C"),
        (changed(hyperparameters={"C": 0.0}), "C of logistic is 0.0"),
        (changed(hyperparameters={"C": "1"}), "C of logistic is '1'"),
        (changed(hyperparameters={"C": {"a": 1}}), "hyperparameters.C"),
        (changed(class_count=0), "logistic does not apply to 0 classes"),
        (changed(class_count=1), "one class"),
        (changed(class_count=256), "class_count"),
        (changed(feature_count=0), "feature_count"),
        (changed(feature_count=1025), "feature_count"),
        (changed(miner="0x" + "AB" * 20), "miner: String should match"),
        (changed(rows="../../etc/passwd"), "rows: '../../etc/passwd' is no name"),
        (
            changed(
                estimator="mlp",
                hyperparameters={"alpha": 1.0, "hidden_layer_sizes": [256], "solver": "adam"},
            ),
            "hidden_layer_sizes of mlp is [256]",
        ),
        (
            changed(
                estimator="mlp",
                hyperparameters={"alpha": 1.0, "hidden_layer_sizes": [8] * 5, "solver": "adam"},
            ),
            "hidden_layer_sizes of mlp is",
        ),
    ],
)
def test_a_spec_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(JobSpecInvalid) as caught:
        JobSpec.from_bytes(data)

    assert words in str(caught.value)


@pytest.mark.parametrize("rows", [b"", b"1234", b"12345" * 2], ids=["none", "not whole", "another hash"])
def test_rows_that_are_not_the_specs_are_refused(rows: bytes) -> None:
    with pytest.raises(JobSpecInvalid):
        SPEC.check_rows(rows)


@pytest.mark.parametrize(
    ("features", "classes", "most"),
    [
        (1, 2, 4_194_304),  # rows of two bytes: 8 MiB
        (
            1024,
            255,
            256,
        ),  # 256 rows of 1,025 bytes, times 255: 66,912,000 of the 67,108,864 that a unit takes
    ],
    ids=["bytes", "work"],
)
def test_rows_that_are_too_much_for_a_unit_are_refused(features: int, classes: int, most: int) -> None:
    size = features + 1
    some, more = bytes(most * size), bytes((most + 1) * size)

    make_spec(some, features, classes, "logistic", 1).check_rows(some)
    with pytest.raises(JobSpecInvalid, match=str(len(more))):
        make_spec(more, features, classes, "logistic", 1).check_rows(more)


def test_the_ledgers_parameters_count_what_was_bought() -> None:
    # What the paper prints for such a model, and the estimator's name.
    assert make_job(iterations=100).spec.parameters() == {
        "estimator": "LogisticRegression",
        "max_iter": 100,
        "solver": "lbfgs",
        "C": 1.0,
    }


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        RESULT.to_bytes() + b"\n",
        RESULT.to_bytes().replace(b'"iterations":3', b'"iterations":-1'),
        RESULT.to_bytes().replace(b"bafkrei", b"bafyrei"),
        RESULT.to_bytes().replace(b'"iterations":3', b'"iterations":NaN'),
    ],
)
def test_a_result_is_refused(data: bytes) -> None:
    assert JobResult.from_bytes(RESULT.to_bytes()) == RESULT
    with pytest.raises(ResultInvalid):
        JobResult.from_bytes(data)
