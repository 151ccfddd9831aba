"""The plain way to the same answer, with the libraries' own means: what most would build first.

Feast's SDK over its SQLite store, `mlflow.pyfunc` for each model (XGBoost with as many trees as ours have), a
native BentoML endpoint. No rules, reasons or log: it does less.
"""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from feature_repo.packed_rows import open_rows
from feature_repo.settings import Settings
from monitoring.batch_log import read
from serving.bootstrap.releases import current_release
from training.release.verify import VerifiedRelease

ROOT = Path(__file__).parents[2]
CLIENTS, LEARNERS = 4, 2_000
KEYS = ("customer_id", "event_timestamp", "created_timestamp")
YAML = """
project: plain
registry: registry.db
provider: local
online_store: {type: sqlite, path: online.db}
offline_store: {type: duckdb}
entity_key_serialization_version: 3
"""


def plain_rate(settings: Settings, customers: Sequence[str], seconds: float) -> float:
    """Answers a second of the plain way for these customers, warmed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_models(settings, current_release(settings).release, folder)
        _write_features(settings.features, customers, folder)
        return _measured(folder, customers, seconds)


def _write_models(settings: Settings, release: VerifiedRelease, folder: Path) -> None:
    """For each propensity model an XGBoost classifier of as many trees and leaves, as MLflow keeps one.

    It learns who is above the median of our model's score, so that it is no empty stand-in.
    """
    import mlflow.xgboost
    import onnx
    import xgboost

    known = _known(settings)
    members = json.loads(release.part("propensity")["model.json"])["members"]
    for name, member in members.items():
        content = release.part("propensity")[f"{name}.onnx"]
        trees, leaves = _size(onnx.load_model_from_string(content))
        rows = known[member["columns"]].astype("float32")
        classifier = xgboost.XGBClassifier(
            n_estimators=trees, max_leaves=leaves, max_depth=0, grow_policy="lossguide", tree_method="hist",
            n_jobs=1,
        )  # fmt: skip
        classifier.fit(rows, _above_median(content, rows.to_numpy()))
        mlflow.xgboost.save_model(classifier, str(folder / "models" / name), pip_requirements=[])
        (folder / "models" / name / "columns.json").write_text(json.dumps(member["columns"]))


def _known(settings: Settings) -> Any:
    """The online rows of some customers, as a frame."""
    import pandas as pd

    payloads = itertools.islice(read(settings.decisions, "next_best_action"), LEARNERS)
    with open_rows(settings) as rows:
        found = rows.read([json.loads(payload)["customer_id"] for payload in payloads])
    return pd.DataFrame(found.values, columns=list(found.columns))


def _size(graph: Any) -> tuple[int, int]:
    """How many trees a graph has, and how many leaves the largest may have."""
    trees = leaves = 0
    for node in graph.graph.node:
        told = {each.name: each for each in node.attribute}
        if "nodes_treeids" in told:
            ids, modes = told["nodes_treeids"].ints, told["nodes_modes"].strings
            counted = Counter(tree for tree, mode in zip(ids, modes, strict=True) if mode == b"LEAF")
            trees, leaves = trees + len(counted), max(leaves, *counted.values())
    return max(trees, 1), max(leaves, 2)


def _above_median(content: bytes, rows: Any) -> Any:
    """Who is above the median of a graph's score."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(content)
    score = np.asarray(session.run(None, {session.get_inputs()[0].name: rows})[-1]).reshape(len(rows), -1)[
        :, -1
    ]
    return (score > np.median(score)).astype(int)


def _write_features(features: Path, customers: Sequence[str], folder: Path) -> None:
    """The customers' features in Feast's own SQLite store."""
    import pyarrow.dataset as ds
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.types import Float64

    (folder / "feature_store.yaml").write_text(YAML)
    store, customer = (
        FeatureStore(str(folder)),
        Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING),
    )
    for path in sorted(each for each in features.iterdir() if each.is_dir()):
        table = ds.dataset(path).to_table(filter=ds.field("customer_id").isin(list(customers)))
        frame = table.to_pandas().sort_values("event_timestamp").groupby("customer_id").tail(1)
        names = [
            name for name in frame if name not in ("customer_id", "event_timestamp", "created_timestamp")
        ]
        frame = frame[["customer_id", "event_timestamp", *names]].astype(dict.fromkeys(names, "float64"))
        frame["event_timestamp"] = datetime.now(UTC)
        source = FileSource(path=str(path), timestamp_field="event_timestamp")
        schema = [Field(name=name, dtype=Float64) for name in names]
        view = FeatureView(name=path.name, entities=[customer], schema=schema, source=source)
        store.apply([customer, view])
        store.write_to_online_store(path.name, frame)


def _measured(folder: Path, customers: Sequence[str], seconds: float) -> float:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PLAIN_FOLDER": str(folder), "BENTOML_HOME": str(folder / "bento"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-m", "bentoml", "serve", "tests.benchmarks.plain_service:Plain"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("wb") as said:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=said, stderr=said)
    try:
        _until_answered(server, port, customers[0], folder / "server.log")
        return _rate(port, customers, seconds)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def _until_answered(server: subprocess.Popen[bytes], port: int, customer: str, said: Path) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends and server.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            body = json.dumps({"customer_id": customer})
            connection.request("POST", "/decide", body, {"Content-Type": "application/json"})
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the plain service did not answer: {said.read_text()[-1_000:]}")


def _rate(port: int, customers: Sequence[str], seconds: float) -> float:
    asked = [["/decide", {"customer_id": name}] for name in customers]
    wanted = {"port": port, "token": "", "asked": asked, "connections": CLIENTS, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load"], input=json.dumps(wanted), text=True,
        capture_output=True, cwd=ROOT, timeout=seconds + 60, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    if found["statuses"].keys() - {"200"}:
        raise RuntimeError(f"the plain way answered {found['statuses']}")
    return float(found["rate"])
