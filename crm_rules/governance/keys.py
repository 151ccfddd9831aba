"""Ed25519 keys: made, kept as PEM files of mode 0600, used to sign and to verify."""

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crm_rules.errors import InvalidKey
from crm_rules.governance import drafts


def generate(path: Path) -> Ed25519PrivateKey:
    """Make a private key and keep it at `path` (PEM, mode 0600); InvalidKey when a file is there already."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        drafts.create(path, pem, mode=0o600)
    except FileExistsError:
        raise InvalidKey(path, "is there already and is not overwritten") from None
    return key


def load(path: Path) -> Ed25519PrivateKey:
    """Read a private key; InvalidKey when it is missing, unreadable, or of another kind."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise InvalidKey(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidKey(path, "is not a PEM private key without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey(path, f"is of kind {type(key).__name__}, not Ed25519")
    return key


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
