import sqlite3

import pytest

from monitoring.decision_log import ANCHORS, DecisionLog, Record, find, payloads, verify
from monitoring.errors import LogUnavailable, UnknownDecision


def record(number: int, payload: bytes = b'{"pd": 0.1}') -> Record:
    return Record(f"d{number}", "2026-01-01T00:00:00Z", "credit", f"c{number % 3}", payload)


@pytest.fixture
def folder(tmp_path):
    log = DecisionLog.open(tmp_path, "worker-0")
    log.append([record(n) for n in range(5)])
    log.append([record(5)])
    log.close()
    return tmp_path


def change(folder, statement: str) -> None:
    connection = sqlite3.connect(folder / "worker-0.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_an_appended_decision_is_found_again(folder):
    assert find(folder, "d5") == b'{"pd": 0.1}'
    assert len(list(payloads(folder, "credit", 100))) == 6


def test_an_unknown_decision_is_an_error_that_names_it(folder):
    with pytest.raises(UnknownDecision, match="d99"):
        find(folder, "d99")


def test_an_untouched_log_verifies(folder):
    found = verify(folder)
    assert (found.entries, found.erased, found.problems) == (6, 0, ())


def test_a_log_opened_again_goes_on_with_its_chain(folder):
    log = DecisionLog.open(folder, "worker-0")
    log.append([record(6)])
    log.close()
    assert verify(folder).intact
    assert verify(folder).entries == 7


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param(
            "UPDATE payloads SET payload = x'00' WHERE decision_id = 'd2'",
            "payload was altered",
            id="payload",
        ),
        pytest.param("DELETE FROM chain WHERE seq = 3", "are missing", id="deleted"),
        pytest.param("DELETE FROM chain WHERE seq = 6", "is gone", id="tail-cut"),
        pytest.param(
            "UPDATE chain SET digest = (SELECT digest FROM chain WHERE seq = 1) WHERE seq = 4",
            "does not follow",
            id="digest",
        ),
        pytest.param("UPDATE chain SET seq = seq + 10", "are missing", id="renumbered"),
    ],
)
def test_every_kind_of_tampering_shows(folder, statement, said):
    change(folder, statement)
    assert said in " ".join(verify(folder).problems)


def test_a_wholly_rewritten_chain_is_caught_by_the_anchors(folder):
    (folder / "worker-0.db").unlink()
    anchors = (folder / ANCHORS).read_text()
    log = DecisionLog.open(folder, "worker-0")
    log.append([record(n, b"{}") for n in range(6)])
    log.close()
    (folder / ANCHORS).write_text(anchors)
    assert "anchored head is another" in " ".join(verify(folder).problems)


def test_an_erased_payload_leaves_a_chain_that_verifies(folder):
    change(folder, "DELETE FROM payloads WHERE customer_id = 'c1'")
    found = verify(folder)
    assert found.intact
    assert found.erased == 2


def test_records_are_written_all_or_none(folder):
    log = DecisionLog.open(folder, "worker-0")
    with pytest.raises(LogUnavailable):
        log.append([record(7), record(5)])
    log.append([record(8)])
    log.close()
    assert verify(folder).intact
    with pytest.raises(UnknownDecision):
        find(folder, "d7")


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "taken").write_text("a file, no folder")
    with pytest.raises(LogUnavailable, match="cannot be written"):
        DecisionLog.open(tmp_path / "taken", "worker-0")


def test_a_log_that_could_not_be_opened_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("monitoring.decision_log.SCHEMA", "CREATE TABLE broken (")
    with pytest.raises(LogUnavailable):
        DecisionLog.open(tmp_path, "worker-0")
    assert list(tmp_path.iterdir()) == []
