"""What requests leave in logs and figures: enough to run the service by, and nothing of a customer."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from feature_repo.settings import Settings
from monitoring.decision_log import Record
from serving.api.observed import MetricsRoute, Observed
from serving.auth import CLOSED, EVERY_SCOPE, OPEN, ROUTES, issue, token_key
from serving.bootstrap.edge import now
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.worker import build
from serving.worker.logs import only_ours, to_stderr
from serving.worker.metrics import UNKNOWN, Metrics
from tests.conftest import Tiny, make_tiny

CANARY = "canary-ann-example-13-lane"
PATHS = frozenset(path for _, path in {**ROUTES, **CLOSED}) | {path for _, path in OPEN}
NBA, CREDIT = "/v1/decisions/next-best-action", "/v1/decisions/credit"


class Broken:
    """A log that fails in a way nobody expects, with words about a customer."""

    def append(self, records: Sequence[Record]) -> None:
        raise ValueError(f"{CANARY} {records}")


class Watched:
    """A tiny bank with its figures, and the lines it writes."""

    def __init__(self, tiny: Tiny, said: io.StringIO) -> None:
        self.metrics, self.said = Metrics(PATHS), said
        self.process: ScoringProcess = build(
            Settings(home=tiny.home, profile="demo"), "worker-1", metrics=self.metrics
        )
        gate = self.process.gate(MetricsRoute(self.process.endpoints, self.metrics, self.process.look))
        self.app = Observed(gate, self.metrics, PATHS)
        self.token = issue(token_key(tiny.home / "keys"), "app", EVERY_SCOPE, 1, now())

    def asks(self, method: str, path: str, body: str | None = None, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
                given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
                return await client.request(method, path, content=body, headers=given | headers)

        return asyncio.run(ask())

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.said.getvalue().splitlines()]

    def figures(self) -> str:
        return self.asks("GET", "/metrics").text


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    said = io.StringIO()
    root, before = logging.getLogger(), logging.getLogger().handlers
    to_stderr("bank", stream=said)
    yield (found := Watched(make_tiny(tmp_path), said))
    found.process.close()
    bank = logging.getLogger("bank")
    bank.handlers, bank.propagate, root.handlers = [], True, before
    bank.setLevel(logging.NOTSET)


def test_answers_are_counted_by_route_and_status_and_decisions_by_outcome(watched: Watched) -> None:
    for body in ('{"customer_id": "ann"}', '{"customer_id": "nobody"}', "{"):
        watched.asks("POST", NBA, body)
    watched.asks("GET", "/v1/customers/ann")
    told = watched.figures()
    for status in (200, 404, 422):
        assert f'bank_requests_total{{route="{NBA}",status="{status}"}} 1.0' in told
    assert f'bank_requests_total{{route="{UNKNOWN}",status="404"}} 1.0' in told
    assert 'bank_decisions_total{outcome="offered",use_case="next_best_action"} 1.0' in told
    assert 'bank_refused_total{kind="unknown-customer"} 1.0' in told
    assert "bank_commit_seconds_count 1.0" in told
    assert "bank_queue_seconds_count" in told
    assert "bank_feature_age_seconds_count 1.0" in told
    assert f'bank_release_info{{release="{watched.process.engine.serving.release[:16]}"}} 1.0' in told


def test_only_who_may_read_the_status_reads_the_figures(watched: Watched) -> None:
    assert watched.asks("GET", "/metrics", Authorization="").status_code == 401


def test_a_request_that_failed_leaves_a_line_and_one_that_did_not_leaves_none(watched: Watched) -> None:
    watched.asks("POST", NBA, '{"customer_id": "ann"}')
    assert watched.lines() == []
    watched.process.kept._log = Broken()
    answer = watched.asks("POST", NBA, '{"customer_id": "ann"}', **{"X-Request-ID": "r-17"})
    assert answer.status_code >= 500
    [line] = [line for line in watched.lines() if line["event"] == "failed"]
    assert (line["request_id"], line["route"], line["caller"]) == ("r-17", NBA, "app")
    assert line["status"] == answer.status_code


def test_nothing_of_a_customer_is_in_any_line_or_label(watched: Watched) -> None:
    watched.app._access = True
    for broken in (False, True):
        if broken:
            watched.process.kept._log = Broken()
        for method, path in sorted({**ROUTES, **CLOSED}):
            for body in (
                f'{{"customer_id": "{CANARY}", "amount": 5000, "term_months": 12}}',
                f'{{"items": [{{"customer_id": "{CANARY}"}}], "{CANARY}": "{CANARY}"}}',
                f'{{"decision_id": "{CANARY}", "{CANARY}": 1}}', f'"{CANARY}', '{"customer_id": "ann"}',
            ):  # fmt: skip
                query = f"?decision_id={CANARY}&{CANARY}=1" if method == "GET" else ""
                watched.asks(method, path + query, None if method == "GET" else body)
        watched.asks("POST", NBA, "{}", Authorization=f"Bearer {CANARY}")
        watched.asks("GET", f"/v1/customers/{CANARY}", Cookie=CANARY)
        watched.asks("POST", NBA, "{}", **{"Content-Type": CANARY, "Idempotency-Key": CANARY})
    figures, lines = watched.figures(), watched.said.getvalue()
    assert len(lines.splitlines()) > len(ROUTES) * 5
    for secret in (CANARY, '"ann"', watched.token):
        assert secret not in figures
        assert secret not in lines


def test_every_logger_of_the_process_writes_lines_and_libraries_only_warnings() -> None:
    root = logging.getLogger()
    before, level, theirs = root.handlers, root.level, logging.getLogger("library.loud")
    theirs.addHandler(logging.StreamHandler(io.StringIO()))
    only_ours()
    handlers, root.handlers = root.handlers, before
    root.setLevel(level)
    assert (len(handlers), theirs.handlers, theirs.propagate) == (1, [], True)
