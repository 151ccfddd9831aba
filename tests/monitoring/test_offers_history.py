"""Decisions and what customers said come back as the raw table `offers`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from crm_rules.database import open_database
from crm_rules.offers.catalogue import Offer, Text
from crm_rules.offers.uses import OfferUses, Said
from feature_repo.raw.ingest import ingest
from feature_repo.raw.source import files
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs, Record
from monitoring.offer_rows import Catalogues, offered
from monitoring.offers_history import FILE, Mark, Returned, offers_history
from tests.conftest import Tiny
from tests.feature_repo.raw.conftest import FILES

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def offer(name: str, product: str | None = None, mandatory: bool = False) -> Offer:
    return Offer(name, "grow", "g", Text(name, name), product, mandatory=mandatory, starting_propensity=0.1,
                 starting_evidence=1, value=1.0)  # fmt: skip


SHELF = (offer("A", "PA"), offer("B", "PB"), offer("C"), offer("D", "PD"), offer("M", "PM", mandatory=True))


def told(
    outcome: list[str], arm: str = "best", at: datetime = AT, name: str = "d1", **more: Any
) -> dict[str, Any]:
    return {
        "decision_id": name, "customer_id": "17", "at": at.isoformat(), "release": "ab", "arm": arm,
        "request": {"channel": "email", "top": 2}, "selection_probability": 0.9, "outcome": outcome,
        "candidates": {"ranked": [0, 1, 2, 3]}, **more,
    }  # fmt: skip


def arms(record: dict[str, Any]) -> list[tuple[str, object, object]]:
    return [
        (str(row["offer_id"]), row["arm"], row["selection_probability"]) for row in offered(record, SHELF)
    ]


@pytest.mark.parametrize(
    ("record", "rows"),
    [
        pytest.param(
            told(["B", "A"]), [("d1:B", None, 0.9), ("d1:A", None, None)], id="the-policy-chose"
        ),
        pytest.param(
            told(["B", "D"], "random"),
            [("d1:B", "treated", 0.5), ("d1:D", "treated", 0.5), ("d1:A", "control", 0.5)],
            id="what-chance-kept-back-is-control-and-an-offer-of-no-product-is-left-out",
        ),
        pytest.param(
            told(["M", "D"], "random", candidates={"ranked": [4, 0, 1, 2, 3]}),
            [
                ("d1:M", None, 0.9), ("d1:D", "treated", 0.25),
                ("d1:A", "control", 0.25), ("d1:B", "control", 0.25),
            ],
            id="what-everybody-is-shown-is-in-no-arm",
        ),
        pytest.param(
            told(["A", "B"], "random", candidates={"ranked": [0, 1]}),
            [("d1:A", None, 0.9), ("d1:B", None, None)], id="where-all-are-shown-nothing-is-compared",
        ),
        pytest.param(told([]), [], id="nothing"),
    ],
)  # fmt: skip
def test_arms_are_those_that_chance_made(
    record: dict[str, Any], rows: list[tuple[str, object, object]]
) -> None:
    assert arms(record) == rows


@pytest.fixture
def home(tiny: Tiny, tmp_path: Path) -> Settings:
    """The tiny bank's release over raw tables of two customers, and one decision with two offers shown."""
    settings, folder = Settings(home=tiny.home), tmp_path / "tables"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    ingest(folder, settings.raw, None, 0.5, AT, tmp_path / "key", threads=1)
    decide(settings, tiny, "d1", AT)
    return settings


def names(settings: Settings, tiny: Tiny) -> list[str]:
    found = Catalogues.of(settings.releases)(tiny.release)
    assert found is not None
    return [each.offer_id for each in found]


def decide(settings: Settings, tiny: Tiny, name: str, at: datetime, release: str | None = None) -> None:
    record = told(names(settings, tiny)[:2], name=name, at=at, release=release or tiny.release)
    log = DecisionLogs.of(settings).open("worker-1")
    log.append([Record(name, at.isoformat(), "next_best_action", "17", orjson.dumps(record))])
    log.close()


def say(settings: Settings, decision_id: str, offer_id: str, at: datetime) -> None:
    uses = OfferUses(open_database(settings.uses))
    uses.say(Said(decision_id, offer_id, "17", "declined", at.isoformat()), None)
    uses.close()


def rows(settings: Settings) -> list[dict[str, Any]]:
    return [row for path in files(settings.raw, "offers") for row in pq.read_table(path).to_pylist()]


def test_decisions_come_back_once(home: Settings, tiny: Tiny) -> None:
    assert offers_history(home, AT + DAY) == Returned(added=2)
    assert offers_history(home, AT + DAY) == Returned(added=0)
    (home.decisions / FILE).unlink()
    assert offers_history(home, AT + DAY) == Returned(added=0)
    first, second = rows(home)
    shown = names(home, tiny)
    assert (first["offer_id"], second["offer_id"]) == (f"d1:{shown[0]}", f"d1:{shown[1]}")
    assert (first["customer_id"], first["channel"], first["arm"]) == ("17", "email", None)
    assert (first["at"], first["recorded_at"]) == (AT, AT)
    assert (first["selection_probability"], second["selection_probability"]) == (0.9, None)


def test_what_came_at_or_after_the_moment_comes_the_next_time(home: Settings, tiny: Tiny) -> None:
    decide(home, tiny, "d2", AT + DAY)
    decide(home, tiny, "d3", AT + DAY + DAY)
    assert [offers_history(home, AT + days * DAY).added for days in (0, 1, 1, 2, 3)] == [0, 2, 0, 2, 2]


def test_what_the_customer_said_is_a_row_recorded_later(home: Settings, tiny: Tiny) -> None:
    offers_history(home, AT + DAY)
    said = AT + DAY + timedelta(hours=1)
    say(home, "d1", names(home, tiny)[1], said)
    assert offers_history(home, AT + DAY).added == 0
    assert offers_history(home, AT + 2 * DAY) == Returned(added=1)
    assert offers_history(home, AT + 2 * DAY) == Returned(added=0)
    _, shown, answer = rows(home)
    assert answer == {**shown, "recorded_at": said, "outcome": "declined", "outcome_at": said}


def test_a_run_that_ends_before_it_is_remembered_adds_nothing_twice(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Mark, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        offers_history(home, AT + DAY)
    monkeypatch.undo()
    assert len(rows(home)) == 2
    assert offers_history(home, AT + DAY).added == 0


def test_what_was_altered_or_cannot_be_read_does_not_come_back(home: Settings, tiny: Tiny) -> None:
    decide(home, tiny, "d2", AT, release="0" * 64)
    decide(home, tiny, "d3", AT)
    log = DecisionLogs.of(home).open("worker-1")
    log._database.ask("UPDATE payloads SET customer_id = '18' WHERE decision_id = 'd3'")
    log.close()
    say(home, "d9", "x", AT)
    found = offers_history(home, AT + DAY)
    assert (found.added, found.unreadable, found.unverified, found.erased) == (2, 1, 1, 1)
    assert "entry 3 (d3): its content was altered" in found.problems[0]
