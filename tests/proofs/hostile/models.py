"""Models that are none, though everybody signed them: pickles, bombs, graphs that do more than trees."""

import io
import json
import struct
import zipfile
from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.proofs.hostile.attack import TO_THE_PARSER, TO_THE_RULES, Attack
from tests.proofs.hostile.stage import Plant, Stage

CARD, CARD_REASONS = "parts/propensity/card.onnx", "parts/propensity/card.reasons.onnx"
EFFECTS = "parts/recommendation/effects.npz"
Change = Callable[[bytes, Stage], bytes]


def signed(name: str, change: Change) -> Callable[[Stage], object]:
    """A file of a part changed, and signed by everybody."""
    return lambda stage: stage.forge(lambda files: files.update({name: change(files[name], stage)}))


def graph(change: Callable[[onnx.ModelProto], object]) -> Callable[[Stage], object]:
    """A tree model changed, and signed by everybody."""

    def changed(content: bytes, _: Stage) -> bytes:
        model = onnx.ModelProto.FromString(content)
        change(model)
        return bytes(model.SerializeToString())

    return signed(CARD, changed)


def attribute(name: str, change: Callable[[list[object]], list[object]]) -> Callable[[Stage], object]:
    """One list of numbers of a tree model changed."""

    def changed(model: onnx.ModelProto) -> None:
        for each in model.graph.node[0].attribute:
            if each.name == name:
                held = each.ints if each.type == onnx.AttributeProto.INTS else each.floats
                if each.type == onnx.AttributeProto.STRINGS:
                    held = each.strings
                held[:] = change(list(held))

    return graph(changed)


def at(place: int, value: object) -> Callable[[list[object]], list[object]]:
    """The same list with another value at one place."""
    return lambda held: [*held[:place], value, *held[place + 1 :]]


def _effects(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()


def objects(content: bytes, stage: Stage) -> bytes:
    held = io.BytesIO()
    np.savez(held, effects=np.array([[Plant(stage.marker)]], object), by_attribute=np.ones((13, 8)))
    return held.getvalue()


def more(name: str) -> Change:
    """Effects with a member more, a pickle."""
    return lambda content, stage: _zipped({**_effects(content), name: stage.pickle})


def _bomb(content: bytes, _: Stage) -> bytes:
    return _zipped({**_effects(content), "effects.npy": bytes(64 << 20)}, zipfile.ZIP_DEFLATED)


def _lying_size(content: bytes, _: Stage) -> bytes:
    """The directory says a member has 4 GB, stored in a few bytes."""
    place = content.rindex(b"PK\x01\x02")
    return content[: place + 24] + struct.pack("<I", 0xFFFFFFF0) + content[place + 28 :]


def _lying_shape(content: bytes, _: Stage) -> bytes:
    return content.replace(b"(13, 6), }   ", b"(9999999, 6),")


def _header_that_calls(content: bytes, stage: Stage) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': open('{stage.marker}','w'), 'shape': (13, 6), }}\n".encode()
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8 * 13 * 6)
    return _zipped({**_effects(content), "effects.npy": array})


def _encrypted(content: bytes, _: Stage) -> bytes:
    place = content.rindex(b"PK\x01\x02")
    return content[: place + 8] + b"\x01\x00" + content[place + 10 :]


def _external(model: onnx.ModelProto) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    model.graph.initializer.append(tensor)


def _function(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("here", "f", ["a"], ["b"], [], list(model.opset_import)))


def _subgraph(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("body", model.graph))


def _known(content: bytes, _: Stage) -> bytes:
    return json.dumps(json.loads(content))[:-1].encode() + b',"members":{}}'


REFUSED, NO_ONNX, NO_ARRAY = "cannot be used", "it is no ONNX file", "it is no plain array file"

_RAW = (
    Attack("pickle-named-as-a-model", signed(CARD, lambda _, s: s.pickle), NO_ONNX),
    Attack("pickle-named-as-arrays", signed(EFFECTS, lambda _, s: s.pickle), NO_ARRAY),
    Attack(
        "pickle-named-as-json", signed("parts/propensity/model.json", lambda _, s: s.pickle), "no plain JSON"
    ),
    Attack("pickle-before-the-arrays", signed(EFFECTS, lambda c, s: s.pickle + c), NO_ARRAY),
    Attack("arrays-of-objects", signed(EFFECTS, objects), REFUSED),
    Attack("an-array-more", signed(EFFECTS, more("more.npy")), "alone"),
    Attack("a-pickle-among-the-arrays", signed(EFFECTS, more("data.pkl")), "alone"),
    Attack("arrays-with-a-way-up", signed(EFFECTS, more("../../../marker")), "alone"),
    Attack("arrays-that-inflate", signed(EFFECTS, _bomb), "stored as it is"),
    Attack("arrays-with-a-lying-size", signed(EFFECTS, _lying_size), REFUSED),
    Attack("arrays-with-a-lying-shape", signed(EFFECTS, _lying_shape), REFUSED),
    Attack("arrays-whose-header-calls", signed(EFFECTS, _header_that_calls), "says something else"),
    Attack("arrays-that-are-encrypted", signed(EFFECTS, _encrypted), "stored as it is"),
    Attack("arrays-cut-short", signed(EFFECTS, lambda c, _: c[: len(c) // 2]), NO_ARRAY),
    Attack("model-cut-short-and-signed", signed(CARD, lambda c, _: c[:-100]), REFUSED),
    Attack("model-that-is-empty", signed(CARD, lambda *_: b""), "one tree ensemble, found []"),
    Attack("key-twice-in-a-model", signed("parts/propensity/model.json", _known), "a key occurs twice"),
    Attack(
        "key-twice-in-the-bins",
        signed("parts/propensity/reference.json", lambda *_: b'{"a":1,"a":2}'),
        "a key occurs twice",
    ),
    Attack(
        "key-twice-in-the-catalogue",
        signed("parts/products/products.json", lambda *_: b'[{"a":1,"a":2}]'),
        "a key occurs twice",
    ),
)

_RULES = tuple(
    Attack(name, signed(f"parts/{path}", lambda _, __, held=held: held), said, TO_THE_RULES)  # type: ignore[misc]
    for name, path, held, said in (
        ("policy-nested-too-deep", "policy/policy.toml", b"a = " + b"[" * 100_000, "cannot be read as TOML"),
        ("policy-with-a-key-more", "policy/segments.toml", b'hook = "x"\n', "is not known"),
        ("policy-with-a-key-twice", "policy/policy.toml", b"a = 1\na = 2\n", "cannot be read as TOML"),
        (
            "reasons-nested-too-deep",
            "reasons/reasons.toml",
            b"a = " + b"[" * 100_000,
            "cannot be read as TOML",
        ),
    )
)

_GRAPHS = (
    ("graph-with-data-outside", graph(_external), "more than a tree ensemble"),
    (
        "graph-with-stored-tensors",
        graph(lambda m: m.graph.initializer.append(helper.make_tensor("w", 1, [1], [0.0]))),
        "more than a tree",
    ),
    ("graph-with-functions", graph(_function), "more than a tree ensemble"),
    ("graph-with-notes", graph(lambda m: m.metadata_props.add(key="a", value="b")), "more than a tree"),
    (
        "graph-with-another-operator",
        graph(lambda m: m.graph.node.append(helper.make_node("Loop", [], []))),
        "one tree ensemble",
    ),
    (
        "graph-of-a-foreign-domain",
        graph(lambda m: setattr(m.graph.node[0], "domain", "evil.ops")),
        "one tree",
    ),
    (
        "graph-importing-a-foreign-domain",
        graph(lambda m: m.opset_import.add(domain="evil.ops", version=1)),
        "should use the operators",
    ),
    ("graph-with-a-graph-inside", graph(_subgraph), "its attribute 'body'"),
    (
        "graph-with-an-attribute-twice",
        graph(lambda m: m.graph.node[0].attribute.append(m.graph.node[0].attribute[0])),
        "its attribute",
    ),
    (
        "graph-with-unknown-fields",
        signed(CARD, lambda c, _: c + b"\xfa\x3f\x02ab"),
        "fields that are not known",
    ),
    ("tree-that-goes-in-a-circle", attribute("nodes_truenodeids", at(1, 1)), "its nodes"),
    ("tree-that-returns-to-its-root", attribute("nodes_truenodeids", at(1, 0)), "its nodes"),
    ("tree-with-a-child-out-of-range", attribute("nodes_falsenodeids", at(0, 1 << 40)), "not there"),
    ("tree-with-a-child-below-zero", attribute("nodes_falsenodeids", at(0, -1)), "not there"),
    ("tree-with-a-number-out-of-range", attribute("nodes_treeids", at(0, (1 << 63) - 1)), "numbered from 0"),
    ("tree-with-a-node-twice", attribute("nodes_nodeids", at(1, 2)), "occurs twice"),
    ("tree-that-splits-beyond-its-columns", attribute("nodes_featureids", at(0, 4)), "beyond its 4"),
    ("tree-that-splits-before-its-columns", attribute("nodes_featureids", at(0, -1)), "beyond its 4"),
    ("tree-of-an-unknown-kind", attribute("nodes_modes", at(0, b"BRANCH_CALL")), "split or be leaves"),
    ("tree-with-a-limit-that-is-none", attribute("nodes_values", at(0, float("nan"))), "not all finite"),
    ("tree-with-an-infinite-leaf", attribute("target_weights", at(0, float("inf"))), "not all finite"),
    ("tree-with-an-output-out-of-range", attribute("target_ids", at(0, 7)), "to no output"),
    ("tree-with-a-value-at-no-leaf", attribute("target_nodeids", at(0, 0)), "belongs to no leaf"),
    ("tree-with-lists-that-differ", attribute("nodes_values", lambda held: held[:-1]), "differ in length"),
    ("tree-with-values-that-differ", attribute("target_weights", lambda held: held[:-1]), "differ in length"),
    ("tree-without-nodes", attribute("nodes_modes", lambda held: []), "differ in length"),
)

ATTACKS = (
    *(Attack(each.name, each.make, each.said, TO_THE_PARSER) for each in _RAW),
    *(Attack(name, make, said, TO_THE_PARSER) for name, make, said in _GRAPHS),
    Attack(
        "graph-that-no-part-makes",
        lambda s: s.forge(lambda f: f.update({"scoring.onnx": f[CARD]})),
        "not what the approved parts make",
        TO_THE_PARSER,
    ),
    Attack("reasons-that-are-a-pickle", signed(CARD_REASONS, lambda _, s: s.pickle), NO_ONNX, TO_THE_PARSER),
    *_RULES,
)
