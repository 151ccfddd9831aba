"""What the features of all customers cost, beside one hand-written query and beside pandas.

Makes its own bank, kept in BANK_HOME/bench. First all sides must give the same values; then they run warmed
and interleaved, each figure the median. The rows show each size alone in a fresh process. A small bank says
little of speed, for most of its time is spent on planning: with `quick` the speeds are shown, not judged.
Warmed, ours remembers which bookings were corrected; `sql_speed_first_build` is that of the first build after
a load, which does not.
"""

import json
import os
import runpy
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo import build
from feature_repo.duckdb_engine import MEMORY
from feature_repo.features.columns import COLUMNS, VIEWS
from feature_repo.raw.generate import make
from feature_repo.raw.source import Source
from feature_repo.settings import Machine, Settings
from feature_repo.snapshot import TIME

SEED, BANK_MONTHS, THREADS = 7, 24, 2
QUICK, FULL, MILLION = 2_000, 100_000, 1_000_000
LEAST = {"sql_speed": 0.75, "pandas_speed": 8.0}
MOST = {"memory_gb": 6.0, "growth": 1.1}  # growth: time for a booking in the largest bank over the smallest
CLOSE = {"sql": (1e-9, 0.0), "pandas": (1e-6, 1e-9)}  # relative, absolute; pandas sums floats, we cents

Values = Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Pairs:
    """How often each side is timed after it was warmed."""

    sql: int
    pandas: int


def run(quick: bool) -> dict[str, object]:
    """Measure all features of every customer as of the end of the bank; seconds and ratios."""
    home, n = Settings().home / "bench", QUICK if quick else FULL
    rows = [_alone(_bank(home, size)) for size in ((QUICK,) if quick else _sizes(home))]
    seconds, unlike = _measured(_bank(home, n), Pairs(1, 1) if quick else Pairs(5, 3))
    memory, first = next((row["memory_gb"], row["seconds"]) for row in rows if row["customers"] == n)
    ratios = {f"{side}_speed": round(seconds[side] / seconds["ours"], 3) for side in CLOSE}
    least, most = ({}, {"memory_gb": MOST["memory_gb"]}) if quick else (LEAST, MOST)
    ratios["sql_speed_first_build"] = round(seconds["sql"] / first, 3)
    if not quick:
        ratios["growth"] = round(rows[-1]["seconds_per_million"] / rows[0]["seconds_per_million"], 3)
    known = {**ratios, "memory_gb": memory}
    within = [known[name] >= limit for name, limit in least.items()]
    within += [known[name] <= limit for name, limit in most.items()]
    return {
        "bench": "features",
        "n": n,
        "figures": {
            **{f"{side}_seconds": round(median, 2) for side, median in seconds.items()},
            "first_build_seconds": first,
            "memory_gb": memory,
            "columns": len(COLUMNS),
            **{f"columns_unlike_{side}": len(names) for side, names in unlike.items()},
        },
        "ratios": ratios,
        "limits": {**least, **most},
        "holds": all(within) and not any(unlike.values()),
        "unlike": unlike,
        "note": _note(quick, unlike),
        "rows": rows,
    }


def _note(quick: bool, unlike: Mapping[str, list[str]]) -> str:
    """What to know when reading the figures."""
    judged = f"Speeds are judged at {FULL:,} customers only: run without --quick. " if quick else ""
    return judged + " ".join(f"Unlike {side}: {', '.join(n)}." for side, n in unlike.items() if n)


def _sizes(home: Path) -> tuple[int, ...]:
    """Banks to show side by side: a million customers where such a bank is there, or asked for."""
    if (
        os.environ.get("BANK_BENCH_MILLION") == "1"
        or (_folder(home, MILLION) / "raw" / "source.json").exists()
    ):
        return (FULL // 10, FULL, MILLION)
    return (FULL // 10, 3 * FULL // 10, FULL)


def _folder(home: Path, customers: int) -> Path:
    return home / f"bank-{customers}-{BANK_MONTHS}-{SEED}"


def _bank(home: Path, customers: int) -> Path:
    """The raw tables of a bank of that size, made unless they are there."""
    folder = _folder(home, customers)
    if not (folder / "raw" / "source.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(customers, SEED, folder / "raw", folder / "truth", BANK_MONTHS, threads=THREADS)
    return folder / "raw"


def _alone(raw: Path) -> dict[str, float]:
    """Seconds and peak memory of a fresh process that computes the features of that bank and nothing else.

    It is the first to do so: what an earlier one remembered of the bank's corrections is removed.
    """
    root = Path(__file__).parents[2]
    shutil.rmtree(raw.with_name(f".{raw.name}.remembered"), ignore_errors=True)
    done = subprocess.run(
        [sys.executable, __file__, str(raw)], env={**os.environ, "PYTHONPATH": str(root)}, cwd=root,
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measured(raw: Path, pairs: Pairs) -> tuple[dict[str, float], dict[str, list[str]]]:
    """The median seconds of each side, and the columns in which each rival differs from ours."""
    as_of = Source.read(raw).end
    sides: dict[str, tuple[int, Callable[[], Values]]] = {
        "ours": (pairs.sql, lambda: ours(raw, as_of)),
        "sql": (pairs.sql, lambda: _sql(raw, as_of)),
        "pandas": (pairs.pandas, lambda: _pandas(raw, as_of)),
    }
    values = {side: work() for side, (_, work) in sides.items()}  # this warms, too
    unlike = {side: differing(values["ours"], values[side], *CLOSE[side]) for side in CLOSE}
    values.clear()
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(max(times for times, _ in sides.values())):
        for side, (times, work) in sides.items():
            if turn < times:
                started = time.perf_counter()
                work()
                seconds[side].append(time.perf_counter() - started)
    return {side: statistics.median(found) for side, found in seconds.items()}, unlike


def differing(left: Values, right: Values, relative: float, absolute: float) -> list[str]:
    """Columns whose values are further apart than that, or null in one place and not in the other."""
    if list(left["customer_id"]) != list(right["customer_id"]):
        return ["customer_id"]
    near = {name: np.isclose(right[name], left[name], relative, absolute, equal_nan=True) for name in COLUMNS}
    return [name for name, rows in near.items() if not rows.all()]


def ours(raw: Path, as_of: datetime) -> Values:
    """All features of every customer ever recorded, as the feature store computes them."""
    ids = pq.read_table(raw / "customers", columns=["customer_id"])["customer_id"].unique()
    spine = pa.table({"customer_id": ids, "as_of": pa.repeat(pa.scalar(as_of, TIME), len(ids))})
    views = build.feature_tables(raw, spine, Machine(THREADS))
    values = {name: views[view][name].to_numpy() for view, names in VIEWS.items() for name in names}
    return {"customer_id": next(iter(views.values()))["customer_id"].to_numpy(), **values}


def _sql(raw: Path, as_of: datetime) -> Values:
    table = _rival("features_sql")(raw, as_of, THREADS, MEMORY)
    return {name: table[name].to_numpy() for name in table.column_names}


def _pandas(raw: Path, as_of: datetime) -> Values:
    frame = _rival("features_pandas")(raw, as_of)
    return {"customer_id": frame.index.to_numpy(), **{name: frame[name].to_numpy() for name in COLUMNS}}


def _rival(name: str) -> Callable[..., object]:
    found: Callable[..., object] = runpy.run_path(str(Path(__file__).with_name(f"{name}.py")))["features"]
    return found


def _peak_gb() -> float:
    """Peak memory of this process in GB; not getrusage, which counts the parent's before exec."""
    status = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in status if line.startswith("VmHWM"))
    return int(peak) * 1024 / 1e9


if __name__ == "__main__":
    bank = Path(sys.argv[1])
    source = Source.read(bank)
    started = time.perf_counter()
    customers = len(ours(bank, source.end)["customer_id"])
    taken, bookings = time.perf_counter() - started, source.rows["bookings"]
    row = {
        "customers": customers, "bookings": bookings, "seconds": round(taken, 2),
        "seconds_per_million": round(taken / bookings * 1e6, 3), "memory_gb": round(_peak_gb(), 2),
    }  # fmt: skip
    sys.stdout.write(json.dumps(row))
