"""A case store with one referral after another, and people who work on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.cases.acting import CaseDesk
from crm_rules.cases.case import Case
from crm_rules.cases.limits import CaseLimits
from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.cases.store import CaseStore
from crm_rules.database import Sqlite
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.session import Signer
from crm_rules.lending.reasons import STANDARD_REASONS, Catalogue, parse_catalogue
from crm_rules.policy import STANDARD, Policy

AT = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
POLICY = Policy.load(STANDARD)
REASONS: Catalogue = parse_catalogue(STANDARD_REASONS.read_bytes())


def opening(case_id: str = "d1", kind: CaseKind = CaseKind.REFERRAL, **about: Any) -> Opening:
    """A case about a loan of 60,000; `about` says what is different."""
    usual = {
        "decision_id": case_id, "use_case": "credit", "amount": 60_000.0, "term_months": 36,
        "outcome": "refer" if kind is CaseKind.REFERRAL else "decline", "rules": ["LEND-02"],
        "declined_by": [], "grade": "C", "reasons": [],
    }  # fmt: skip
    return Opening(case_id, kind, "ann", AT, usual | about)


@dataclass
class Room:
    """The store, and a clock that goes on by a minute with each act."""

    store: CaseStore
    trust: Trust
    keys: Mapping[str, Ed25519PrivateKey]
    limits: CaseLimits = POLICY.cases
    now: datetime = AT

    def open(self, case_id: str = "d1", kind: CaseKind = CaseKind.REFERRAL, **about: Any) -> str:
        self.store.open_many([opening(case_id, kind, **about)], self.limits)
        return case_id

    def desk(self, person: str) -> CaseDesk:
        self.now += MINUTE
        return CaseDesk(
            self.store, self.trust, Signer(self.trust.person(person), self.keys[person]), self.now
        )

    def case(self, case_id: str = "d1") -> Case:
        return self.store.case(case_id, self.trust)

    def decide(self, person: str, outcome: str, case_id: str = "d1", reason: str = "CASE-01") -> Case:
        return self.desk(person).decide(case_id, outcome, [reason], "looked at the payslips", REASONS)

    def decided(self, person: str, outcome: str, case_id: str = "d1") -> Case:
        self.desk(person).claim(case_id)
        return self.decide(person, outcome, case_id)


@pytest.fixture
def room(
    tmp_path: Path, heads: Heads, trust: Trust, signing: Mapping[str, Ed25519PrivateKey]
) -> Iterator[Room]:
    with CaseStore(Sqlite(tmp_path / "cases.db"), heads) as store:
        yield Room(store, trust, signing)
