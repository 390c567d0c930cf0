"""How much gas the reveal of a model can take, before anything is at stake.

A model is scored in as many transactions as it takes, each of as many rows as surely fit. The bound is fitted
above what the scorers were measured to spend, and a fuzz test holds them to it.
"""

from bisect import bisect_right

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
GAS_PER_MAPPED_TERM = 25  # one input times the signs of sixteen outputs
GAS_PER_MAPPED_BLOCK = 220  # of sixteen outputs: loops, and the clip of its sums
GAS_PER_SIGNS = 250  # sixteen signs, derived once
GAS_PER_PART = 3_200  # a contract that holds rows, looked into, whether any of them is meant or not
ROWS_PER_PART = 20  # at least: a part is as many rows as fit a contract, and rows have 1,028 bytes at most
PADDED_INPUTS = 12
BATCH_ROWS = 129  # and the word behind the last


def reveal_gas_bound(
    model: bytes, row_count: int, metric: Metric, mapped_from: int = 0, test_count: int = 0
) -> int:
    """An upper bound on the gas of revealing `model` and scoring it on `row_count` test rows.

    mapped_from : features of a row before the secure mapping; 0 where there is none
    test_count : all test rows, where they are more: the parts of those that are left out are walked too

    Raises
    ------
    ModelError
        Where the bytes are no model.
    """
    decoded = decode(model)
    row = GAS_PER_ROW
    once = FIXED_GAS + GAS_PER_MODEL_BYTE * len(model)
    memory = 2 * len(model) + row_count * (mapped_from + decoded.feature_count + 8)
    if isinstance(decoded, DenseModel):
        for layer in decoded.layers:
            inputs, words = layer.weights.shape[0], _words(layer, is_output=layer is decoded.layers[-1])
            row += words * (GAS_PER_SUM_WORD + GAS_PER_TERM * inputs)
            once += words * GAS_PER_WEIGHT_WORD * inputs
            memory += 32 * words * (inputs + PADDED_INPUTS + BATCH_ROWS)
    else:
        row += sum(GAS_PER_TREE + GAS_PER_BRANCH * depth(tree) for tree in decoded.trees)
        row += GAS_PER_OUTPUT_OF_TREES * max(decoded.class_count, 1)
    if metric == Metric.MACRO_F1:  # counts the rows predicted as each class
        row += GAS_PER_CLASS_OF_F1 * decoded.class_count
    if mapped_from:
        blocks, padded = decoded.feature_count // 16, -(-mapped_from // 4) * 4
        once += GAS_PER_SIGNS * blocks * padded
        row += blocks * (GAS_PER_MAPPED_TERM * padded + GAS_PER_MAPPED_BLOCK)
        memory += 64 * row_count
    parts = 1 + max(row_count, test_count) // ROWS_PER_PART
    return once + GAS_PER_PART * parts + row_count * row + _memory_gas(memory)


def rows_per_reveal(
    model: bytes, test_count: int, metric: Metric, gas_limit: int, mapped_from: int = 0
) -> int:
    """How many of `test_count` rows surely fit a transaction of `gas_limit`; 0 where not even one does.

    Raises
    ------
    ModelError
        Where the bytes are no model.
    """
    return bisect_right(
        range(1, test_count + 1),
        gas_limit,
        key=lambda rows: reveal_gas_bound(model, rows, metric, mapped_from, test_count),
    )


def _memory_gas(size: int) -> int:
    words = -(-size // 32)
    return 3 * words + words * words // 512


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
