"""`bank token`: issued, listed, taken back; keys made and retired."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from typer.testing import CliRunner, Result

from crm_rules.errors import InvalidKey
from crm_rules.governance.heads import Heads
from feature_repo.settings import Settings
from serving.auth import CUSTOMER_SCOPES, EVERY_SCOPE
from serving.token_cli import token as group
from serving.tokens.issued import FILE
from serving.worker.token_files import TokenFiles

Token = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def token(home: Path) -> Token:
    return lambda *words: CliRunner().invoke(group, list(words))


def caller(home: Path, text: str) -> object:
    settings = Settings(home=home)
    files = TokenFiles(settings.keys, Heads(settings.heads), lambda: datetime.now(UTC))
    return files.check.caller(text, datetime.now(UTC))


@pytest.mark.parametrize(
    ("options", "scopes", "customer"),
    [
        pytest.param([], EVERY_SCOPE, None, id="an-app-in-the-demo"),
        pytest.param(["--scope", "score:read"], ["score:read"], None, id="one-scope"),
        pytest.param(["--customer", "ann"], CUSTOMER_SCOPES, "ann", id="a-customer"),
    ],
)
def test_a_token_is_printed_alone_and_says_what_was_asked(
    token: Token, home: Path, options: list[str], scopes: list[str], customer: str | None
) -> None:
    done = token("issue", "app", *options)
    found = caller(home, done.stdout.strip())
    assert (found.subject, found.scopes, found.customer) == ("app", set(scopes), customer)  # type: ignore[attr-defined]
    assert found.token_id in done.stderr  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["issue", "app", "--scope", "everything"], "score:read", id="unknown-scope"),
        pytest.param(
            ["issue", "app", "--customer", "ann", "--scope", "status:read"], "status", id="not-theirs"
        ),
        pytest.param(["issue", "app", "--customer", "a b"], "customer", id="no-id"),
        pytest.param(["issue", "app", "--hours", "0"], "hours", id="no-time"),
        pytest.param(["issue", "a\x1b[2Jb"], "name", id="an-escape-sequence"),
        pytest.param(["revoke", "no.such.token"], "token", id="no-token"),
        pytest.param(["revoke", "a b"], "id", id="no-tokens-id"),
        pytest.param(["keys", "add", "--public", "x"], "base64", id="no-key"),
    ],
)
def test_a_wrong_word_is_a_usage_error_and_changes_nothing(
    token: Token, home: Path, words: list[str], told: str
) -> None:
    done = token(*words)
    assert done.exit_code == 2
    assert told in click.unstyle(done.stderr)
    assert not (home / "keys" / FILE).exists()
    assert not (home / "keys" / "revoked.json").exists()


def test_a_real_bank_names_what_a_token_may_do(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANK_PROFILE", "bank")
    done = token("issue", "app", "--customer", "ann")
    assert done.exit_code == 2
    assert "status:read" not in done.stderr


def test_tokens_are_listed_with_their_state_and_never_themselves(token: Token, home: Path) -> None:
    first, second = (token("issue", "app", *more).stdout.strip() for more in ((), ("--customer", "ann")))
    assert token("revoke", first).exit_code == 0
    told = token("list").stdout
    assert [line.split()[-1] for line in told.splitlines()] == ["valid", "revoked"]
    assert "customer ann" in told
    data = json.loads(token("list", "--json").stdout)["tokens"]
    assert [each["state"] for each in data] == ["valid", "revoked"]
    assert not any(whole.rsplit(".", 1)[1] in told + json.dumps(data) for whole in (first, second))
    assert (home / "keys" / FILE).stat().st_mode & 0o777 == 0o600
    assert token("revoke", data[0]["token_id"]).exit_code == 0
    assert "valid" not in token("list").stdout


def test_an_id_that_was_never_issued_here_is_revoked_with_a_warning(token: Token) -> None:
    whole = token("issue", "app").stdout.strip()
    assert token("revoke", whole).stderr == ""
    done = token("revoke", "mistyped")
    assert done.exit_code == 0
    assert "bank token list" in done.stderr


def test_keys_are_listed_added_and_retired(token: Token, home: Path) -> None:
    whole = token("issue", "app").stdout.strip()
    [old] = json.loads(token("keys", "list", "--json").stdout)["keys"]
    assert old["signs"]
    assert isinstance(token("keys", "retire", old["kid"]).exception, InvalidKey)
    assert token("keys", "add").exit_code == 0
    assert token("keys", "retire", old["kid"]).exit_code == 0
    [new] = json.loads(token("keys", "list", "--json").stdout)["keys"]
    assert (new["signs"], new["kid"] == old["kid"]) == (True, False)
    assert "its key was retired" in token("list").stdout
    with pytest.raises(PermissionError, match="not trusted"):
        caller(home, whole)


def test_a_list_that_is_empty_says_what_to_do(token: Token) -> None:
    assert "bank token issue" in token("list").stdout
