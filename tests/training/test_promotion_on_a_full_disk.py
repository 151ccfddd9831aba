"""A disk that fills, or fails, at each moment of a step: one sentence, and the state before or after it."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import bank
from crm_rules.errors import NotAllowed
from crm_rules.governance.heads import Heads
from crm_rules.governance.stops import Kind
from crm_rules.governance.switching import Switchboard
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit
from monitoring.promotion_audit import governance, people, releases, stop_switches
from tests.conftest import AT, Tiny
from tests.promoted import changed_policy, opened, promoted_tiny
from training.release.current import current, last_seen
from training.release.verify import verify

MOST = 60
Step = Callable[[Tiny], None]


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Live, and another policy that lacks the signature of compliance alone."""
    tiny = promoted_tiny(tmp_path_factory.mktemp("promoted") / "home")
    with opened(tiny) as desk:
        for person, cut_off in (("carla", 0.05), ("", 0.04)):
            request = desk.ask([changed_policy(tiny, cut_off)], tiny.origin, tiny.signer("dana"), AT)
            for who in ("victor", "rita", *filter(None, [person])):
                desk.approve(request.id, tiny.signer(who), AT)
    return tiny


@pytest.fixture
def tiny(promoted: Tiny, tmp_path: Path) -> Tiny:
    home = shutil.copytree(promoted.home, tmp_path / "home")
    parts = {name: home / folder.relative_to(promoted.home) for name, folder in promoted.parts.items()}
    return replace(promoted, home=home, parts=parts)


def _ask(tiny: Tiny) -> None:
    with opened(tiny) as desk:
        desk.finish()
        desk.ask([changed_policy(tiny, 0.03)], tiny.origin, tiny.signer("dana"), AT)


def _approve(tiny: Tiny) -> None:
    with opened(tiny) as desk:
        desk.finish()
        if desk.state().number == 2:
            desk.approve("R3", tiny.signer("carla"), AT)


def _roll_back(tiny: Tiny) -> None:
    with opened(tiny) as desk:
        desk.finish()
        if desk.state().number == 2:
            desk.roll_back("policy", tiny.signer("otto"), AT, "complaints")


def _stop(tiny: Tiny) -> None:
    with opened(tiny) as desk:
        board = Switchboard(desk.releases, desk.journal, desk.trust, desk.heads)
        board.stop((Kind.PRODUCT, "card-gold"), tiny.signer("otto"), AT, "it misprices")


STEPS = [
    pytest.param(_ask, id="request"),
    pytest.param(_approve, id="approve-and-switch"),
    pytest.param(_roll_back, id="rollback"),
    pytest.param(_stop, id="stop-switch"),
]


def look(tiny: Tiny) -> None:
    """Serving finds a release, and the audit no problem, at most a note."""
    settings = Settings(home=tiny.home, profile="demo")
    checks = list(audit(Evidence(settings), (people, governance, stop_switches, releases)))
    assert [problem for check in checks for problem in check.problems] == []
    named = current(tiny.releases, tiny.trust, last_seen(Heads(settings.heads)))
    verify(tiny.releases, named.release, tiny.trust)


def state(tiny: Tiny) -> tuple[int, int]:
    with opened(tiny) as desk:
        return len(desk.journal.events()), desk.state().number


@pytest.mark.parametrize("called", ["fsync", "replace"])
@pytest.mark.parametrize("step", STEPS)
def test_whichever_write_fails_nothing_is_half_done_and_the_step_goes_on_later(
    tiny: Tiny, step: Step, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, told = getattr(os, called), list[str | None]()
    for fails in range(1, MOST):
        left = [fails]

        def full(*given: object, left: list[int] = left, **more: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*given, **more)

        try:
            with monkeypatch.context() as broken:
                broken.setattr(os, called, full)
                step(tiny)
            if left[0] > 0:
                break
        except OSError as error:
            told.append(bank._about_the_disk(error))
        except NotAllowed as refused:  # it was recorded the time before
            assert "has signed it" in str(refused)  # noqa: PT017  # of the sweep, not of a refusal
        look(tiny)
    else:
        pytest.fail(f"after {MOST} tries {called} is called on and on")
    step(tiny)
    look(tiny)
    assert told or called == "replace"
    assert all(each and "No space left on the disk" in each for each in told)


@pytest.mark.parametrize("step", STEPS)
def test_a_full_database_is_one_sentence_and_nothing_is_recorded(
    tiny: Tiny, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, connect = state(tiny), sqlite3.connect

    def full(*given: object, **more: object) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*given, **more)  # type: ignore[call-overload]  # as it was called
        made.execute("PRAGMA max_page_count = 1")  # never below what there is
        return made

    filler = "x" * 20_000
    with monkeypatch.context() as broken:
        broken.setattr(sqlite3, "connect", full)
        broken.setattr("crm_rules.governance.event_rows.secrets.token_bytes", lambda n: filler.encode())
        with pytest.raises(OSError, match="database or disk is full") as error:
            step(tiny)
    assert "No space left" in str(bank._about_the_disk(error.value))
    assert state(tiny) == before
    look(tiny)
    step(tiny)
    look(tiny)
