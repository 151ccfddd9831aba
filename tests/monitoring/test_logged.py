"""The newest decisions of a use case, from logs of either kind and from batch files."""

import pytest

from monitoring import batch_log
from monitoring.batch_log import BatchLog
from monitoring.decision_log import DecisionLogs, Record
from monitoring.logged import Logged

DAYS = [f"2026-01-{day:02}T00:00:00+00:00" for day in range(1, 10)]


def record(day: int, name: str, use_case: str = "credit") -> Record:
    return Record(name, DAYS[day], use_case, "c", name.encode())


@pytest.fixture
def both(logs: DecisionLogs) -> DecisionLogs:
    """Two workers' logs and two batch files: days 0 to 3 live, days 2 and 5 in batches."""
    for worker, days in (("worker-0", (0, 2)), ("worker-1", (1, 3))):
        log = logs.open(worker)
        log.append([record(day, f"live-{day}") for day in days])
        log.append([record(days[1], f"offer-{days[1]}", "next_best_action")])
        log.close()
    for day in (2, 5):
        with BatchLog(logs, f"b{day}", DAYS[day]) as batch:
            batch.append([record(day, f"batch-{day}-{number}") for number in range(3)])
    return logs


def read(logs: DecisionLogs, use_case: str = "credit", **asked: object) -> list[str]:
    found = Logged(logs, **asked).payloads(use_case)  # type: ignore[arg-type]  # cases name the fields
    return sorted(payload.decode() for payload in found)


EVERY = [f"batch-{day}-{number}" for day in (2, 5) for number in range(3)] + [
    f"live-{day}" for day in range(4)
]


def test_everything_is_read_from_every_log_and_batch(both: DecisionLogs) -> None:
    assert read(both) == EVERY
    assert read(both, "next_best_action") == ["offer-2", "offer-3"]
    assert read(both, "score_segment") == []


@pytest.mark.parametrize(("newest", "certain", "count"), [
    pytest.param(2, set(), 2, id="part-of-a-batch"),
    pytest.param(3, {"batch-5-0", "batch-5-1", "batch-5-2"}, 3, id="the-newest-batch"),
    pytest.param(4, {"batch-5-0", "live-3"}, 4, id="and-the-newest-live-one"),
    pytest.param(6, {"batch-5-0", "live-3"}, 6, id="some-of-one-moment"),
    pytest.param(8, {"batch-2-0", "batch-2-1", "batch-2-2", "live-2"}, 8, id="all-of-that-moment"),
    pytest.param(100, set(EVERY), 10, id="more-than-there-are"),
])  # fmt: skip
def test_the_newest_are_the_newest_of_all_of_them(
    both: DecisionLogs, newest: int, certain: set[str], count: int
) -> None:
    found = read(both, newest=newest)
    assert len(found) == count
    assert certain <= set(found)


def test_from_a_day_on(both: DecisionLogs) -> None:
    assert read(both, since="2026-01-04") == ["batch-5-0", "batch-5-1", "batch-5-2", "live-3"]
    assert read(both, since="2026-01-04", newest=1) in (["batch-5-0"], ["batch-5-1"], ["batch-5-2"])
    assert read(both, since="2026-02-01", newest=1) == []


def test_what_was_erased_is_passed_over(both: DecisionLogs) -> None:
    batch_log.erase(both, "batch-5-1", DAYS[8])
    assert read(both, since="2026-01-04") == ["batch-5-0", "batch-5-2", "live-3"]
