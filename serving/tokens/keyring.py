"""The public keys whose tokens count: a folder with one file a key, named by the key's id.

The id is the beginning of the SHA-256 of the key, so that no file can pass for another and no token's
`kid` is ever made a path.
"""

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from crm_rules.errors import InvalidKey
from crm_rules.governance import drafts

FOLDER, SUFFIX = "tokens", ".pub"
MOST_KEYS = 32
WAY_OUT = "Take it away, or list the key again: `bank token keys add --public KEY`."


def key_id(key: Ed25519PublicKey) -> str:
    """The id of a key: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def parse_public(text: str) -> Ed25519PublicKey:
    """A public key from the base64 of its 32 bytes; ValueError when it is none."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip(), validate=True))
    except binascii.Error as error:
        raise ValueError("it is not base64") from error


class Keyring:
    """The folder of trusted public keys."""

    def __init__(self, keys: Path) -> None:
        self.folder = keys / FOLDER

    def read(self) -> Mapping[str, Ed25519PublicKey]:
        """Every trusted key by its id; InvalidKey when a file is none, or others may write it."""
        return {path.stem: _read(path) for path in self._paths()}

    def add(self, key: Ed25519PublicKey) -> str:
        """Trust a key; its id. It may be trusted already."""
        name = key_id(key)
        path = self._path(name)
        if not path.exists() and len(self._paths()) >= MOST_KEYS:
            raise InvalidKey(path, f"would be more than {MOST_KEYS}", "Retire one: `bank token keys retire`.")
        text = base64.b64encode(key.public_bytes_raw()) + b"\n"
        drafts.replace(path, text, mode=0o600)
        return name

    def remove(self, name: str) -> None:
        """Trust a key no longer; InvalidKey when it is not there."""
        known = {path.stem: path for path in self._paths()}
        if name not in known:
            raise InvalidKey(self._path("KEY"), f"'{name[:40]}' is not trusted", _among(known))
        known[name].unlink()

    def _paths(self) -> list[Path]:
        found = self.folder.glob(f"*{SUFFIX}") if self.folder.is_dir() else ()
        return sorted(path for path in found if not path.name.startswith("."))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"


def _among(known: Iterable[str]) -> str:
    return f"There are {sorted(known)}."


def _read(path: Path) -> Ed25519PublicKey:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(200).decode("ascii")
        key = parse_public(text)
    except OSError as error:
        raise InvalidKey(path, f"cannot be read ({error.strerror})", WAY_OUT) from error
    except ValueError as error:
        raise InvalidKey(path, "is no public key", WAY_OUT) from error
    if mode & 0o022:
        raise InvalidKey(
            path, f"may be written by others (mode {mode:04o})", f"Close it: `chmod 600 {path}`."
        )
    if key_id(key) != path.stem:
        raise InvalidKey(path, "holds another key than its name says", WAY_OUT)
    return key
