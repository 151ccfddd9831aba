import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_rules.errors import InvalidKey, KeyRefused, NotHeld, SessionRefused, UnknownPerson
from crm_rules.governance import keys
from crm_rules.governance.chain import canonical
from crm_rules.governance.demo import make_demo
from crm_rules.governance.people import Trust, write_trust
from crm_rules.governance.session import (
    LASTS,
    Signer,
    acting,
    author,
    close_session,
    logged_in,
    open_session,
)
from feature_repo.settings import Settings
from tests.crm_rules.governance.lists import DAY, FIRST, SECRET, START, after, first

NOW = START + DAY
HOUR = timedelta(hours=1)
ONE = first()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_trust(tmp_path / "trust.json", [ONE])
    for name in ("ada", "amir", "victor"):
        keys.keep(tmp_path / "keys" / f"{name}.pem", SECRET[name], None)
    return Settings(home=tmp_path, profile="bank")


@pytest.fixture
def trust(settings: Settings) -> Trust:
    return Trust.of(settings)


def never(person: str) -> str:
    raise AssertionError(f"the passphrase of {person} was asked")


def login(
    settings: Settings, trust: Trust, person: str = "victor", key: str = "", at: datetime = NOW
) -> None:
    open_session(settings.session, Signer(trust.person(person), SECRET[key or person]), at)


def test_who_logged_in_acts_with_their_own_key_until_the_evening(settings: Settings, trust: Trust) -> None:
    assert logged_in(settings, trust, NOW) is None
    login(settings, trust)
    assert stat.S_IMODE(settings.session.stat().st_mode) == 0o600
    for at in (NOW, NOW + LASTS - timedelta(seconds=1)):
        signer = acting(settings, trust, None, at, never)
        assert (signer.person.id, keys.public(signer.key)) == ("victor", keys.public(SECRET["victor"]))
    with pytest.raises(SessionRefused, match=r"of 'victor' expired.*bank login"):
        logged_in(settings, trust, NOW + LASTS)
    assert close_session(settings.session)
    assert not close_session(settings.session)
    with pytest.raises(SessionRefused, match="Nobody is logged in"):
        acting(settings, trust, None, NOW, never)


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def edited(data: bytes) -> bytes:
        content = json.loads(data)
        change(content["body"])
        return canonical(content)

    return edited


LATE = (NOW + 9 * HOUR).isoformat()
FORGED: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("of-another", edit(lambda b: b.update(person="ada")), "not signed with a key of 'ada'"),
    ("of-a-stranger", edit(lambda b: b.update(person="eve")), "not on the trust file"),
    ("longer", edit(lambda b: b.update(expires=LATE)), "not signed with a key"),
    ("another-kind", edit(lambda b: b.update(kind="record")), "not signed with a key"),
    ("no-offset", edit(lambda b: b.update(at="2026-01-02T00:00:00")), "not well formed"),
    ("truncated", lambda data: data[:-5], "not well formed"),
    ("a-list", lambda data: b"[]", "not well formed"),
    ("repeated", lambda data: data.replace(b'"kind"', b'"kind":"session","kind"'), "not well formed"),
    ("unsigned", lambda data: data.replace(b'"signature":"', b'"signature":"AA'), "not signed"),
]


@pytest.mark.parametrize(("change", "found"), [pytest.param(c, f, id=i) for i, c, f in FORGED])
def test_a_forged_session_is_nobodys(
    settings: Settings, trust: Trust, change: Callable[[bytes], bytes], found: str
) -> None:
    login(settings, trust)
    settings.session.write_bytes(change(settings.session.read_bytes()))
    with pytest.raises(SessionRefused, match=found):
        logged_in(settings, trust, NOW)


def test_a_session_signed_with_anothers_key_is_forged(settings: Settings, trust: Trust) -> None:
    login(settings, trust, "ada", key="victor")
    with pytest.raises(SessionRefused, match="not signed with a key of 'ada'"):
        logged_in(settings, trust, NOW)


def test_a_session_that_its_owner_made_longer_is_refused(settings: Settings, trust: Trust) -> None:
    body = {"kind": "session", "person": "victor", "at": NOW.isoformat(), "expires": LATE}
    signature = keys.sign(SECRET["victor"], canonical(body))
    settings.session.write_bytes(canonical({"body": body, "signature": signature}))
    with pytest.raises(SessionRefused, match="too long ago"):
        logged_in(settings, trust, NOW)


def test_a_clock_set_back_ends_a_session(settings: Settings, trust: Trust) -> None:
    login(settings, trust)
    with pytest.raises(SessionRefused, match="after now"):
        logged_in(settings, trust, NOW - HOUR)


def test_a_record_signed_with_the_key_is_no_session(settings: Settings, trust: Trust) -> None:
    body = {"person": "victor", "at": NOW.isoformat(), "expires": (NOW + HOUR).isoformat()}
    signature = keys.sign(SECRET["victor"], canonical(body))
    settings.session.write_bytes(canonical({"body": body, "signature": signature}))
    with pytest.raises(SessionRefused, match="not signed"):
        logged_in(settings, trust, NOW)


def test_who_leaves_is_logged_out(settings: Settings, trust: Trust) -> None:
    login(settings, trust)
    write_trust(settings.trust_file, [ONE, after(ONE, replace(FIRST[2], left_at=NOW + HOUR), at=NOW + HOUR)])
    assert logged_in(settings, Trust.of(settings), NOW)
    with pytest.raises(SessionRefused, match=r"who may not act now.*left on"):
        logged_in(settings, Trust.of(settings), NOW + HOUR)
    with pytest.raises(NotHeld, match="left on"):
        acting(settings, Trust.of(settings), "victor", NOW + HOUR, never)


def test_a_key_that_is_lost_another_or_revoked_does_not_act(settings: Settings, trust: Trust) -> None:
    path = settings.keys / "victor.pem"
    with pytest.raises(UnknownPerson, match="'eve'"):
        acting(settings, trust, "eve", NOW, never)
    keys.keep(path, SECRET["ada"], None)
    with pytest.raises(KeyRefused, match="none of the keys of 'victor'"):
        acting(settings, trust, "victor", NOW, never)
    path.chmod(0o644)
    with pytest.raises(InvalidKey, match="open to other users"):
        acting(settings, trust, "victor", NOW, never)
    path.unlink()
    with pytest.raises(InvalidKey, match="cannot be read"):
        acting(settings, trust, "victor", NOW, never)
    ended = replace(FIRST[2], keys=(replace(FIRST[2].keys[0], until=NOW),))
    write_trust(settings.trust_file, [ONE, after(ONE, ended, at=NOW)])
    with pytest.raises(NotHeld, match="no key counted"):
        acting(settings, Trust.of(settings), "victor", NOW, never)


def test_an_encrypted_key_asks_for_its_passphrase(settings: Settings, trust: Trust) -> None:
    keys.keep(settings.keys / "victor.pem", SECRET["victor"], "correct horse")
    signer = acting(settings, trust, "victor", NOW, lambda person: "correct horse")
    assert keys.public(signer.key) == keys.public(SECRET["victor"])
    with pytest.raises(InvalidKey, match="does not open"):
        acting(settings, trust, "victor", NOW, lambda person: "wrong")


def test_an_author_is_who_is_logged_in_or_in_the_demo_its_scientist(
    settings: Settings, trust: Trust, tmp_path: Path
) -> None:
    with pytest.raises(SessionRefused, match=r"needs an author.*bank login"):
        author(settings, trust, NOW)
    login(settings, trust)
    assert author(settings, trust, NOW) == "victor"
    demo = Settings(home=tmp_path / "demo", profile="demo")
    assert author(demo, None, NOW) == "dana"
    assert author(demo, make_demo(demo.trust_file, demo.keys, START), NOW) == "dana"
