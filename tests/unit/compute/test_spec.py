"""Job specs and results from strangers: what is read, and what is refused."""

import hashlib
import json
from contextlib import nullcontext
from typing import Any

import pytest

from offchain.canonical import Json, to_canonical_json
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
    ("features", "classes", "estimator", "hyperparameters", "most"),
    [
        # Rows of two bytes: 8 MiB of them.
        (1, 2, "logistic", {"C": 1.0}, 4_194_304),
        # 2^34 operations for 1 + 8 units of 1,024 x 255 + 32 x 255 + 64 = 269,344 for each row.
        (1024, 255, "logistic", {"C": 1.0}, 7_087),
        # 2^30 bytes, 48 for each of 1 + 255 + 2 activations of a row.
        (1, 2, "mlp", {"hidden_layer_sizes": [255], "alpha": 0.01, "solver": "lbfgs"}, 86_703),
        # 1 + 1 units of 4 x 1,024 x 42 / 8 + 64 + 16 = 21,584.
        (4, 2, "forest", {"max_leaf_nodes": 1024}, 397_976),
        # Two classes are one tree, and 255 are 255.
        (4, 2, "boosting", {"max_leaf_nodes": 1024, "learning_rate": 0.4}, 407_646),
        (4, 255, "boosting", {"max_leaf_nodes": 1024, "learning_rate": 0.4}, 1_340),
    ],
    ids=["bytes", "products", "activations", "nodes", "stages", "trees of a stage"],
)
def test_rows_that_are_too_much_for_a_job_are_refused(
    features: int, classes: int, estimator: str, hyperparameters: Json, most: int
) -> None:
    size = features + 1
    some, more = bytes(most * size), bytes((most + 1) * size)

    for rows in some, more:
        spec = make_spec(rows, features, classes, estimator, 1, hyperparameters=hyperparameters)
        with nullcontext() if rows is some else pytest.raises(JobSpecInvalid, match=str(len(more))):
            spec.check_rows(rows)


def test_iterations_that_are_too_many_for_a_job_are_refused() -> None:
    # A tree has no more leaves than there are rows, and counts 255 classes in each of 2 x 200 nodes: of 2^30 bytes less
    # 48 for each of 200 x 4 floats it takes 400 x (8 x 255 + 64).
    rows = bytes(200 * 2)
    spec = make_spec(rows, 1, 255, "forest", 1275, hyperparameters={"max_leaf_nodes": 1024})

    spec.check_rows(rows)
    with pytest.raises(JobSpecInvalid, match="at most 1275"):
        spec.model_copy(update={"iterations": 1276}).check_rows(rows)


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
