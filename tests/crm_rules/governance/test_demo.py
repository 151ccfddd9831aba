import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_rules.errors import InvalidKey, Untrusted
from crm_rules.governance import keys
from crm_rules.governance.demo import key_path, make_demo
from crm_rules.governance.people import Role, write_trust
from tests.crm_rules.governance.lists import history

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_eleven_demo_people_in_ten_roles_say_that_they_are_demo(tmp_path: Path) -> None:
    trust = make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)
    assert trust.demo
    assert all(person.demo and person.name.endswith("(demo)") for person in trust.people)
    assert len(trust.people) == 11
    assert all(trust.with_role(role, AT) for role in Role)
    assert len(trust.with_role(Role.ADMINISTRATOR, AT)) == 2
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "keys").iterdir()} == {0o600}


def test_made_again_the_same_people_stay(tmp_path: Path) -> None:
    first = make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)
    assert make_demo(tmp_path / "trust.json", tmp_path / "keys", datetime(2027, 1, 1, tzinfo=UTC)) == first


def test_an_interrupted_start_goes_on_with_the_keys_it_made(tmp_path: Path) -> None:
    early = keys.public(keys.generate(key_path(tmp_path / "keys", "rita")))
    trust = make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)
    assert trust.person("rita").public_keys(AT) == (early,)


def test_lost_or_foreign_demo_keys_are_told(tmp_path: Path) -> None:
    make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)
    key_path(tmp_path / "keys", "otto").unlink()
    with pytest.raises(InvalidKey, match=r"otto\.pem"):
        make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)
    keys.generate(key_path(tmp_path / "keys", "otto"))
    with pytest.raises(Untrusted, match="another key"):
        make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)


def test_a_banks_own_trust_file_is_never_replaced(tmp_path: Path) -> None:
    demo = make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)
    people = tuple(replace(person, demo=False) for person in demo.people)
    signers = {a: keys.load(key_path(tmp_path / "keys", a)) for a in ("ada", "amir")}
    write_trust(tmp_path / "trust.json", history(signers, people))
    before = (tmp_path / "trust.json").read_bytes()
    with pytest.raises(Untrusted, match="bank's own"):
        make_demo(tmp_path / "trust.json", tmp_path / "keys", AT)
    assert (tmp_path / "trust.json").read_bytes() == before
