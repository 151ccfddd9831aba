"""A running worker follows keys and revocations; what it cannot read leaves everything as it was."""

import os
from pathlib import Path

import pytest

from crm_rules.errors import InvalidKey
from crm_rules.governance.heads import Heads
from serving.auth import EVERY_SCOPE, issue, token_key
from serving.errors import BrokenRevocations, InvalidToken
from serving.tokens.issued import Issued
from serving.tokens.keyring import Keyring, key_id
from serving.tokens.office import TokenOffice
from serving.tokens.revoked import RevokedTokens
from serving.worker.token_files import TokenFiles
from tests.conftest import AT


@pytest.fixture
def office(tmp_path: Path) -> TokenOffice:
    keys = tmp_path / "keys"
    return TokenOffice(keys, RevokedTokens(keys, Heads(tmp_path / "heads")))


def worker(tmp_path: Path) -> TokenFiles:
    return TokenFiles(tmp_path / "keys", Heads(tmp_path / "heads"), lambda: AT)


def look(files: TokenFiles) -> None:
    for follower in files.followers:
        follower.look()


def opens(files: TokenFiles, token: str) -> bool:
    look(files)
    try:
        return files.check.caller(token, AT).subject == "app"
    except InvalidToken:
        return False


def test_a_worker_takes_back_what_is_revoked_while_it_runs(office: TokenOffice, tmp_path: Path) -> None:
    token, other = (office.issue("app", None, 1, AT) for _ in range(2))
    files = worker(tmp_path)
    assert opens(files, token)
    office.revoke(Issued.of(token).token_id, AT)
    assert (opens(files, token), opens(files, other)) == (False, True)
    office.revoke(other, AT)
    assert not opens(files, other)
    assert not opens(worker(tmp_path), token)


def test_a_worker_follows_the_change_of_keys(office: TokenOffice, tmp_path: Path) -> None:
    old, files = office.issue("app", None, 1, AT), worker(tmp_path)
    retired = key_id(token_key(office.keys).public_key())
    office.add_key(None)
    new = office.issue("app", None, 1, AT)
    assert (opens(files, old), opens(files, new)) == (True, True)
    office.retire_key(retired)
    assert (opens(files, old), opens(files, new)) == (False, True)


def test_the_key_that_signs_is_not_retired(office: TokenOffice) -> None:
    with pytest.raises(InvalidKey, match="signs new tokens"):
        office.retire_key(key_id(token_key(office.keys).public_key()))


def test_another_issuers_tokens_count_once_its_public_key_is_trusted(
    office: TokenOffice, tmp_path: Path
) -> None:
    files = worker(tmp_path)
    theirs = token_key(tmp_path / "elsewhere")
    token = issue(theirs, "app", EVERY_SCOPE, 1, AT)
    assert not opens(files, token)
    name = office.add_key(next(Keyring(tmp_path / "elsewhere").folder.iterdir()).read_text())
    assert (opens(files, token), name) == (True, key_id(theirs.public_key()))


def test_a_list_that_was_cut_brings_no_token_back(office: TokenOffice, tmp_path: Path) -> None:
    token, files = office.issue("app", None, 1, AT), worker(tmp_path)
    office.revoke(token, AT)
    assert not opens(files, token)
    office.revoked.path.unlink()
    assert not opens(files, token)
    assert str(files.told()["revoked"]).count("BrokenRevocations") == 1
    with pytest.raises(BrokenRevocations):
        worker(tmp_path)


def test_a_folder_of_keys_that_is_emptied_or_spoilt_changes_nothing(
    office: TokenOffice, tmp_path: Path
) -> None:
    token, files = office.issue("app", None, 1, AT), worker(tmp_path)
    [path] = Keyring(office.keys).folder.iterdir()
    path.unlink()
    assert opens(files, token)
    assert files.followers[0].refusals == 1
    path.with_name("0123456789abcdef.pub").write_text("x")
    os.utime(path.parent, ns=(1, 1))
    assert opens(files, token)
    assert str(tmp_path) not in str(files.told())
    with pytest.raises(InvalidKey):
        worker(tmp_path)
