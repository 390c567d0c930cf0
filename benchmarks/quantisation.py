"""What the integers cost: test rows that a quantised model gets right fewer than its float original."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import train_test_split

from offchain.learning import datasets
from offchain.learning.fitting import fit
from offchain.learning.scoring import predict_bytes
from offchain.learning.training import train_candidate

TEST_ROWS = {"iris": 45, "wine": 53, "breast_cancer": 171, "digits": 360}
ESTIMATORS = ("logistic", "mlp", "svm")
SPLITS = 10
PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "quantisation.md"


def lost_rows(name: str, estimator: str, split: int) -> tuple[int, int]:
    """Test rows that the float model gets right, and how many fewer the quantised one does."""
    data = datasets.encode(datasets.load(name))
    train, test = train_test_split(
        np.arange(data.manifest.row_count),
        test_size=TEST_ROWS[name],
        random_state=split,
        stratify=data.targets,
    )
    features, targets = data.features[train], data.targets[train]
    candidate = train_candidate(features, targets, data.manifest, estimator, seed=split)
    fitted = fit(estimator, data.manifest.class_count, candidate.parameters, features, targets, split)
    actual = data.targets[test]
    float_hits = int(np.sum(fitted.predict(data.features[test].astype(np.float64)) == actual))
    return float_hits, float_hits - int(np.sum(predict_bytes(candidate.model, data.features[test]) == actual))


def run() -> dict[str, Any]:
    """Measure, print, and write the page."""
    lost = {
        name: {e: [lost_rows(name, e, split)[1] for split in range(SPLITS)] for e in ESTIMATORS}
        for name in TEST_ROWS
    }
    table = Table(
        "data set", "test rows", *ESTIMATORS, title="Test rows lost to quantisation, split by split"
    )
    lines = ["| data set | test rows | " + " | ".join(ESTIMATORS) + " |", "| --- | --- " + "| --- " * 3 + "|"]
    for name, row in lost.items():
        cells = [" ".join(map(str, row[estimator])) for estimator in ESTIMATORS]
        table.add_row(name, str(TEST_ROWS[name]), *cells)
        lines.append(f"| {name} | {TEST_ROWS[name]} | {' | '.join(cells)} |")
    Console(width=150).print(table)
    head = (
        "# What the integers cost\n\n"
        f"Rows of the test set that the float model (scikit-learn on the same `uint8` rows) gets right and the\n"
        f"quantised one does not, net, for each of {SPLITS} random splits; negative where the integers do better.\n"
        "`make bench` writes this page.\n\n"
    )
    worse = [
        f"{name} with {estimator}"
        for name, row in lost.items()
        for estimator, rows in row.items()
        if max(rows) > 1
    ]
    tail = (
        f"\n\nMore than one row is lost by: {', '.join(worse) or 'nobody'}. Digits has pixels that are nearly\n"
        "constant; they get huge weights once their standardisation is folded in, which use up the range of `int8`.\n"
    )
    PAGE.write_text(head + "\n".join(lines) + tail)
    return {"splits": SPLITS, "lost_rows": lost}
