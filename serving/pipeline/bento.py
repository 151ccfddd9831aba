"""The service as one bento: our code, and the locked base dependencies without any extra.

What is needed is worked out from pyproject.toml and what the installed packages ask for; versions and
hashes are those of requirements.lock. Nothing is looked up.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires
from itertools import pairwise
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from serving.errors import CannotBuild

ROOT = Path(__file__).parents[2]
ROOMS = ("feature_repo", "crm_rules", "training", "monitoring", "serving")
FILES = ("bank.py", "LICENSE")
HASHED, PINS = "requirements.base.lock", "requirements.base.txt"
OPTIONS: Mapping[str, object] = {
    "service": "serving.service:BankService",
    "name": "bank",
    "include": [*(f"{room}/**" for room in ROOMS), *FILES, HASHED],
    "python": {"requirements_txt": PINS, "lock_packages": False},
}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def build(bentos: Path, root: Path = ROOT) -> Path:
    """Build the bento under `bentos`; its folder. CannotBuild says what is missing or what went wrong."""
    lock, project = root / "requirements.lock", root / "pyproject.toml"
    if not (lock.is_file() and project.is_file()):
        raise CannotBuild(f"{root} is no checkout: it lacks {lock.name} or {project.name}")
    hashed = base_lock(lock.read_text(), tomllib.loads(project.read_text())["project"]["dependencies"])
    bentos.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:  # BentoML reads nothing below a hidden folder
        stage = Path(folder)  # BentoML takes files of the folder it builds alone
        for room in ROOMS:
            shutil.copytree(root / room, stage / room, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy(root / name, stage / name)
        (stage / HASHED).write_text(hashed)
        (stage / PINS).write_text(_without_hashes(hashed))
        (stage / "bentofile.yaml").write_text(json.dumps(OPTIONS))  # JSON is YAML
        return _bentoml(stage, bentos)


def base_lock(lock: str, asked: Iterable[str]) -> str:
    """The entries of the lock that these requirements need, with those that they need, and so on."""
    entries = _entries(lock)
    needed = closure(asked)
    if missing := sorted(needed - entries.keys()):
        raise CannotBuild(f"requirements.lock has no {missing}; run `make lock`")
    return "".join(entry for name, entry in entries.items() if name in needed)


def closure(asked: Iterable[str]) -> set[str]:
    """The names of every package these requirements need on this machine; extras only where asked for."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(each) for each in asked]
    while waiting:
        each = waiting.pop()
        if each.marker is not None and not each.marker.evaluate({"extra": ""}):
            continue
        for extra in ("", *sorted(each.extras)):
            if (key := (canonicalize_name(each.name), extra)) not in found:
                found.add(key)
                waiting += _needs(each.name, extra)
    return {name for name, _ in found}


def _needs(name: str, extra: str) -> list[Requirement]:
    """What a package needs itself, or what one of its extras adds."""
    try:
        told = [Requirement(each) for each in requires(name) or ()]
    except PackageNotFoundError as error:
        raise CannotBuild(f"{name} is not installed; run `make setup`") from error
    needed = []
    for each in told:
        if each.marker is None or each.marker.evaluate({"extra": extra}):
            each.marker = None
            needed.append(each)
    return needed


def _entries(lock: str) -> dict[str, str]:
    """Each package's entries as text: several where versions of Python differ."""
    starts = [(match.start(), canonicalize_name(match[1])) for match in PIN.finditer(lock)]
    found: dict[str, str] = {}
    for (start, name), (end, _) in pairwise([*starts, (len(lock), "")]):
        found[name] = found.get(name, "") + lock[start:end]
    return found


def _without_hashes(lock: str) -> str:
    """Versions alone: BentoML adds a line of its own, which pip would refuse among hashes."""
    lines = [line.removesuffix("\\").rstrip() for line in lock.splitlines()]
    return "".join(f"{line}\n" for line in lines if line and not line.lstrip().startswith("--hash"))


def _version(stage: Path) -> str:
    """A name for the content, so that the same is built once."""
    found = hashlib.sha256()
    for path in sorted(each for each in stage.rglob("*") if each.is_file()):
        found.update(f"{path.relative_to(stage)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _bentoml(stage: Path, bentos: Path) -> Path:
    version = _version(stage)
    built = bentos.absolute() / "bentos" / "bank" / version
    if built.exists():
        return built
    command = [sys.executable, "-m", "bentoml", "build", ".", "--version", version]
    environment = {**os.environ, "BENTOML_HOME": str(bentos.absolute()), "PYTHONPATH": str(stage)}
    done = subprocess.run(
        command, cwd=stage, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode or not built.exists():
        raise CannotBuild(f"bentoml build ended with code {done.returncode}: {done.stderr.strip()[-500:]}")
    return built
