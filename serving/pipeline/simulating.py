"""What `bank rules simulate` does once its arguments are parsed."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path

from crm_rules.policy import Policy
from crm_rules.policy_book import PolicyBook
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from monitoring.errors import NothingDecided
from monitoring.intervals import Counted
from monitoring.logged import Logged
from monitoring.simulate import simulate
from monitoring.simulated import Simulation
from serving.bootstrap.releases import current_release
from serving.deciding import credit, next_best_action
from serving.deciding.loaded import Loaded
from serving.errors import NothingPlanned
from serving.simulating import Question, Redeciding
from training.release.manifest import Origin
from training.release.reading import read_release

SIMULATED = (credit.USE_CASE, next_best_action.USE_CASE)


def simulated(
    settings: Settings, source: Path | None, newest: int | None, since: str, now: datetime
) -> Simulation:
    """Decide logged decisions again by the policy in force and by another.

    That is the newest of the file `source`; without one what the served policy itself has planned.
    NothingPlanned when no policy is named and none is to come, NothingDecided when the log is empty.
    """
    served = current_release(settings)
    loaded = Loaded.of(served.release)
    old = loaded.book.at(now)
    new = newest_of(PolicyBook.load(source)) if source else planned(loaded.book, now)
    logged = Logged(DecisionLogs.of(settings), newest, since)
    records: Iterator[bytes] = chain.from_iterable(logged.payloads(use_case) for use_case in SIMULATED)
    again = PolicyBook.parse(served.release.part("policy")["policy.toml"]).at(now)
    redeciding = Redeciding(Question(loaded, old, new), records, partial(_origin, settings.releases), again)
    loaded.check_policy(new)
    found = simulate(redeciding.compared())
    if not found and not redeciding.left_out:
        raise NothingDecided(loaded.runtime.digest, settings.decisions)
    return Simulation(
        old.version,
        new.version,
        loaded.runtime.digest,
        found,
        dict(redeciding.left_out),
        Counted(redeciding.as_logged[True], redeciding.as_logged.total()),
        Counted(redeciding.with_itself[True], redeciding.with_itself.total()),
    )


def _origin(releases: Path, release: str) -> Origin:
    """What a release read; BankError when it is gone or altered."""
    return read_release(releases, release).manifest.origin


def newest_of(book: PolicyBook) -> Policy:
    """What a file is about: its trial, else its last change, else itself."""
    return book.trials[-1].policy if book.trials else book.latest


def planned(book: PolicyBook, now: datetime) -> Policy:
    """What will or may come: the trial, else the last change still ahead."""
    if book.trials or book.latest.effective_from > book.day(now):
        return newest_of(book)
    raise NothingPlanned(book.told)
