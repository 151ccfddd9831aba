"""The bill of materials of a release: every package its lock names, as CycloneDX 1.6 JSON.

It is made from the lock alone: names, versions and SHA-256 hashes; no time, no serial number, no address
of an index. So the same lock gives the same bill, on any machine.
"""

import re
from collections import defaultdict
from pathlib import Path

from crm_rules.governance.chain import canonical
from training.release.errors import BrokenRelease, NoLock

FILE = "sbom.json"
LOCK = Path(__file__).parents[2] / "requirements.lock"
MOST_BYTES = 16 * 1024 * 1024
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([A-Za-z0-9.!+_-]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def read_lock(path: Path = LOCK) -> bytes:
    """The lock's content; NoLock where there is none, as beside an installed wheel."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise NoLock(path) from error
    if len(content) > MOST_BYTES:
        raise BrokenRelease(str(path), f"a lock is smaller than {MOST_BYTES} bytes")
    return content


def bill(lock: bytes) -> bytes:
    r"""The bill of materials of a lock with hashes; BrokenRelease for a line that pins nothing.

    >>> import json
    >>> lock = b"b==2 ; python_version < '3' \\\n --hash=sha256:" + b"0" * 64 + b"\nA_a==1\n"
    >>> found = json.loads(bill(lock))
    >>> [component["purl"] for component in found["components"]]
    ['pkg:pypi/a-a@1', 'pkg:pypi/b@2']
    """
    hashes = defaultdict[tuple[str, str], set[str]](set)
    for line in _lines(lock):
        pin = _PIN.match(line)
        if pin is None:
            raise BrokenRelease("requirements.lock", f"it pins no version at '{line[:40]}'")
        name = re.sub(r"[-_.]+", "-", pin[1]).lower()
        hashes[name, pin[2]].update(_HASH.findall(line))
    components = [_component(*key, sorted(found)) for key, found in sorted(hashes.items())]
    return canonical({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components})


def _lines(lock: bytes) -> list[str]:
    """The lock's requirements, each on one line; comments and blank lines are left out."""
    try:
        text = lock.decode("utf-8").replace("\r\n", "\n").replace("\\\n", " ")
    except UnicodeDecodeError as error:
        raise BrokenRelease("requirements.lock", "it is no UTF-8") from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _component(name: str, version: str, hashes: list[str]) -> dict[str, object]:
    purl = f"pkg:pypi/{name}@{version.replace('+', '%2B')}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
    }
