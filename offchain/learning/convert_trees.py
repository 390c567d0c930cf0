"""From scikit-learn's trees to the scorer's: thresholds are exact, leaves are rounded."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaseEnsemble, GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.tree import BaseDecisionTree

from offchain.learning.errors import EstimatorError
from offchain.learning.trees import SUMS, VOTES, Tree, TreeModel

_VOTE_WEIGHT: Final = 2**16
_UNIT: Final = 2**20
"""Of the sums of a classifier, where only the sign or the order matters."""


def is_trees(estimator: Any) -> bool:
    """Whether a fitted estimator is a tree or an ensemble of trees."""
    inner = getattr(estimator, "regressor_", estimator)
    return isinstance(inner, BaseDecisionTree) or hasattr(inner, "estimators_")


def grows_trees(estimator: Any) -> bool:
    """Whether an estimator that is not fitted yet will be a tree or an ensemble of trees."""
    inner = getattr(estimator, "regressor", estimator)
    return isinstance(inner, BaseDecisionTree | BaseEnsemble)


def from_trees(estimator: Any, feature_count: int, class_count: int, header_hash: bytes) -> TreeModel:
    """The model of a fitted tree, forest or boosting.

    A forest of two classes adds up the differences of their probabilities, as scikit-learn does; with more
    classes each tree votes for its most probable class with that probability as weight.

    Raises
    ------
    EstimatorError
        Where a boosting has not started at zero, or has not seen every class.
    """
    scale, offset = 1.0, 0.0
    if isinstance(estimator, TransformedTargetRegressor):
        scaler = estimator.transformer_
        scale, offset = float(scaler.scale_[0]), float(scaler.mean_[0])
        estimator = estimator.regressor_
    if isinstance(estimator, GradientBoostingClassifier | GradientBoostingRegressor):
        return _from_boosting(estimator, feature_count, class_count, header_hash, scale, offset)
    members = [estimator] if isinstance(estimator, BaseDecisionTree) else list(estimator.estimators_)
    if class_count == 0:
        trees = [_tree(member, member.tree_.value[:, 0, 0] * scale / len(members)) for member in members]
        return TreeModel(header_hash, SUMS, feature_count, 0, (round(offset),), tuple(trees))
    known = np.asarray(estimator.classes_).astype(np.int64)
    shares = [_shares(member, known, class_count) for member in members]
    if class_count == 2:
        trees = [
            _tree(member, (share[:, 1] - share[:, 0]) * _UNIT)
            for member, share in zip(members, shares, strict=True)
        ]
        return TreeModel(header_hash, SUMS, feature_count, 2, (0,), tuple(trees))
    trees = [
        _tree(member, share.max(axis=1) * _VOTE_WEIGHT, np.argmax(share, axis=1))
        for member, share in zip(members, shares, strict=True)
    ]
    return TreeModel(header_hash, VOTES, feature_count, class_count, (), tuple(trees))


def _from_boosting(
    estimator: Any, feature_count: int, class_count: int, header_hash: bytes, scale: float, offset: float
) -> TreeModel:
    if estimator.init != "zero":
        raise EstimatorError("a boosting must start at zero")
    if class_count and len(estimator.classes_) != class_count:
        raise EstimatorError(f"the boosting has seen {len(estimator.classes_)} of {class_count} classes")
    unit = estimator.learning_rate * (_UNIT if class_count else scale)
    trees = [_tree(member, member.tree_.value[:, 0, 0] * unit) for member in estimator.estimators_.ravel()]
    base = (0,) * class_count if class_count > 2 else (round(offset) if class_count == 0 else 0,)
    return TreeModel(header_hash, SUMS, feature_count, class_count, base, tuple(trees))


def _shares(member: Any, known: NDArray[np.int64], class_count: int) -> NDArray[np.float64]:
    """Each node's share of each class, shape (nodes, class_count)."""
    value = member.tree_.value[:, 0, :]
    shares = np.zeros((len(value), class_count))
    shares[:, known] = value / value.sum(axis=1, keepdims=True)
    return shares


def _tree(member: Any, values: NDArray[Any], classes: NDArray[np.int64] | None = None) -> Tree:
    """The nodes depth first, so that a left child follows its parent.

    scikit-learn numbers them as it has grown them, which with `max_leaf_nodes` is another order.
    """
    inner = member.tree_
    order: list[int] = []
    pending = [0]
    while pending:
        node = pending.pop()
        order.append(node)
        if inner.children_left[node] >= 0:
            pending += [int(inner.children_right[node]), int(inner.children_left[node])]
    index_of = np.empty(len(order), np.int64)
    index_of[order] = np.arange(len(order))
    is_leaf = inner.children_left[order] < 0
    labels = np.zeros(len(order), np.int64) if classes is None else classes[order]
    return Tree(
        np.where(is_leaf, -1, inner.feature[order]).astype(np.int32),
        np.where(is_leaf, 0, np.clip(np.floor(inner.threshold[order]), 0, 255)).astype(np.int32),
        np.where(is_leaf, 0, index_of[inner.children_right[order]]).astype(np.int32),
        np.where(is_leaf, labels, 0).astype(np.int32),
        np.where(is_leaf, np.rint(values[order]), 0).astype(np.int64),
    )
