import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from crm_rules.errors import PasswordRefused
from crm_rules.governance import drafts
from crm_rules.governance.passwords import RFC_9106, WRONG, Cost, Passwords, fit

CHEAP = Cost(memory=64, passes=1, lanes=1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GOOD, BAD = "correct horse battery", "incorrect horse battery"


@pytest.fixture
def passwords(tmp_path: Path) -> Passwords:
    made = Passwords(tmp_path / "passwords.json", CHEAP)
    made.put("ada", GOOD)
    return made


def refused(passwords: Passwords, person: str, password: str, at: datetime = NOW) -> str:
    with pytest.raises(PasswordRefused) as caught:
        passwords.check(person, password, at)
    return str(caught.value)


def test_a_password_is_kept_as_a_hash_for_its_owner_alone(passwords: Passwords, tmp_path: Path) -> None:
    passwords.check("ada", GOOD, NOW)
    assert passwords.has("ada")
    assert not passwords.has("amir")
    assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600
    kept = (tmp_path / "passwords.json").read_text()
    assert "$argon2id$v=19$m=64,t=1,p=1$" in kept
    assert GOOD not in kept


def test_the_cost_is_the_second_recommendation_of_rfc_9106(tmp_path: Path) -> None:
    Passwords(tmp_path / "p.json").put("ada", GOOD)
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in (tmp_path / "p.json").read_text()
    assert Cost(65_536, 3, 4) == RFC_9106


def test_a_password_typed_in_another_normal_form_is_the_same(tmp_path: Path) -> None:
    passwords = Passwords(tmp_path / "p.json", CHEAP)
    passwords.put("ada", "caf\u00e9 au lait ok")
    passwords.check("ada", "cafe\u0301 au lait ok", NOW)
    refused(passwords, "ada", "cafe au lait ok")


def test_an_unknown_person_and_a_wrong_password_are_told_the_same_after_one_hash(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []

    class Counted:
        def __init__(self, **cost: Any) -> None:
            self._kdf = Argon2id(**cost)

        def derive_phc_encoded(self, password: bytes) -> str:
            worked.append("derived")
            return self._kdf.derive_phc_encoded(password)

        @staticmethod
        def verify_phc_encoded(password: bytes, hashed: str) -> None:
            worked.append("verified")
            Argon2id.verify_phc_encoded(password, hashed)

    monkeypatch.setattr("crm_rules.governance.passwords.Argon2id", Counted)
    assert refused(passwords, "ada", BAD) == refused(passwords, "nobody", GOOD) == WRONG
    assert worked == ["verified", "derived"]


def test_after_five_failures_a_lock_grows_and_the_right_password_waits_too(passwords: Passwords) -> None:
    for _ in range(5):
        refused(passwords, "ada", BAD)
    assert refused(passwords, "ada", GOOD, NOW + MINUTE - timedelta(seconds=1)) == WRONG
    refused(passwords, "ada", BAD, NOW + MINUTE)
    refused(passwords, "ada", GOOD, NOW + 2 * MINUTE)
    passwords.check("ada", GOOD, NOW + 3 * MINUTE)
    for _ in range(4):
        refused(passwords, "ada", BAD, NOW + 4 * MINUTE)
    passwords.check("ada", GOOD, NOW + 4 * MINUTE)


def test_a_lock_ends_after_a_day_at_most(passwords: Passwords) -> None:
    at = NOW
    for _ in range(40):
        at += timedelta(days=1)
        refused(passwords, "ada", BAD, at)
    passwords.check("ada", GOOD, at + timedelta(days=1))


def test_tries_are_counted_before_they_are_checked(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops the program while it compares has used up a try all the same."""

    def stopped(password: str, hashed: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Passwords, "_fits", staticmethod(stopped))
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            passwords.check("ada", BAD, NOW)
    monkeypatch.undo()
    refused(passwords, "ada", GOOD)


@pytest.mark.parametrize(
    "unfit",
    [
        pytest.param("short", id="short"),
        pytest.param("x" * 11, id="eleven"),
        pytest.param("x" * 129, id="129"),
        pytest.param("with a \0 in the middle", id="nul"),
        pytest.param("\ufb03" * 50, id="129-after-nfkc"),
    ],
)
def test_a_password_that_is_unfit_is_not_set(passwords: Passwords, unfit: str) -> None:
    with pytest.raises(PasswordRefused, match="12 to 128"):
        passwords.put("ada", unfit)
    passwords.check("ada", GOOD, NOW)


@pytest.mark.parametrize("edge", ["x" * 12, "x" * 128, "密码" * 6])
def test_twelve_to_128_characters_are_fit(edge: str) -> None:
    assert fit(edge) == edge.encode()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text[:-20], id="truncated"),
        pytest.param(lambda text: "[]", id="a-list"),
        pytest.param(lambda text: text.replace("argon2id", "plain"), id="another-hash"),
        pytest.param(lambda text: text.replace('"failures":0', '"failures":"0"'), id="failures-a-text"),
        pytest.param(lambda text: text.replace('"failures":0', '"failures":0,"failures":0'), id="repeated"),
        pytest.param(lambda text: text.replace("null", '"soon"'), id="no-time"),
    ],
)
def test_a_broken_file_lets_nobody_in(
    passwords: Passwords, tmp_path: Path, change: Callable[[str], str]
) -> None:
    path = tmp_path / "passwords.json"
    path.write_text(change(path.read_text()))
    assert "not well formed" in refused(passwords, "ada", GOOD)


def test_a_broken_hash_fits_nothing(passwords: Passwords, tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    path.write_text(path.read_text().replace("m=64", "m=x"))
    assert refused(passwords, "ada", GOOD) == WRONG


def test_a_read_only_disk_checks_nothing_rather_than_uncounted(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(drafts, "replace", refuse)
    with pytest.raises(OSError, match="Read-only"):
        passwords.check("ada", GOOD, NOW)
