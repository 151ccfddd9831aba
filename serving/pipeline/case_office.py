"""Where commands about cases meet their parts: the store, the people, the release, the decision log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import file_digest
from pathlib import Path

import orjson

from crm_rules.cases.acting import CaseDesk
from crm_rules.cases.case import Case
from crm_rules.cases.referral import USE_CASE, referral, referred
from crm_rules.cases.store import CaseStore
from crm_rules.governance.people import Trust
from crm_rules.governance.session import Signer
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from serving.bootstrap.releases import current_release
from serving.bootstrap.stores import open_cases
from serving.deciding.rulebook import Rulebook
from serving.deciding.rulebooks import Rulebooks
from serving.pipeline.bootstrap import now


@dataclass(frozen=True)
class CaseOffice:
    """The cases of one bank at one moment."""

    settings: Settings
    store: CaseStore
    trust: Trust
    now: datetime

    @cached_property
    def rulebook(self) -> Rulebook:
        """Policy in force and reasons of the current release, verified."""
        found = Rulebooks.of(current_release(self.settings).release, {})
        return found.under(found.book.at(self.now))

    def collect(self) -> int:
        """Open the case of every referred decision since the last time; how many were missing."""
        logs, after = DecisionLogs.of(self.settings), self.store.collected()
        until = logs.ends()
        if until == after:
            return 0
        records = map(orjson.loads, logs.between(USE_CASE, after, until))
        openings = [referral(record) for record in records if referred(record)]
        opened = self.store.open_many(openings, self.rulebook.policy.cases) if openings else 0
        self.store.keep_collected(until, self.now)
        return opened

    def all(self) -> list[Case]:
        """Every case, after what is missing was opened."""
        self.collect()
        return self.store.cases(self.trust)

    def desk(self, signer: Signer) -> CaseDesk:
        """Somebody at work."""
        return CaseDesk(self.store, self.trust, signer, self.now)


@contextmanager
def case_office(settings: Settings) -> Iterator[CaseOffice]:
    """The office of this command."""
    trust = Trust.of(settings)
    with open_cases(settings) as store:
        yield CaseOffice(settings, store, trust, now())


def file_told(path: Path) -> dict[str, object]:
    """A file by its name, digest and size; its content goes nowhere."""
    with path.open("rb") as file:
        return {
            "name": path.name,
            "sha256": file_digest(file, "sha256").hexdigest(),
            "bytes": path.stat().st_size,
        }
