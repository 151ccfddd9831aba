"""`bank audit verify`: every record of a bank, on SQLite files and on PostgreSQL."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bank import app
from crm_rules.database import open_database
from crm_rules.governance.heads import Heads
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.schema import PLACE
from crm_rules.policy import STANDARD, Policy
from crm_rules.postgres import Postgres
from feature_repo.settings import Settings
from monitoring.audit import Check, Evidence, audit, decision_spools
from monitoring.batch_log import BatchLog
from monitoring.decision_log import DecisionLogs
from monitoring.spool import Spools
from tests.monitoring.conftest import record

AT = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Policy.load(STANDARD).loyalty


@pytest.fixture
def kept(settings: Settings) -> Settings:
    """Decisions of two workers, a batch, and a ledger with two transfers."""
    logs = DecisionLogs.of(settings)
    for number, worker in enumerate(("worker-1", "worker-2")):
        log = logs.open(worker)
        log.append([record(10 * number + n) for n in range(3)])
        log.close()
    with BatchLog(logs, "nightly", AT.isoformat()) as batch:
        batch.append([record(n) for n in range(100, 104)])
    database = open_database(settings.ledger, settings.database.get_secret_value(), PLACE)
    ledger = Ledger.open(database, Heads(settings.heads))
    ledger.earn([Booking(f"b{n}", "ann", AT, -100_000, "card_payment") for n in range(2)], TERMS)
    ledger.close()
    return settings


def problems(settings: Settings, *copies: Path) -> list[str]:
    return [problem for check in audit(Evidence(settings, copies)) for problem in check.problems]


def test_what_nobody_touched_is_intact_and_counted(kept: Settings) -> None:
    assert [(check.name, check.entries, check.problems) for check in audit(Evidence(kept))] == [
        ("heads", 4, ()),
        ("batches", 1, ()),
        ("decisions-worker-1", 3, ()),
        ("decisions-worker-2", 3, ()),
        ("batch files", 4, ()),
        ("ledger", 2, ()),
    ]


def test_a_home_without_records_is_intact(settings: Settings) -> None:
    assert problems(settings) == []


def test_a_check_prints_one_line_and_one_for_each_problem() -> None:
    check = Check("decisions-worker-1", 12_345, ("entry 7 (d7): its content was altered",), ("2 erased",))
    assert list(Check("ledger", 0).lines()) == ["ledger                             0 entries   intact"]
    assert list(check.lines()) == [
        "decisions-worker-1            12,345 entries   1 PROBLEM",
        "  entry 7 (d7): its content was altered",
        "  note: 2 erased",
    ]


def gone(settings: Settings, name: str, schema: str) -> None:
    """Remove a database as its administrator could."""
    if url := settings.database.get_secret_value():
        database = Postgres(url, schema)
        database.ask(f"DROP SCHEMA {schema} CASCADE")
        database.close()
    else:
        for path in settings.home.rglob(f"{name}.db*"):
            path.unlink()


@pytest.mark.parametrize(
    ("name", "schema", "said"),
    [
        pytest.param("worker-1", "bank_decisions", "decisions-worker-1", id="decisions"),
        pytest.param("batches", "bank_decisions", "batches", id="batches"),
        pytest.param("ledger", "bank_ledger", "ledger", id="ledger"),
    ],
)
def test_a_database_that_is_gone_is_named_by_its_chain(
    kept: Settings, name: str, schema: str, said: str
) -> None:
    gone(kept, name, schema)
    assert any(problem.startswith(said) for problem in problems(kept))


def test_a_head_that_is_gone_or_broken_is_named(kept: Settings) -> None:
    (kept.heads / "decisions-worker-1.head").unlink()
    (kept.heads / "ledger.head").write_bytes(b"rubbish")
    found = "\n".join(problems(kept))
    assert "decisions-worker-1: it has 3 entries, but no head is kept of it" in found
    assert "ledger.head cannot be read" in found
    assert "ledger: it has 2 entries, but no head is kept of it" in found


def test_a_bank_rewritten_whole_with_its_heads_is_caught_by_copies_of_the_heads(
    kept: Settings, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(kept.heads, copy)
    gone(kept, "*", "bank_decisions")
    shutil.rmtree(kept.heads)
    logs = DecisionLogs.of(kept)
    log = logs.open("worker-1")
    log.append([record(n, b"{}") for n in range(9)])
    log.close()
    assert "decisions-worker-1" not in "\n".join(problems(kept))
    found = "\n".join(problems(kept, copy))
    assert "decisions-worker-1 entry 3 (d2): another entry was anchored here" in found
    assert "decisions-worker-2" in found
    assert "holds no head; name a folder of copies" in "\n".join(problems(kept, tmp_path / "nowhere"))


def test_a_copied_worker_file_and_an_emptied_one_are_named(kept: Settings) -> None:
    if kept.database.get_secret_value():
        pytest.skip("workers have files in SQLite only")
    shutil.copy(kept.decisions / "worker-1.db", kept.decisions / "worker-9.db")
    (kept.decisions / "worker-2.db").write_bytes(b"")
    found = "\n".join(problems(kept))
    assert "worker-9.db holds chain 'decisions-worker-1', which belongs elsewhere" in found
    assert "decisions-worker-2: its tables are gone from" in found


def test_a_database_that_cannot_be_reached_is_a_problem_in_one_sentence(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database="postgresql://nobody:verysecret@127.0.0.1:1/none")
    found = problems(settings)
    assert len(found) == 3
    assert all("PostgreSQL cannot be used" in problem for problem in found)
    assert "verysecret" not in "\n".join(found)


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(kept: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("BANK_HOME", str(kept.home))
    monkeypatch.setenv("BANK_DATABASE", kept.database.get_secret_value())

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words])
        return done.exit_code, done.stdout

    return call


def test_the_command_ends_with_0_where_all_is_intact_and_with_3_where_not(
    kept: Settings, command: Command
) -> None:
    code, text = command("audit", "verify", "--heads", str(kept.heads))
    assert (code, text.splitlines()[-1]) == (0, "0 problems: intact")
    assert "decisions-worker-1                 3 entries   intact" in text
    (kept.decisions / "batches" / "nightly.parquet").unlink()
    code, text = command("audit", "verify", "--json")
    told = json.loads(text)
    assert (code, told["intact"]) == (3, False)
    assert [check["name"] for check in told["checks"] if not check["intact"]] == ["batch files"]
    code, text = command("decisions", "verify")
    assert code == 3
    assert "batches/nightly.parquet: the file is gone" in text
    assert "ledger" not in text.replace("heads", "")


def test_what_waits_beside_the_log_is_told_and_what_was_altered_there_is_a_problem(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    spool = Spools.of(home).open("worker-1")
    for number in range(3):
        spool.append([record(number)])
    [waits] = decision_spools(Evidence(home))
    assert (waits.entries, waits.problems) == (3, ())
    assert "3 decisions wait in worker-1.spool" in waits.notes[0]
    content = bytearray(spool.path.read_bytes())
    content[-1] ^= 1
    spool.path.write_bytes(content)
    spool.set_aside()
    spool.close()
    [altered] = decision_spools(Evidence(home))
    assert altered.entries == 2
    assert len(altered.problems) == 2
