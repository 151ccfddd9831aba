"""Boosted trees as plain arrays, and as ONNX graphs that give the margin or its reasons.

The converter is ours because it is small and exact: one TreeEnsembleRegressor node, float32
thresholds, `x < threshold` goes left, a missing value goes where training sent it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import xgboost as xgb
from onnx import TensorProto, helper

OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """One tree, a slot per node. A leaf has left == -1 and its value in `value`."""

    left: I64
    right: I64
    column: I64
    threshold: F32
    default_left: npt.NDArray[np.bool_]
    value: F32
    cover: F64

    def expected(self) -> F64:
        """The mean leaf value below each node over the training rows that passed it."""
        means = self.value.astype(np.float64).copy()
        for node in inner_nodes(self.left, self.right):
            below = [int(self.left[node]), int(self.right[node])]
            weight = self.cover[below]
            total = weight.sum()
            means[node] = means[below] @ weight / total if total > 0 else means[below].mean()
        return means

    def contributions(self, columns: int) -> dict[int, F64]:
        """For each leaf, what its path adds for every column: child's mean minus parent's mean.

        They add up to leaf value minus root mean (Saabas' decomposition), and over the training
        rows each column's contributions average zero.
        """
        means, found = self.expected(), {}
        waiting = [(0, np.zeros(columns))]
        while waiting:
            node, so_far = waiting.pop()
            if self.left[node] < 0:
                found[node] = so_far
                continue
            for child in (int(self.right[node]), int(self.left[node])):
                credit = so_far.copy()
                credit[self.column[node]] += means[child] - means[node]
                waiting.append((child, credit))
        return found


@dataclass(frozen=True)
class Ensemble:
    """All trees of one model. The margin is `base` plus the sum of the leaves reached."""

    trees: tuple[Tree, ...]
    base: float
    columns: tuple[str, ...]

    @property
    def reference_margin(self) -> float:
        """The margin that path contributions start from: the training population's average."""
        return self.base + float(sum(tree.expected()[0] for tree in self.trees))


def read(booster: xgb.Booster, columns: Sequence[str], matrix: F32) -> Ensemble:
    """The trees of a binary:logistic booster, from its JSON.

    `matrix` holds the training rows: what a node expects is the mean over those that reach it.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    rate = float(learner["learner_model_param"]["base_score"].strip("[]"))
    raw = learner["gradient_booster"]["model"]["trees"]
    reached = np.asarray(booster.predict(xgb.DMatrix(matrix), pred_leaf=True), np.int64)
    reached = reached.reshape(len(matrix), len(raw))
    trees = tuple(_tree(tree, reached[:, number]) for number, tree in enumerate(raw))
    return Ensemble(trees, float(np.log(rate / (1 - rate))), tuple(columns))


def _tree(raw: dict[str, list[float]], reached: I64) -> Tree:
    condition = np.asarray(raw["split_conditions"], np.float32)
    left, right = np.asarray(raw["left_children"], np.int64), np.asarray(raw["right_children"], np.int64)
    cover = np.bincount(reached, minlength=len(left)).astype(np.float64)
    for node in inner_nodes(left, right):
        cover[node] = cover[left[node]] + cover[right[node]]
    return Tree(
        left=left,
        right=right,
        column=np.asarray(raw["split_indices"], np.int64),
        threshold=condition,
        default_left=np.asarray(raw["default_left"], bool),
        value=np.where(np.asarray(raw["left_children"]) < 0, condition, np.float32(0)),
        cover=cover,
    )


def inner_nodes(left: I64, right: I64) -> Iterator[int]:
    """The nodes that split, children before parents."""
    order, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        if left[node] >= 0:
            order.append(node)
            waiting += [int(left[node]), int(right[node])]
    return reversed(order)


def margin_onnx(ensemble: Ensemble) -> bytes:
    """A graph X (n, F) float32 -> margin (n, 1) float32, the base included."""
    leaves = [
        (number, int(node), 0, float(tree.value[node]))
        for number, tree in enumerate(ensemble.trees)
        for node in np.flatnonzero(tree.left < 0)
    ]
    return _graph(ensemble, leaves, "margin", 1, [ensemble.base])


def reasons_onnx(ensemble: Ensemble) -> bytes:
    """A graph X (n, F) float32 -> contributions (n, F) float32; + reference_margin = margin."""
    width = len(ensemble.columns)
    leaves = [
        (number, node, int(column), float(credit[column]))
        for number, tree in enumerate(ensemble.trees)
        for node, credit in sorted(tree.contributions(width).items())
        for column in (np.flatnonzero(credit) if credit.any() else [0])
    ]
    return _graph(ensemble, leaves, "contributions", width, [0.0] * width)


def _graph(
    ensemble: Ensemble, leaves: list[tuple[int, int, int, float]], output: str, width: int, base: list[float]
) -> bytes:
    node = helper.make_node(
        "TreeEnsembleRegressor", ["X"], [output], domain="ai.onnx.ml", name=output,
        n_targets=width, aggregate_function="SUM", post_transform="NONE", base_values=base,
        **_nodes(ensemble),
        target_treeids=[leaf[0] for leaf in leaves], target_nodeids=[int(leaf[1]) for leaf in leaves],
        target_ids=[leaf[2] for leaf in leaves], target_weights=[leaf[3] for leaf in leaves],
    )  # fmt: skip
    shape = [None, len(ensemble.columns)]
    graph = helper.make_graph(
        [node], output,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, width])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=8, producer_name="bank")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _nodes(ensemble: Ensemble) -> dict[str, object]:
    """The node attributes of TreeEnsembleRegressor, over all trees."""
    sizes = [len(tree.left) for tree in ensemble.trees]

    def joined(field: str) -> F64:
        return np.concatenate([getattr(tree, field) for tree in ensemble.trees]).astype(np.float64)

    left = joined("left").astype(np.int64)
    leaf = left < 0
    return {
        "nodes_treeids": np.repeat(np.arange(len(sizes)), sizes).tolist(),
        "nodes_nodeids": np.concatenate([np.arange(size) for size in sizes]).tolist(),
        "nodes_featureids": np.where(leaf, 0, joined("column")).astype(int).tolist(),
        "nodes_modes": ["LEAF" if is_leaf else "BRANCH_LT" for is_leaf in leaf],
        "nodes_values": np.where(leaf, 0.0, joined("threshold")).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, joined("right")).astype(int).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, joined("default_left")).astype(int).tolist(),
        "nodes_hitrates": [1.0] * sum(sizes),
    }
