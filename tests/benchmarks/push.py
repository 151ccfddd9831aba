"""How fresh a pushed event is: from the line's writing to the customer's features being readable.

A process follows a file as `bank data push --follow` does, on a generated bank; another writes events of
CUSTOMERS_A_SECOND different customers a second and reads the online rows until the change shows. The
clock starts when the line is written, so a slow answer delays nothing but itself.
"""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq

CUSTOMERS_A_SECOND = 50
LIMIT_S = 1.0
START_S = 240.0


def run(quick: bool) -> dict[str, Any]:
    """Measure on 2,000 customers for 6 seconds, or on 100,000 for 30 seconds."""
    customers, seconds = (2_000, 6) if quick else (100_000, 30)
    with TemporaryDirectory(prefix="bank-bench-push-") as folder:
        os.environ["BANK_HOME"] = folder
        ids = _bank(Path(folder), customers)
        waited, report = _followed(Path(folder), ids, seconds)
    figures = {
        "visible_median_s": round(float(np.median(waited)), 3),
        "visible_p95_s": round(float(np.quantile(waited, 0.95)), 3),
        "visible_max_s": round(float(np.max(waited)), 3),
        "events": len(waited),
        "events_a_second": CUSTOMERS_A_SECOND,
        "batch_median_s": report["freshness"]["activity"]["median_s"],
    }
    return {
        "bench": "push", "n": customers, "figures": figures, "ratios": {},
        "limits": {"visible_median_s": LIMIT_S},
        "holds": figures["visible_median_s"] < LIMIT_S and len(waited) == CUSTOMERS_A_SECOND * seconds,
    }  # fmt: skip


def _bank(home: Path, customers: int) -> list[str]:
    from feature_repo.build import online_rows
    from feature_repo.packed_rows import open_rows
    from feature_repo.raw.generate import make
    from feature_repo.raw.source import Source
    from feature_repo.settings import Settings

    settings = Settings()
    make(customers, 5, settings.raw, settings.truth, months=24)
    with open_rows(settings, read_only=False) as rows:
        rows.load(online_rows(settings.raw, Source.read(settings.raw).end, settings.machine))
    owners = pq.read_table(home / "raw" / "account_owners", columns=["customer_id"])["customer_id"]
    return [str(one) for one in np.random.default_rng(1).permutation(owners.unique().to_pylist())]


def _followed(home: Path, ids: list[str], seconds: int) -> tuple[list[float], dict[str, Any]]:
    from feature_repo.packed_rows import open_rows
    from feature_repo.settings import Settings

    events = home / "events.jsonl"
    events.write_text(_event(ids[0], 0) + "\n")
    command = [sys.executable, "-c", "import bank; bank.main()", "data", "push", str(events), "--follow"]
    root = str(Path(__file__).parents[2])
    follower = subprocess.Popen(
        [*command, "--seconds", str(START_S + seconds + 60), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    try:
        written: dict[str, float] = {}
        seen: dict[str, float] = {}
        with open_rows(Settings()) as rows:
            _wait_for(rows, ids[0], follower)
            who = ids[1 : 1 + CUSTOMERS_A_SECOND * seconds]
            writer = threading.Thread(target=_write, args=(events, who, written), daemon=True)
            writer.start()
            until = time.monotonic() + seconds + 30
            while len(seen) < len(who) and time.monotonic() < until:
                waiting = [one for one in list(written) if one not in seen]
                if waiting:
                    found = rows.read(waiting, ["life"])
                    at, now = found.event_us[:, 0], time.monotonic()
                    fresh = at > int((time.time() - seconds - 60) * 1e6)
                    seen.update({one: now for one, new in zip(waiting, fresh, strict=True) if new})
                time.sleep(0.005)
            writer.join()
    finally:
        follower.send_signal(2)
        said, _ = follower.communicate(timeout=120)
    return [seen[one] - written[one] for one in who if one in seen], json.loads(said)


def _write(events: Path, who: list[str], written: dict[str, float]) -> None:
    with events.open("a") as file:
        started = time.monotonic()
        for number, customer in enumerate(who):
            time.sleep(max(0.0, started + number / CUSTOMERS_A_SECOND - time.monotonic()))
            file.write(_event(customer, number + 1) + "\n")
            file.flush()
            written[customer] = time.monotonic()


def _wait_for(rows: Any, customer: str, follower: "subprocess.Popen[str]") -> None:
    """Until the first event shows: the follower has copied the tables and compiled its plan."""
    until, begun = time.monotonic() + START_S, int((time.time() - 1) * 1e6)
    while rows.read([customer], ["life"]).event_us[0, 0] < begun:
        if follower.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the follower did not start")
        time.sleep(0.05)


def _event(customer: str, number: int) -> str:
    at = datetime.now(UTC).isoformat()
    row = {
        "table": "interactions", "interaction_id": f"bench-{number}", "customer_id": customer, "at": at,
        "channel": "app", "direction": "inbound", "topic": "card", "rating": 4,
    }  # fmt: skip
    return json.dumps(row)
