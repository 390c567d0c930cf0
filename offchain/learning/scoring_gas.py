"""How much gas the reveal of a model can take, before anything is at stake.

A model that cannot be scored in one transaction cannot be revealed, and the bond of its commitment is lost. The
bound is fitted above what the scorers were measured to spend, and a fuzz test holds them to it.
"""

from offchain.learning.lanes import lane_of
from offchain.learning.metrics import Metric
from offchain.learning.model import DenseLayer, DenseModel
from offchain.learning.scoring import decode
from offchain.learning.trees import Tree

# A reveal without its scoring (intrinsic gas, storage, the moves of the bond), and what a scorer spends at once.
FIXED_GAS = 250_000
GAS_PER_MODEL_BYTE = 80  # as calldata (40 at most), copied between contracts and checked
GAS_PER_ROW = 700
GAS_PER_WEIGHT_WORD = 400  # the weights of one input in one word, unpacked once
GAS_PER_SUM_WORD = 600  # per row: chunks begun and ended, rectified or compared
GAS_PER_TERM = 25  # per row: one input times one word of weights
GAS_PER_OUTPUT_OF_TREES = 75
GAS_PER_BRANCH = 260
GAS_PER_CLASS_OF_F1 = 800
GAS_PER_TREE = 700


def reveal_gas_bound(model: bytes, row_count: int, metric: Metric) -> int:
    """An upper bound on the gas of revealing `model` for a task of `row_count` test rows.

    Raises
    ------
    ModelError
        Where the bytes are no model.
    """
    decoded = decode(model)
    row = GAS_PER_ROW
    once = FIXED_GAS + GAS_PER_MODEL_BYTE * len(model)
    if isinstance(decoded, DenseModel):
        for layer in decoded.layers:
            inputs, words = layer.weights.shape[0], _words(layer, is_output=layer is decoded.layers[-1])
            row += words * (GAS_PER_SUM_WORD + GAS_PER_TERM * inputs)
            once += words * GAS_PER_WEIGHT_WORD * inputs
    else:
        row += sum(GAS_PER_TREE + GAS_PER_BRANCH * depth(tree) for tree in decoded.trees)
        row += GAS_PER_OUTPUT_OF_TREES * max(decoded.class_count, 1)
    if metric == Metric.MACRO_F1:  # counts the rows predicted as each class
        row += GAS_PER_CLASS_OF_F1 * decoded.class_count
    return once + row_count * row


def _words(layer: DenseLayer, *, is_output: bool) -> int:
    """The words that a layer's sums take."""
    inputs, outputs = layer.weights.shape
    return -(-outputs // lane_of(inputs, is_output=is_output).count)


def depth(tree: Tree) -> int:
    """The branches on the longest way from the root to a leaf."""
    depths = [0] * len(tree.features)
    for node, feature in enumerate(tree.features):  # children come after their parents
        if feature >= 0:
            for child in (node + 1, int(tree.rights[node])):
                depths[child] = max(depths[child], depths[node] + 1)
    return max(depths)
