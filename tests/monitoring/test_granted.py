"""Terms that were granted, read from live logs and batch files, and audited by a command."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from monitoring.batch_log import BatchLog
from monitoring.cli import monitor
from monitoring.decision_log import DecisionLogs, Record
from monitoring.granted import granted, logged, origins
from tests.conftest import AT, Tiny
from training.release.manifest import Origin
from training.release.packing import pack

ORIGIN = Origin({"credit": ("exposure_total",), "profile": ("age_years", "is_female")})
TERMS = {"amount": 6_000.0, "term_months": 24, "rate": 0.055, "instalment": 264.57, "limit": 400_000.0}
COLUMNS = ("exposure_total", "age_years", "is_female")


def decision(number: int, origin: Origin = ORIGIN, release: str = "r", **told: object) -> Record:
    """A loan granted to a woman of forty who owes 9,000, except for what is told."""
    known = {"exposure_total": 9_000.0, "age_years": 40.0, "is_female": 1.0} | told
    values = np.array([known.get(name, np.nan) for name in origin.columns], np.float64)
    payload = {
        "release": release, "policy": "2026.1", "scores": {"grade": told.get("grade", "B")},
        "terms": told.get("terms", TERMS), "features": {"values": pack(values)},
    }  # fmt: skip
    return Record(f"d{number}", AT.isoformat(), "credit", f"c{number}", json.dumps(payload).encode())


def test_an_approval_is_read_with_its_terms_and_whose_it_is() -> None:
    read = granted(
        [decision(1).payload, decision(2, is_female=0.0, age_years=70.0).payload], lambda _: ORIGIN
    )
    assert read.alike.tolist() == ["2026.1 B"] * 2
    assert (read.rate[0], read.limit[0], read.amount[0], read.term_months[0]) == (0.055, 4e5, 6e3, 24)
    assert read.exposure.tolist() == [9_000.0] * 2
    assert read.attributes["gender"].tolist() == ["women", "men"]
    assert read.attributes["age"].tolist() == ["40 to 64", "65 and over"]


def test_what_is_not_known_of_somebody_new_stays_unknown() -> None:
    nothing = dict.fromkeys(COLUMNS, np.nan)
    read = granted([decision(1, **nothing).payload], lambda _: ORIGIN)
    assert (read.attributes["gender"][0], read.attributes["age"][0], read.exposure[0]) == ("", "", 0.0)


def test_who_was_not_approved_was_granted_nothing() -> None:
    assert len(granted([decision(1, terms=None).payload], lambda _: ORIGIN)) == 0


def test_decisions_of_a_release_that_is_gone_are_counted() -> None:
    found = granted([decision(1).payload, decision(2, release="gone").payload], {"r": ORIGIN}.get)
    assert (len(found), found.unreadable) == (1, 1)


def test_live_logs_and_every_batch_file_are_read(logs: DecisionLogs) -> None:
    log = logs.open("worker-0")
    log.append([decision(1), decision(2)])
    log.close()
    for name in ("first", "second"):
        with BatchLog(logs, name, AT.isoformat()) as batch:
            batch.append([decision(3), Record("n", AT.isoformat(), "nba", None, b"{}")])
    assert len(list(logged(logs, 10))) == 4
    assert len(list(logged(logs, 1))) == 3


@pytest.fixture
def home(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BANK_HOME", str(tiny.home))
    monkeypatch.delenv("BANK_DATABASE", raising=False)
    return tiny.home


@pytest.mark.parametrize(
    ("dearer", "n", "code", "verdict"),
    [
        pytest.param(0.0, 120, 0, "PASS", id="equal"),
        pytest.param(0.01, 120, 3, "FAIL", id="women-pay-more"),
        pytest.param(0.01, 20, 0, "TOO FEW", id="too-few-to-say"),
    ],
)
def test_the_command_says_whether_terms_are_equal(
    tiny: Tiny, home: Path, dearer: float, n: int, code: int, verdict: str
) -> None:
    log = DecisionLogs(home / "decisions", home / "heads").open("worker-0")
    log.append([
        decision(at, tiny.origin, tiny.release, is_female=float(at % 2), exposure_total=100.0 * at,
                 terms=TERMS | {"rate": 0.05 + dearer * (at % 2)})
        for at in range(n)
    ])  # fmt: skip
    log.close()
    done = CliRunner().invoke(monitor, ["same-terms"])
    assert done.exit_code == code, done.output
    assert done.output.splitlines()[0] == f"same terms within grade: {n} loans granted"
    assert verdict in done.output.splitlines()[-2:]  # the next step may follow
    told = json.loads(CliRunner().invoke(monitor, ["same-terms", "--json"]).stdout)
    assert (told["loans"], told["verdict"]) == (n, verdict)


def test_columns_of_a_release_are_looked_up_by_its_digest(tiny: Tiny) -> None:
    find = origins(tiny.releases)
    found = find(tiny.release)
    assert found is not None
    assert found.columns == tiny.origin.columns
    assert find("0" * 64) is None
