"""The writer of events killed again and again under load: what was acknowledged is in the raw tables once.

On a generated bank of its own two processes put events into its inbox and write down what was
acknowledged, durable before they go on; the writer, which lands four times a second, and now and then
one of the two are killed with kill -9 and started again. In the end every acknowledged booking must be
in the raw tables exactly once, no number of the inbox may be taken twice, and the live tables must be
what the raw tables are.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq

from feature_repo.live.tables import LiveTables
from feature_repo.packed_rows import open_rows
from feature_repo.raw.generate import make
from feature_repo.settings import Settings
from serving.bootstrap.edge import now
from serving.bootstrap.stores import open_inbox
from serving.worker.inbox import Standing

ROOT = Path(__file__).parents[2]
CUSTOMERS, KILLS, PUTTERS, LAND_EVERY = 60, 10, 2, 0.25
PATIENCE = 240.0
PUT = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from crm_rules.errors import DatabaseUnavailable
from feature_repo.live.events import read_row
from feature_repo.settings import Settings
from serving.bootstrap.stores import open_inbox
from serving.worker.inbox import Sent
name, accounts = sys.argv[1], Path(sys.argv[2]).read_text().split()
inbox, number = open_inbox(Settings()), 0
with open(sys.argv[3], "a") as acknowledged:
    while True:
        now, number = datetime.now(UTC), number + 1
        said = [{"table": "bookings", "booking_id": f"{name}-{number}-{at}", "account_id": accounts[at],
                 "booked_at": now.isoformat(), "amount": "-10.00", "currency": "CNY",
                 "category": "card_payment"} for at in range(3)]
        sent = Sent([read_row(line, one, now) for line, one in enumerate(said)], name, name)
        while True:
            time.sleep(0.1)
            try:
                inbox.put(sent, now)
                break
            except DatabaseUnavailable:  # as a client does after a 503
                pass
        acknowledged.write("".join(one["booking_id"] + "\\n" for one in said))
        acknowledged.flush()
"""
WRITE = """
import sys
from feature_repo.settings import Settings
from serving.pipeline.ending import Ending
from serving.pipeline.writing import write
import signal
ending = Ending()
signal.signal(signal.SIGTERM, ending.ask)
write(Settings(), None, ending.go_on, land_every=float(sys.argv[1]))
"""


class Cast:
    """The processes on one home."""

    def __init__(self, home: Path) -> None:
        self.home, self._names = home, 0

    def putter(self) -> "subprocess.Popen[bytes]":
        self._names += 1
        name = f"put{self._names}"
        return self._start(PUT, name, str(self.home / "accounts"), str(self.home / f"{name}.acknowledged"))

    def writer(self) -> "subprocess.Popen[bytes]":
        return self._start(WRITE, str(LAND_EVERY))

    def _start(self, code: str, *more: str) -> "subprocess.Popen[bytes]":
        environment = os.environ | {"BANK_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        return subprocess.Popen([sys.executable, "-c", code, *more], env=environment, cwd=self.home)

    def acknowledged(self) -> set[str]:
        whole = (path.read_text().split("\n")[:-1] for path in self.home.glob("*.acknowledged"))
        return {one for several in whole for one in several}


def prove(home: Path, kills: int, seed: int = 7) -> dict[str, int]:
    """Kill so often; what was found: `lost` and `doubled` must be 0."""
    settings, cast, dice = Settings(home=home), Cast(home), np.random.default_rng(seed)
    _bank(settings)
    putters = [cast.putter() for _ in range(PUTTERS)]
    writer, killed = cast.writer(), 0
    try:
        for kill in range(kills):
            _until(_later(settings, writer))  # it has begun and taken something new
            time.sleep(float(dice.uniform(0, 1.5)))
            if kill % 4 == 3:
                putters[0].send_signal(signal.SIGKILL)
                putters[0].wait()
                putters[0] = cast.putter()
            writer.send_signal(signal.SIGKILL)
            writer.wait()
            killed, writer = killed + 1, cast.writer()
        for putter in putters:
            putter.send_signal(signal.SIGKILL)
            putter.wait()
        _until(lambda: _waiting(settings) == 0)
        writer.send_signal(signal.SIGTERM)
        ended = writer.wait(PATIENCE)
    finally:
        for process in (*putters, writer):
            if process.poll() is None:
                process.kill()
    return {"kills": killed, "ended": ended, **_found(settings, cast.acknowledged())}


def _bank(settings: Settings) -> None:
    make(CUSTOMERS, 5, settings.raw, settings.truth, months=12)
    open_rows(settings, read_only=False).close()
    owned = pq.read_table(settings.raw / "account_owners", columns=["account_id"])["account_id"]
    (settings.home / "accounts").write_text("\n".join(sorted(set(owned.to_pylist()))[:3]))


def _later(settings: Settings, writer: "subprocess.Popen[bytes]") -> Callable[[], bool]:
    begun = now()

    def seen() -> bool:
        if writer.poll() is not None:
            raise RuntimeError(f"the writer ended with {writer.returncode}")
        found = _standing(settings).seen
        return found is not None and found > begun

    return seen


def _standing(settings: Settings) -> Standing:
    with closing(open_inbox(settings)) as inbox:
        return inbox.standing()


def _waiting(settings: Settings) -> int:
    waiting: int = _standing(settings).waiting
    return waiting


def _found(settings: Settings, acknowledged: set[str]) -> dict[str, int]:
    rows = pq.read_table(settings.raw / "bookings", columns=["booking_id"])["booking_id"].to_pylist()
    times = Counter(row for row in rows if row.startswith("put"))
    live = LiveTables.open(settings.live / "tables.duckdb", settings.raw, 1)
    [(there,)] = live.connection.execute("select count(*) from bookings").fetchall()
    owed = live.owed("features")
    live.close()
    return {
        "acknowledged": len(acknowledged), "lost": len(acknowledged - times.keys()),
        "doubled": sum(count > 1 for count in times.values()), "apart": abs(there - len(rows)),
        "owed": len(owed),
    }  # fmt: skip


def _until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > ends:
            raise TimeoutError(f"it did not come about within {PATIENCE} s")
        time.sleep(0.05)


def main() -> int:
    """One line; 1 when an event was lost or doubled."""
    with TemporaryDirectory(prefix="bank-proof-events-") as folder:
        found = prove(Path(folder) / "bank", KILLS)
    holds = found["acknowledged"] > 0 and not any(
        found[name] for name in ("lost", "doubled", "apart", "owed", "ended")
    )
    told = ", ".join(f"{name} {value:,}" for name, value in found.items())
    sys.stdout.write(f"events: {told}: {'holds' if holds else 'DOES NOT HOLD'}\n")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
