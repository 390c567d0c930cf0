"""Gas of scoring per multiply-accumulate, row and reveal, and what quantisation costs.

Run `python benchmarks/scoring.py`; it prints two tables and writes docs/results/scoring.json.
Scoring gas is all that the call of the scorer spends, without calldata, and with the cold accesses of its
address and of the rows.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))

from scoring_chain import Rejected, ScoringChain  # noqa: E402

from offchain.learning import datasets, estimators  # noqa: E402
from offchain.learning.metrics import Metric  # noqa: E402
from offchain.learning.model import DenseLayer, DenseModel, encode  # noqa: E402
from offchain.learning.scoring import predict_bytes, score  # noqa: E402
from offchain.learning.training import train_candidate  # noqa: E402

SHAPES = (((4, 3), 45), ((13, 3), 54), ((30, 2), 171), ((64, 10), 360), ((64, 32, 10), 360))
# Measured on algorithmiaio/danku at 7c6a5cf: solc 0.4.26, optimizer, Anvil 1.7.1.
DANKU = {"gas per row, 2-2": 12_995, "gas per row, 2-4-4-2": 35_075, "gas per row, 2-16-2": 52_036,
         "gas per multiply-accumulate": "813 to 3,249"}  # fmt: skip
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
            fitted = estimators.fit(
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
                    "scoring gas": "above 2^24" if gas is None else gas,
                }
            )
    return table


def _score(targets: Any, predictions: Any, class_count: int) -> float:
    if class_count:
        return float(np.mean(targets == predictions))
    actual = targets.astype(np.float64)
    return float(1 - np.sum((actual - predictions) ** 2) / np.sum((actual - actual.mean()) ** 2))


def _print(table: list[dict[str, Any]]) -> None:
    cells = [list(table[0]), *([f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()] for row in table)]  # fmt: skip  # noqa: E501
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    print()


def main() -> None:
    """Measures, prints and writes."""
    chain = ScoringChain()
    try:
        shapes, fitted = measure_shapes(chain), measure_estimators(chain)
    finally:
        chain.close()
    _print(shapes)
    print("DanKu:", ", ".join(f"{name} {value}" for name, value in DANKU.items()), "\n")
    _print(fitted)
    result = {"dense scorer": shapes, "DanKu": DANKU, "estimators": fitted}
    path = ROOT / "docs" / "results" / "scoring.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
