"""What a tree model may hold: one ensemble of plain trees, every number in its bounds, nothing else.

onnxruntime is not safe against files made to harm, so it never sees one: each model is read by protobuf
alone and checked here, down to every child of every node, before a session is made of it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]  # ships no types
from onnx import AttributeProto, TensorProto

from training.release.errors import BrokenRelease
from training.release.repeated import floats, ints

TREE = ("ai.onnx.ml", "TreeEnsembleRegressor")
OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8
MOST_NODES, MOST_LEAF_ROWS, MOST_DEPTH = 2_000_000, 20_000_000, 512
Whole = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float32]

_MODEL = {"ir_version", "producer_name", "producer_version", "graph", "opset_import"}
_GRAPH = {"name", "node", "input", "output"}
_NODE = {"name", "op_type", "domain", "input", "output", "attribute"}
_KINDS = {
    AttributeProto.INTS: "ints", AttributeProto.FLOATS: "floats", AttributeProto.STRINGS: "strings",
    AttributeProto.INT: "i", AttributeProto.STRING: "s",
}  # fmt: skip
_READ: Mapping[str, Callable[[Any], Any]] = {
    "ints": ints, "floats": floats, "strings": lambda each: each.strings,
    "i": lambda each: each.i, "s": lambda each: each.s,
}  # fmt: skip
_NODES = {
    "nodes_treeids": "ints", "nodes_nodeids": "ints", "nodes_featureids": "ints", "nodes_modes": "strings",
    "nodes_values": "floats", "nodes_truenodeids": "ints", "nodes_falsenodeids": "ints",
    "nodes_missing_value_tracks_true": "ints",
}  # fmt: skip
_LEAVES = {
    "target_treeids": "ints", "target_nodeids": "ints", "target_ids": "ints", "target_weights": "floats",
}  # fmt: skip
_REST = {"n_targets": "i", "aggregate_function": "s", "post_transform": "s", "base_values": "floats"}
_MAY = {"nodes_hitrates": "floats"}
_SPLITS = (b"BRANCH_LT", b"BRANCH_LEQ", b"BRANCH_GT", b"BRANCH_GTE")


def tree_node(content: bytes, path: str, width: int, targets: int) -> onnx.NodeProto:
    """The ensemble of a model that maps (n, width) to (n, targets); BrokenRelease for anything else.

    Refused are further nodes, stored tensors (they may point outside the file), local functions, foreign
    operators, and an ensemble whose attributes differ in length, whose numbers are not finite, whose
    ids are out of range, or whose nodes are no trees.
    """
    try:
        model = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        raise BrokenRelease(path, "it is no ONNX file") from error
    model.DiscardUnknownFields()
    if model.ByteSize() != len(content):
        raise BrokenRelease(path, "it holds fields that are not known, or numbers written in a longer way")
    _check_frame(model, path, width, targets)
    node: onnx.NodeProto = model.graph.node[0]
    _check_ensemble(_attributes(node, path), path, width, targets)
    return node


def _check_frame(model: onnx.ModelProto, path: str, width: int, targets: int) -> None:
    graph = model.graph
    if len(graph.node) != 1 or (graph.node[0].domain, graph.node[0].op_type) != TREE:
        raise BrokenRelease(path, f"it should hold one tree ensemble, found {_kinds(graph.node)}")
    node = graph.node[0]
    for holder, known in ((model, _MODEL), (graph, _GRAPH), (node, _NODE)):
        if more := sorted(_set_fields(holder) - known):
            raise BrokenRelease(path, f"it holds more than a tree ensemble: {more}")
    opsets = {each.domain: each.version for each in model.opset_import}
    if opsets != OPSETS or len(model.opset_import) != len(OPSETS) or model.ir_version != IR_VERSION:
        raise BrokenRelease(path, f"it should use the operators of {OPSETS}, found {opsets}")
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise BrokenRelease(path, "it should take one matrix and give one")
    wires = ([graph.input[0].name], [graph.output[0].name])
    if (list(node.input), list(node.output)) != wires or wires[0] == wires[1] or not all(map(all, wires)):
        raise BrokenRelease(path, "its ensemble should read its input and write its output")
    _check_matrix(graph.input[0], path, f"take one matrix of {width} columns", width)
    _check_matrix(graph.output[0], path, _gives(targets), targets)


def _gives(targets: int) -> str:
    return "give one number a row" if targets == 1 else f"give {targets} numbers a row"


def _check_matrix(value: onnx.ValueInfoProto, path: str, wanted: str, width: int) -> None:
    tensor = value.type.tensor_type
    widths = [each.dim_value for each in tensor.shape.dim][1:]
    if tensor.elem_type != TensorProto.FLOAT or widths != [width]:
        raise BrokenRelease(path, f"it should {wanted}, found {widths}")


def _attributes(node: onnx.NodeProto, path: str) -> dict[str, Any]:
    """The attributes' values by name, each once and of its type."""
    kinds = {**_NODES, **_LEAVES, **_REST, **_MAY}
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        kind = kinds.get(attribute.name)
        plain = _set_fields(attribute) <= {"name", "type", kind}
        if attribute.name in found or kind is None or _KINDS.get(attribute.type) != kind or not plain:
            raise BrokenRelease(path, f"its attribute '{attribute.name[:60]}' is none of a tree ensemble's")
        found[attribute.name] = _READ[kind](attribute)
    if missing := sorted({*_NODES, *_LEAVES, "n_targets"} - set(found)):
        raise BrokenRelease(path, f"its ensemble lacks {missing}")
    return found


@dataclass(frozen=True)
class _Nodes:
    """N nodes as arrays, and the order of their keys (tree, node)."""

    tree: Whole
    node: Whole
    leaf: npt.NDArray[np.bool_]
    order: Whole
    keys: Whole

    @staticmethod
    def of(tree: Whole, node: Whole, leaf: npt.NDArray[np.bool_], path: str) -> "_Nodes":
        most = len(tree)
        if most == 0 or (tree < 0).any() or (tree >= most).any() or (node < 0).any() or (node >= most).any():
            raise BrokenRelease(path, "its trees and nodes should be numbered from 0 without gaps")
        keys = tree * most + node
        order = np.argsort(keys, kind="stable").astype(np.int64)
        if (np.diff(keys[order]) == 0).any():
            raise BrokenRelease(path, "a node of it occurs twice")
        return _Nodes(tree, node, leaf, order, keys[order])

    def at(self, tree: Whole, node: Whole, path: str) -> Whole:
        """Where these nodes stand; BrokenRelease when one is not there."""
        most = len(self.tree)
        inside = (tree >= 0) & (tree < most) & (node >= 0) & (node < most)
        wanted = np.where(inside, tree * most + node, -1)
        place = np.searchsorted(self.keys, wanted).clip(max=most - 1)
        if (self.keys[place] != wanted).any():
            raise BrokenRelease(path, "it names a node that is not there")
        found: Whole = self.order[place]
        return found


def _check_ensemble(found: Mapping[str, Any], path: str, width: int, targets: int) -> None:
    if found["n_targets"] != targets:
        raise BrokenRelease(path, f"it should {_gives(targets)}, found {found['n_targets']}")
    if found.get("aggregate_function", b"SUM") != b"SUM" or found.get("post_transform", b"NONE") != b"NONE":
        raise BrokenRelease(path, "its trees should be added up, and left as they are")
    sizes = {len(found[name]) for name in _NODES} | {len(found[n]) for n in _MAY if n in found}
    rows = {len(found[name]) for name in _LEAVES}
    if len(sizes) != 1 or len(rows) != 1 or len(found.get("base_values", ())) not in (0, targets):
        raise BrokenRelease(path, f"its attributes differ in length ({sorted(sizes)}, {sorted(rows)})")
    if max(sizes) > MOST_NODES or max(rows) > MOST_LEAF_ROWS:
        raise BrokenRelease(path, f"it has more than {MOST_NODES} nodes or {MOST_LEAF_ROWS} leaf values")
    for name in ("nodes_values", "target_weights", "base_values", "nodes_hitrates"):
        if name in found and not np.isfinite(found[name]).all():
            raise BrokenRelease(path, f"its {name} are not all finite")
    modes = list(found["nodes_modes"])
    if not set(modes) <= {b"LEAF", *_SPLITS}:
        raise BrokenRelease(path, "its nodes should split or be leaves")
    leaf = np.array([mode == b"LEAF" for mode in modes], bool)
    nodes = _Nodes.of(found["nodes_treeids"], found["nodes_nodeids"], leaf, path)
    features = found["nodes_featureids"]
    if (features < 0).any() or (features >= width).any():
        raise BrokenRelease(path, f"it splits on a column beyond its {width}")
    tracks = found["nodes_missing_value_tracks_true"]
    if not np.isin(tracks, (0, 1)).all():
        raise BrokenRelease(path, "a missing value should go one way or the other")
    _check_trees(nodes, found["nodes_truenodeids"], found["nodes_falsenodeids"], path)
    _check_leaves(nodes, found, path, targets)


def _check_trees(nodes: _Nodes, left: Whole, right: Whole, path: str) -> None:
    """Every node has one parent, but the root of each tree; and all are reached from the roots."""
    inner = np.flatnonzero(~nodes.leaf)
    children = np.full((2, len(nodes.tree)), -1, np.int64)
    for side, ids in enumerate((left, right)):
        children[side, inner] = nodes.at(nodes.tree[inner], ids[inner], path)
    parents = np.bincount(children[:, inner].ravel(), minlength=len(nodes.tree))
    level = np.flatnonzero(parents == 0)
    trees = np.unique(nodes.tree)
    if (parents > 1).any() or len(level) != len(trees) or (np.unique(nodes.tree[level]) != trees).any():
        raise BrokenRelease(path, "its nodes are no trees: one has two parents, or a tree has no single root")
    reached = 0
    for _ in range(MOST_DEPTH):
        reached += len(level)
        level = children[:, level[~nodes.leaf[level]]].ravel()
        if not len(level):
            break
    if reached != len(nodes.tree):
        raise BrokenRelease(path, f"its nodes go in a circle, or deeper than {MOST_DEPTH}")


def _check_leaves(nodes: _Nodes, found: Mapping[str, Any], path: str, targets: int) -> None:
    place = nodes.at(found["target_treeids"], found["target_nodeids"], path)
    ids = found["target_ids"]
    if not nodes.leaf[place].all() or (ids < 0).any() or (ids >= targets).any():
        raise BrokenRelease(path, "a value of it belongs to no leaf, or to no output")
    given = np.bincount(place, minlength=len(nodes.tree))
    if (given[nodes.leaf] < 1).any() or (targets == 1 and (given > 1).any()):
        raise BrokenRelease(path, "a leaf of it has no value, or more than its outputs")


def _set_fields(message: Message) -> set[str]:
    return {descriptor.name for descriptor, _ in message.ListFields()}


def _kinds(nodes: Iterable[onnx.NodeProto]) -> list[str]:
    return [node.op_type[:40] for node in list(nodes)[:5]]
