"""Referral, decision, letter, readable result: a served bank over HTTP, and people at the command line."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

import bank
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from tests.conftest import make_tiny

ROOT = Path(bank.__file__).parent
REFERRED = {"customer_id": "ann", "amount": 60_000, "term_months": 36}
DECLINED = {"customer_id": "ann", "amount": 150_000, "term_months": 36}


@dataclass(frozen=True)
class Bank:
    """A bank that is served, and its command line."""

    home: Path
    client: httpx.Client

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.client.post(path, json=body).raise_for_status().json()
        return found

    def case_of(self, decision_id: str) -> dict[str, Any]:
        """What the app reads of a decision's case."""
        found = (
            self.client.get("/v1/decisions", params={"decision_id": decision_id}).raise_for_status().json()
        )
        assert found["replay"] == "identical"
        case: dict[str, Any] = found["case"]
        return case

    def cases(self, *words: str, code: int = 0) -> str:
        done = self.bank("cases", *words)
        if code:
            return str(done.exception)
        assert done.exit_code == 0, done.exception or done.output
        return done.output

    def bank(self, *words: str) -> Result:
        """A command, in this process."""
        return CliRunner(env={"BANK_HOME": str(self.home), "BANK_PROFILE": "demo"}).invoke(bank.app, words)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The tiny bank behind `bank serve`, a process of its own."""
    home = make_tiny(tmp_path_factory.mktemp("cases") / "home").home
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "BANK_HOME": str(home), "BANK_PROFILE": "demo", "PYTHONPATH": str(ROOT)}
    words = [sys.executable, str(ROOT / "bank.py"), "serve", "--port", str(port)]
    with (home / "said").open("wb") as said:
        server = subprocess.Popen(words, env=environment, cwd=home, stdout=said, stderr=said)
    token = issue(token_key(home / "keys"), "app", EVERY_SCOPE, 1, now())
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            _wait(lambda: client.get("/readyz").status_code == 200, server, home)
            yield Bank(home, client)
    finally:
        server.terminate()
        server.wait(30)


def _wait(ready: Callable[[], bool], server: subprocess.Popen[bytes], home: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, (home / "said").read_text()
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail((home / "said").read_text())


def test_a_referral_is_decided_told_and_read_by_the_app(served: Bank):
    said = served.post("/v1/decisions/credit", REFERRED)
    assert (said["outcome"], said["automation"]) == ("refer", "person")
    case = said["decision_id"]
    assert said["case"]["id"] == case
    assert served.case_of(case)["state"] == "waiting"
    assert case in served.cases("list")
    served.cases("claim", case, "--by", "una")
    assert served.case_of(case)["state"] == "in_work"
    assert "it is claimed by 'una'" in served.cases("claim", case, "--by", "rita", code=1)
    served.cases("evidence", case, "--note", "three payslips and the contract", "--by", "una")
    words = (
        "decline",
        "--reason",
        "CASE-04",
        "--text",
        "the employer knows nobody of that name",
        "--by",
        "una",
    )
    served.cases("decide", case, *words)
    assert (served.case_of(case)["state"], served.case_of(case)["letter"]) == ("decided", None)
    served.cases("letter", case, "--language", "zh", "--by", "una")
    served.cases("deliver", case, "--channel", "app", "--by", "una")
    told = served.case_of(case)
    assert (told["state"], told["outcome"], told["decided_by"]["role"]) == ("told", "decline", "underwriter")
    assert "无法核实您的收入" in told["letter"]["zh"]
    assert "Your income could not be confirmed." in told["letter"]["en"]
    assert told["appeal_until"] > said["at"]
    assert "employer" not in json.dumps(told)


def test_an_appeal_is_decided_by_other_eyes_and_turns_the_decision(served: Bank):
    decision = served.post("/v1/decisions/credit", DECLINED)["decision_id"]
    asked = served.post("/v1/decisions/review", {"decision_id": decision, "wish": "my wife earns as well"})
    review = asked["case"]["id"]
    assert (asked["opened"], asked["case"]["kind"]) == (True, "review")
    assert "my wife earns as well" in served.cases("show", review)
    served.cases("claim", review, "--by", "una")
    served.cases("decide", review, "upheld", "--reason", "CASE-10", "--text", "nothing new", "--by", "una")
    served.cases("letter", review, "--by", "una")
    appeal = served.post("/v1/decisions/review", {"decision_id": decision})["case"]["id"]
    assert "took the decision that is contested" in served.cases("claim", appeal, "--by", "una", code=1)
    served.cases("claim", appeal, "--by", "rita")
    words = ("changed", "--reason", "CASE-01", "--text", "two incomes carry it", "--by", "rita")
    assert "override" in served.cases("decide", appeal, *words)
    served.cases("letter", appeal, "--by", "rita")
    told = served.case_of(decision)
    assert (told["kind"], told["outcome"], told["appeal_until"]) == ("appeal", "approve", None)
    assert "We have approved your application" in told["letter"]["en"]


def test_whatever_was_done_every_row_of_cases_is_as_it_was_written(served: Bank):
    audited = json.loads(served.bank("audit", "verify", "--json").output)
    [found] = [check for check in audited["checks"] if check["name"] == "cases"]
    assert found["intact"]
    assert found["entries"] > 0
