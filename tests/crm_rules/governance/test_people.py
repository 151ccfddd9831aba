import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_rules.errors import DemoTrust, NotHeld, UnknownPerson, Untrusted
from crm_rules.governance.people import Role, Trust, write_trust
from crm_rules.governance.person import Key
from crm_rules.governance.roll import Version
from tests.crm_rules.governance.lists import DAY, FIRST, SECRET, START, after, first, person, public

ONE = first()
NORA = person("nora", Role.ADMINISTRATOR, Role.OPERATOR, since=START + DAY)
TWO = after(ONE, NORA)
GONE = after(TWO, replace(FIRST[2], left_at=START + 2 * DAY))
PROMOTED = after(GONE, replace(NORA, roles=(Role.ADMINISTRATOR,)))
WHOLE = [ONE, TWO, GONE, PROMOTED]


def load(folder: Path, versions: list[Version], root: str | None = None) -> Trust:
    write_trust(folder / "t.json", versions)
    return Trust.load(folder / "t.json", "bank", root)


def test_a_history_signed_step_by_step_is_trusted(tmp_path: Path) -> None:
    trust = load(tmp_path, WHOLE)
    assert (trust.number, trust.digest, trust.root) == (4, PROMOTED.digest, ONE.digest)
    assert [p.id for p in trust.people] == ["ada", "amir", "victor", "nora"]
    assert [p.id for p in trust.with_role(Role.ADMINISTRATOR, START)] == ["ada", "amir"]
    assert [p.id for p in trust.with_role(Role.ADMINISTRATOR, START + DAY)] == ["ada", "amir", "nora"]


LATER = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("who", "role", "at", "why"),
    [
        pytest.param("victor", Role.VALIDATOR, START, None, id="from-the-first-moment"),
        pytest.param("victor", Role.VALIDATOR, START - LATER, "not on the list yet", id="before-the-list"),
        pytest.param("victor", Role.VALIDATOR, START + 2 * DAY - LATER, None, id="just-before-leaving"),
        pytest.param("victor", Role.VALIDATOR, START + 2 * DAY, "left on", id="at-leaving"),
        pytest.param("victor", Role.OPERATOR, START, "roles then were validator", id="another-role"),
        pytest.param("nora", Role.OPERATOR, START + DAY - LATER, "not on the list yet", id="before-joining"),
        pytest.param("nora", Role.OPERATOR, START + 3 * DAY - LATER, None, id="role-not-yet-lost"),
        pytest.param("nora", Role.OPERATOR, START + 3 * DAY, "roles then were admin", id="role-lost"),
        pytest.param("nora", Role.ADMINISTRATOR, START + 3 * DAY, None, id="role-kept"),
    ],
)
def test_a_signature_counts_by_the_list_of_its_own_time(
    who: str, role: Role, at: datetime, why: str | None, tmp_path: Path
) -> None:
    trust = load(tmp_path, WHOLE)
    if why is None:
        assert [key.public_key for key in trust.signer(who, role, at).keys] == [public(who)]
    else:
        with pytest.raises(NotHeld, match=why):
            trust.signer(who, role, at)
    assert (who in [p.id for p in trust.with_role(role, at)]) == (why is None)


def test_an_old_key_counts_until_its_end_and_the_new_one_from_then(tmp_path: Path) -> None:
    ended = replace(FIRST[0].keys[0], until=START + DAY)
    rotated = after(ONE, replace(FIRST[0], keys=(ended, Key(public("ada2"), START + DAY))))
    trust = load(tmp_path, [ONE, rotated, after(rotated, NORA, by=(("ada", "ada2"), ("amir", "amir")))])
    used = [trust.signer("ada", Role.ADMINISTRATOR, START + days * DAY).keys for days in (0, 1)]
    assert [[key.public_key for key in each] for each in used] == [[public("ada")], [public("ada2")]]
    with pytest.raises(Untrusted, match="1 valid"):
        load(tmp_path, [ONE, rotated, after(rotated, NORA)])


def test_a_key_found_stolen_counts_for_nothing_from_the_day_it_was_stolen(tmp_path: Path) -> None:
    victor = replace(FIRST[2], keys=(replace(FIRST[2].keys[0], until=START + DAY),))
    trust = load(tmp_path, [ONE, after(ONE, victor, at=START + 5 * DAY)])
    assert trust.signer("victor", Role.VALIDATOR, START + DAY - LATER).keys
    with pytest.raises(NotHeld, match="no key counted then"):
        trust.signer("victor", Role.VALIDATOR, START + 2 * DAY)


def test_the_pinned_root_refuses_a_list_founded_by_others(tmp_path: Path) -> None:
    eves = tuple(
        replace(p, keys=(Key(public(key), START),))
        for p, key in zip(FIRST, ("eve", "nora", "ada2"), strict=True)
    )
    forged = first((("ada", "eve"), ("amir", "nora")), eves)
    assert load(tmp_path, [forged]).number == 1
    assert load(tmp_path, WHOLE, ONE.digest).number == 4
    with pytest.raises(Untrusted, match="not with the pinned root"):
        load(tmp_path, [forged], ONE.digest)


def test_a_cut_tail_is_an_older_list_and_its_number_tells(tmp_path: Path) -> None:
    assert load(tmp_path, WHOLE[:2]).number == 2


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        pytest.param([TWO], "version 2 that does not follow", id="head-cut"),
        pytest.param([ONE, GONE, TWO], "version 3 that does not follow", id="swapped"),
        pytest.param([ONE, TWO, TWO], "version 2 that does not follow", id="one-twice"),
        pytest.param([ONE, replace(TWO, previous="0" * 64)], "not made on the version", id="cut-loose"),
        pytest.param([ONE, replace(TWO, at=START - DAY)], "dated before", id="clock-set-back"),
        pytest.param([replace(ONE, number=True)], "does not follow", id="number-is-true"),
    ],
)
def test_versions_out_of_their_order_are_refused(versions: list[Version], found: str, tmp_path: Path) -> None:
    with pytest.raises(Untrusted, match=found):
        load(tmp_path, versions)


def alter(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def altered(data: bytes) -> bytes:
        content = json.loads(data)
        change(content)
        return json.dumps(content).encode()

    return altered


def body(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["versions"][1]["body"]
    return found


FILES: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("truncated", lambda data: data[:-40], "not well formed"),
    ("empty", lambda data: b"", "not well formed"),
    ("a-list", lambda data: b"[]", "needs 'versions'"),
    ("nothing", lambda data: b"{}", "needs 'versions'"),
    ("no-versions", lambda data: b'{"versions": []}', "needs 'versions'"),
    ("versions-a-number", lambda data: b'{"versions": 1}', "not well formed"),
    ("repeated-key", lambda data: data.replace(b'"number":2', b'"number":2,"number":2'), "comes twice"),
    ("key-again-on-top", lambda data: b'{"versions":[],' + data[1:], "comes twice"),
    ("deep", lambda data: b'{"versions":' + b"[" * 100_000, "not well formed"),
    ("nan", lambda data: data.replace(b'"number":2', b'"number":NaN'), "no JSON number"),
    ("huge", lambda data: b" " * (16 * 2**20) + data, "larger than"),
    ("utf-16", lambda data: data.decode().encode("utf-16")[:-1], "not well formed"),
    ("role-added", alter(lambda c: body(c)["changes"][0]["roles"].append("validator")), "0 valid"),
    ("name-altered", alter(lambda c: body(c)["changes"][0].update(name="Norah")), "0 valid"),
    ("lone-surrogate", alter(lambda c: body(c)["changes"][0].update(name="\ud800")), "not well formed"),
    ("unknown-role", alter(lambda c: body(c)["changes"][0]["roles"].append("king")), "not well formed"),
    ("more-fields", alter(lambda c: body(c)["changes"][0].update(extra=1)), "other fields"),
    ("more-in-the-body", alter(lambda c: body(c).update(extra=1)), "other fields"),
    ("no-offset", alter(lambda c: body(c).update(at="2026-01-02T00:00:00")), "no offset"),
    ("a-day-only", alter(lambda c: body(c).update(at=20260102)), "not well formed"),
    ("number-a-float", alter(lambda c: body(c).update(number=2.0)), "does not follow"),
    ("demo-a-number", alter(lambda c: body(c).update(demo=0)), "other fields"),
    ("id-climbs", alter(lambda c: body(c)["changes"][0].update(id="../nora")), "an id that is not"),
    ("id-capital", alter(lambda c: body(c)["changes"][0].update(id="Nora")), "an id that is not"),
    ("id-of-tokens", alter(lambda c: body(c)["changes"][0].update(id="token")), "taken"),
    ("signature-gone", alter(lambda c: c["versions"][1]["signatures"].pop()), "1 valid"),
    ("signatures-without-end", alter(lambda c: c["versions"][1]["signatures"].extend([{}] * 20)), "not well"),
    (
        "signatures-too-many",
        alter(lambda c: c["versions"][1].update(signatures=c["versions"][1]["signatures"] * 9)),
        "more than 16",
    ),
    ("signature-a-number", alter(lambda c: c["versions"][1]["signatures"][0].update(signature=1)), "1 valid"),
]


@pytest.mark.parametrize(("change", "found"), [pytest.param(c, f, id=i) for i, c, f in FILES])
def test_a_broken_or_altered_file_is_refused(
    change: Callable[[bytes], bytes], found: str, tmp_path: Path
) -> None:
    write_trust(tmp_path / "t.json", WHOLE)
    (tmp_path / "t.json").write_bytes(change((tmp_path / "t.json").read_bytes()))
    with pytest.raises(Untrusted, match=found):
        Trust.load(tmp_path / "t.json", "bank")


def test_a_missing_trust_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Untrusted, match=r"is not there.*`bank people found`"):
        Trust.load(tmp_path / "none.json", "bank")
    with pytest.raises(Untrusted, match=r"is not there.*`bank run` makes one of demo people"):
        Trust.load(tmp_path / "none.json", "demo")


def test_more_versions_than_ten_thousand_are_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"versions": [{}] * 10_001}))
    with pytest.raises(Untrusted, match="more than 10000"):
        Trust.load(tmp_path / "t.json", "bank")


def test_demo_people_count_for_nothing_in_a_bank(demo_home: Path, trust: Trust) -> None:
    with pytest.raises(DemoTrust, match="demo people"):
        Trust.load(demo_home / "trust.json", "bank")
    assert replace(trust, profile="bank").people == ()


def test_who_is_not_on_the_list_is_nobody(tmp_path: Path) -> None:
    with pytest.raises(UnknownPerson, match="'rita'"):
        load(tmp_path, [ONE]).signer("rita", Role.VALIDATOR, START)


def test_the_secrets_of_the_tests_are_six_different_ones() -> None:
    assert len({public(name) for name in SECRET}) == 6
