"""Idempotency keys: one reservation for one key, whoever asks, and a crash that a retry settles."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from crm_rules.database import open_database
from crm_rules.errors import DatabaseUnavailable
from crm_rules.postgres import Postgres
from serving.worker.keys import LEASE, Clash, Holder, IdempotencyKeys, Keyed, Known, Reserved
from tests.conftest import AT

NOW = AT.isoformat()
ASKED = Keyed("app", "/v1/decisions/credit", "key-00001", "b" * 64, "d1")
AGAIN = replace(ASKED, new_id="d2")


class Place:
    """Where the keys of several workers lie."""

    def __init__(self, folder: Path, url: str, schema: str) -> None:
        self.folder, self.url, self.schema = folder, url, schema

    def keys(self, name: str) -> IdempotencyKeys:
        database = open_database(self.folder / "keys.db", self.url, self.schema)
        return IdempotencyKeys(database, Holder(self.folder / "holders", name))


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path, "", "bank_keys")
        return
    url = os.environ.get("BANK_TEST_POSTGRES")
    if not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    made = Place(tmp_path, url, f"test_{uuid4().hex[:12]}")
    yield made
    database = Postgres(url, made.schema)
    database.ask(f"DROP SCHEMA IF EXISTS {made.schema} CASCADE")
    database.close()


def test_the_same_key_and_body_is_the_same_decision(place: Place) -> None:
    keys = place.keys("a")
    assert keys.reserve([ASKED], NOW) == [Reserved("d1")]
    keys.settled(["d1"])
    assert keys.reserve([AGAIN], (AT + timedelta(hours=1)).isoformat()) == [Known("d1", NOW)]
    keys.close()


@pytest.mark.parametrize(
    ("other", "answer"),
    [
        pytest.param({"body_digest": "c" * 64}, Clash(NOW), id="another-body"),
        pytest.param({"caller": "other"}, Reserved("d2"), id="another-caller"),
        pytest.param({"route": "/v1/decisions/suitability"}, Reserved("d2"), id="another-route"),
        pytest.param({"key": "key-00002"}, Reserved("d2"), id="another-key"),
        pytest.param({"caller": "app/v1", "route": "/decisions/credit"}, Reserved("d2"), id="shifted"),
    ],
)
def test_a_key_belongs_to_its_caller_route_and_body(
    place: Place, other: dict[str, str], answer: object
) -> None:
    keys = place.keys("a")
    assert keys.reserve([ASKED, replace(AGAIN, **other)], NOW) == [Reserved("d1"), answer]
    keys.close()


def test_while_it_is_being_decided_nobody_else_decides_it(place: Place) -> None:
    first, second = place.keys("a"), place.keys("b")
    assert first.reserve([ASKED, AGAIN], NOW) == [Reserved("d1"), Known("d1", NOW, busy=True)]
    assert second.reserve([AGAIN], NOW) == first.reserve([AGAIN], NOW) == [Known("d1", NOW, busy=True)]
    first.close()
    second.close()


def test_what_failed_is_decided_by_whoever_asks_again(place: Place) -> None:
    first, second = place.keys("a"), place.keys("b")
    first.reserve([ASKED], NOW)
    first.settled(["d1"], kept=False)
    assert second.reserve([AGAIN], NOW) == [Known("d1", NOW)]
    assert first.reserve([AGAIN], NOW) == [Known("d1", NOW, busy=True)]
    first.close()
    second.close()


def test_what_a_process_left_that_ended_is_decided_by_the_next(place: Place) -> None:
    first, second = place.keys("a"), place.keys("b")
    first.reserve([ASKED], NOW)
    first.close()
    assert second.reserve([AGAIN], NOW) == [Known("d1", NOW)]
    second.close()


def test_a_holder_on_another_machine_counts_as_living_for_a_while(place: Place) -> None:
    first, second = place.keys("a"), place.keys("b")
    first.reserve([ASKED], NOW)
    (place.folder / "holders" / "a.lock").unlink()
    assert second.reserve([AGAIN], NOW) == [Known("d1", NOW, busy=True)]
    assert second.reserve([AGAIN], (AT + LEASE).isoformat()) == [Known("d1", NOW)]
    first.close()
    second.close()


def test_a_key_is_free_again_after_its_time(place: Place) -> None:
    keys, later = place.keys("a"), AT + timedelta(hours=25)
    keys.reserve([ASKED], NOW)
    keys.forget(AT, AT)
    assert keys.reserve([AGAIN], NOW) == [Known("d1", NOW, busy=True)]
    keys.forget(AT + timedelta(hours=1), later)
    assert keys.reserve([AGAIN], later.isoformat()) == [Reserved("d2")]
    keys.close()


def test_files_of_holders_that_ended_long_ago_are_removed(tmp_path: Path) -> None:
    place = Place(tmp_path, "", "")
    ended, living = place.keys("ended"), place.keys("living")
    ended.close()
    future = datetime.now(AT.tzinfo) + timedelta(hours=1)
    living.forget(future, future)
    assert [path.stem for path in (tmp_path / "holders").iterdir()] == ["living"]
    living.close()


def test_neither_key_nor_body_nor_caller_is_kept(tmp_path: Path) -> None:
    keys = Place(tmp_path, "", "").keys("a")
    keys.reserve([replace(ASKED, caller="secret-caller", key="secret-key")], NOW)
    keys.close()
    content = (tmp_path / "keys.db").read_bytes()
    assert b"d1" in content
    assert not any(word in content for word in (b"secret", b"/v1/", b"b" * 64))


def test_nothing_is_reserved_where_the_commit_fails(tmp_path: Path) -> None:
    keys = Place(tmp_path, "", "").keys("a")
    other = open_database(tmp_path / "keys.db")
    other.ask("CREATE TRIGGER full BEFORE INSERT ON answered_keys BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(DatabaseUnavailable, match="full"):
        keys.reserve([ASKED], NOW)
    other.ask("DROP TRIGGER full")
    other.close()
    assert keys.reserve([ASKED], NOW) == [Reserved("d1")]
    keys.close()


RACE = """
import sys
from pathlib import Path
from crm_rules.database import open_database
from serving.worker.keys import Holder, IdempotencyKeys, Keyed
folder, url, schema, name = sys.argv[1:]
keys = IdempotencyKeys(
    open_database(Path(folder) / "keys.db", url, schema), Holder(Path(folder) / "holders", name))
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    asked = Keyed("app", "/v1/x", f"key-{number:05}", "b", f"{name}{number}")
    [answer] = keys.reserve([asked], "2026-01-01T00:00:00+00:00")
    print(type(answer).__name__, answer.decision_id, flush=True)
keys.close()
"""


def test_of_two_processes_at_once_exactly_one_reserves(place: Place) -> None:
    place.keys("maker").close()
    command = [sys.executable, "-c", RACE, str(place.folder), place.url, place.schema]
    both = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    for each in both:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in both:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate()[0].split() for each in both]
    for one, other in zip(said[0][::2], said[1][::2], strict=True):
        assert {one, other} == {"Reserved", "Known"}
    assert said[0][1::2] == said[1][1::2]


def test_two_workers_may_clear_the_same_files_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, old = Holder(tmp_path, "living"), [tmp_path / "old-1.lock", tmp_path / "old-2.lock"]
    for path in old:
        path.touch()

    def meanwhile(name: str) -> bool:
        for path in old:
            path.unlink(missing_ok=True)
        return name == "living"

    monkeypatch.setattr(holder, "lives", meanwhile)
    holder.clear(datetime.now(AT.tzinfo) + timedelta(hours=1))
    assert [path.stem for path in tmp_path.iterdir()] == ["living"]
    holder.close()
