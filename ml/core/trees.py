"""Fitted tree ensembles as flat arrays, and those as an ONNX TreeEnsemble whose thresholds stay float64."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from ml.errors import UserError

OPSET, ML_OPSET, IR_VERSION = 21, 5, 10
SUM, NO_TRANSFORM, LESS_OR_EQUAL = 1, 0, 0


@dataclass(frozen=True)
class Tree:
    """One tree: per node the column, threshold, children, and where a missing value goes; per leaf its value."""

    column: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    missing_left: npt.NDArray[np.bool_]
    leaf: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaf values add up, on top of an offset."""

    trees: tuple[Tree, ...]
    offset: float

    def thresholds(self, column: int) -> npt.NDArray[np.float64]:
        """All thresholds at which a column is split, with repetitions."""
        return np.concatenate([tree.threshold[~tree.leaf & (tree.column == column)] for tree in self.trees])


def boosted_trees(estimator: Any) -> Ensemble:
    """Histogram gradient boosting. scikit-learn has no public access to its trees, so this reads its own arrays."""
    trees = [
        Tree(
            column=nodes["feature_idx"].astype(np.int64),
            threshold=nodes["num_threshold"],
            left=nodes["left"].astype(np.int64),
            right=nodes["right"].astype(np.int64),
            missing_left=nodes["missing_go_to_left"].astype(bool),
            leaf=nodes["is_leaf"].astype(bool),
            value=nodes["value"],
        )
        for (predictor,) in estimator._predictors
        for nodes in [predictor.nodes]
    ]
    return _ensemble(trees, float(np.ravel(estimator._baseline_prediction)[0]))


def forest_trees(estimator: Any, *, positive: bool) -> Ensemble:
    """A random forest, as the sum over trees of the positive class's share or of the target."""
    return _ensemble([_forest_tree(member.tree_, positive=positive) for member in estimator.estimators_], 0.0)


def onnx_model(ensemble: Ensemble, *, width: int) -> bytes:
    """A serialised model: `rows` of shape (rows, width) in, `score` of shape (rows, 1) out, all float64."""
    node = helper.make_node(
        "TreeEnsemble",
        ["rows"],
        ["score"],
        domain="ai.onnx.ml",
        aggregate_function=SUM,
        post_transform=NO_TRANSFORM,
        n_targets=1,
        **_attributes(ensemble.trees),
    )
    rows = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, width])
    score = helper.make_tensor_value_info("score", TensorProto.DOUBLE, [None, 1])
    graph = helper.make_graph([node], "ensemble", [rows], [score])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(model.SerializeToString(deterministic=True))


def _forest_tree(tree: Any, *, positive: bool) -> Tree:
    leaf = tree.children_left < 0
    return Tree(
        column=np.where(leaf, 0, tree.feature),
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=tree.missing_go_to_left.astype(bool),
        leaf=leaf,
        value=tree.value[:, 0, 1 if positive else 0],
    )


def _ensemble(trees: Iterable[Tree], offset: float) -> Ensemble:
    """A tree that is a single leaf has no node to start at: its value joins the offset."""
    grown = []
    for tree in trees:
        if tree.leaf[0]:
            offset += float(tree.value[0])
        else:
            grown.append(tree)
    if not grown:
        raise UserError("the model learnt nothing: every tree is a single leaf; check the features and the parameters")
    return Ensemble(tuple(grown), offset)


def _attributes(trees: tuple[Tree, ...]) -> dict[str, Any]:
    """The trees' arrays end to end, as the operator's attributes: inner nodes and leaves are numbered apart."""
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    roots, nodes, leaves = [], 0, 0
    for tree in trees:
        inner, ends = np.flatnonzero(~tree.leaf), np.flatnonzero(tree.leaf)
        position = np.empty(len(tree.leaf), dtype=np.int64)
        position[inner] = nodes + np.arange(len(inner))
        position[ends] = leaves + np.arange(len(ends))
        roots.append(nodes)
        nodes, leaves = nodes + len(inner), leaves + len(ends)
        left, right = tree.left[inner], tree.right[inner]
        for name, values in {
            "nodes_featureids": tree.column[inner],
            "nodes_splits": tree.threshold[inner],
            "nodes_truenodeids": position[left],
            "nodes_trueleafs": tree.leaf[left],
            "nodes_falsenodeids": position[right],
            "nodes_falseleafs": tree.leaf[right],
            "nodes_missing_value_tracks_true": tree.missing_left[inner],
            "leaf_weights": tree.value[ends],
        }.items():
            parts.setdefault(name, []).append(values)
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    attributes: dict[str, Any] = {
        name: values.astype(np.int64).tolist() for name, values in joined.items() if values.dtype != np.float64
    }
    attributes |= {
        name: numpy_helper.from_array(values, name) for name, values in joined.items() if values.dtype == np.float64
    }
    modes = numpy_helper.from_array(np.full(nodes, LESS_OR_EQUAL, dtype=np.uint8), "nodes_modes")
    return attributes | {"tree_roots": roots, "nodes_modes": modes, "leaf_targetids": [0] * leaves}
