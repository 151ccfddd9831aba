"""The process that serves: what it loads, what it opens, how it refuses to start."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crm_rules.offers.uses import NOTHING
from feature_repo.packed_rows import PackedRows
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.bootstrap.releases import current_release, open_scorer
from serving.bootstrap.worker import build
from serving.deciding.asking import OfferRequest
from serving.deciding.records import Decision
from tests.conftest import Tiny
from training.release.errors import AlteredRelease, NoRelease

ROOT = Path(__file__).parents[2]
FORBIDDEN = (
    "mlflow", "feast", "evidently", "sklearn", "xgboost", "pandas", "ibis", "duckdb", "optbinning",
    "implicit", "joblib", "pyarrow", "pandera", "scipy", "matplotlib", "kantoku", "typer",
)  # fmt: skip
SCRIPT = """
import asyncio, json, sys
import httpx
from serving.service import BankService

TOKEN = {"Authorization": "Bearer " + sys.argv[1]}
ASKED = [
    ("GET", "/readyz", {}, None), ("GET", "/livez", {}, None), ("GET", "/", TOKEN, None),
    ("GET", "/metrics", {}, None), ("GET", "/schema.json", TOKEN, None),
    ("GET", "/docs.json", {}, None), ("GET", "/v1/status", {}, None), ("GET", "/v1/status", TOKEN, None),
    ("POST", "/v1/decisions/next-best-action", TOKEN, {"customer_id": "ann"}),
]

async def main():
    app = BankService.to_asgi()
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bank") as client:
            codes = []
            for method, path, headers, body in ASKED:
                response = await client.request(method, path, headers=headers, json=body)
                codes.append(response.status_code)
    return codes, response.json()["decision_id"]

codes, decision_id = asyncio.run(main())
sys.stdout.write(json.dumps({"codes": codes, "decision_id": decision_id, "modules": sorted(sys.modules)}))
"""


def settings(tiny: Tiny) -> Settings:
    return Settings(home=tiny.home, profile="demo")


def test_the_served_process_is_closed_answers_and_knows_no_training_library(tiny: Tiny) -> None:
    token = issue(token_key(tiny.home / "keys"), "app", EVERY_SCOPE, 1, now())
    environment = os.environ | {
        "BANK_HOME": str(tiny.home), "BENTOML_HOME": str(tiny.home / "bento"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, token],
        capture_output=True, text=True, env=environment, cwd=tiny.home, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["codes"] == [200, 200, 404, 401, 404, 404, 401, 200, 200]
    loaded = {name.split(".")[0] for name in told["modules"]} & set(FORBIDDEN)
    assert not loaded
    assert json.loads(DecisionLogs.of(settings(tiny)).find(told["decision_id"]))["outcome"]


def test_a_process_is_ready_once_a_canary_decides(tiny: Tiny) -> None:
    process = build(settings(tiny), "worker-1")
    assert process.engine.ready()
    process.close()


def test_a_process_does_not_start_on_an_altered_release(tiny: Tiny) -> None:
    path = tiny.releases / tiny.release / "parts/propensity/card.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(AlteredRelease, match=r"card\.onnx"):
        build(settings(tiny), "worker-1")
    assert not (tiny.home / "decisions").exists()


def test_a_process_does_not_start_without_a_release(tiny: Tiny) -> None:
    (tiny.releases / "current.json").unlink()
    with pytest.raises(NoRelease, match="bank run"):
        build(settings(tiny), "worker-1")


def test_who_counts_uses_of_offers_does_not_wait_for_who_writes_them(tiny: Tiny) -> None:
    process = build(settings(tiny), "worker-1")
    held, done = threading.Event(), threading.Event()

    def write() -> None:
        with process.uses._database.transaction():
            held.set()
            done.wait(5)

    writer = threading.Thread(target=write)
    writer.start()
    assert held.wait(30)
    counted = process.engine.scorer.uses.counted(["ann"])
    still_writing = writer.is_alive()
    done.set()
    writer.join()
    process.close()
    assert (counted, still_writing) == (NOTHING, True)


def test_a_logged_decision_replays_with_the_release_it_names(tiny: Tiny) -> None:
    process = build(settings(tiny), "worker-1")
    [decision] = process.engine.answer("next_best_action", [OfferRequest("ann")], "r-1", "app")
    process.close()
    assert isinstance(decision, Decision)
    rows = PackedRows.open(tiny.online)
    scorer = open_scorer(current_release(settings(tiny)), rows)
    replay = scorer.replay(DecisionLogs.of(settings(tiny)).find(decision.record.decision_id))
    rows.close()
    assert replay.same
    assert replay.body == decision.body
