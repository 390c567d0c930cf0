"""What block-circulant layers cost in accuracy; `python -m benchmarks.circulant` prints the table of its page.

A layer's weights are cut into blocks of ten inputs by ten outputs, and each block is circulant: weight `ij` is
`p[(j - i) mod 10]`. Ten inputs times such a block is a cyclic convolution, one `MULMOD` by 2^250 - 1 on chain.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from offchain.learning import datasets
from offchain.learning.model import DenseLayer, DenseModel, encode
from offchain.learning.scoring import predict_bytes

BLOCK = 10
SPLITS = 5
TEST_ROWS = {"digits": 360, "breast_cancer": 171}
EPOCHS, BATCH, RATE, DECAY = 100, 32, 3e-3, 1e-4
Floats = NDArray[np.float64]
Ties = NDArray[np.int64]


def circulant_ties(inputs: int, outputs: int) -> Ties:
    """Which parameter each weight is, shape (inputs, outputs)."""
    i, j = np.arange(inputs)[:, None], np.arange(outputs)[None, :]
    block = i // BLOCK * -(-outputs // BLOCK) + j // BLOCK
    return block * BLOCK + (j - i) % BLOCK


def free_ties(inputs: int, outputs: int) -> Ties:
    """Every weight is a parameter of its own."""
    return np.arange(inputs * outputs).reshape(inputs, outputs)


def project(weights: Floats, ties: Ties) -> Floats:
    """The parameters closest to given weights: the mean over those that are tied."""
    return np.bincount(ties.ravel(), weights.ravel()) / np.bincount(ties.ravel())


class TiedNetwork:
    """One hidden layer with ReLU, softmax, and weights that share parameters; trained by Adam."""

    def __init__(self, ties: list[Ties], rng: np.random.Generator) -> None:
        self.ties = ties
        self.rng = rng
        self.parameters = [rng.normal(0, np.sqrt(2 / len(t)), t.max() + 1) for t in ties]
        self.parameters += [np.zeros(t.shape[1]) for t in ties]

    def layers(self) -> list[tuple[Floats, Floats]]:
        """Weights and biases."""
        return [(self.parameters[k][t], self.parameters[k + 2]) for k, t in enumerate(self.ties)]

    def train(self, features: Floats, targets: NDArray[np.int64]) -> None:
        """Minimise cross-entropy with a little weight decay."""
        means = [np.zeros_like(p) for p in self.parameters]
        squares = [np.zeros_like(p) for p in self.parameters]
        step = 0
        for epoch in range(EPOCHS):
            order = self.rng.permutation(len(features))
            for batch in np.array_split(order, -(-len(order) // BATCH)):
                step += 1
                rate = RATE * (1 - epoch / EPOCHS)
                for k, gradient in enumerate(self._gradients(features[batch], targets[batch])):
                    means[k] += 0.1 * (gradient - means[k])
                    squares[k] += 0.001 * (gradient**2 - squares[k])
                    scale = np.sqrt(squares[k] / (1 - 0.999**step)) + 1e-8
                    self.parameters[k] -= rate * means[k] / (1 - 0.9**step) / scale

    def _gradients(self, x: Floats, targets: NDArray[np.int64]) -> list[Floats]:
        (first, first_bias), (second, second_bias) = self.layers()
        hidden = np.maximum(x @ first + first_bias, 0)
        scores = hidden @ second + second_bias
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        chances[np.arange(len(x)), targets] -= 1
        chances /= len(x)
        back = (chances @ second.T) * (hidden > 0)
        weights = [x.T @ back + DECAY * first, hidden.T @ chances + DECAY * second]
        tied = [np.bincount(t.ravel(), w.ravel()) for t, w in zip(self.ties, weights, strict=True)]
        return [*tied, back.sum(axis=0), chances.sum(axis=0)]


def quantised(network: TiedNetwork, calibration: NDArray[np.uint8]) -> bytes:
    """Model bytes with one scale per layer, so that what is circulant stays it."""
    (first, first_bias), (second, second_bias) = network.layers()
    scale = 127 / np.abs(first).max()
    # A row's bytes are 255 times what the network was trained on.
    weights, biases = np.rint(first * scale), np.rint(first_bias * scale * 255)
    sums = np.maximum(calibration @ weights + biases, 0)
    shift = max(0, int(np.ceil(np.log2(np.quantile(sums, 0.9995) / 255))))
    output_scale = 127 / np.abs(second).max()
    output = np.rint(second_bias * output_scale * scale * 255 / 2**shift)
    return encode(
        DenseModel(
            bytes(32),
            (
                DenseLayer(weights.astype(np.int8), biases.astype(np.int32), shift),
                DenseLayer(np.rint(second * output_scale).astype(np.int8), output.astype(np.int32), 0),
            ),
        )
    )


def accuracies(name: str, split: int) -> dict[str, float]:
    """Test accuracy of the integers, in percent, for every way to get them."""
    data = datasets.encode(datasets.load(name))
    train, test = train_test_split(
        np.arange(len(data.targets)), test_size=TEST_ROWS[name], random_state=split, stratify=data.targets
    )
    features, targets = data.features[train], data.targets[train].astype(np.int64)
    x = features / 255
    inputs, outputs = x.shape[1], data.manifest.class_count

    def measured(network: TiedNetwork) -> float:
        predicted = predict_bytes(quantised(network, features), data.features[test])
        return 100 * float(np.mean(predicted == data.targets[test]))

    results = {}
    for label, hidden, ties_of in (
        ("dense, 32 hidden", 32, free_ties),
        ("dense, 11 hidden", 11, free_ties),
        ("circulant, 30 hidden", 30, circulant_ties),
        ("circulant, 60 hidden", 60, circulant_ties),
    ):
        ties = [ties_of(a, b) for a, b in pairwise((inputs, hidden, outputs))]
        network = TiedNetwork(ties, np.random.default_rng(split))
        network.train(x, targets)
        results[label] = measured(network)
        if label != "circulant, 30 hidden":
            continue
        fitted = MLPClassifier((hidden,), alpha=DECAY, max_iter=200, random_state=split).fit(x, targets)
        if outputs == 2:  # scikit-learn keeps one log-odds; each class gets half of it
            fitted.coefs_[1] = np.hstack([-fitted.coefs_[1], fitted.coefs_[1]]) / 2
            fitted.intercepts_[1] = np.hstack([-fitted.intercepts_[1], fitted.intercepts_[1]]) / 2
        weights = zip(fitted.coefs_, ties, strict=True)
        network.parameters = [*(project(w, t) for w, t in weights), *fitted.intercepts_]
        results[f"{label}, projected"] = measured(network)
        network.train(x, targets)
        results[f"{label}, projected and trained on"] = measured(network)
    return results


def main() -> None:
    """Print mean and standard deviation over the splits."""
    table = Table("weights", *TEST_ROWS, title=f"Accuracy in percent over {SPLITS} splits, integers")
    runs = {name: [accuracies(name, split) for split in range(SPLITS)] for name in TEST_ROWS}
    for label in runs["digits"][0]:
        cells = [np.array([run[label] for run in runs[name]]) for name in TEST_ROWS]
        table.add_row(label, *(f"{c.mean():.2f} ± {c.std(ddof=1):.2f}" for c in cells))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
