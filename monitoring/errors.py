"""Errors of the watching room."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from feature_repo.errors import BankError


class UnknownDecision(BankError, LookupError):
    """No decision of that id is in the log."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(
            f"No decision '{decision_id[:64]}' is in the log. Ids stand in each answer as decision_id."
        )


class NothingDecided(BankError, LookupError):
    """The log holds no decision that a release could be compared with."""

    def __init__(self, release: str, folder: Path) -> None:
        self.release = release
        super().__init__(
            f"The log in {folder} holds no decision of release {release[:12]}. "
            f"Score customers first: `bank score batch`."
        )


class LogUnavailable(BankError, OSError):
    """A decision could not be written; nothing may be answered without its record."""

    def __init__(self, where: Path | str, why: str) -> None:
        self.where = where
        super().__init__(
            f"The decision log {where} cannot be written ({why}), so no decision is given. "
            f"Free the disk or the lock and ask again."
        )


class LogRefused(LogUnavailable):
    """The log could be written, but is not as it was left; nothing is added to it."""


class AlreadyDecided(LogRefused):
    """A decision of that id is in the log; it is never there twice."""

    def __init__(self, where: Path | str, decision_ids: Iterable[str]) -> None:
        self.decision_ids = tuple(sorted(decision_ids))
        super().__init__(where, f"it has decision {', '.join(self.decision_ids[:3])} already")


class SpoolFull(LogUnavailable):
    """The log cannot be written and nothing more can be kept aside, so no decision is given."""


class BadSpoolKey(BankError, ValueError):
    """The key of the spools is not usable."""

    def __init__(self, path: Path, found: str) -> None:
        self.path, self.found = path, found
        super().__init__(f"The key of the decision spools, {path}, {found}. Restore it from its backup.")


class NoMonth(BankError, ValueError):
    """There is nothing to export of a month."""

    def __init__(self, month: str, found: str) -> None:
        self.month = month
        super().__init__(f"Nothing is exported of '{month[:32]}': {found}. Give another --month.")


class NoWindow(BankError, ValueError):
    """A span of time ends before it begins."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since, self.until = since, until
        super().__init__(
            f"Nothing lies from {since:%Y-%m-%d} to before {until:%Y-%m-%d}. Give a --since before --until."
        )
