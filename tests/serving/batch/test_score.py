"""Everybody is decided exactly once a run, however the run was broken off."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_rules.governance.stops import Stops
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.settings import Settings
from monitoring import batch_log
from monitoring.audit import Evidence, audit, batch_files, decision_chains
from monitoring.batch_log import DRAFT, BatchLog
from serving.batch import chunks
from serving.batch.answers import Answers
from serving.batch.errors import AlreadyRunning, AnswersGone
from serving.batch.run import BatchRun
from serving.batch.score import Scored, Wanted, score_batch
from serving.batch.turn import only_one
from serving.deciding.asking import OfferRequest
from serving.pipeline import bootstrap
from tests.conftest import AT, Tiny, make_scorer

SMALL = Wanted(workers=1, size=50)


def nobody(done: int, of: int) -> None:
    """Nobody watches."""


def score(settings: Settings, wanted: Wanted = SMALL, later: int = 0) -> Scored:
    return score_batch(settings, wanted, AT + timedelta(seconds=later), nobody)


def logged(settings: Settings) -> list[dict[str, Any]]:
    return [orjson.loads(each) for each in batch_log.read(settings.decisions, "next_best_action")]


def answers(run: BatchRun) -> pa.Table:
    return pa.concat_tables(pq.read_table(run.answers(at)) for at in range(run.partitions))


def intact(settings: Settings) -> bool:
    return not [
        p for check in audit(Evidence(settings), (decision_chains, batch_files)) for p in check.problems
    ]


def test_every_active_customer_is_decided_and_logged_once(settings: Settings) -> None:
    scored = score(settings)
    found = Counter(each["customer_id"] for each in logged(settings))
    assert scored.run.ended
    assert len(found) == scored.run.customers > 200
    assert set(found.values()) == {1}
    assert scored.outcomes.total() == scored.run.customers
    assert intact(settings)


def test_answers_say_what_the_log_says(settings: Settings) -> None:
    run = score(settings).run
    offered: dict[str, list[str]] = {}
    for row in answers(run).to_pylist():
        offered.setdefault(row["decision_id"], []).extend([row["offer_id"]] * (row["rank"] > 0))
    assert offered == {each["decision_id"]: each["outcome"] for each in logged(settings)}


def test_a_batch_answers_what_the_service_answers(settings: Settings, many: Tiny) -> None:
    run = score(settings).run
    scorer = make_scorer(many)
    records = {each["customer_id"]: each for each in logged(settings)}
    names = sorted(records)
    alone = [
        orjson.loads(scorer.next_best_action([OfferRequest(name)], run.stamps([name]))[0].body)
        for name in names
    ]
    rows = {(row["customer_id"], row["rank"]): row for row in answers(run).to_pylist()}
    for each in alone:
        for offer in each["offers"]:
            row = rows[each["customer_id"], offer["rank"]]
            told = {name: offer[name] for name in ("offer_id", "product_id", "P", "C", "V", "L", "priority")}
            assert {name: row[name] for name in told} == told
            assert row["reasons"] == [reason["code"] for reason in offer["reasons"]]
            assert row["selection_probability"] == each["selection_probability"]


def test_the_size_of_partitions_and_the_number_of_workers_change_nothing(settings: Settings) -> None:
    columns = ["customer_id", "rank", "offer_id", "priority"]
    tables = [
        answers(score(settings, wanted, second).run).select(columns).sort_by(columns[0])
        for second, wanted in enumerate((SMALL, Wanted(workers=1, size=1_000), Wanted(workers=2, size=120)))
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_a_run_that_ended_is_told_again_and_another_day_begins_anew(settings: Settings) -> None:
    first, second = score(settings), score(settings)
    assert second.run == first.run
    assert second.before == first.run.partitions
    again = score(settings, Wanted(workers=1, size=50, again=True), 1)
    assert again.run.name > first.run.name
    assert score(settings, SMALL, 86_400).run.name > again.run.name


class Killed(BaseException):
    """The process ends here."""


KILLS = [
    pytest.param(BatchLog, "__enter__", 3, id="before-a-partition"),
    pytest.param(BatchLog, "append", 3, id="in-a-partition"),
    pytest.param(Answers, "__exit__", 3, id="answers-written-nothing-sealed"),
    pytest.param(Answers, "place", 3, id="sealed-answers-without-their-name"),
    pytest.param(BatchRun, "end", 1, id="all-whole"),
]


@pytest.mark.parametrize(("owner", "method", "times"), KILLS)
def test_a_run_goes_on_from_the_partitions_that_are_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, times: int
) -> None:
    calls, real = 0, getattr(owner, method)

    def dies(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == times:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(owner, method, dies)
    with pytest.raises(Killed):
        score(settings)
    monkeypatch.undo()
    scored = score(settings)
    assert scored.before >= min(times - 1, 2)
    found = Counter(each["customer_id"] for each in logged(settings))
    assert set(found.values()) == {1}
    assert len(found) == scored.run.customers
    assert (
        answers(scored.run)["decision_id"].unique().sort()
        == pa.array(sorted(each["decision_id"] for each in logged(settings))).sort()
    )
    assert intact(settings)


def test_a_partition_with_its_entry_and_no_place_is_not_decided_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, moved = Path.replace, 0

    def dies(path: Path, target: Path) -> Path:
        nonlocal moved
        if path.suffix == DRAFT and path.parent.name == batch_log.FOLDER:
            moved += 1
            if moved == 2:
                raise Killed
        return real(path, target)

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(Killed):
        score(settings)
    monkeypatch.undo()
    score(settings)
    assert set(Counter(each["customer_id"] for each in logged(settings)).values()) == {1}
    assert intact(settings)


def test_answers_that_were_removed_are_told_not_made_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(run: BatchRun, folder: Path) -> BatchRun:
        raise Killed

    monkeypatch.setattr(BatchRun, "end", dies)
    with pytest.raises(Killed):
        score(settings)
    monkeypatch.undo()
    next(settings.batch.glob("*/answers/*-00001.parquet")).unlink()
    with pytest.raises(AnswersGone):
        score(settings)


def test_two_batches_at_once_are_refused(settings: Settings) -> None:
    with only_one(settings.batch / "batch.lock", "A batch"), pytest.raises(AlreadyRunning):
        score(settings)


def test_a_stopped_model_leaves_the_run_open_and_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = Stops.from_record(["model/credit_risk"])
    real = bootstrap.switches(settings)
    monkeypatch.setattr(chunks, "CHUNK", 10)
    monkeypatch.setattr(type(real), "stops", stops, raising=False)
    scored = score(settings, Wanted("score-credit", workers=1))
    monkeypatch.undo()
    assert "credit_risk" in str(scored.left_out)
    assert not scored.run.ended
    assert score(settings, Wanted("score-credit", workers=1)).run.ended


def test_who_is_erased_before_their_partition_is_left_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = BatchRun.customers_of

    def erased(run: BatchRun, folder: Path, partition: int) -> list[str]:
        names = real(run, folder, partition)
        if partition == 1:
            with open_rows(settings, read_only=False) as rows:
                rows.delete(names[0])
        return names

    monkeypatch.setattr(BatchRun, "customers_of", erased)
    scored = score(settings)
    assert scored.outcomes.total() == scored.run.customers - 1


def command(home: Path) -> "subprocess.Popen[bytes]":
    root = Path(chunks.__file__).parents[2]
    code = (
        "from pathlib import Path; from feature_repo.settings import Settings; "
        "from serving.batch.score import *; from tests.conftest import AT; "
        f"score_batch(Settings(home=Path({str(home)!r})), Wanted(workers=2, size=40), AT, lambda d, o: None)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_batch_of_processes_killed_midway_goes_on_and_leaves_no_process(
    settings: Settings, many: Tiny, ends: signal.Signals
) -> None:
    process = command(many.home)
    while process.poll() is None and not list(settings.decisions.glob("batches/*.parquet")):
        time.sleep(0.01)
    process.send_signal(ends)
    process.wait()
    scored = score(settings, Wanted(workers=1, size=40))
    assert scored.run.ended
    assert set(Counter(each["customer_id"] for each in logged(settings)).values()) == {1}
    assert len(logged(settings)) == scored.run.customers
    assert intact(settings)
    assert len(list(settings.batch.glob("*/run.json"))) == 1


def test_customers_are_listed_sorted_as_they_are_asked_for(many: Tiny) -> None:
    with PackedRows.open(many.online) as rows:
        names = list(rows.customer_ids("profile"))
        assert names == sorted(names)
        assert len(names) == rows.count("profile")
