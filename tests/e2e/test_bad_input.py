"""Every bad input once, as a user gives it: one clear sentence, no traceback, nothing half-written."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import bank
from feature_repo.settings import Settings
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.worker import build
from tests.conftest import Tiny, make_tiny
from tests.serving.conftest import InProcess

CUSTOMERS = """customer_id,valid_from,joined_at,party_type
17,2024-01-05,2024-01-05,person
18,2024-02-01,2024-02-01,company
"""
ACCOUNTS = """account_id,valid_from,currency,opened_at
A1,2024-01-05,CNY,2024-01-05
A2,2024-02-01,CNY,2024-02-01
"""
OWNERS = """account_id,customer_id,valid_from,role
A1,17,2024-01-05,owner
A2,18,2024-02-01,owner
"""
HEADER = "booking_id,account_id,booked_at,amount,currency\n"
BOOKINGS = HEADER + "".join(f"B{n},A1,2024-03-01,{n}.50,CNY\n" for n in range(200))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: object
    out: str
    err: str

    def refuses(self, *words: str) -> None:
        """It was exit code 1 and one sentence that holds these words and a way out."""
        assert self.code == 1, self.out
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].endswith((".", "`"))
        for word in words:
            assert word in lines[0]


Command = Callable[..., Ended]


class Replaced(Exception):
    """The command would have become the service, in this environment."""


def replaced(_: object, __: object, environment: dict[str, str]) -> None:
    raise Replaced(environment)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def command(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`bank ...` in this process, in an empty folder, with a BANK_HOME of its own."""
    for name in [name for name in os.environ if name.startswith("BANK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BANK_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.execve", replaced)

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["bank", *arguments])
        with pytest.raises(SystemExit) as ended:
            bank.main()
        told = capsys.readouterr()
        return Ended(ended.value.code or 0, told.out, told.err)

    return run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The smallest bank that loads."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in (
        ("customers", CUSTOMERS), ("accounts", ACCOUNTS), ("account_owners", OWNERS), ("bookings", BOOKINGS),
    ):  # fmt: skip
        (folder / f"{name}.csv").write_text(text)
    return folder


def nothing_loaded(home: Path) -> bool:
    return not home.exists() or {path.name for path in home.iterdir()} <= {"keys"}


def replace(old: str, new: str, table: str = "bookings") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"{table}.csv"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def as_parquet(keep_csv: bool = False, cut: bool = False) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "bookings.csv"
        pq.write_table(pyarrow.csv.read_csv(path), folder / "bookings.parquet")
        if cut:
            whole = (folder / "bookings.parquet").read_bytes()
            (folder / "bookings.parquet").write_bytes(whole[: len(whole) // 2])
        if not keep_csv:
            path.unlink()

    return change


BROKEN_TABLES = [
    pytest.param(lambda folder: (folder / "bookings.csv").unlink(), "'bookings' was not found",
        id="missing-table"),
    pytest.param(replace("amount", "sum"), "lacks ['amount']", id="missing-column"),
    pytest.param(replace(".50", " yuan"), "'amount' of table 'bookings' should be money", id="wrong-type"),
    pytest.param(write("bookings.csv", (BOOKINGS + "B7,A1,2024-03-01,8.50,CNY\n").encode()),
        "1 keys (booking_id)", id="same-key-other-content"),
    pytest.param(write("bookings.csv", HEADER.encode()), "'bookings' has no rows", id="empty-table"),
    pytest.param(write("bookings.csv", b""), "'bookings' has no rows", id="empty-file"),
    pytest.param(replace("A1,2024", "A9,2024"), "200 of 200 rows break their contract", id="all-rows-broken"),
    pytest.param(write("bookings.csv", (BOOKINGS + "B7,A1").encode()), "still being written",
        id="half-written"),
    pytest.param(write("bookings.parquet", BOOKINGS.encode()), "as CSV and as Parquet", id="csv-and-parquet"),
    pytest.param(as_parquet(cut=True), "'bookings' cannot be read", id="half-a-parquet-file"),
    pytest.param(write("mapping.toml", b"\xff\xfe"), "it is not UTF-8 text", id="mapping-is-no-text"),
    pytest.param(write("mapping.toml", b"name ="), "cannot be applied", id="mapping-is-no-toml"),
    pytest.param(write("mapping.toml", b""), "it lacks 'sources'", id="mapping-is-empty"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), BROKEN_TABLES)
def test_a_broken_table_stops_the_load(
    command: Command, files: Path, home: Path, change: Callable[[Path], None], words: str
) -> None:
    change(files)
    command("data", "ingest", str(files)).refuses(words)
    assert nothing_loaded(home)


def not_finite(folder: Path) -> None:
    (folder / "bookings.csv").unlink()
    amounts = [float("nan"), float("-inf"), *[1.5] * 298]
    names = [f"B{n}" for n in range(300)]
    rows = {"booking_id": names, "account_id": ["A1"] * 300, "booked_at": ["2024-03-01"] * 300,
            "amount": amounts, "currency": ["CNY"] * 300}  # fmt: skip
    pq.write_table(pa.table(rows), folder / "bookings.parquet")


BROKEN_ROWS = [
    pytest.param(replace("B3,A1", "B3,A9"), ["unknown reference"], id="unknown-account"),
    pytest.param(replace("A1,2024-03-01,7.5", "A1,2124-03-01,7.5"), ["future time"], id="future-date"),
    pytest.param(replace("A1,2024-03-01,7.5", "A1,2024-02-31,7.5"), ["impossible date"], id="no-such-date"),
    pytest.param(replace(",7.50", ",NaN"), ["not finite"], id="nan-in-csv"),
    pytest.param(replace(",7.50", ",-Infinity"), ["not finite"], id="infinity-in-csv"),
    pytest.param(not_finite, ["not finite", "not finite"], id="nan-and-infinity-in-parquet"),
    pytest.param(replace(",7.50", ",99999999999999999999"), ["too large"], id="more-money-than-there-is"),
]


@pytest.mark.parametrize(("change", "faults"), BROKEN_ROWS)
def test_a_broken_row_goes_to_quarantine_and_is_counted(
    command: Command, files: Path, home: Path, change: Callable[[Path], None], faults: list[str]
) -> None:
    change(files)
    ended = command("data", "ingest", str(files))
    assert ended.code == 0, ended.err
    assert f"{len(faults)} in quarantine" in ended.out
    assert str(home / "raw" / "quarantine") in ended.out
    kept = pq.read_table(home / "raw" / "quarantine" / "bookings.parquet").to_pylist()
    assert [fault["value_class"] for fault in kept] == faults


def test_a_row_that_is_there_twice_counts_once(command: Command, files: Path, home: Path) -> None:
    write("bookings.csv", (BOOKINGS + "B7,A1,2024-03-01,7.50,CNY\n").encode())(files)
    said = json.loads(command("data", "ingest", str(files), "--json").out)
    assert (said["rows"]["bookings"], said["totals"]["bookings.repeated"]) == (200, "1")


@pytest.mark.parametrize(
    "asked", [("data", "ingest"), ("run", "--no-serve", "--data")], ids=["ingest", "run"]
)
@pytest.mark.parametrize(("name", "words"), [
    pytest.param("customers.csv", "is a file", id="a-file"),
    pytest.param("nothing", "is not there", id="nothing"),
    pytest.param("empty", "'customers' was not found", id="an-empty-folder"),
])  # fmt: skip
def test_data_that_is_no_folder_of_tables_is_refused(
    command: Command, files: Path, home: Path, asked: tuple[str, ...], name: str, words: str
) -> None:
    (files / "empty").mkdir()
    command(*asked, str(files / name)).refuses(words, name)
    assert not home.exists()


def test_a_mapping_that_is_not_there_is_refused(command: Command, files: Path, tmp_path: Path) -> None:
    command("data", "ingest", str(files), "--mapping", str(tmp_path / "m.toml")).refuses(
        "m.toml", "No such file"
    )


SETTINGS = [
    pytest.param('port = "abc"', "Setting 'port' is 'abc'", id="wrong-type"),
    pytest.param("port = 70000", "Setting 'port' is 70000", id="out-of-range"),
    pytest.param('profile = "prod"', "'demo' or 'bank'", id="unknown-profile"),
    pytest.param("quarantine_limit = nan", "quarantine_limit", id="nan"),
    pytest.param("prot = 3000", "no setting ['prot']", id="unknown-setting"),
    pytest.param("port =", "cannot be read", id="no-toml"),
]


@pytest.mark.parametrize(("text", "words"), SETTINGS)
def test_a_wrong_setting_is_named_with_its_file(
    command: Command, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "bank.toml").write_text(text)
    command("decisions", "verify").refuses(words, "bank.toml")


def test_a_wrong_variable_is_named_and_an_empty_one_counts_as_not_set(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANK_PORT", "x")
    command("decisions", "verify").refuses("Setting 'port' is 'x'", "BANK_PORT")
    monkeypatch.setenv("BANK_PORT", "")
    monkeypatch.setenv("BANK_HOME", "")
    assert Settings().port == 3000
    assert Settings().home == Path(".bank")


EMPTY_HOME = [
    "features build", "promote history", "release verify", "release show", "people list",
    "keys show dana", "monitor run", "score one C1", "score batch", "serve", "decisions show d1",
    "decisions replay d1",
]  # fmt: skip


@pytest.mark.parametrize("asked", EMPTY_HOME)
def test_a_command_says_what_it_lacks_in_an_empty_home(command: Command, home: Path, asked: str) -> None:
    command(*asked.split()).refuses()
    assert not home.exists()


@pytest.mark.parametrize(
    "asked", ["data make --customers 10 --months 6", "run --no-serve", "keys new dana --no-passphrase"]
)
def test_a_home_that_cannot_be_written_is_told(command: Command, home: Path, asked: str) -> None:
    home.write_text("a file")
    command(*asked.split()).refuses(str(home), "Not a directory", "BANK_HOME")
    assert home.read_text() == "a file"


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("what", "asked"), [
    pytest.param("feature_repo.raw.generate.files.pq.write_table", "data make --customers 10 --months 6",
        id="make"),
    pytest.param("feature_repo.raw.ingest.pq.ParquetWriter", "data ingest files", id="ingest"),
    pytest.param("feature_repo.raw.identities.os.fdopen", "data ingest files", id="ingest-key"),
    pytest.param("crm_rules.governance.drafts.os.fsync", "run --no-serve --data files", id="run"),
])  # fmt: skip
def test_a_full_disk_is_told_and_nothing_half_written_stays(
    command: Command, files: Path, home: Path, monkeypatch: pytest.MonkeyPatch, what: str, asked: str
) -> None:
    monkeypatch.setattr(what, full)
    command(*asked.split()).refuses("No space left", str(home), "run again")
    monkeypatch.undo()
    left = {path.name for path in home.rglob("*") if not path.name.endswith(".pem")}
    assert left <= {"keys", "pseudonym.key", "trust.json"}


def test_a_full_disk_that_a_database_tells_is_told_the_same_way(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    def full_database(*_: object) -> None:
        try:
            raise sqlite3.OperationalError("database or disk is full")
        except sqlite3.Error:
            raise sqlite3.OperationalError("cannot rollback - no transaction is active")  # noqa: B904

    monkeypatch.setattr("monitoring.audit.audit", full_database)
    command("decisions", "verify").refuses("No space left", str(home))


def test_an_error_that_is_no_disk_keeps_its_traceback(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("monitoring.audit.audit", broken)
    with pytest.raises(ZeroDivisionError):
        command("decisions", "verify")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def released(pristine: Tiny, home: Path) -> Path:
    """A copy of a released bank; returns the release's folder."""
    shutil.copytree(pristine.home, home)
    return home / "releases" / pristine.release


def spoil(path: str, content: bytes = b"") -> Callable[[Path], None]:
    """Add a byte to a file of the release, or replace the whole file."""

    def change(release: Path) -> None:
        (found,) = release.glob(path)
        found.write_bytes(content or found.read_bytes() + b" ")

    return change


ALTERED = [
    pytest.param(spoil("parts/segmentation/model.json"), "'parts/segmentation/model.json'", id="model"),
    pytest.param(spoil("parts/propensity/card.onnx"), "'parts/propensity/card.onnx'", id="trees"),
    pytest.param(spoil("parts/recommendation/effects.npz"), "effects.npz", id="factors"),
    pytest.param(spoil("parts/policy/policy.toml"), "policy.toml", id="policy"),
    pytest.param(spoil("scoring.onnx"), "'scoring.onnx'", id="graph"),
    pytest.param(spoil("manifest.json"), "'manifest.json'", id="manifest"),
    pytest.param(spoil("evidence/policy-*.json", b"{"), "no plain JSON", id="evidence-garbage"),
    pytest.param(lambda release: replace_in(next(release.glob("evidence/credit*")), "victor", "otto"),
        "not approved", id="evidence-other-signer"),
    pytest.param(lambda release: next(release.glob("evidence/*")).unlink(), "not approved",
        id="evidence-gone"),
    pytest.param(lambda release: (release / "more.txt").write_text("x"), "'more.txt' is not in",
        id="one-more"),
    pytest.param(lambda release: (release / "scoring.onnx").unlink(), "is missing", id="one-less"),
    pytest.param(shutil.rmtree, "is not in", id="release-gone"),
    pytest.param(lambda release: replace_in(release.parent / "current.json", "otto", "rita"),
        "current.json is refused", id="current-other-signer"),
    pytest.param(lambda release: (release.parent / "current.json").write_bytes(b"\xff["),
        "current.json is refused", id="current-garbage"),
    pytest.param(lambda release: replace_in(release.parents[1] / "trust.json", "Rita", "Rida"),
        "signature", id="trust-altered"),
    pytest.param(lambda release: (release.parents[1] / "trust.json").write_text("[]"),
        "not well formed", id="trust-garbage"),
]  # fmt: skip


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(("change", "words"), ALTERED)
def test_an_altered_release_is_refused_before_it_is_parsed(
    command: Command,
    released: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], object],
    words: str,
) -> None:
    def parsed(*_: object) -> None:
        raise AssertionError("parsed before it was verified")

    monkeypatch.setattr("serving.deciding.loaded.load", parsed)
    change(released)
    command("score", "one", "ann").refuses(words)
    assert not (released.parents[1] / "decisions").exists()


def test_an_unknown_customer_is_told(command: Command, released: Path) -> None:
    command("score", "one", "nobody").refuses("Customer 'nobody'", "Check the id")


def test_a_broken_token_key_is_told_before_anything_is_served(command: Command, released: Path) -> None:
    (released.parents[1] / "keys" / "token.pem").write_text("x")
    command("serve", "--port", str(free_port())).refuses("token.pem", "open to other users", "chmod 600")


def test_online_rows_that_are_no_database_are_told(command: Command, released: Path) -> None:
    (released.parents[1] / "online.db").write_bytes(b"garbage" * 100)
    command("score", "one", "ann").refuses("not a database")


def test_a_scope_nobody_has_heard_of_is_a_usage_error(command: Command, home: Path) -> None:
    ended = command("token", "issue", "app", "--scope", "everything")
    assert ended.code == 2
    assert "score:read" in ended.err
    assert not home.exists()


def test_a_port_in_use_is_told_with_another_to_take(command: Command, released: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command("serve", "--port", str(port)).refuses(f"Port {port}", "in use", f"--port {port + 1}")


def test_an_address_of_another_machine_is_told(command: Command, released: Path) -> None:
    command("serve", "--host", "192.0.2.1", "--port", "3999").refuses("192.0.2.1", "--host 127.0.0.1")


def test_counters_of_the_service_lie_outside_the_home_that_may_be_full(
    command: Command, released: Path
) -> None:
    with pytest.raises(Replaced) as became:
        command("serve", "--port", str(free_port()))
    scratch, counters = (
        Path(became.value.args[0][name]) for name in ("BENTOML_HOME", "PROMETHEUS_MULTIPROC_DIR")
    )
    assert counters.is_relative_to(scratch)
    assert not scratch.is_relative_to(released.parents[1])
    shutil.rmtree(scratch)


def test_an_interrupted_run_says_how_it_goes_on(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("serving.pipeline.command.main_job", interrupted)
    ended = command("run", "--no-serve")
    assert ended.code == 130
    assert "the same command goes on from here" in ended.out


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL], ids=["interrupt", "kill"])
def test_what_a_stopped_process_left_is_gone_after_the_next_one(
    command: Command, home: Path, stop: signal.Signals
) -> None:
    asked = [sys.executable, bank.__file__, "data", "make", "--customers", "5000", "--months", "120"]
    process = subprocess.Popen(asked, env={**os.environ, "BANK_HOME": str(home)}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not list(home.glob(".raw.draft-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(stop)
    assert process.wait(20) != 0
    assert not (home / "raw").exists()
    assert command("data", "make", "--customers", "10", "--months", "6").code == 0
    assert {path.name for path in home.iterdir()} == {"raw", "truth"}


@dataclass(frozen=True)
class Served:
    """A released bank over HTTP, its log and its token key's folder."""

    client: httpx.Client
    process: ScoringProcess
    keys: Path

    def token(self, hours_ago: int = 0) -> str:
        from serving.bootstrap.edge import now

        return issue(token_key(self.keys), "app", EVERY_SCOPE, 1, now() - timedelta(hours=hours_ago))

    def asks(self, path: str, body: str | bytes, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json", **headers}
        given = {name.replace("_", "-"): value for name, value in sent.items() if value}
        return self.client.post(path, content=body, headers=given)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    tiny = make_tiny(tmp_path_factory.mktemp("served"))
    process = build(Settings(home=tiny.home, profile="demo"), "worker-1")
    with httpx.Client(transport=InProcess(process.gate(process.endpoints)), base_url="http://bank") as client:
        yield Served(client, process, tiny.home / "keys")
    process.close()


NBA, CREDIT, REDEEM = "/v1/decisions/next-best-action", "/v1/decisions/credit", "/v1/loyalty/redeem"
GOOD = '{"customer_id": "ann"}'
REFUSED = [
    pytest.param(NBA, '{"customer_id": "nobody"}', {}, 404, "unknown-customer", id="unknown-customer"),
    pytest.param(NBA, GOOD, {"Authorization": ""}, 401, "invalid-token", id="no-token"),
    pytest.param(NBA, GOOD, {"Authorization": "Bearer x.y.z"}, 401, "invalid-token", id="garbage-token"),
    pytest.param(CREDIT, '{"amount": "12"}', {}, 422, "invalid-body", id="breaks-the-schema"),
    pytest.param(CREDIT, '{"amount": NaN, "term_months": 12}', {}, 422, "invalid-body", id="nan"),
    pytest.param(CREDIT, '{"amount": Infinity, "term_months": 12}', {}, 422, "invalid-body", id="infinity"),
    pytest.param(
        CREDIT, '{"amount": 1e999, "term_months": 12}', {}, 422, "invalid-body", id="too-large-float"
    ),
    pytest.param(
        CREDIT, '{"amount": 9, "amount": 8, "term_months": 9}', {}, 422, "invalid-body", id="key-twice"
    ),
    pytest.param(NBA, '{"customer_id": "a\\u0000"}', {}, 422, "invalid-body", id="nul"),
    pytest.param(NBA, "", {}, 422, "invalid-body", id="no-body"),
    pytest.param(NBA, "[" * 5000, {}, 422, "invalid-body", id="deep"),
    pytest.param(NBA, b"\xff\xfe", {}, 422, "invalid-body", id="no-text"),
    pytest.param(NBA, "x" * 100_000, {}, 413, "too-large", id="huge"),
    pytest.param(
        NBA, GOOD, {"Content_Type": "application/vnd.bentoml+pickle"}, 415, "media-type", id="pickle"
    ),
    pytest.param(NBA, GOOD, {"Content_Type": "multipart/form-data"}, 415, "media-type", id="multipart"),
    pytest.param(NBA, GOOD, {"Content_Encoding": "gzip"}, 415, "media-type", id="compressed"),
    pytest.param("/v1/nothing", GOOD, {}, 404, "no-such-route", id="no-such-route"),
]


def assert_problem(answer: httpx.Response, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"] == f"urn:bank:problem:{kind}"
    assert told["detail"].endswith((".", "`"))
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(("path", "body", "headers", "status", "kind"), REFUSED)
def test_a_bad_request_is_answered_with_a_problem(
    served: Served, path: str, body: str | bytes, headers: dict[str, str], status: int, kind: str
) -> None:
    given = {"Content-Type": "", **headers} if "Content_Type" in headers else headers
    assert_problem(served.asks(path, body, **given), status, kind)


def test_an_expired_token_is_refused_by_its_reason(served: Served) -> None:
    answer = served.asks(NBA, GOOD, Authorization=f"Bearer {served.token(hours_ago=2)}")
    assert_problem(answer, 401, "invalid-token")
    assert "expired" in answer.json()["detail"]


def test_a_decision_the_full_disk_cannot_keep_is_not_given(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = served.process.log
    assert sink._log is not None
    connection = sink._log._database._db  # type: ignore[attr-defined]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    monkeypatch.setattr(sink._spool, "limit", 10_000)
    answers = [served.asks(NBA, GOOD) for _ in range(30)]
    refused = next(answer for answer in answers if answer.status_code != 200)
    assert_problem(refused, 503, "not-recorded")
    given = [answer.json()["decision_id"] for answer in answers if answer.status_code == 200]
    assert sink.waiting().decisions >= 1
    sink.drain()
    assert served.asks(NBA, GOOD).status_code == 200
    assert all(served.process.finder.knows(decision_id) for decision_id in given)


def test_points_the_full_disk_cannot_book_are_not_spent(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crm_rules.errors import DatabaseUnavailable

    def full_ledger(*_: object) -> None:
        raise DatabaseUnavailable("ledger.db", "database or disk is full")

    monkeypatch.setattr(served.process.ledger, "redeem", full_ledger)
    body = json.dumps({"customer_id": "ann", "points": 100})
    assert_problem(served.asks(REDEEM, body, Idempotency_Key="order-0001"), 503, "not-booked")
