"""Inside Spark the same Scorer makes the same records to the bit."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from crm_rules.governance.stops import Stops
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.settings import Settings
from monitoring import batch_log
from serving.batch.run import BatchRun
from serving.batch.score import Wanted, score_batch
from serving.pipeline.bootstrap import spark_task
from serving.spark import Task, decided, packed
from tests.benchmarks.batch import made_up
from tests.conftest import AT, Tiny, make_tiny
from tests.proofs.spark import compared
from training.release.errors import AlteredRelease
from training.release.verify import verify

CUSTOMERS = 300


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = make_tiny(tmp_path_factory.mktemp("spark"))
    made_up(tiny.online, CUSTOMERS)
    return tiny


@pytest.fixture(scope="module")
def run(tiny: Tiny) -> BatchRun:
    return score_batch(Settings(home=tiny.home), Wanted(workers=1), AT, lambda done, of: None).run


@pytest.fixture(scope="module")
def features(tiny: Tiny) -> pa.RecordBatch:
    origin = verify(tiny.releases, tiny.release, tiny.trust).manifest.origin
    with PackedRows.open(tiny.online) as rows:
        return packed(rows, origin, list(rows.customer_ids("profile"))).combine_chunks().to_batches()[0]


def records(batch: pa.RecordBatch, task: Task) -> Mapping[str, bytes]:
    found = [row for each in decided(batch, json.dumps(task.__dict__)) for row in each.to_pylist()]
    return {row["customer_id"]: row["payload"] for row in found}


def logged(tiny: Tiny) -> Mapping[str, bytes]:
    payloads = batch_log.read(Settings(home=tiny.home).decisions, "next_best_action")
    return {orjson.loads(each)["customer_id"]: each for each in payloads}


def test_an_executor_makes_the_records_of_the_batch(
    tiny: Tiny, run: BatchRun, features: pa.RecordBatch
) -> None:
    there, here = records(features, spark_task(Settings(home=tiny.home), run, [])), logged(tiny)
    assert len(here) == CUSTOMERS
    assert {name: there[name] for name in here} == here


def test_how_customers_are_split_changes_no_bit(tiny: Tiny, run: BatchRun, features: pa.RecordBatch) -> None:
    task = spark_task(Settings(home=tiny.home), run, [])
    parts = [records(features.slice(start, 77), task) for start in range(0, features.num_rows, 77)]
    assert {name: payload for part in parts for name, payload in part.items()} == records(features, task)


def test_an_executor_obeys_stop_switches(tiny: Tiny, run: BatchRun, features: pa.RecordBatch) -> None:
    stops = Stops.from_record(["product/savings-term"]).as_record()
    task = replace(spark_task(Settings(home=tiny.home), run, []), stops=stops)
    found = [orjson.loads(each) for each in records(features.slice(0, 20), task).values()]
    assert all(each["stops"] == stops for each in found)
    assert all("savings-term" not in each["outcome"] for each in found)


def test_an_executor_refuses_an_altered_release(
    tiny: Tiny, run: BatchRun, features: pa.RecordBatch, tmp_path: Path
) -> None:
    shutil.copytree(tiny.releases, tmp_path / "releases")
    model = next((tmp_path / "releases").glob("*/parts/propensity/model.json"))
    model.chmod(0o600)
    model.write_bytes(model.read_bytes().replace(b"1.1", b"1.2", 1))
    task = replace(spark_task(Settings(home=tiny.home), run, []), releases=str(tmp_path / "releases"))
    with pytest.raises(AlteredRelease):
        records(features, task)


# pyspark leaves the sockets of its gateway to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_spark_decides_as_the_batch_does(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs a Java runtime")
    tiny = make_tiny(tmp_path / "bank")
    made_up(tiny.online, CUSTOMERS)
    settings = Settings(home=tiny.home)
    assert compared(settings, "local[1]", tmp_path / "features", parts=1) == (CUSTOMERS, 0)
    with open_rows(settings) as rows:
        assert rows.count("profile") == CUSTOMERS + 4
