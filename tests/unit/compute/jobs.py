"""Jobs over bundled data sets and over made ones, for the tests of this folder."""

from dataclasses import dataclass

import numpy as np

from offchain.canonical import Json
from offchain.cid import Cid
from offchain.compute.recipes import RECIPES
from offchain.compute.rows import JobRows, keep_back
from offchain.compute.spec import JobSpec
from offchain.compute.work import Kind, Work
from offchain.learning import datasets
from offchain.learning.scoring import split_rows

MINER = "0x" + "ab" * 20


@dataclass(frozen=True)
class Job:
    spec: JobSpec
    rows: bytes
    given: JobRows
    kept: JobRows

    @property
    def work(self) -> Work:
        return Work(Kind.JOB, self.spec.to_bytes(), self.rows)


def make_job(
    dataset: str = "iris", estimator: str = "logistic", iterations: int = 10, **changes: Json
) -> Job:
    """A job over three quarters of a bundled data set."""
    encoded = datasets.encode(datasets.load(dataset))
    manifest = encoded.manifest
    everything = b"".join(encoded.row_bytes(index) for index in range(manifest.row_count))
    features, targets = split_rows(everything, manifest.feature_count, manifest.class_count)
    given, kept = keep_back(JobRows(features, targets), manifest.class_count, 0)
    rows = given.to_bytes(manifest.class_count)
    return Job(
        make_spec(rows, manifest.feature_count, manifest.class_count, estimator, iterations, **changes),
        rows,
        given,
        kept,
    )


def make_spec(
    rows: bytes, features: int, classes: int, estimator: str, iterations: int, **changes: Json
) -> JobSpec:
    """A spec over given rows with an estimator's usual hyperparameters."""
    fields: dict[str, Json] = {
        "estimator": estimator,
        "hyperparameters": dict(RECIPES[estimator].usual),
        "iterations": iterations,
        "rows": str(Cid.of(rows)),
        "feature_count": features,
        "class_count": classes,
        "task_id": 1,
        "miner": MINER,
        "seed": 0,
        **changes,
    }
    return JobSpec.make(**fields)


def endless_job() -> Job:
    """More epochs than any test waits for, of a network so small that a job may have them."""
    noise = np.random.default_rng(0).integers(0, 256, (4000, 64), np.uint8)
    rows = JobRows(noise, noise[:, 0].astype(np.int64) % 2)
    blob = rows.to_bytes(2)
    hyperparameters: Json = {"hidden_layer_sizes": [2], "alpha": 0.1, "solver": "adam"}
    return Job(make_spec(blob, 64, 2, "mlp", 10_000, hyperparameters=hyperparameters), blob, rows, rows)


def large_job() -> Job:
    """A job whose rows take 64 MB as floats, and as much again standardised."""
    noise = np.random.default_rng(0).integers(0, 256, (125_000, 64), np.uint8)
    rows = JobRows(noise, noise[:, 0].astype(np.int64) % 2)
    blob = rows.to_bytes(2)
    return Job(make_spec(blob, 64, 2, "sgd", 1), blob, rows, rows)
