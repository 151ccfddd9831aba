import sqlite3
from pathlib import Path

import pytest

from crm_rules.errors import OtherTables
from crm_rules.governance.append_only import Verified
from crm_rules.governance.heads import Anchors, Heads
from monitoring.decision_log import DecisionLogs, chain_of
from monitoring.errors import LogUnavailable, UnknownDecision
from monitoring.log_check import misplaced, verify_log
from tests.monitoring.conftest import record

CHAIN = "decisions-worker-0"
AT = "2026-02-01T00:00:00Z"


def change(logs: DecisionLogs, *statements: str) -> None:
    database = logs.open("worker-0")._database
    for statement in statements:
        database.ask(statement)
    database.close()


def verify(logs: DecisionLogs, *heads: Path) -> Verified:
    anchored = Anchors([logs.heads, *heads]).of(CHAIN)
    with logs.reading() as databases:
        [(_, database)] = list(databases)
        found = verify_log(database, CHAIN, anchored)
        return Verified(found.entries, found.erased, (*found.problems, *misplaced(database)))


def test_an_appended_decision_is_found_again(written: DecisionLogs) -> None:
    assert written.find("d5") == b'{"pd": 0.1}'
    assert len(list(written.payloads("credit", 100))) == 6
    assert len(list(written.payloads("credit", 4))) == 4
    assert list(written.payloads("segment", 4)) == []


def test_an_unknown_decision_is_an_error_that_names_it(written: DecisionLogs) -> None:
    with pytest.raises(UnknownDecision, match="d99"):
        written.find("d99")


def test_an_untouched_log_verifies(written: DecisionLogs) -> None:
    assert verify(written) == Verified(6)


def test_a_log_opened_again_goes_on_with_its_chain(written: DecisionLogs) -> None:
    log = written.open("worker-0")
    log.append([record(6)])
    log.close()
    assert verify(written) == Verified(7)


def test_workers_have_a_chain_each(written: DecisionLogs) -> None:
    other = written.open("worker-1")
    other.append([record(9)])
    other.close()
    assert written.find("d9") == written.find("d0")
    assert Heads(written.heads).names() == (CHAIN, chain_of("worker-1"))


ALTERED = "entry 3 (d2): its content was altered"


def sets(what: str) -> str:
    return f"UPDATE payloads SET {what} WHERE seq = 3"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param(sets("payload = '{}'"), ALTERED, id="payload"),
        pytest.param(sets("customer_id = 'c9'"), ALTERED, id="customer"),
        pytest.param(sets("customer_id = NULL"), ALTERED, id="nobody"),
        pytest.param(sets("use_case = 'x'"), ALTERED, id="use-case"),
        pytest.param(sets("salt = '0123456789abcdef'"), ALTERED, id="salt"),
        pytest.param(sets("decision_id = 'x'"), ALTERED, id="name"),
        pytest.param("DELETE FROM payloads WHERE seq = 3", "(d2): its content is gone", id="row-deleted"),
        pytest.param(sets("chain = 'x'"), "x entry 3 (d2): its row has no entry",
                     id="row-moved"),
        pytest.param("DELETE FROM chain WHERE seq = 3", "entries 3 to 3 are missing", id="deleted"),
        pytest.param("DELETE FROM chain WHERE seq = 6", "entry 6 (d5): its row has no entry", id="tail-cut"),
        pytest.param("DELETE FROM chain WHERE seq = 6", "entry 6: it was anchored and is gone", id="tail"),
        pytest.param("UPDATE chain SET at = '2027' WHERE seq = 4", "(d3): it does not follow", id="time"),
        pytest.param("UPDATE chain SET id = 'x' WHERE seq = 4", "(x): it does not follow", id="id"),
        pytest.param(
            "UPDATE chain SET digest = (SELECT digest FROM chain WHERE seq = 1) WHERE seq = 4",
            "entry 4 (d3): it does not follow",
            id="digest",
        ),
        pytest.param("UPDATE chain SET seq = seq + 10", "entries 1 to 10 are missing", id="renumbered"),
    ],
)  # fmt: skip
def test_every_kind_of_tampering_shows_and_names_the_row(
    written: DecisionLogs, statement: str, said: str
) -> None:
    change(written, statement)
    assert said in "\n".join(verify(written).problems)


def test_a_log_rewritten_whole_with_its_heads_is_caught_by_an_old_copy_of_them(
    written: DecisionLogs, tmp_path: Path
) -> None:
    change(written, "DELETE FROM payloads", "DELETE FROM chain")
    copy = written.heads.rename(tmp_path / "copy")
    forged = written.open("worker-0")
    forged.append([record(n, b"{}") for n in range(8)])
    forged.close()
    assert "entry 6 (d5): another entry was anchored here" in "\n".join(verify(written, copy).problems)


def test_an_erased_decision_leaves_a_chain_that_verifies_and_says_so(written: DecisionLogs) -> None:
    log = written.open("worker-0")
    for _ in range(2):
        log.erase("d2", AT)
    log.close()
    assert verify(written) == Verified(7, erased=1)
    with pytest.raises(UnknownDecision):
        written.find("d2")
    assert len(list(written.payloads("credit", 100))) == 5


def test_what_was_never_decided_cannot_be_erased(written: DecisionLogs) -> None:
    log = written.open("worker-0")
    with pytest.raises(UnknownDecision):
        log.erase("d99", AT)
    log.close()
    assert verify(written) == Verified(6)


def test_what_was_erased_must_not_come_back(written: DecisionLogs) -> None:
    keep = "CREATE TABLE kept AS SELECT * FROM payloads WHERE seq = 3"
    change(written, keep)
    log = written.open("worker-0")
    log.erase("d2", AT)
    log.close()
    change(written, "INSERT INTO payloads SELECT * FROM kept")
    assert "entry 3 (d2): it was erased, but its content is there again" in "\n".join(
        verify(written).problems
    )


def test_erasing_overwrites_the_bytes_in_the_file(tmp_path: Path) -> None:
    logs = DecisionLogs(tmp_path / "decisions", tmp_path / "heads")
    log = logs.open("worker-0")
    log.append([record(n, f"very-private-{n}".encode()) for n in range(3)])
    log.erase("d1", AT)
    log.close()
    content = (logs.folder / "worker-0.db").read_bytes()
    assert (b"very-private-0" in content, b"very-private-1" in content) == (True, False)


def test_records_are_written_all_or_none(written: DecisionLogs) -> None:
    log = written.open("worker-0")
    with pytest.raises(LogUnavailable):
        log.append([record(7), record(5)])
    log.append([record(8)])
    log.close()
    assert verify(written) == Verified(7)
    with pytest.raises(UnknownDecision):
        written.find("d7")


def test_nothing_is_logged_behind_a_cut_chain(written: DecisionLogs) -> None:
    change(written, "DELETE FROM payloads WHERE seq = 6", "DELETE FROM chain WHERE seq = 6")
    log = written.open("worker-0")
    with pytest.raises(LogUnavailable, match="ends at entry 5, but entry 6 was anchored"):
        log.append([record(6)])
    log.close()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    with pytest.raises(LogUnavailable, match="cannot be written"):
        DecisionLogs(tmp_path / "taken", tmp_path / "heads").open("worker-0")


def test_a_log_that_could_not_be_opened_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.decision_log.SCHEMA", "CREATE TABLE broken (")
    with pytest.raises(LogUnavailable):
        DecisionLogs(tmp_path, tmp_path / "heads").open("worker-0")
    assert list(tmp_path.glob("*.db*")) == []


def test_a_log_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "worker-0.db")
    other.execute("CREATE TABLE payloads (decision_id TEXT PRIMARY KEY, customer_id TEXT, payload BLOB)")
    other.commit()
    other.close()
    with pytest.raises(OtherTables, match="another version"):
        DecisionLogs(tmp_path, tmp_path / "heads").open("worker-0")


def test_a_password_is_in_no_representation(tmp_path: Path) -> None:
    assert "secret" not in repr(DecisionLogs(tmp_path, tmp_path, "postgresql://a:secret@b/c"))


def test_what_came_since_is_read_of_every_worker_and_of_one_use_case(logs: DecisionLogs) -> None:
    for worker, numbers in (("worker-0", (0, 1)), ("worker-1", (2,)), ("batches", (3,))):
        log = logs.open(worker)
        log.append([record(n, b"%d" % n) for n in numbers])
        log.close()
    ends = logs.ends()
    assert ends == {"decisions-worker-0": 2, "decisions-worker-1": 1}
    assert sorted(logs.between("credit", {}, ends)) == [b"0", b"1", b"2"]
    assert list(logs.between("credit", {"decisions-worker-0": 1, "decisions-worker-1": 1}, ends)) == [b"1"]
    assert sorted(logs.between("credit", {}, {**ends, "decisions-worker-0": 1})) == [b"0", b"2"]
    assert list(logs.between("segment", {}, ends)) == []


def test_a_decision_that_was_erased_is_known_still(written: DecisionLogs) -> None:
    log = written.open("worker-0")
    log.erase("d1", "2026-01-02T00:00:00Z")
    log.close()
    assert [written.knows(each) for each in ("d0", "d1", "d9")] == [True, True, False]
