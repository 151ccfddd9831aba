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
    with pytest.raises(InvalidKey, match="not a PEM private key"):
        keys.load(tmp_path / "broken.pem")
    foreign = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "foreign.pem").write_bytes(foreign)
    with pytest.raises(InvalidKey, match="not Ed25519"):
        keys.load(tmp_path / "foreign.pem")
