"""Tree models and their bytes: decision trees, random forests, extra trees and gradient boosting.

The body of a tree model, after the header of `model`; numbers are big-endian:

======  ======  ====================================================================================
offset  length  content
======  ======  ====================================================================================
34      1       how leaves are added up: 0 votes, 1 sums
35      2       number of features, 1 to 1024
37      1       number of classes, 0 for a regression; votes need at least two
38      2       number of trees, 1 to 1024
40      4 m     sums only: a starting value per output, int32; `m` outputs: as many as classes from three
                classes on, one for two classes or a regression
...     ...     per tree: number of nodes (uint16, at least 1), then its nodes of 5 bytes
======  ======  ====================================================================================

A branch is its feature (uint16, top bit clear), a threshold (uint8) and the index of its right child in the
tree (uint16); its left child is the next node. A row goes left where `x <= threshold`. Children come after
their parents, and no node is deeper than 32 branches.

A leaf begins with the byte 0x80. In votes a class (uint8) and a weight (uint24) follow: the weight is added
to the class. In sums a value (int32) follows: it is added to the output `tree index mod m`. The class is the
lowest one with the most; with one output it is 1 where the sum is above zero and 0 otherwise; a regression's
value is the sum, clipped to int32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offchain.learning.errors import ModelTooLong, ModelTooShort
from offchain.learning.limits import MAX_CLASSES, MAX_FEATURES
from offchain.learning.model import HEADER_LENGTH, KIND_TREES, check_range, decode_header, encode_header

MAX_TREES: Final = 1024
MAX_DEPTH: Final = 32
VOTES: Final = 0
SUMS: Final = 1
_NODE_LENGTH: Final = 5
_LEAF: Final = 0x80


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes in an order in which children follow their parents.

    Attributes
    ----------
    features : ndarray of int32, shape (nodes,)
        The feature of a branch, -1 for a leaf.
    thresholds, rights : ndarray of int32, shape (nodes,)
        The threshold and the right child of a branch; the left one is the next node.
    classes : ndarray of int32, shape (nodes,)
        The class a leaf votes for.
    values : ndarray of int64, shape (nodes,)
        The weight of a leaf's vote, or what it adds to the sum.
    """

    features: NDArray[np.int32]
    thresholds: NDArray[np.int32]
    rights: NDArray[np.int32]
    classes: NDArray[np.int32]
    values: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TreeModel:
    """Trees and how to add up their leaves; `base` is empty for votes."""

    parameters_hash: bytes
    aggregation: int
    feature_count: int
    class_count: int
    base: tuple[int, ...]
    trees: tuple[Tree, ...]


def encode(model: TreeModel) -> bytes:
    """The bytes of a model, in the layout of this module's docstring.

    Raises
    ------
    ModelError
        Where the model exceeds a bound of the format.
    """
    data = (
        encode_header(KIND_TREES, model.parameters_hash)
        + bytes((model.aggregation,))
        + model.feature_count.to_bytes(2, "big")
        + bytes((model.class_count,))
        + len(model.trees).to_bytes(2, "big")
        + b"".join(value.to_bytes(4, "big", signed=True) for value in model.base)
        + b"".join(_encode_tree(tree, model.aggregation) for tree in model.trees)
    )
    decode(data)
    return data


def decode(data: bytes) -> TreeModel:
    """The model in bytes from anybody.

    Raises
    ------
    ModelTooShort, ModelTooLong, ModelFieldOutOfRange
        Where the bytes are not exactly one model within the bounds.
    """
    parameters_hash = decode_header(data, KIND_TREES)
    start = HEADER_LENGTH + 6
    if len(data) < start:
        raise ModelTooShort(start, len(data))
    aggregation = check_range("aggregation", data[HEADER_LENGTH], VOTES, SUMS)
    features = int.from_bytes(data[HEADER_LENGTH + 1 : HEADER_LENGTH + 3], "big")
    check_range("number of features", features, 1, MAX_FEATURES)
    classes = check_range("number of classes", data[HEADER_LENGTH + 3], 0, MAX_CLASSES)
    fewest = 2 if aggregation == VOTES or classes == 1 else 0
    check_range("number of classes", classes, fewest, MAX_CLASSES)
    trees = int.from_bytes(data[HEADER_LENGTH + 4 : start], "big")
    check_range("number of trees", trees, 1, MAX_TREES)

    outputs = 0 if aggregation == VOTES else classes if classes > 2 else 1
    position = start + 4 * outputs
    if len(data) < position:
        raise ModelTooShort(position, len(data))
    base = tuple(int(value) for value in np.frombuffer(data, ">i4", outputs, start))
    found = []
    for index in range(trees):
        tree, position = _decode_tree(data, position, index, features, classes, aggregation)
        found.append(tree)
    if len(data) > position:
        raise ModelTooLong(position, len(data))
    return TreeModel(parameters_hash, aggregation, features, classes, base, tuple(found))


def predict(model: TreeModel, features: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Class indices, or values where the model is a regressor; shape (n,)."""
    rows = np.arange(len(features))
    outputs = model.class_count if model.aggregation == VOTES else len(model.base)
    sums = np.tile(np.array(model.base or [0] * outputs, np.int64), (len(features), 1))
    for index, tree in enumerate(model.trees):
        leaves = _leaves(tree, features)
        if model.aggregation == VOTES:
            sums[rows, tree.classes[leaves]] += tree.values[leaves]
        else:
            sums[:, index % outputs] += tree.values[leaves]
    if outputs > 1:
        classes: NDArray[np.int64] = np.argmax(sums, axis=1)
        return classes
    if model.class_count:
        return (sums[:, 0] > 0).astype(np.int64)
    values: NDArray[np.int64] = np.clip(sums[:, 0], -(2**31), 2**31 - 1)
    return values


def _leaves(tree: Tree, features: NDArray[np.uint8]) -> NDArray[np.int64]:
    nodes = np.zeros(len(features), np.int64)
    rows = np.arange(len(features))
    for _ in range(MAX_DEPTH):
        branch = tree.features[nodes]
        is_branch = branch >= 0
        if not is_branch.any():
            break
        goes_left = features[rows, np.where(is_branch, branch, 0)] <= tree.thresholds[nodes]
        nodes = np.where(is_branch, np.where(goes_left, nodes + 1, tree.rights[nodes]), nodes)
    return nodes


def _encode_tree(tree: Tree, aggregation: int) -> bytes:
    nodes = []
    for feature, threshold, right, label, value in zip(
        tree.features.tolist(),
        tree.thresholds.tolist(),
        tree.rights.tolist(),
        tree.classes.tolist(),
        tree.values.tolist(),
        strict=True,
    ):
        if feature >= 0:
            nodes.append(feature.to_bytes(2, "big") + bytes((threshold,)) + right.to_bytes(2, "big"))
        elif aggregation == VOTES:
            nodes.append(bytes((_LEAF, label)) + value.to_bytes(3, "big"))
        else:
            nodes.append(bytes((_LEAF,)) + value.to_bytes(4, "big", signed=True))
    return len(nodes).to_bytes(2, "big") + b"".join(nodes)


def _decode_tree(
    data: bytes, position: int, index: int, feature_count: int, class_count: int, aggregation: int
) -> tuple[Tree, int]:
    if len(data) < position + 2:
        raise ModelTooShort(position + 2, len(data))
    count = int.from_bytes(data[position : position + 2], "big")
    check_range(f"number of nodes of tree {index}", count, 1, 2**16 - 1)
    start = position + 2
    end = start + _NODE_LENGTH * count
    if len(data) < end:
        raise ModelTooShort(end, len(data))
    table = np.frombuffer(data, np.uint8, _NODE_LENGTH * count, start).reshape(count, _NODE_LENGTH)
    wide = table.astype(np.int64)
    is_leaf = table[:, 0] >= _LEAF
    features = np.where(is_leaf, -1, wide[:, 0] * 256 + wide[:, 1])
    rights = np.where(is_leaf, 0, wide[:, 3] * 256 + wide[:, 4])
    _check_nodes(index, wide, is_leaf, features, rights, feature_count, class_count, aggregation)
    if aggregation == VOTES:
        values = wide[:, 2] * 65536 + wide[:, 3] * 256 + wide[:, 4]
    else:
        values = np.ascontiguousarray(table[:, 1:]).view(">i4")[:, 0].astype(np.int64)
    tree = Tree(
        features.astype(np.int32),
        np.where(is_leaf, 0, wide[:, 2]).astype(np.int32),
        rights.astype(np.int32),
        np.where(is_leaf, wide[:, 1] if aggregation == VOTES else 0, 0).astype(np.int32),
        np.where(is_leaf, values, 0),
    )
    return tree, end


def _check_nodes(
    tree: int,
    wide: NDArray[np.int64],
    is_leaf: NDArray[np.bool_],
    features: NDArray[np.int64],
    rights: NDArray[np.int64],
    feature_count: int,
    class_count: int,
    aggregation: int,
) -> None:
    count = len(wide)
    depths = [0] * count
    for node in range(count):
        place = f"node {node} of tree {tree}"
        if is_leaf[node]:
            check_range(f"mark of {place}", int(wide[node, 0]), _LEAF, _LEAF)
            if aggregation == VOTES:
                check_range(f"class of {place}", int(wide[node, 1]), 0, class_count - 1)
            continue
        check_range(f"feature of {place}", int(features[node]), 0, feature_count - 1)
        check_range(f"right child of {place}", int(rights[node]), node + 2, count - 1)
        check_range(f"depth of {place}", depths[node], 0, MAX_DEPTH - 1)
        for child in (node + 1, int(rights[node])):
            depths[child] = max(depths[child], depths[node] + 1)
