"""20,000 customers decided inside Spark and by the batch of one machine: the same records to the bit.

Run on what `make run` left: its release, and its rows once more under made-up ids.
"""

import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.packed_rows import open_rows
from feature_repo.settings import Settings
from feature_repo.spark_engine import session
from monitoring.batch_log import files
from serving.batch.planning import asked
from serving.batch.score import Wanted, score_batch
from serving.bootstrap.releases import current_release
from serving.pipeline.bootstrap import now, spark_task
from serving.spark import decide_in_spark, packed
from tests.benchmarks.batch import made_up
from tests.proofs.batch import copied

CUSTOMERS = 20_000


def main() -> int:
    """Decide everybody in both ways; prints one line."""
    with tempfile.TemporaryDirectory(dir=Settings().home.absolute().parent, prefix="bank-proof-") as folder:
        home = Path(folder)
        settings = Settings(home=copied(Settings().home, home))
        made_up(settings.online, CUSTOMERS)
        n, differ = compared(settings, "local[2]", home / "features")
    ok = n >= CUSTOMERS and differ == 0
    sys.stdout.write(
        f"spark: {n:,} customers, {differ} records differ from the batch: {'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


def compared(settings: Settings, master: str, folder: Path, parts: int = 5) -> tuple[int, int]:
    """How many were decided by the batch, and how many records of Spark differ from its, or are missing."""
    run = score_batch(settings, Wanted(), now(), lambda done, of: None).run
    here = {row["decision_id"]: row["payload"] for row in _logged(settings)}
    with open_rows(settings) as rows:
        names = list(asked(rows, run.use_case.asks))
        origin = current_release(settings).release.manifest.origin
        folder.mkdir()
        pq.write_table(packed(rows, origin, names), folder / "features.parquet")
    with session(master) as spark:
        features = spark.read.parquet(str(folder)).repartition(parts)
        found = decide_in_spark(features, spark_task(settings, run, names)).toArrow().to_pylist()
    there = {row["decision_id"]: row["payload"] for row in found}
    return len(here), sum(there.get(name) != payload for name, payload in here.items()) + len(
        there.keys() - here
    )


def _logged(settings: Settings) -> list[dict[str, object]]:
    tables = [pq.read_table(path, columns=["decision_id", "payload"]) for path in files(settings.decisions)]
    rows: list[dict[str, object]] = pa.concat_tables(tables).to_pylist()
    return rows


if __name__ == "__main__":
    sys.exit(main())
