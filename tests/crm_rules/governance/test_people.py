import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import DemoTrust, UnknownPerson, Untrusted
from crm_rules.governance.people import Role, Trust, write_trust

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
Keys = Mapping[str, Ed25519PrivateKey]


def test_a_bank_list_signed_by_two_administrators_is_trusted(
    trust: Trust, signing: Keys, tmp_path: Path
) -> None:
    people = [replace(person, demo=False) for person in trust.people]
    write_trust(tmp_path / "t.json", 7, people, [(a, signing[a]) for a in ("ada", "amir")])
    bank = Trust.load(tmp_path / "t.json", "bank")
    assert (bank.version, bank.demo, len(bank.people)) == (7, False, 6)
    assert [p.id for p in bank.with_role(Role.VALIDATOR, JUNE)] == ["victor"]


@pytest.mark.parametrize(
    "signers",
    [
        pytest.param([], id="nobody"),
        pytest.param([("ada", "ada")], id="one"),
        pytest.param([("ada", "ada"), ("ada", "ada")], id="one-twice"),
        pytest.param([("ada", "ada"), ("otto", "otto")], id="an-operator"),
        pytest.param([("ada", "ada"), ("amir", "ada")], id="in-anothers-name"),
    ],
)
def test_anything_less_than_two_administrators_is_refused(
    trust: Trust, signing: Keys, tmp_path: Path, signers: list[tuple[str, str]]
) -> None:
    write_trust(tmp_path / "t.json", 1, trust.people, [(by, signing[key]) for by, key in signers])
    with pytest.raises(Untrusted, match="two different are needed"):
        Trust.load(tmp_path / "t.json", "demo")


def test_a_revoked_administrator_vouches_for_nothing(trust: Trust, signing: Keys, tmp_path: Path) -> None:
    people = [replace(p, revoked_at=JUNE) if p.id == "amir" else p for p in trust.people]
    write_trust(tmp_path / "t.json", 1, people, [(a, signing[a]) for a in ("ada", "amir")])
    with pytest.raises(Untrusted, match="1 valid"):
        Trust.load(tmp_path / "t.json", "demo")


@pytest.mark.parametrize("what", ["id", "public_key"])
def test_one_person_cannot_stand_on_the_list_as_two(
    trust: Trust, signing: Keys, tmp_path: Path, what: str
) -> None:
    twin = {what: getattr(trust.person("ada"), what)}
    people = [replace(p, **twin) if p.id == "dana" else p for p in trust.people]
    write_trust(tmp_path / "t.json", 1, people, [(a, signing[a]) for a in ("ada", "amir")])
    with pytest.raises(Untrusted, match="twice"):
        Trust.load(tmp_path / "t.json", "demo")


def test_an_altered_role_breaks_the_file(demo_home: Path, tmp_path: Path) -> None:
    content = json.loads((demo_home / "trust.json").read_text())
    content["body"]["people"][0]["roles"].append("validator")
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(Untrusted, match="0 valid"):
        Trust.load(tmp_path / "t.json", "demo")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"body": {"version": 1, "demo": false, "people": [{}]}, "signatures": []}']
)
def test_a_file_that_is_no_trust_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(Untrusted, match="not well formed"):
        Trust.load(tmp_path / "t.json", "demo")


def test_a_missing_trust_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Untrusted, match="cannot be read"):
        Trust.load(tmp_path / "none.json", "bank")


def test_demo_people_count_for_nothing_in_a_bank(demo_home: Path) -> None:
    with pytest.raises(DemoTrust, match="demo people"):
        Trust.load(demo_home / "trust.json", "bank")


def test_a_demo_person_hidden_in_a_bank_list_is_nobody(trust: Trust) -> None:
    bank = Trust(1, False, "bank", trust.everybody)
    assert bank.people == ()
    with pytest.raises(UnknownPerson, match="'rita'"):
        bank.person("rita")


def test_a_key_counts_from_its_start_until_just_before_its_revocation(trust: Trust) -> None:
    victor = replace(trust.person("victor"), revoked_at=JUNE)
    assert victor.may(Role.VALIDATOR, victor.since)
    assert victor.may(Role.VALIDATOR, datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC))
    assert not victor.may(Role.VALIDATOR, JUNE)
    assert not victor.may(Role.VALIDATOR, datetime(2025, 12, 31, tzinfo=UTC))
    assert not victor.may(Role.RISK_APPROVER, victor.since)
