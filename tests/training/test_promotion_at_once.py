"""Promotion where several act at once, are killed, or lose their database: in SQLite and in PostgreSQL."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from crm_rules.database import Database, Sqlite
from crm_rules.errors import BrokenChain, DatabaseUnavailable
from crm_rules.governance import promoting
from crm_rules.governance.promotions import Status
from crm_rules.governance.stops import Kind
from crm_rules.governance.switches import read_switches
from crm_rules.governance.switching import Switchboard
from crm_rules.postgres import Postgres
from feature_repo.errors import BankError
from tests.conftest import AT, Tiny
from tests.promoted import candidate, changed_policy, opened, promoted_tiny, sign
from tests.proofs.promotion import Killing
from training.promotion import Office
from training.release.current import current, last_seen, set_current
from training.release.verify import verify

DAY = timedelta(days=1)
TABLES = {
    "events": "seq, kind, subject, person, role, at, body, signature, salt",
    "chain": "chain, seq, id, at, digest, link",
}


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A bank where everything was promoted at AT."""
    return promoted_tiny(tmp_path_factory.mktemp("promoted") / "home")


@dataclass(frozen=True)
class Bank:
    """A copy of it, its journal in one of both databases; every `open` is a connection of its own."""

    tiny: Tiny
    connect: Callable[[], Database]

    def open(self, heads: str = "heads") -> AbstractContextManager[Office]:
        return opened(self.tiny, self.connect(), heads)

    def whole(self) -> None:
        """Journal, record and release say the same, and everything in them counts."""
        with self.open() as desk:
            desk.finish()
            state = desk.state()
            assert desk.journal.verify(self.tiny.trust).problems == ()
            assert state.ignored == ()
            named = current(self.tiny.releases, self.tiny.trust, last_seen(desk.heads))
            assert (named.number, named.release) == (state.number, state.switches[-1].release)
            found = verify(self.tiny.releases, named.release, self.tiny.trust)
            assert {name: part.digest for name, part in found.manifest.parts.items()} == state.live


def _home(promoted: Tiny, home: Path) -> Tiny:
    shutil.copytree(promoted.home, home)
    parts = {name: home / folder.relative_to(promoted.home) for name, folder in promoted.parts.items()}
    return replace(promoted, home=home, parts=parts)


@pytest.fixture(params=["sqlite", "postgres"])
def bank(request: pytest.FixtureRequest, promoted: Tiny, tmp_path: Path) -> Iterator[Bank]:
    tiny = _home(promoted, tmp_path / "home")
    if request.param == "sqlite":
        yield Bank(tiny, lambda: Sqlite(tiny.home / "governance.db"))
        return
    url = os.environ.get("BANK_TEST_POSTGRES")
    if not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    schema = f"test_{uuid4().hex[:12]}"
    made = Bank(tiny, lambda: Postgres(url, schema))
    _move(tiny, made)
    yield made
    with closing(Postgres(url, schema)) as database:
        database.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _move(tiny: Tiny, bank: Bank) -> None:
    """The rows of the file into PostgreSQL."""
    with bank.open("none") as desk, closing(Sqlite(tiny.home / "governance.db")) as source:
        for table, columns in TABLES.items():
            rows = source.ask(f"SELECT {columns} FROM {table}")
            marks = ", ".join("?" * len(columns.split(", ")))
            desk.journal._database.write(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    shutil.rmtree(tiny.home / "none")
    (tiny.home / "governance.db").unlink()


def test_a_promotion_and_a_rollback_are_the_same_in_both(bank: Bank) -> None:
    with bank.open() as desk:
        before = desk.state().live
        request = desk.ask([changed_policy(bank.tiny)], bank.tiny.origin, bank.tiny.signer("dana"), AT)
        switch = sign(desk, bank.tiny, request, AT)
        assert switch is not None
        assert {name for name in before if before[name] != switch.parts[name]} == {"policy"}
        assert desk.roll_back("policy", bank.tiny.signer("otto"), AT + DAY, "complaints").parts == before
        assert [each.part for each in desk.state().holds.open.values()] == ["policy"]
    bank.whole()


def at_once(*steps: Callable[[], None]) -> list[str]:
    """Each step in a process of its own; what it was refused for, empty where it was not."""
    told = []
    for step in steps:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            said, code = "", 1
            try:
                step()
                code = 0
            except BankError as error:
                said, code = str(error), 0
            finally:
                os.write(writing, said.encode())
                os._exit(code)
        os.close(writing)
        told.append((child, reading))
    found = []
    for child, reading in told:
        with os.fdopen(reading) as said:
            found.append(said.read())
        assert os.waitpid(child, 0)[1] == 0
    return found


def _asked(bank: Bank, cut_off: float) -> str:
    """A policy that lacks the signature of compliance alone."""
    with bank.open() as desk:
        made = changed_policy(bank.tiny, cut_off)
        request = desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT)
        for person in ("victor", "rita"):
            desk.approve(request.id, bank.tiny.signer(person), AT)
    return request.id


def _reasons(bank: Bank) -> str:
    with bank.open() as desk:
        path = bank.tiny.parts["reasons"] / "reasons.toml"
        path.write_text(path.read_text() + "# read again\n")
        request = desk.ask([candidate(bank.tiny, "reasons")], bank.tiny.origin, bank.tiny.signer("dana"), AT)
        for person in ("victor", "carla"):
            desk.approve(request.id, bank.tiny.signer(person), AT)
    return request.id


def _approve(bank: Bank, request: str, person: str) -> Callable[[], None]:
    def step() -> None:
        with bank.open() as desk:
            desk.approve(request, bank.tiny.signer(person), AT)

    return step


def _roll_back(bank: Bank) -> None:
    with bank.open() as desk:
        desk.roll_back("policy", bank.tiny.signer("otto"), AT, "complaints")


def test_the_last_signatures_of_two_requests_at_once_make_both_live(bank: Bank) -> None:
    first, second = _asked(bank, 0.04), _reasons(bank)
    assert at_once(_approve(bank, first, "carla"), _approve(bank, second, "rita")) == ["", ""]
    bank.whole()
    with bank.open() as desk:
        state = desk.state()
        assert [state.request(each).status for each in (first, second)] == [Status.LIVE, Status.LIVE]
        assert [each.number for each in state.switches] == [1, 2, 3]
        wanted = {**state.request(first).parts, **state.request(second).parts}
        assert wanted.items() <= state.live.items()


def test_the_last_signature_given_twice_at_once_switches_once(bank: Bank) -> None:
    request = _asked(bank, 0.04)
    told = at_once(*[_approve(bank, request, "carla")] * 3)
    assert "" in told
    bank.whole()
    with bank.open() as desk:
        assert desk.state().number == 2


def test_an_approval_against_a_rollback_leaves_one_of_both_orders(bank: Bank) -> None:
    with bank.open() as desk:
        made = changed_policy(bank.tiny, 0.05)
        sign(desk, bank.tiny, desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT), AT)
        old = desk.state().before("policy")
    request = _asked(bank, 0.04)
    told = at_once(_approve(bank, request, "carla"), lambda: _roll_back(bank))
    bank.whole()
    with bank.open() as desk:
        state = desk.state()
        if told[0]:
            assert "compared with another version than is live" in told[0]
            assert state.live["policy"] == old
        else:
            assert [each.cause for each in state.switches[2:]] == ["approval", "rollback"]
    assert told[1] == ""


def test_a_new_request_against_the_last_signature_of_the_older_one(bank: Bank) -> None:
    older = _asked(bank, 0.04)
    made = changed_policy(bank.tiny, 0.03)

    def ask() -> None:
        with bank.open() as desk:
            desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT)

    told = at_once(ask, _approve(bank, older, "carla"))
    assert told[0] == ""
    bank.whole()
    with bank.open() as desk:
        status = desk.state().request(older).status
    if status is Status.LIVE:
        assert told[1] == ""
    else:
        assert status is Status.SUPERSEDED
        assert "superseded" in told[1]


def _stop(bank: Bank, name: str) -> None:
    with bank.open() as desk:
        board = Switchboard(desk.releases, desk.journal, desk.trust, desk.heads)
        board.stop((Kind.PRODUCT, name), bank.tiny.signer("otto"), AT, "it misprices")


def test_stop_switches_and_a_switch_at_once_are_all_obeyed(bank: Bank) -> None:
    request = _asked(bank, 0.04)
    names = ("card-gold", "fund-growth")
    told = at_once(*[lambda name=name: _stop(bank, name) for name in names], _approve(bank, request, "carla"))  # type: ignore[misc]  # a default binds the name
    assert told == ["", "", ""]
    bank.whole()
    with bank.open() as desk:
        assert read_switches(desk.releases, desk.trust, desk.heads).stops.names(Kind.PRODUCT) == {*names}
        assert desk.state().number == 2


def test_two_who_finish_a_switch_that_was_cut_short_finish_it_once(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _asked(bank, 0.04)
    with monkeypatch.context() as killed:
        killed.setattr(Office, "finish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _approve(bank, request, "carla")()

    def finish() -> None:
        with bank.open() as desk:
            desk.finish()

    def slowly() -> None:
        """The other looks in the middle, after this one saw that the record is old."""
        monkeypatch.setattr("training.promotion.set_current", lambda *a: (time.sleep(0.5), set_current(*a)))
        finish()

    def meanwhile() -> None:
        time.sleep(0.2)
        finish()

    assert at_once(slowly, meanwhile) == ["", ""]
    bank.whole()


def test_the_same_part_put_forward_twice_at_once_is_kept_once(bank: Bank) -> None:
    made = changed_policy(bank.tiny, 0.02)

    def ask() -> None:
        with bank.open() as desk:
            desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT)

    assert at_once(ask, ask, ask) == ["", "", ""]
    bank.whole()


def test_rollbacks_and_stops_that_are_killed_leave_all_or_nothing(bank: Bank) -> None:
    _asked(bank, 0.04)
    _approve(bank, "R2", "carla")()
    killing = Killing(bank.tiny, seed=3)
    killing.look = bank.whole  # type: ignore[method-assign]  # of this journal

    def roll_back() -> None:
        with bank.open() as desk:
            desk.finish()
            if desk.state().number == 2:
                desk.roll_back("policy", bank.tiny.signer("otto"), AT, "complaints")

    killing.take(roll_back)
    killing.take(lambda: _stop(bank, "card-gold"))
    assert killing.problems == []
    bank.whole()
    with bank.open() as desk:
        state = desk.state()
        assert [each.cause for each in state.switches] == ["approval", "approval", "rollback"]
        assert len(state.holds.open) == 1
        assert read_switches(desk.releases, desk.trust, desk.heads).number == 1


def test_two_machines_with_heads_of_their_own_see_what_the_other_wrote_and_a_fork(bank: Bank) -> None:
    """Both folders begin as copies; then each knows its own last entry, and the journal all of them."""
    shutil.copytree(bank.tiny.home / "heads", bank.tiny.home / "heads-b")
    with bank.open() as desk:
        entries = len(desk.journal.events())
        kept = {name: desk.journal._database.ask(f"SELECT * FROM {name}") for name in TABLES}
    for heads, cut_off in (("heads", 0.04), ("heads-b", 0.03), ("heads", 0.02), ("heads-b", 0.01)):
        with bank.open(heads) as desk:
            made = changed_policy(bank.tiny, cut_off)
            desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT)
            assert desk.journal.verify(bank.tiny.trust).intact
    with bank.open() as desk:  # an older copy of the database is put back, and written on
        for name, rows in kept.items():
            desk.journal._database.ask(f"DELETE FROM {name}")
            marks = ", ".join("?" * len(rows[0]))
            desk.journal._database.write(f"INSERT INTO {name} VALUES ({marks})", rows)
    with bank.open("heads-b") as desk:
        made = changed_policy(bank.tiny, 0.06)
        with pytest.raises(BrokenChain, match=f"ends at entry {entries}, but entry {entries + 4} was"):
            desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT)
    shutil.copytree(bank.tiny.home / "heads-b", bank.tiny.home / "heads-c")
    for file in (bank.tiny.home / "heads-c").glob("governance*"):
        file.unlink()
    with bank.open("heads-c") as desk, pytest.raises(BrokenChain, match="but no head in"):
        desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT)


def test_a_connection_that_is_cut_in_the_middle_switches_nothing(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _asked(bank, 0.04)
    with bank.open() as desk:
        database = desk.journal._database
        if isinstance(database, Sqlite):
            pytest.skip("a file has no connection")
        [[mine]] = database.ask("SELECT pg_backend_pid()")
        record = promoting.switched

        def cut(*given: object) -> None:
            with closing(bank.connect()) as other:
                other.ask("SELECT pg_terminate_backend(?)", (mine,))
            time.sleep(0.2)
            record(*given)  # type: ignore[arg-type]  # as it was called

        with monkeypatch.context() as broken:
            broken.setattr(promoting, "switched", cut)
            with pytest.raises(DatabaseUnavailable, match="server closed the connection"):
                desk.approve(request, bank.tiny.signer("carla"), AT)
    bank.whole()
    with bank.open() as desk:
        assert desk.state().number == 1
        assert desk.approve(request, bank.tiny.signer("carla"), AT)[1] is not None
    bank.whole()


def test_a_database_somebody_holds_for_too_long_is_said_and_nothing_was_changed(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_rules.database.WAIT_SECONDS", 0.2)
    with closing(bank.connect()) as other:
        if not isinstance(other, Sqlite):
            pytest.skip("PostgreSQL waits in line")
        made = changed_policy(bank.tiny, 0.04)
        with bank.open() as desk, other.transaction():
            with pytest.raises(DatabaseUnavailable, match="database is locked"):
                desk.ask([made], bank.tiny.origin, bank.tiny.signer("dana"), AT)
            assert len(desk.state().requests) == 1
    bank.whole()
