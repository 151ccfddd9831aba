import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from crm_rules.errors import InvalidKey
from crm_rules.governance import keys


def test_a_key_is_kept_for_its_owner_alone_and_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ada.pem"
    made = keys.generate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.public(keys.load(path)) == keys.public(made)
    assert [p.name for p in path.parent.iterdir()] == ["ada.pem"]


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    made = keys.generate(tmp_path / "ada.pem")
    with pytest.raises(InvalidKey, match="not overwritten"):
        keys.generate(tmp_path / "ada.pem")
    assert keys.public(keys.load(tmp_path / "ada.pem")) == keys.public(made)


def test_a_signature_fits_its_data_and_key_only(tmp_path: Path) -> None:
    ada, amir = keys.generate(tmp_path / "ada.pem"), keys.generate(tmp_path / "amir.pem")
    signature = keys.sign(ada, b"data")
    assert keys.verify(keys.public(ada), signature, b"data")
    assert not keys.verify(keys.public(ada), signature, b"date")
    assert not keys.verify(keys.public(amir), signature, b"data")


@pytest.mark.parametrize("broken", ["", "!!", "AAAA", "é"])
def test_malformed_keys_and_signatures_are_just_wrong(tmp_path: Path, broken: str) -> None:
    key = keys.generate(tmp_path / "ada.pem")
    assert not keys.verify(keys.public(key), broken, b"data")
    assert not keys.verify(broken, keys.sign(key, b"data"), b"data")


def test_missing_broken_and_foreign_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey, match="cannot be read"):
        keys.load(tmp_path / "nobody.pem")
    (tmp_path / "broken.pem").write_text("no key")
    (tmp_path / "broken.pem").chmod(0o600)
    with pytest.raises(InvalidKey, match="not a PEM private key"):
        keys.load(tmp_path / "broken.pem")
    foreign = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "foreign.pem").write_bytes(foreign)
    (tmp_path / "foreign.pem").chmod(0o600)
    with pytest.raises(InvalidKey, match="not Ed25519"):
        keys.load(tmp_path / "foreign.pem")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    keys.generate(tmp_path / "ada.pem")
    (tmp_path / "ada.pem").chmod(mode)
    with pytest.raises(InvalidKey, match=f"open to other users \\(mode {mode:04o}"):
        keys.load(tmp_path / "ada.pem")


def test_an_encrypted_key_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    path = tmp_path / "ada.pem"
    made = keys.generate(path, "caf\u00e9 au lait")
    assert keys.encrypted(path)
    assert b"ENCRYPTED" in path.read_bytes()
    assert keys.public(keys.load(path, "cafe\u0301 au lait")) == keys.public(made)
    with pytest.raises(InvalidKey, match="needs its passphrase"):
        keys.load(path)
    for wrong in ("", "cafe au lait", "x" * 2_000):
        with pytest.raises(InvalidKey, match="does not open"):
            keys.load(path, wrong)


def test_a_key_is_kept_again_under_another_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "ada.pem"
    made = keys.generate(path)
    for passphrase in ("first", "second", None):
        keys.keep(path, made, passphrase)
        assert keys.public(keys.load(path, passphrase)) == keys.public(made)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_of_several_keys_is_enough(tmp_path: Path) -> None:
    ada, amir = keys.generate(tmp_path / "ada.pem"), keys.generate(tmp_path / "amir.pem")
    both = [keys.public(ada), keys.public(amir)]
    assert keys.verify_any(both, keys.sign(amir, b"data"), b"data")
    assert not keys.verify_any(both[:1], keys.sign(amir, b"data"), b"data")
    assert not keys.verify_any([], keys.sign(amir, b"data"), b"data")
