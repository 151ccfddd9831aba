"""Ed25519 keys: made, kept as PEM files of mode 0600, used to sign and to verify."""

import base64
import binascii
import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crm_rules.errors import InvalidKey
from crm_rules.governance import drafts

ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
LARGEST = 65_536
ANOTHER = "Use it, or move it away first."
AGAIN = "Type the passphrase again (BANK_PASSPHRASE where nobody can type)."
LOST = "Restore the key from its backup, or make a new one (`bank keys new`) for two administrators to list."


def generate(path: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """Make a private key and keep it at `path` (PEM, mode 0600); InvalidKey when a file is there already.

    With a passphrase the file is encrypted (PKCS8).
    """
    key = Ed25519PrivateKey.generate()
    try:
        drafts.create(path, _pem(key, passphrase), mode=0o600)
    except FileExistsError:
        raise InvalidKey(path, "is there already and is not overwritten", ANOTHER) from None
    return key


def keep(path: Path, key: Ed25519PrivateKey, passphrase: str | None) -> None:
    """Write a key again, under another passphrase or none; a reader sees the old file or the new."""
    drafts.replace(path, _pem(key, passphrase), mode=0o600)


def load(path: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """Read a private key; InvalidKey when it is missing, open to others, locked, or of another kind."""
    data = _read(path)
    if passphrase is None and ENCRYPTED in data:
        raise InvalidKey(path, "is encrypted and needs its passphrase", AGAIN)
    password = normal(passphrase) if passphrase is not None and ENCRYPTED in data else None
    try:
        key = serialization.load_pem_private_key(data, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        found = "does not open with that passphrase" if password is not None else "is not a PEM private key"
        raise InvalidKey(path, found, AGAIN if password is not None else "") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey(path, f"is of kind {type(key).__name__}, not Ed25519")
    return key


def encrypted(path: Path) -> bool:
    """Whether the key needs a passphrase; InvalidKey when it cannot be read."""
    return ENCRYPTED in _read(path)


def normal(passphrase: str) -> bytes:
    """A passphrase as bytes: NFKC, so that one typed on another keyboard is the same.

    >>> normal("\uff41\u00e9") == normal("ae\u0301")
    True
    """
    return unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(LARGEST)
    except OSError as error:
        way_out = LOST if isinstance(error, FileNotFoundError) else f"Check its rights. {LOST}"
        raise InvalidKey(path, f"cannot be read ({error.strerror})", way_out) from error
    if mode & 0o077:
        raise InvalidKey(path, f"is open to other users (mode {mode:04o})", f"Close it: `chmod 600 {path}`.")
    return data


def _pem(key: Ed25519PrivateKey, passphrase: str | None) -> bytes:
    cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        cipher = serialization.BestAvailableEncryption(normal(passphrase))
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher)


def public(key: Ed25519PrivateKey) -> str:
    """The public key as base64 of its 32 raw bytes, as the trust file lists it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(key: Ed25519PrivateKey, data: bytes) -> str:
    """The Ed25519 signature as base64."""
    return base64.b64encode(key.sign(data)).decode()


def verify(public_key: str, signature: str, data: bytes) -> bool:
    """Whether `signature` was made over `data` by the key; malformed keys and signatures are simply False."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, binascii.Error, ValueError, TypeError):
        return False
    return True


def verify_any(public_keys: Iterable[str], signature: str, data: bytes) -> bool:
    """Whether one of the keys made the signature."""
    return any(verify(public_key, signature, data) for public_key in public_keys)
