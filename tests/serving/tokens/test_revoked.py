"""The list of tokens taken back: it only grows, and whoever shortens or changes it is found out."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_rules.governance.heads import Heads
from serving.errors import BrokenRevocations
from serving.tokens.revoked import CHAIN, RevokedTokens
from tests.conftest import AT


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path / "keys"


@pytest.fixture
def revoked(keys: Path, tmp_path: Path) -> RevokedTokens:
    return RevokedTokens(keys, Heads(tmp_path / "heads"))


def ids(revoked: RevokedTokens) -> list[str]:
    return [entry.token_id for entry in revoked.read()]


def test_a_token_taken_back_stays_on_the_list_once(revoked: RevokedTokens) -> None:
    assert ids(revoked) == []
    first = revoked.add("t-1", AT)
    assert (revoked.add("t-2", AT).number, revoked.add("t-1", AT)) == (2, first)
    assert ids(revoked) == ["t-1", "t-2"]
    assert revoked.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("token_id", ["", "x" * 65, "a b", "../x", "a\n", "ä"])
def test_only_a_tokens_id_is_taken_back(revoked: RevokedTokens, token_id: str) -> None:
    with pytest.raises(ValueError, match="id"):
        revoked.add(token_id, AT)
    assert not revoked.path.exists()


def cut(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text())[:-1]))


def altered(path: Path) -> None:
    path.write_text(path.read_text().replace("t-1", "t-9"))


def last_altered(path: Path) -> None:
    path.write_text(path.read_text().replace("t-3", "t-9"))


def swapped(path: Path) -> None:
    found = json.loads(path.read_text())
    path.write_text(json.dumps([found[1], found[0], found[2]]))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(cut, id="cut"),
        pytest.param(Path.unlink, id="deleted"),
        pytest.param(altered, id="the-first-altered"),
        pytest.param(last_altered, id="the-last-altered"),
        pytest.param(swapped, id="swapped"),
        pytest.param(lambda path: path.write_text("[]"), id="emptied"),
        pytest.param(lambda path: path.write_text("{}"), id="an-object"),
        pytest.param(lambda path: path.write_text("[1]"), id="a-number"),
        pytest.param(lambda path: path.write_text("[" * 100_000), id="nested"),
        pytest.param(lambda path: path.write_bytes(b"\xff"), id="bytes"),
        pytest.param(lambda path: path.write_bytes(b" " * (16 * 2**20 + 1)), id="large"),
    ],
)
def test_a_list_that_is_not_the_one_that_was_written_is_refused(
    revoked: RevokedTokens, keys: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    for number in (1, 2, 3):
        revoked.add(f"t-{number}", AT)
    change(revoked.path)
    again = RevokedTokens(keys, Heads(tmp_path / "heads"))
    with pytest.raises(BrokenRevocations, match="revoked"):
        again.read()
    with pytest.raises(BrokenRevocations):
        again.add("t-4", AT)


def test_a_list_whose_head_was_deleted_may_still_not_lose_what_a_worker_knew(
    revoked: RevokedTokens, keys: Path, tmp_path: Path
) -> None:
    for number in (1, 2):
        revoked.add(f"t-{number}", AT)
    cut(revoked.path)
    (tmp_path / "heads" / f"{CHAIN}.head").unlink()
    again = RevokedTokens(keys, Heads(tmp_path / "heads"))
    with pytest.raises(BrokenRevocations, match="there were 2"):
        again.read(least=2)


def test_a_crash_before_the_head_moved_loses_nothing(revoked: RevokedTokens, tmp_path: Path) -> None:
    revoked.add("t-1", AT)
    head = tmp_path / "heads" / f"{CHAIN}.head"
    before = head.read_bytes()
    revoked.add("t-2", AT)
    head.write_bytes(before)
    again = RevokedTokens(revoked.path.parent, Heads(tmp_path / "heads"))
    assert [again.add("t-3", AT).number, *ids(again)] == [3, "t-1", "t-2", "t-3"]


def test_those_who_revoke_at_once_take_turns(keys: Path, tmp_path: Path) -> None:
    def revoke(name: str) -> None:
        mine = RevokedTokens(keys, Heads(tmp_path / "heads"))
        for number in range(5):
            mine.add(f"{name}-{number}", AT)

    threads = [threading.Thread(target=revoke, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ids(RevokedTokens(keys, Heads(tmp_path / "heads")))
    assert sorted(found) == sorted(f"{name}-{number}" for name in "abc" for number in range(5))
