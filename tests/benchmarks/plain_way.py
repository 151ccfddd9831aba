"""The plain way to the same answer, with the libraries' own means: what most would build first.

Feast's SDK over its SQLite store, `mlflow.pyfunc` for each model (the same ONNX graphs), a native BentoML
endpoint. No rules, reasons or log: it does less.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from feature_repo.settings import Settings
from serving.bootstrap.releases import current_release
from training.release.verify import VerifiedRelease

ROOT = Path(__file__).parents[2]
CLIENTS = 4
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
        _write_models(current_release(settings).release, folder)
        _write_features(settings.features, customers, folder)
        return _measured(folder, customers, seconds)


def _write_models(release: VerifiedRelease, folder: Path) -> None:
    """Each propensity model as MLflow keeps one."""
    import mlflow.onnx
    import onnx

    part = release.part("propensity")
    members = json.loads(part["model.json"])["members"]
    for name, member in members.items():
        graph = onnx.load_model_from_string(part[f"{name}.onnx"])
        mlflow.onnx.save_model(graph, str(folder / "models" / name), pip_requirements=[])
        (folder / "models" / name / "columns.json").write_text(json.dumps(member["columns"]))


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
