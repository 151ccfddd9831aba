"""An application before and after a policy change: as it was simulated, under the same running worker."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from feature_repo.settings import Settings
from serving.bootstrap.edge import now
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.worker import build
from serving.deciding.asking import CreditRequest
from serving.deciding.records import Decision
from serving.pipeline.simulating import simulated
from tests.conftest import AT
from tests.promoted import candidate, opened, promoted_tiny, sign


def apply(process: ScoringProcess, name: str, amount: float = 6_000.0) -> dict[str, Any]:
    [made] = process.engine.answer("credit", [CreditRequest(name, amount, 24, 5_000.0)], "r", "app")
    assert isinstance(made, Decision)
    found: dict[str, Any] = json.loads(made.record.payload)
    return found


def test_the_same_application_is_decided_as_simulated_without_a_restart(tmp_path: Path) -> None:
    tiny = promoted_tiny(tmp_path)
    process = build(Settings(home=tiny.home, profile="demo"), "worker-1")
    try:
        before = apply(process, "ann")
        path = tiny.parts["policy"] / "policy.toml"
        text = path.read_text().replace('version = "2026.1"', 'version = "2026.2"')
        path.write_text(re.sub(r"(?m)^amount_max = .*$", "amount_max = 1000.0", text))
        found = simulated(Settings(home=tiny.home, profile="demo"), path, None, "", now())
        [credit] = found.found
        assert credit.moves == ((before["outcome"], "refer", 1),)
        with opened(tiny) as desk:
            request = desk.ask([candidate(tiny, "policy")], tiny.origin, tiny.signer("dana"), AT)
            assert sign(desk, tiny, request, AT) is not None
        process.releases.look()
        after = apply(process, "ann")
    finally:
        process.close()
    assert (before["outcome"], before["policy"]) == ("approve", "2026.1")
    assert (after["outcome"], after["policy"]) == ("refer", "2026.2")
    assert "LEND-06" in after["rules"]
    assert credit.amounts == (pytest.approx(6_000.0), 0.0)
