"""Whether cases are as they were written, and each is of a decision that was taken."""

from collections.abc import Iterator

import orjson

from crm_rules.cases.case import Case
from crm_rules.cases.opening import CaseKind
from crm_rules.cases.referral import about_decision
from crm_rules.cases.store import CHAIN, PLACE, TABLE, CaseStore
from crm_rules.database import open_database
from crm_rules.governance.people import Trust
from feature_repo.settings import Settings
from monitoring.audit import Check, Evidence
from monitoring.errors import UnknownDecision
from monitoring.finding import Finder

OWN = {  # what a customer says, and what an appeal says of the decision by a person it is about
    CaseKind.REFERRAL: frozenset[str](),
    CaseKind.REVIEW: frozenset({"language"}),
    CaseKind.APPEAL: frozenset({"language", "outcome"}),
}


def cases(evidence: Evidence) -> Iterator[Check]:
    """The chain of cases, every content and signature, what has no effect, and the decisions they are of."""
    settings, anchored = evidence.settings, evidence.heads().get(CHAIN, ())
    if not _there(settings):
        if anchored:
            last = max(head.seq for head in anchored)
            yield Check(CHAIN, 0, (f"{CHAIN}: its tables are gone; entry {last:,} was anchored",))
        return
    trust, logs = Trust.of(settings), Finder.of(settings)
    with CaseStore.open(settings.cases, settings.database.get_secret_value(), settings.heads) as store:
        found = store.verify(trust, anchored)
        told = [problem for case in store.cases(trust) for problem in _of_its_decision(case, logs)]
    logs.close()
    yield Check(CHAIN, found.entries, (*found.problems, *told))


def _of_its_decision(case: Case, logs: Finder) -> Iterator[str]:
    if case.kind is CaseKind.CONDUCT:
        return
    decision_id = str(case.opening.about.get("decision_id"))
    try:
        record = orjson.loads(logs.find(decision_id))
    except UnknownDecision:
        if not logs.knows(decision_id):  # else it was erased
            yield f"{CHAIN} case {case.id[:64]}: no decision '{decision_id[:64]}' is in the log"
        return
    differs = [
        name
        for name, value in about_decision(record).items()
        if name not in OWN[case.kind] and case.opening.about.get(name) != value
    ]
    if differs:
        yield f"{CHAIN} case {case.id[:64]}: it says another {', '.join(differs)} than its decision"


def _there(settings: Settings) -> bool:
    url = settings.database.get_secret_value()
    if not url:
        return settings.cases.exists()
    database = open_database(settings.cases, url, PLACE, read_only=True)
    try:
        return database.has(TABLE)
    finally:
        database.close()
