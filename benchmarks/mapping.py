"""What the secure mapping costs in score, and what a stolen model is worth to a thief.

For each split of a data set two miners get a seed each. The owner trains on its mapped rows. The thief has the
owner's model, both seeds (they are public) and the training rows, and tries in turn:

- verbatim: the owner's bytes, scored under the thief's seed;
- change of basis: the affine map from its own mapped rows to the owner's that is best by least squares on the
  training rows, folded into the owner's first layer, in floats: more than any quantised form of it can do;
- refit: the owner's estimator and hyperparameters, trained on its own mapped rows. This is honest training.

The same theft is measured for a purely linear mapping: the same signs and offsets without shift and clip.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import train_test_split

from offchain.learning import datasets
from offchain.learning.convert import convert
from offchain.learning.datasets import EncodedDataset
from offchain.learning.fitting import fit
from offchain.learning.mapping import default_width, map_rows, matrix
from offchain.learning.network import Affine, Network, from_estimator
from offchain.learning.scoring import predict_bytes
from offchain.learning.training import train_candidate

CASES = (
    ("iris", "logistic"),
    ("iris", "mlp"),
    ("wine", "logistic"),
    ("wine", "mlp"),
    ("breast_cancer", "logistic"),
    ("breast_cancer", "mlp"),
    ("digits", "logistic"),
    ("digits", "mlp"),
    ("diabetes", "ridge"),
)
SPLITS = 20
COLUMNS = (
    "plain",
    "mapped",
    "verbatim",
    "change of basis",
    "refit",
    "linear: verbatim",
    "linear: change of basis",
)
PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "mapping.md"


def measure_split(data: EncodedDataset, estimator: str, split: int) -> list[float]:
    """The scores of one split, in the order of `COLUMNS`."""
    classes = data.manifest.class_count
    train, test = train_test_split(
        np.arange(len(data.targets)),
        test_size=0.3,
        random_state=split,
        stratify=data.targets if classes else None,
    )
    rows, targets, unseen, actual = (
        data.features[train], data.targets[train], data.features[test], data.targets[test],
    )  # fmt: skip
    width = default_width(rows.shape[1])
    owner, thief = (bytes([party]) * 31 + bytes([split]) for party in (1, 2))

    plain = train_candidate(rows, targets, data.manifest, estimator, split)
    mine, theirs = map_rows(rows, width, owner), map_rows(rows, width, thief)
    stolen = train_candidate(mine, targets, data.manifest, estimator, split)
    refitted = fit(estimator, classes, stolen.parameters, theirs, targets, split)
    refit = convert(refitted, classes, theirs, stolen.parameters)
    fitted = fit(estimator, classes, stolen.parameters, mine, targets, split)
    seen_by_thief = map_rows(unseen, width, thief)

    def by_bytes(model: bytes, features: NDArray[np.uint8]) -> float:
        return _score(actual, predict_bytes(model, features), classes)

    def by_floats(network: Network, features: NDArray[Any]) -> float:
        sums = network.scores(features)
        return _score(actual, np.argmax(sums, axis=1) if classes else sums[:, 0], classes)

    linear = [_linear(rows, width, seed) for seed in (owner, thief)]
    linear_fit = fit(estimator, classes, stolen.parameters, linear[0], targets, split)
    linear_network = from_estimator(linear_fit, classes)
    linear_unseen = _linear(unseen, width, thief)
    return [
        by_bytes(plain.model, unseen),
        by_bytes(stolen.model, map_rows(unseen, width, owner)),
        by_bytes(stolen.model, seen_by_thief),
        by_floats(_in_other_basis(from_estimator(fitted, classes), theirs, mine), seen_by_thief),
        by_bytes(refit, seen_by_thief),
        by_floats(linear_network, linear_unseen),
        by_floats(_in_other_basis(linear_network, linear[1], linear[0]), linear_unseen),
    ]


def _linear(rows: NDArray[np.uint8], width: int, seed: bytes) -> NDArray[Any]:
    signs, offsets = matrix(seed, rows.shape[1], width)
    sums: NDArray[np.int64] = rows.astype(np.int64) @ signs + offsets
    return sums


def _in_other_basis(network: Network, thief: NDArray[Any], owner: NDArray[Any]) -> Network:
    """The network behind the affine map that takes the thief's rows closest to the owner's."""
    with_one = np.hstack([thief, np.ones((len(thief), 1))]).astype(np.float64)
    basis = np.linalg.lstsq(with_one, owner.astype(np.float64), rcond=None)[0]
    first = network.layers[0]
    changed = Affine(basis[:-1] @ first.weights, basis[-1] @ first.weights + first.biases)
    return Network((changed, *network.layers[1:]))


def _score(actual: NDArray[Any], predicted: NDArray[Any], classes: int) -> float:
    if classes:
        return float(np.mean(actual == predicted))
    values = actual.astype(np.float64)
    return float(1 - np.sum((values - predicted) ** 2) / np.sum((values - values.mean()) ** 2))


def run() -> dict[str, Any]:
    """Measure, print, and write the page."""
    table = Table("data set", "estimator", "width", *COLUMNS, title="Mean score over splits, in points")
    lines = ["| data set | estimator | width | " + " | ".join(COLUMNS) + " |", "| --- " * 10 + "|"]
    results = []
    for name, estimator in CASES:
        data = datasets.encode(datasets.load(name))
        scores = np.array([measure_split(data, estimator, split) for split in range(SPLITS)])
        means, width = scores.mean(axis=0), default_width(data.manifest.feature_count)
        cells = [name, estimator, str(width), *(f"{100 * mean:.1f}" for mean in means)]
        table.add_row(*cells)
        lines.append("| " + " | ".join(cells) + " |")
        results.append(
            {
                "data set": name,
                "estimator": estimator,
                "width": width,
                "scores": dict(zip(COLUMNS, scores.T.round(4).tolist(), strict=True)),
            }
        )
    Console(width=150).print(table)
    PAGE.write_text(_page(lines, results))
    return {"splits": SPLITS, "results": results}


def _page(lines: list[str], results: list[dict[str, Any]]) -> str:
    losers = []
    for result in results:
        scores = result["scores"]
        lost = 100 * (np.mean(scores["plain"]) - np.mean(scores["mapped"]))
        if lost > 0.5:
            losers.append(f"{result['data set']} with {result['estimator']} ({lost:.1f})")
    return (
        "# What the secure mapping costs, and what it is worth\n\n"
        f"Accuracy (R2 for diabetes) on the 30% test rows in points, mean of {SPLITS} splits with their own seeds.\n"
        "`plain` and `mapped` are quantised models of the owner without and with the mapping. The other columns are a\n"
        "thief's, under the thief's seed: the owner's model as it is; after the best affine change of basis, in\n"
        "floats; and the owner's recipe trained anew on the thief's own rows, which is honest training. The last two\n"
        "are the same theft where the mapping is purely linear. `make bench` writes this page.\n\n"
        + "\n".join(lines)
        + f"\n\nThe mapping loses more than half a point for: {', '.join(losers) or 'nobody'}.\n"
    )
