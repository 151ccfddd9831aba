"""The folder of public keys: what it holds counts, whole, under its own name, and only its owner writes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import InvalidKey
from serving.tokens import keyring
from serving.tokens.issuing import KEY_FILE, new_key, token_key
from serving.tokens.keyring import Keyring, key_id, parse_public


def test_the_key_that_signs_is_trusted_from_its_first_use(tmp_path: Path) -> None:
    key = token_key(tmp_path)
    assert list(Keyring(tmp_path).read()) == [key_id(key.public_key())]
    assert token_key(tmp_path).private_bytes_raw() == key.private_bytes_raw()
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_made_before_there_was_a_folder_is_trusted_when_it_is_read(tmp_path: Path) -> None:
    key = token_key(tmp_path)
    Keyring(tmp_path).remove(key_id(key.public_key()))
    token_key(tmp_path)
    assert list(Keyring(tmp_path).read()) == [key_id(key.public_key())]


def test_a_new_key_signs_and_the_one_before_counts_on(tmp_path: Path) -> None:
    old, new = token_key(tmp_path), new_key(tmp_path)
    assert token_key(tmp_path).private_bytes_raw() == new.private_bytes_raw() != old.private_bytes_raw()
    assert set(Keyring(tmp_path).read()) == {key_id(key.public_key()) for key in (old, new)}


def test_a_key_that_is_removed_counts_no_more_and_only_known_ones_are(tmp_path: Path) -> None:
    ring, name = Keyring(tmp_path), key_id(token_key(tmp_path).public_key())
    for wrong in ("", "../token", "*", name[:-1], f"{name}.pub", "/etc/passwd"):
        with pytest.raises(InvalidKey, match="not trusted"):
            ring.remove(wrong)
    ring.remove(name)
    assert ring.read() == {}
    assert (tmp_path / KEY_FILE).exists()


def rename(path: Path) -> None:
    path.rename(path.with_name("0123456789abcdef.pub"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda path: path.write_text("x"), "no public key", id="no-key"),
        pytest.param(lambda path: path.write_text(""), "no public key", id="empty"),
        pytest.param(lambda path: path.write_text("A" * 10**6), "no public key", id="large"),
        pytest.param(lambda path: path.write_bytes(b"\xff"), "no public key", id="bytes"),
        pytest.param(rename, "another key", id="under-another-name"),
        pytest.param(lambda path: path.chmod(0o620), "written by others", id="open-to-others"),
    ],
)
def test_a_file_that_is_no_key_of_that_name_is_refused(
    tmp_path: Path, change: Callable[[Path], object], words: str
) -> None:
    token_key(tmp_path)
    change(next(Keyring(tmp_path).folder.iterdir()))
    with pytest.raises(InvalidKey, match=words):
        Keyring(tmp_path).read()


def test_there_are_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "MOST_KEYS", 2)
    ring = Keyring(tmp_path)
    first, second, third = (Ed25519PrivateKey.generate().public_key() for _ in range(3))
    assert [ring.add(first), ring.add(second), ring.add(first)] == [key_id(k) for k in (first, second, first)]
    with pytest.raises(InvalidKey, match="more than 2"):
        ring.add(third)


@pytest.mark.parametrize("text", ["", "x", "ä", "AAAA", "A" * 44, "-----BEGIN PUBLIC KEY-----"])
def test_only_a_public_key_is_parsed(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_public(text)
