"""What it costs to make a release, to check it, and to load it.

Measures the current release of BANK_HOME, else one fabricated in a realistic size: twelve tree models of
300 trees over 140 columns, up to six deep and as full as trees that were grown, each with its reasons.
Each figure is the median of warmed, interleaved runs; hashing the same bytes alone is the baseline. All
but the export, which waits for the disk, is processor time: what else runs on the machine does not count.
"""

import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from crm_rules.governance import approvals, demo, keys
from crm_rules.governance.people import Role, Trust
from crm_rules.policy import STANDARD
from feature_repo.settings import Settings
from serving.deciding.loaded import Loaded
from training.release.assemble import assemble, part_digest, write_evidence
from training.release.current import FILE, current
from training.release.manifest import Origin
from training.release.verify import verify

AT = datetime(2026, 1, 1, tzinfo=UTC)
MODELS, TREES, DEPTH, WIDTH = 12, 300, 6, 140
FULL = 0.6  # of the nodes below a root split again: 21 nodes a tree, as many as grown trees have
_NODES = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids",
    "nodes_falsenodeids", "nodes_missing_value_tracks_true", "nodes_hitrates",
)  # fmt: skip
LIMITS = {"start_ms": 500.0}  # verifying and loading: a worker that starts again answers at once


def run(quick: bool) -> dict[str, object]:
    """Milliseconds to verify and to load, seconds to assemble, and ours over hashing alone."""
    with tempfile.TemporaryDirectory() as folder:
        settings, fabricated = Settings(), False
        if not (settings.releases / FILE).exists():
            settings, fabricated = _fabricated(Path(folder)), True
        trust = Trust.load(settings.trust_file, settings.profile)
        named = settings.releases.glob("*/manifest.json") if fabricated else ()
        release = next((path.parent.name for path in named), "") or current(settings.releases, trust).release
        held = verify(settings.releases, release, trust)
        parts = {name: settings.releases / release / "parts" / name for name in held.manifest.parts}
        contents = [*held.files.values(), *held.evidence.values()]
        number = iter(range(1_000))
        sides: dict[str, Callable[[], object]] = {
            "verify": lambda: verify(settings.releases, release, trust),
            "load": lambda: Loaded.of(held),
            "hash": lambda: [hashlib.sha256(content).hexdigest() for content in contents],
            "export": lambda: assemble(Path(folder) / f"out{next(number)}", parts, held.manifest.origin),
        }
        seconds = _interleaved(sides, turns=3 if quick else 7)
    start = 1_000 * (seconds["verify"] + seconds["load"])
    return {
        "bench": "release",
        "n": sum(len(content) for content in contents),
        "figures": {
            "verify_ms": round(1_000 * seconds["verify"], 1),
            "load_ms": round(1_000 * seconds["load"], 1),
            "start_ms": round(start, 1),
            "export_s": round(seconds["export"], 3),
            "hash_ms": round(1_000 * seconds["hash"], 2),
        },
        "ratios": {"hash_speed": round(seconds["hash"] / seconds["verify"], 3)},
        "limits": LIMITS,
        "holds": start <= LIMITS["start_ms"],
        "note": f"{'A fabricated' if fabricated else 'The current'} release of {len(held.files)} files.",
    }


def _interleaved(sides: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns + 1):
        for name, work in sides.items():
            clock = time.perf_counter if name == "export" else time.process_time
            started = clock()
            work()
            if turn:  # the first turn warms
                found[name].append(clock() - started)
    return {name: statistics.median(times) for name, times in found.items()}


def _fabricated(home: Path) -> Settings:
    """A signed release of random trees in `home`."""
    settings = Settings(home=home / "home")
    trust = demo.make_demo(settings.trust_file, settings.keys, AT)
    columns = tuple(f"column_{number:03d}" for number in range(WIDTH))
    parts = _parts(home / "parts", columns)
    release = assemble(settings.releases, parts, Origin({"rows": columns}))
    signers = {role: p.id for p in trust.people for role in p.roles}
    for name, folder in parts.items():
        evidence: dict[str, object] = {
            "part": name, "part_digest": part_digest(name, folder), "requested_by": "dana", "run": {},
            "gates": [{"name": "fabricated", "value": 1.0, "limit": 1.0, "passed": True}],
        }  # fmt: skip
        signed = [
            approvals.approve(
                evidence, signers[role], role, AT, keys.load(demo.key_path(settings.keys, signers[role]))
            )
            for role in (Role.VALIDATOR, Role.RISK_APPROVER)
        ]
        write_evidence(
            settings.releases / release, {**evidence, "approvals": [each.as_json() for each in signed]}
        )
    return settings


def _parts(home: Path, columns: tuple[str, ...]) -> dict[str, Path]:
    policies, rng = STANDARD.parent, np.random.default_rng(7)
    product = {
        "product_id": "a",
        "family": "fund",
        "risk_level": 1,
        "rate": 0.02,
        "minimum_amount": 1.0,
        "value": 1.0,
    }
    members = {
        f"m{number:02d}": {"family": None, "columns": list(columns), "base_rate": 0.1,
                           "calibration": {"a": 1.0, "b": 0.0}}
        for number in range(MODELS)
    }  # fmt: skip
    graphs = {name: _graphs(rng) for name in members}
    policy = (policies / "standard.toml").read_bytes().replace(b'fund = ["behind_with_payments"]', b"")
    files: dict[str, dict[str, bytes]] = {
        "propensity": {
            "model.json": json.dumps({"members": members}).encode(),
            **{f"{name}.onnx": margin for name, (margin, _) in graphs.items()},
            **{f"{name}.reasons.onnx": reasons for name, (_, reasons) in graphs.items()},
        },
        "policy": {"policy.toml": policy,
                   "segments.toml": b'version = "1"\n[segments]\n'},
        "products": {"products.json": json.dumps([product]).encode(), "offers.toml": b"version = '1'"},
        "reasons": {"reasons.toml": (policies / "reasons.toml").read_bytes()},
    }  # fmt: skip
    for name, contents in files.items():
        (home / name).mkdir(parents=True)
        for file, content in contents.items():
            (home / name / file).write_bytes(content)
    return {name: home / name for name in files}


def _graphs(rng: np.random.Generator) -> tuple[bytes, bytes]:
    """Random trees as the exporter writes them: the margin, and what each column on a path adds."""
    nodes: dict[str, list[object]] = {name: [] for name in _NODES}
    margins, reasons = list[tuple[int, int, int]](), list[tuple[int, int, int]]()
    for tree in range(TREES):
        waiting: list[tuple[int, frozenset[int]]] = [(0, frozenset())]
        count = 1
        for node, path in waiting:  # it grows while it is walked
            split = len(path) < DEPTH and (node == 0 or rng.random() < FULL)
            column = int(rng.integers(WIDTH)) if split else 0
            children = (count, count + 1) if split else (0, 0)
            row = (tree, node, column, "BRANCH_LT" if split else "LEAF", float(np.float32(rng.normal())),
                   *children, int(rng.integers(2)), 1.0)  # fmt: skip
            for name, value in zip(_NODES, row, strict=True):
                nodes[name].append(value)
            if split:
                waiting += [(child, path | {column}) for child in children]
                count += 2
            else:
                margins.append((tree, node, 0))
                reasons += [(tree, node, target) for target in sorted(path)]
    return _onnx(nodes, margins, 1, rng), _onnx(nodes, reasons, WIDTH, rng)


def _onnx(
    nodes: dict[str, list[object]], leaves: list[tuple[int, int, int]], targets: int, rng: np.random.Generator
) -> bytes:
    weights = (rng.normal(size=len(leaves)) / 30).astype(np.float32).tolist()
    ensemble = helper.make_node(
        "TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=targets,
        aggregate_function="SUM", post_transform="NONE", base_values=[0.0] * targets, **nodes,
        target_treeids=[each[0] for each in leaves], target_nodeids=[each[1] for each in leaves],
        target_ids=[each[2] for each in leaves], target_weights=weights,
    )  # fmt: skip
    graph = helper.make_graph(
        [ensemble], "trees",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, WIDTH])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, targets])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString(deterministic=True))
