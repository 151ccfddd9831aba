"""A policy changes as its users meet it: simulated, signed by two people, served without a restart."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crm_rules.policy import STANDARD
from feature_repo.settings import Settings
from monitoring import batch_log
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.worker import build
from serving.deciding.asking import OfferRequest
from serving.deciding.records import Decision
from tests.e2e.conftest import Home
from tests.e2e.test_promotion import Desk

ASKED = 300
WAIT_SECONDS = 30
CHANGES = {
    'version = "2026.1"': 'version = "2026.2"',
    "extra_care_from_age = 65": "extra_care_from_age = 30",
    "extra_care_from_risk = 3": "extra_care_from_risk = 1",
}


def careful(folder: Path) -> str:
    """A policy by which everybody from 30 on is advised by a person; its path."""
    text = STANDARD.read_text()
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "careful.toml"
    path.write_text(text)
    return str(path)


def offers(process: ScoringProcess, customers: Sequence[str]) -> list[Decision]:
    asked = [OfferRequest(name) for name in customers]
    made = process.engine.answer("next_best_action", asked, "r-1", "app")
    return [each for each in made if isinstance(each, Decision)]


def first(made: Decision) -> str:
    shown: list[str] = made.kept["outcome"]  # type: ignore[assignment]  # a list of offers, as the record keeps it
    return shown[0] if shown else "(no offer)"


def policies(made: Sequence[Decision]) -> set[str]:
    return {json.loads(each.record.payload)["policy"] for each in made}


def simulated(desk: Desk, source: str, folder: Path) -> dict[str, Any]:
    out = folder / "simulated.json"
    told = desk("rules", "simulate", "--from", source, "--newest", str(ASKED), "--out", str(out)).out
    assert "check: 2026.1 against itself changes 0 of" in told
    found: dict[str, Any] = json.loads(out.read_text())["use_cases"]["next_best_action"]
    return found


def taken(process: ScoringProcess, release: str) -> bool:
    """Whether a running worker took a release by itself."""
    until = time.monotonic() + WAIT_SECONDS
    while process.engine.serving.release != release and time.monotonic() < until:
        time.sleep(0.1)
    return process.engine.serving.release == release


def test_customers_are_decided_as_simulated_once_two_people_signed(generated: Home, tmp_path: Path) -> None:
    desk = Desk(Path(shutil.copytree(generated.path, tmp_path / "home")))
    source, at = careful(tmp_path), datetime.now(UTC)
    payloads = batch_log.read(desk.home / "decisions", "next_best_action")
    customers = [json.loads(next(payloads))["customer_id"] for _ in range(ASKED)]
    process = build(Settings(home=desk.home, profile="demo"), "worker-e2e", lambda: at)
    process.follow()
    try:
        before = offers(process, customers)
        found = simulated(desk, source, tmp_path)
        assert found["changed"]["of"] == ASKED
        assert found["changed"]["some"] > 0
        assert found["rules"]["SUIT-03"]["new"]["some"] > found["rules"]["SUIT-03"]["old"]["some"]

        request = desk.request("policy", "--from", source, "--note", "advice from 30 on")
        assert policies(offers(process, customers[:1])) == {"2026.1"}
        desk("promote", "approve", request, by="victor")
        desk("promote", "approve", request, by="rita")
        assert taken(process, desk.release())
        after = offers(process, customers)
    finally:
        process.close()
    assert (policies(before), policies(after)) == ({"2026.1"}, {"2026.2"})
    moved = Counter((first(old), first(new)) for old, new in zip(before, after, strict=True))
    expected = {(each["old"], each["new"]): each["n"] for each in found["moves"]}
    assert {pair: n for pair, n in moved.items() if pair[0] != pair[1]} == expected
    for made in (before[0], after[0]):
        assert "to the same bytes" in desk("decisions", "replay", made.record.decision_id).out
    assert desk("audit", "verify").last == "0 problems: intact"
