"""Gas of scoring per multiply-accumulate, row and reveal, and what quantisation costs.

Scoring gas is all that the call of the scorer spends, without calldata, and with the cold accesses of its
address and of the rows.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import train_test_split

from offchain.chain.compiler import compile_contracts
from offchain.chain.local import anvil_chain
from offchain.learning import datasets, estimators
from offchain.learning.fitting import fit
from offchain.learning.metrics import Metric
from offchain.learning.model import DenseLayer, DenseModel, encode
from offchain.learning.scoring import predict_bytes, score
from offchain.learning.training import train_candidate
from tests.scoring_chain import Rejected, ScoringChain

SHAPES = (((4, 3), 45), ((13, 3), 54), ((30, 2), 171), ((64, 10), 360), ((64, 32, 10), 360))
# Measured on algorithmiaio/danku at 7c6a5cf: solc 0.4.26, optimizer, Anvil 1.7.1.
DANKU = {"gas per row, 2-2": 12_995, "gas per row, 2-4-4-2": 35_075, "gas per row, 2-16-2": 52_036,
         "gas per multiply-accumulate": "813 to 3,249"}  # fmt: skip
PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "estimators.md"
TEST_ROWS = {"iris": 45, "wine": 54, "breast_cancer": 171, "digits": 360, "diabetes": 133}


def calldata_gas(data: bytes) -> int:
    """What the bytes cost as calldata: 4 gas a zero, 16 any other."""
    return sum(16 if byte else 4 for byte in data)


def measure_shapes(chain: ScoringChain) -> list[dict[str, Any]]:
    """Random models and rows of the given widths."""
    rng = np.random.default_rng(4)
    table = []
    for widths, count in SHAPES:
        layers = tuple(
            DenseLayer(
                rng.integers(-128, 128, (inputs, outputs)).astype(np.int8),
                rng.integers(-9000, 9000, outputs).astype(np.int32),
                12 if index < len(widths) - 2 else 0,
            )
            for index, (inputs, outputs) in enumerate(pairwise(widths))
        )
        model = encode(DenseModel(bytes(32), layers))
        features = rng.integers(0, 256, (count, widths[0])).astype(np.uint8)
        targets = rng.integers(0, widths[-1], (count, 1)).astype(np.uint8)
        rows = np.hstack([features, targets]).tobytes()
        score_wad, gas = chain.measure(Metric.ACCURACY, widths[0], widths[-1], rows, model)
        assert score_wad == score(Metric.ACCURACY, widths[0], widths[-1], rows, model)
        products = count * sum(layer.weights.size for layer in layers)
        table.append(
            {
                "widths": "-".join(map(str, widths)),
                "test rows": count,
                "model bytes": len(model),
                "scoring gas": gas,
                "gas per row": round(gas / count, 1),
                "gas per multiply-accumulate": round(gas / products, 3),
                "scoring, calldata and 21,000": gas + calldata_gas(model) + 21_000,
            }
        )
    return table


def measure_mapping(chain: ScoringChain) -> list[dict[str, Any]]:
    """What the secure mapping adds to the scoring of a linear model of as many features, row by row."""
    rng = np.random.default_rng(5)
    table = []
    for name, count in TEST_ROWS.items():
        manifest = datasets.encode(datasets.load(name)).manifest
        features, classes = manifest.feature_count, manifest.class_count
        metric = Metric.ACCURACY if classes else Metric.R2
        for width in (32, 64, 128):
            weights = rng.integers(-128, 128, (width, classes or 1)).astype(np.int8)
            layer = DenseLayer(weights, np.zeros(classes or 1, np.int32), 0)
            model = encode(DenseModel(bytes(32), (layer,), 0 if classes else 1))
            targets = rng.integers(0, classes or 256, (count, 1 if classes else 4)).astype(np.uint8)

            def rows_of(inputs: int, targets: Any = targets, count: int = count) -> bytes:
                return bytes(np.hstack([rng.integers(0, 256, (count, inputs), np.uint8), targets]).tobytes())

            mapping = (width, bytes(31) + b"\x01")
            _, mapped = chain.measure(metric, features, classes, rows_of(features), model, mapping=mapping)
            _, plain = chain.measure(metric, width, classes, rows_of(width), model)
            products = count * features * width
            table.append(
                {
                    "data set": name,
                    "features": features,
                    "width": width,
                    "test rows": count,
                    "gas of the mapping": mapped - plain,
                    "gas per row": round((mapped - plain) / count),
                    "gas per sign-multiply-accumulate": round((mapped - plain) / products, 3),
                }
            )
    return table


def measure_estimators(chain: ScoringChain) -> list[dict[str, Any]]:
    """Every estimator on every bundled data set: the score in floats, in integers, and the gas."""
    table = []
    for name, count in TEST_ROWS.items():
        encoded = datasets.encode(datasets.load(name))
        manifest = encoded.manifest
        metric = Metric.ACCURACY if manifest.class_count else Metric.R2
        training, test = train_test_split(np.arange(len(encoded.targets)), test_size=count, random_state=0)
        rows = b"".join(encoded.row_bytes(int(index)) for index in test)
        for estimator in estimators.names(manifest.class_count):
            candidate = train_candidate(
                encoded.features[training], encoded.targets[training], manifest, estimator, 0
            )
            fitted = fit(
                estimator,
                manifest.class_count,
                candidate.parameters,
                encoded.features[training],
                encoded.targets[training],
                0,
            )
            scores = [
                _score(encoded.targets[test], predictions, manifest.class_count)
                for predictions in (
                    fitted.predict(encoded.features[test].astype(np.float64)),
                    predict_bytes(candidate.model, encoded.features[test]),
                )
            ]
            try:
                score_wad, gas = chain.measure(
                    metric,
                    manifest.feature_count,
                    manifest.class_count,
                    rows,
                    candidate.model,
                    candidate.model[1],
                )
                assert abs(score_wad / 1e18 - scores[1]) < 1e-9
            except Rejected:
                gas = None
            table.append(
                {
                    "data set": name,
                    "estimator": estimator,
                    "float score": round(scores[0], 4),
                    "quantised score": round(scores[1], 4),
                    "model bytes": len(candidate.model),
                    "gas": "above 2^24" if gas is None else gas + calldata_gas(candidate.model) + 21_000,
                }
            )
    return table


def _score(targets: Any, predictions: Any, class_count: int) -> float:
    if class_count:
        return float(np.mean(targets == predictions))
    actual = targets.astype(np.float64)
    return float(1 - np.sum((actual - predictions) ** 2) / np.sum((actual - actual.mean()) ** 2))


def _print(rows: list[dict[str, Any]], title: str) -> None:
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    Console(width=150).print(table)


def _write_page(fitted: list[dict[str, Any]]) -> None:
    lines = ["| " + " | ".join(fitted[0]) + " |", "| --- " * len(fitted[0]) + "|"]
    for row in fitted:
        cells = (f"{value:,}" if isinstance(value, int) else str(value) for value in row.values())
        lines.append("| " + " | ".join(cells) + " |")
    PAGE.write_text(
        "# Every estimator on every data set\n\n"
        "Accuracy, or R2 on diabetes, of scikit-learn's estimator and of its integer form on the same test rows,\n"
        "and what its reveal spends on calldata, scoring and 21,000, on Anvil, without the secure mapping. The\n"
        "protocol adds some 70,000 to a reveal. `make bench` writes this page.\n\n" + "\n".join(lines) + "\n"
    )


def run() -> dict[str, Any]:
    """Measure and print."""
    with anvil_chain() as chain:
        scorers = ScoringChain(chain, compile_contracts("contracts", "tests/contracts"))
        shapes, mapped = measure_shapes(scorers), measure_mapping(scorers)
        fitted = measure_estimators(scorers)
    _print(shapes, "Gas of the dense scorer")
    print("DanKu:", ", ".join(f"{name} {value}" for name, value in DANKU.items()))
    _print(mapped, "Gas of the secure mapping, its matrix derived once")
    _print(fitted, "Every estimator on every data set")
    _write_page(fitted)
    return {"dense scorer": shapes, "DanKu": DANKU, "secure mapping": mapped, "estimators": fitted}
