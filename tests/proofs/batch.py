"""1,000,000 customers in one batch that is killed on its way: each decided once, within 6 GB.

Run on what `make run` left: its release, and its rows once more under made-up ids.
`python -m tests.proofs.batch CUSTOMERS KILLS` for another size.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb

from feature_repo.settings import Settings
from monitoring.batch_log import FOLDER
from tests.benchmarks.batch import made_up

LIMIT_MB = 6_000
KEPT = ("releases", "heads", "trust.json", "online.db")  # of a home
ROOT = Path(__file__).parents[2]


def main() -> int:
    """Make the bank, run, kill, run again; prints one line."""
    customers, kills = (
        int(sys.argv[at]) if len(sys.argv) > at else so for at, so in ((1, 1_000_000), (2, 2))
    )
    with tempfile.TemporaryDirectory(dir=Settings().home.parent, prefix="bank-proof-") as folder:
        home = Path(folder)
        copied(Settings().home, home)
        made_up(home / "online.db", customers)
        memory, began = Memory(), time.monotonic()
        for _ in range(kills):
            _killed(home, memory)
        killed = time.monotonic() - began
        done = _batch(home)
        code = memory.watch(done)
        seconds = time.monotonic() - began
        rows, names, log = _counted(home)
    ok = code == 0 and rows == names >= customers and memory.peak_mb < LIMIT_MB
    sys.stdout.write(
        f"batch: {rows:,} decisions of {names:,} customers in {log} files, killed {kills} times "
        f"({killed:.0f} s), {seconds:.0f} s, {rows / seconds:,.0f} a second, "
        f"peak {memory.peak_mb:,.0f} MB (limit {LIMIT_MB:,}): {'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


class Memory:
    """The largest sum of resident memory of a process and its children."""

    def __init__(self) -> None:
        self.peak_mb = 0.0

    def look(self, process: "subprocess.Popen[bytes]") -> None:
        """One look."""
        found = sum(_resident_mb(pid) for pid in [process.pid, *_children(process.pid)])
        self.peak_mb = max(self.peak_mb, found)

    def watch(self, process: "subprocess.Popen[bytes]") -> int:
        """Look until it ends; its exit code."""
        while process.poll() is None:
            self.look(process)
            time.sleep(0.2)
        return process.returncode


def _killed(home: Path, memory: Memory) -> None:
    """A batch that is killed once it has sealed one more partition."""
    process, before = _batch(home), len(_files(home))
    while process.poll() is None and len(_files(home)) <= before:
        memory.look(process)
        time.sleep(0.2)
    threading.Event().wait(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _batch(home: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "BANK_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "bank.py"), "score", "batch"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=home)


def _files(home: Path) -> list[Path]:
    return list((home / "decisions" / FOLDER).glob("*.parquet"))


def _counted(home: Path) -> tuple[int, int, int]:
    found = _files(home)
    with duckdb.connect() as connection:
        rows, names = connection.execute(
            "SELECT count(*), count(DISTINCT customer_id) FROM read_parquet($files)",
            {"files": [str(path) for path in found]},
        ).fetchall()[0]
    return rows, names, len(found)


def copied(source: Path, home: Path) -> Path:
    """A home with the release and the online rows of another, whose log begins anew."""
    for name in KEPT:
        path = source / name
        if path.is_dir():
            shutil.copytree(path, home / name)
        else:
            shutil.copy2(path, home / name)
    for head in (home / "heads").glob("batches.*"):
        head.unlink()
    return home


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _resident_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    sys.exit(main())
