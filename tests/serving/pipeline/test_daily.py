"""Nights are taken in order, each step once, and tell how they stand."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from feature_repo.errors import BankError
from feature_repo.raw.generate import make
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.batch.errors import AlreadyRunning
from serving.batch.turn import only_one
from serving.pipeline import bootstrap, daily
from serving.pipeline.daily import GoesOnWithout, Waits, days_due
from serving.pipeline.daily_status import FILE, Night, Nights, State, StepStatus
from serving.pipeline.daily_steps import as_of, reconcile
from serving.pipeline.deliveries import Deliveries, OtherBank
from tests.serving.pipeline.nights import AT, DAY, NAMES, Chain

LATE = AT.replace(hour=6)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_a_night_takes_every_step_and_a_second_run_none(chain: Chain) -> None:
    assert chain.run().state is State.DONE
    assert chain.run().state is State.DONE
    assert chain.taken == ["ingest 1", "features 1", "batch 1", "monitor 1"]


def test_other_inputs_are_taken_again_while_the_night_is_not_through(chain: Chain) -> None:
    chain.broken = {"batch": OSError(28, "No space left")}
    chain.run()
    chain.source, chain.taken, chain.broken = 2, [], {}
    chain.run()
    assert chain.taken == ["features 1", "batch 1", "monitor 1"]


@pytest.mark.parametrize(
    "owed", [pytest.param([], id="nothing-owed"), pytest.param(["monitor"], id="watching")]
)
def test_what_comes_after_a_night_is_through_waits_for_the_next(chain: Chain, owed: list[str]) -> None:
    chain.broken = dict.fromkeys(owed, OSError(28, "No space left"))
    chain.run()
    chain.source, chain.taken, chain.broken = 2, [], {}
    assert chain.run().state is State.DONE
    assert chain.taken == [f"{name} 1" for name in owed]
    chain.run(DAY + timedelta(days=1))
    assert "features 2" in chain.taken


def test_missed_nights_are_made_up_for_in_order(chain: Chain) -> None:
    chain.run()
    chain.taken = []
    chain.run(DAY + timedelta(days=3))
    assert chain.taken == [f"{name} {day}" for day in (2, 3, 4) for name in NAMES]


def test_no_more_nights_are_made_up_for_than_a_month_has(tmp_path: Path) -> None:
    nights = Nights(tmp_path / FILE)
    assert days_due(nights, DAY) == [DAY]
    nights.keep(Night("2025-06-01", ()))
    due = days_due(nights, DAY)
    assert (len(due), due[-1]) == (daily.MOST_DAYS, DAY)


STOPS = [
    pytest.param(Waits("delivery 2026-03-01"), State.WAITS, id="waits"),
    pytest.param(BankError("The table is broken."), State.FAILED, id="a-refusal"),
    pytest.param(OSError(28, "No space left"), State.FAILED, id="a-full-disk"),
]


@pytest.mark.parametrize(("raised", "state"), STOPS)
def test_a_night_stops_where_a_step_cannot_be_done_and_goes_on_from_there(
    chain: Chain, raised: Exception, state: State
) -> None:
    chain.broken = {"features": raised}
    night = chain.run(DAY)
    assert night.state is state
    assert night.step("features").next == "bank daily"
    assert chain.states() == [State.DONE, state, State.TODO, State.TODO]
    chain.broken = {}
    assert chain.run().state is State.DONE
    assert chain.taken == ["ingest 1", "features 1", "batch 1", "monitor 1"]


def test_a_night_that_stopped_keeps_the_next_from_being_taken(chain: Chain) -> None:
    chain.run()
    chain.broken = {"features": BankError("broken")}
    assert chain.run(DAY + timedelta(days=2)).day == "2026-03-02"


def test_what_is_late_is_done_without_and_the_night_says_so(chain: Chain) -> None:
    chain.broken = {"ingest": GoesOnWithout("delivery 2026-03-01, which did not come in time")}
    night = chain.run()
    assert night.state is State.DONE
    assert night.step("ingest").state is State.WITHOUT
    assert "did not come in time" in night.step("ingest").line
    chain.broken = {}
    chain.run()
    assert chain.taken == ["features 1", "batch 1", "monitor 1"]


@pytest.mark.parametrize(
    "raised", [BankError("no report"), RuntimeError("of a library")], ids=["known", "any"]
)
def test_watching_that_fails_stops_no_night_and_is_tried_again(chain: Chain, raised: Exception) -> None:
    chain.broken = {"monitor": raised}
    assert chain.run().decided
    assert chain.states()[-1] is State.FAILED
    chain.run(DAY + timedelta(days=1))
    assert "batch 2" in chain.taken
    chain.broken, chain.taken = {}, []
    chain.run(DAY + timedelta(days=1))
    assert chain.taken == ["monitor 2"]


def test_a_fault_of_ours_is_noted_and_raised(chain: Chain) -> None:
    chain.broken = {"batch": ZeroDivisionError()}
    with pytest.raises(ZeroDivisionError):
        chain.run()
    assert chain.states()[2] is State.FAILED


def test_the_status_is_a_line_a_step_with_what_comes_next(chain: Chain) -> None:
    chain.broken = {"features": Waits("the moon")}
    assert chain.run().lines == [
        "Night of 2026-03-01: waits for",
        "  Ingest                      done             ingest is through",
        "  Features                    waits for        the moon. Next: bank daily",
        "  Batch                       to do",
        "  Monitor                     to do",
    ]
    told = json.loads((chain.home / FILE).read_text())["nights"]
    assert [step["state"] for step in told[0]["steps"]] == ["done", "waits for", "to do", "to do"]


def test_it_tells_each_step_as_it_is_begun_and_as_it_ends(chain: Chain) -> None:
    chain.run()
    assert [night.step("batch").state for night in chain.told[4:6]] == [State.RUNNING, State.DONE]


KILLED = """
import os, signal
from pathlib import Path
from tests.serving.pipeline.nights import Chain
chain = Chain(Path({home!r}))
real = chain._work
def work(name):
    done = real(name)
    def dies(day):
        with (chain.home / "taken").open("a") as file:
            file.write(name + chr(10))
        if name == {name!r} and not (chain.home / "killed").exists():
            (chain.home / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return done(day)
    return dies
chain._work = work
chain.run()
"""


@pytest.mark.parametrize("name", ["batch"])
def test_a_night_that_was_killed_goes_on_where_it_was(tmp_path: Path, name: str) -> None:
    code = KILLED.format(home=str(tmp_path), name=name)
    root = Path(daily.__file__).parents[2]
    codes = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False
        ).returncode
        for _ in range(2)
    ]
    assert codes == [-signal.SIGKILL, 0]
    taken = (tmp_path / "taken").read_text().split()
    assert sorted(taken) == sorted([*NAMES, name])
    assert Nights.read(tmp_path / FILE).sorted[0].state is State.DONE


def test_a_step_that_no_process_takes_any_more_was_broken_off(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    steps = (StepStatus("batch", "Decide", State.RUNNING),)
    Nights(tmp_path / FILE).keep(Night("2026-03-01", steps))
    with only_one(settings.daily / bootstrap.LOCK, "it"):
        assert bootstrap.nights(settings)[0].state is State.RUNNING
        with pytest.raises(AlreadyRunning):
            bootstrap.run_daily(settings, DAY, AT)
    [night] = bootstrap.nights(settings)
    assert (night.state, night.steps[0].next) == (State.FAILED, "bank daily")


# -- deliveries -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("nights")
    make(30, 7, home / "raw", home / "truth", 6, date(2026, 3, 1), 1)
    return home


def delivered(generated: Path, folder: Path, day: str) -> Path:
    """A delivery of the generated bank's own products, as its mapping says."""
    from shutil import copytree

    copytree(generated / "raw" / "products", folder / day / "products")
    return folder / day


def settings_of(home: Path, **more: object) -> Settings:
    return Settings(home=home, deliveries=home / "deliveries", **more)


def test_a_delivery_is_waited_for_until_its_time_and_then_done_without(
    generated: Path, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path)
    (tmp_path / "deliveries").mkdir()
    with pytest.raises(Waits, match="deliveries/2026-03-01, until 2026-03-02 06:00 UTC"):
        Deliveries(settings, tmp_path / "deliveries", AT).take(DAY)
    with pytest.raises(GoesOnWithout, match="did not come in time"):
        Deliveries(settings, tmp_path / "deliveries", LATE).take(DAY)


def test_a_delivery_is_whole_when_it_holds_what_it_must(generated: Path, tmp_path: Path) -> None:
    delivered(generated, tmp_path / "deliveries", "2026-03-01")
    settings = settings_of(tmp_path, delivery_files="products/*, bookings*")
    with pytest.raises(Waits, match="bookings"):
        Deliveries(settings, tmp_path / "deliveries", AT).take(DAY)


def test_a_delivery_of_another_bank_replaces_none(generated: Path, tmp_path: Path) -> None:
    from shutil import copytree

    copytree(generated / "raw", tmp_path / "raw")
    delivered(generated, tmp_path / "deliveries", "2026-03-01")
    for table in ("customers", "accounts", "account_owners", "bookings"):
        copytree(generated / "raw" / table, tmp_path / "deliveries" / "2026-03-01" / table)
    before = Source.read(tmp_path / "raw")
    with pytest.raises(OtherBank, match="'generated' is loaded"):
        Deliveries(settings_of(tmp_path), tmp_path / "deliveries", AT).take(DAY)
    with pytest.raises(GoesOnWithout, match="'generated' is loaded"):
        Deliveries(settings_of(tmp_path), tmp_path / "deliveries", LATE).take(DAY)
    assert Source.read(tmp_path / "raw") == before


def test_deliveries_are_taken_in_once_and_a_late_one_with_the_next(generated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deliveries"
    first = folder / "2026-03-01"
    for table in ("customers", "accounts", "account_owners", "bookings", "products"):
        (first / table).mkdir(parents=True)
        for path in (generated / "raw" / table).glob("*.parquet"):
            (first / table / path.name).write_bytes(path.read_bytes())
    settings = settings_of(tmp_path)
    assert Deliveries(settings, folder, AT).take(DAY).rows == 1
    held = Source.read(settings.raw)
    assert Deliveries(settings, folder, AT).take(DAY).rows == 0
    assert Source.read(settings.raw) == held


def test_reconciling_finds_rows_that_went_missing(generated: Path, tmp_path: Path) -> None:
    from shutil import copytree

    copytree(generated / "raw", tmp_path / "raw")
    settings = Settings(home=tmp_path)
    assert reconcile(settings, DAY).rows > 10
    next((tmp_path / "raw" / "bookings").glob("*.parquet")).unlink()
    with pytest.raises(BankError, match=r"bookings\."):
        reconcile(settings, DAY)


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        pytest.param(
            date(2026, 2, 10), datetime(2026, 2, 11, tzinfo=UTC), id="the-day-ended-before-the-data"
        ),
        pytest.param(DAY, datetime(2026, 3, 1, tzinfo=UTC), id="the-data-ended-before-the-day"),
    ],
)
def test_features_are_as_of_the_day_but_not_after_the_data(
    generated: Path, day: date, wanted: datetime
) -> None:
    assert as_of(day, generated / "raw") == wanted
