"""The built bento answers a decision in an environment that has the locked base dependencies and no more.

Builds it, installs its hashed lock into a fresh environment (from the machine's package index), serves a
tiny bank by what lies in the bento, and asks. No training library may be there.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from serving.auth import EVERY_SCOPE, issue, token_key
from serving.bootstrap.edge import now
from serving.pipeline.bento import HASHED, build
from tests.conftest import make_tiny
from tests.proofs.served import NBA, Bank, free_port, resident_mb

ABSENT = ("mlflow", "feast", "xgboost", "sklearn", "evidently", "optuna", "optbinning", "implicit", "pytest")
FIND = f"""
import importlib.util, json
print(json.dumps([name for name in {ABSENT!r} if importlib.util.find_spec(name)]))
"""


def main() -> int:
    """Build, install, serve, ask; prints one line."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        built = build(where / "bentos")
        python = _installed(where / "venv", built / "src" / HASHED)
        present = json.loads(_run(str(python), "-c", FIND))
        packages = _run(*_uv("pip", "list", "--quiet", "--python", str(python), "--format", "json"))
        make_tiny(where / "home")
        token = issue(token_key(where / "home" / "keys"), "proof", EVERY_SCOPE, 1, now())
        source = built / "src"
        bank = Bank(
            where / "home", free_port(), 1, token, (str(python), str(source / "bank.py")), path=source
        )
        bank.start()
        try:
            bank.until_ready()
            status, said = bank.ask(NBA, {"customer_id": "ann"})
            memory = resident_mb(bank.worker_ids()[0])
        finally:
            code = bank.end()
    ok = status == 200 and bool(said["decision_id"]) and not present and code == 0
    sys.stdout.write(
        f"bento: {built.name} with {len(json.loads(packages))} packages answered {status} in "
        f"{memory:.0f} MB and ended with {code}; of the training libraries it has {present or 'none'}: "
        f"{'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


def _installed(folder: Path, lock: Path) -> Path:
    _run(*_uv("venv", "--quiet", "--python", sys.executable, str(folder)))
    python = folder / "bin" / "python"
    install = _uv("pip", "install", "--quiet", "--python", str(python), "--no-deps", "--require-hashes")
    _run(*install, "-r", str(lock))
    return python


def _uv(*words: str) -> list[str]:
    return [str(Path(sys.executable).parent / "uv"), *words]


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout


if __name__ == "__main__":
    sys.exit(main())
