"""People, keys and logins as a bank's administrators use them, command by command."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from crm_rules import changes_cli, login_cli
from crm_rules.errors import (
    DraftRefused,
    InvalidKey,
    LoginRefused,
    NotHeld,
    NoTrust,
    PasswordRefused,
    RuleBroken,
    SessionRefused,
    Untrusted,
)
from crm_rules.governance.demo import make_demo
from crm_rules.governance.oidc import Client, Waiting
from crm_rules.governance.people import Role, Trust

Bank = Callable[..., Result]
SECRET = "correct horse battery"

app = typer.Typer()
app.add_typer(changes_cli.people, name="people")
app.add_typer(login_cli.keys, name="keys")
app.command("login")(login_cli.login)
app.command("logout")(login_cli.logout)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BANK_PASSPHRASE", "BANK_NEW_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    monkeypatch.setenv("BANK_PROFILE", "bank")
    return tmp_path


@pytest.fixture
def bank(home: Path) -> Bank:
    def run(*words: str, **secrets: str) -> Result:
        done = CliRunner().invoke(app, list(words), env=secrets)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


@pytest.fixture
def founded(bank: Bank) -> Bank:
    """Ada and Amir founded a list; their keys and Victor's lie on this machine, unencrypted."""
    publics = {}
    for person in ("ada", "amir", "victor"):
        bank("keys", "new", person, "--no-passphrase")
        publics[person] = bank("keys", "show", person).stdout.strip()
    given = [word for who in ("ada", "amir") for word in ("--administrator", f"{who}={publics[who]}")]
    bank("people", "found", *given, "--by", "ada")
    bank("people", "sign", "--by", "amir")
    bank("people", "join", "victor", "--name", "Victor", "--role", "validator", "--public-key",
         publics["victor"], "--by", "ada")  # fmt: skip
    bank("people", "sign", "--by", "amir")
    return bank


def test_two_administrators_found_a_list_and_its_root_is_pinned(
    founded: Bank, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = Trust.load(home / "trust.json", "bank")
    assert trust.number == 2
    monkeypatch.setenv("BANK_TRUST_ROOT", trust.root)
    rows = json.loads(founded("people", "list", "--json").stdout)
    assert [(row["id"], row["roles"], row["state"]) for row in rows] == [
        ("ada", "administrator", "in force"),
        ("amir", "administrator", "in force"),
        ("victor", "validator", "in force"),
    ]
    monkeypatch.setenv("BANK_TRUST_ROOT", "f" * 64)
    with pytest.raises(Untrusted, match="pinned root"):
        founded("people", "list")


def test_a_founding_prints_the_digest_to_pin_before_and_after(bank: Bank, home: Path) -> None:
    given = []
    for person in ("ada", "amir"):
        bank("keys", "new", person, "--no-passphrase")
        given += ["--administrator", f"{person}={bank('keys', 'show', person).stdout.strip()}"]
    drafted = bank("people", "found", *given, "--by", "ada").stdout
    assert "ada (ada) joins as administrator" in drafted
    with pytest.raises(RuleBroken, match="already"):
        bank("people", "sign", "--by", "ada")
    assert bank("people", "sign").exit_code == 2
    signed = bank("people", "sign", "--by", "amir").stdout
    root = Trust.load(home / "trust.json", "bank").root
    assert root in drafted
    assert f"BANK_TRUST_ROOT={root}" in signed


def test_every_change_waits_for_the_second_administrator(founded: Bank, home: Path) -> None:
    founded("keys", "new", "vic2", "--no-passphrase")
    new = founded("keys", "show", "vic2").stdout.strip()
    steps = {
        "signs with the new key": ["key", "victor", "--replace", new],
        "validator, auditor from now on": ["roles", "victor", "--role", "validator", "--role", "auditor"],
        "'sub-7' at the identity provider": ["subject", "victor", "--oidc-subject", "sub-7"],
        "counts for nothing from": ["key", "victor", "--revoke", new, "--since", "2026-01-01"],
        "leaves for good": ["leave", "victor"],
    }
    for number, (words, step) in enumerate(steps.items(), start=3):
        assert words in founded("people", *step, "--by", "ada").stdout
        assert Trust.load(home / "trust.json", "bank").number == number - 1
        with pytest.raises(DraftRefused, match="waits already"):
            founded("people", *step, "--by", "ada")
        assert words in founded("people", "sign", "--by", "amir").stdout
    told = founded("people", "history").stdout
    assert all(words in told for words in steps)
    assert "ada and amir" in told
    assert "left" in founded("people", "list").stdout
    assert "victor" not in founded("people", "list", "--at", "2026-01-01").stdout


def test_a_draft_is_withdrawn(founded: Bank, home: Path) -> None:
    founded("people", "leave", "victor", "--by", "ada")
    founded("people", "withdraw", "--by", "amir")
    with pytest.raises(DraftRefused, match="is not there"):
        founded("people", "sign", "--by", "amir")
    assert Trust.load(home / "trust.json", "bank").number == 2


def test_a_password_locks_the_key_and_logs_in(founded: Bank, home: Path) -> None:
    assert (
        "Next: `bank login ada`." in founded("people", "password", "ada", BANK_NEW_PASSPHRASE=SECRET).stdout
    )
    assert b"ENCRYPTED" in (home / "keys" / "ada.pem").read_bytes()
    with pytest.raises(PasswordRefused, match="wrong"):
        founded("login", "ada", BANK_PASSPHRASE="another horse battery")
    assert not (home / "session.json").exists()
    assert "ada is logged in as administrator" in founded("login", "ada", BANK_PASSPHRASE=SECRET).stdout
    assert stat.S_IMODE((home / "session.json").stat().st_mode) == 0o600
    with pytest.raises(PasswordRefused, match="Set BANK_PASSPHRASE"):
        founded("people", "leave", "victor")
    founded("people", "leave", "victor", BANK_PASSPHRASE=SECRET)
    assert founded("logout").stdout == "Logged out.\n"
    with pytest.raises(SessionRefused, match="Nobody is logged in"):
        founded("people", "withdraw", BANK_PASSPHRASE=SECRET)


def test_a_password_changes_with_the_old_one_only(founded: Bank) -> None:
    founded("people", "password", "ada", BANK_NEW_PASSPHRASE=SECRET)
    with pytest.raises(PasswordRefused, match="wrong"):
        founded("people", "password", "ada", BANK_PASSPHRASE="no", BANK_NEW_PASSPHRASE="new " + SECRET)
    with pytest.raises(PasswordRefused, match="12 to 128"):
        founded("people", "password", "ada", BANK_PASSPHRASE=SECRET, BANK_NEW_PASSPHRASE="short")
    founded("people", "password", "ada", BANK_PASSPHRASE=SECRET, BANK_NEW_PASSPHRASE="new " + SECRET)
    founded("login", "ada", BANK_PASSPHRASE="new " + SECRET)
    with pytest.raises(PasswordRefused, match="wrong"):
        founded("login", "ada", BANK_PASSPHRASE=SECRET)


def test_a_first_password_needs_the_persons_own_key(founded: Bank, home: Path) -> None:
    (home / "keys" / "ada.pem").unlink()
    with pytest.raises(InvalidKey, match="cannot be read"):
        founded("people", "password", "ada", BANK_NEW_PASSPHRASE=SECRET)
    assert not (home / "passwords.json").exists()


def test_a_stop_between_key_and_hash_is_mended_by_the_same_command(
    founded: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    founded("people", "password", "ada", BANK_NEW_PASSPHRASE=SECRET)

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    twice = {"BANK_PASSPHRASE": SECRET, "BANK_NEW_PASSPHRASE": "new " + SECRET}
    with monkeypatch.context() as patch:
        patch.setattr("crm_rules.governance.passwords.Passwords.put", stopped)
        assert founded("people", "password", "ada", **twice).exit_code == 130
    founded("people", "password", "ada", **twice)
    founded("login", "ada", BANK_PASSPHRASE="new " + SECRET)


def test_who_left_is_told_so_after_the_right_password_only(founded: Bank) -> None:
    founded("people", "password", "victor", BANK_NEW_PASSPHRASE=SECRET)
    founded("people", "leave", "victor", "--by", "ada")
    founded("people", "sign", "--by", "amir")
    with pytest.raises(NotHeld, match="left on"):
        founded("login", "victor", BANK_PASSPHRASE=SECRET)
    with pytest.raises(PasswordRefused) as wrong:
        founded("login", "victor", BANK_PASSPHRASE="another horse battery")
    with pytest.raises(PasswordRefused) as unknown:
        founded("login", "mallory", BANK_PASSPHRASE=SECRET)
    assert str(wrong.value) == str(unknown.value)


class Confirmed:
    """An identity provider that confirmed a subject, whoever asks."""

    def __init__(self, client: Client) -> None:
        assert (client.issuer, client.client_secret) == ("https://idp.example", "s3cret")

    def begin(self) -> Waiting:
        return Waiting("https://idp.example/confirm", "ABCD-EFGH", "dc", 5, 600)

    def wait(self, login: Waiting, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> str:
        return "sub-7"


def test_the_identity_provider_replaces_the_password_and_never_the_key(
    founded: Bank, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LoginRefused, match="no identity provider is set"):
        founded("login", "--oidc")
    monkeypatch.setenv("BANK_OIDC_ISSUER", "https://idp.example")
    monkeypatch.setenv("BANK_OIDC_CLIENT_ID", "bank")
    monkeypatch.setenv("BANK_OIDC_CLIENT_SECRET", "s3cret")
    monkeypatch.setattr("crm_rules.governance.oidc.Provider", Confirmed)
    with pytest.raises(LoginRefused, match="nobody in force"):
        founded("login", "--oidc")
    founded("people", "subject", "victor", "--oidc-subject", "sub-7", "--by", "ada")
    founded("people", "sign", "--by", "amir")
    with pytest.raises(LoginRefused, match="confirmed 'victor', not 'ada'"):
        founded("login", "ada", "--oidc")
    said = founded("login", "--oidc").stdout
    assert "confirm the code ABCD-EFGH" in said
    assert "Victor is logged in as validator" in said
    (home / "keys" / "victor.pem").unlink()
    with pytest.raises(InvalidKey, match="cannot be read"):
        founded("login", "--oidc")


def test_demo_people_log_in_without_a_password(
    bank: Bank, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANK_PROFILE", "demo")
    make_demo(home / "trust.json", home / "keys", datetime(2026, 1, 1, tzinfo=UTC))
    listed = bank("people", "list").stdout
    assert "Victor (demo)" in listed
    assert "demo only" in listed
    assert all(str(role) in listed for role in Role)
    assert "Dana (demo) is logged in as scientist" in bank("login", "dana").stdout
    with pytest.raises(PasswordRefused, match="needs no password"):
        bank("people", "password", "dana", BANK_NEW_PASSPHRASE=SECRET)


def test_people_without_a_trust_file_is_one_clear_error(bank: Bank) -> None:
    with pytest.raises(NoTrust, match=r"is not there, so nobody may act.* `bank people found`\.$"):
        bank("people", "list")


def test_a_new_key_stays_private_and_shows_its_public_part(bank: Bank, home: Path) -> None:
    with pytest.raises(PasswordRefused, match="Set BANK_NEW_PASSPHRASE"):
        bank("keys", "new", "eve")
    made = bank("keys", "new", "eve", BANK_NEW_PASSPHRASE=SECRET)
    assert bank("keys", "show", "eve", BANK_PASSPHRASE=SECRET).stdout.strip() in made.stdout
    path = Path(bank("keys", "path", "eve").stdout.strip())
    assert path == home / "keys" / "eve.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InvalidKey, match="not overwritten"):
        bank("keys", "new", "eve")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["keys", "new", "../eve"], id="id-climbs"),
        pytest.param(["keys", "new", "token"], id="id-of-tokens"),
        pytest.param(["login"], id="nobody-named"),
        pytest.param(["people", "found", "--administrator", "ada", "--by", "ada"], id="no-key"),
        pytest.param(["people", "roles", "ada", "--role", "king"], id="unknown-role"),
        pytest.param(["people", "key", "ada"], id="neither-replaced-nor-revoked"),
        pytest.param(["people", "key", "ada", "--replace", "A", "--since", "2026-01-01"], id="since-alone"),
        pytest.param(["people", "list", "--at", "soon"], id="no-time"),
    ],
)
def test_a_command_that_cannot_be_meant_is_a_usage_error(founded: Bank, words: list[str]) -> None:
    assert founded(*words).exit_code == 2
