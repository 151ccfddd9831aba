"""Cases as the service needs them: opened after an answer, asked for by a customer, shown to the app.

The case store is opened when it is first needed and again after it failed. While it cannot be used, decisions
are answered as ever: who is referred is found in the decision log by the next `bank cases collect`.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson

from crm_rules.cases.case import Case
from crm_rules.cases.limits import CaseLimits
from crm_rules.cases.referral import referral
from crm_rules.cases.reviewing import case_ids, contest
from crm_rules.cases.store import CaseStore
from crm_rules.errors import (
    BrokenChain,
    BrokenHead,
    DatabaseUnavailable,
    OtherTables,
    UnknownCase,
    Untrusted,
)
from crm_rules.governance.people import Trust
from crm_rules.policy import Policy
from feature_repo.errors import BankError
from monitoring.decision_log import Record
from serving.errors import CasesUnavailable

AGAIN_AFTER = timedelta(seconds=5)  # a store that does not answer keeps no answer waiting twice
PATIENCE = 1.0  # seconds for whoever uses the store
FAILURES = (DatabaseUnavailable, OtherTables, BrokenChain, BrokenHead, Untrusted, OSError)
log = logging.getLogger("bank.serving")


class CaseRoom:
    """The case store behind the service. Safe to call from several threads."""

    def __init__(
        self, open_store: Callable[[], CaseStore], trust: Callable[[], Trust], now: Callable[[], datetime]
    ) -> None:
        self._open, self._trust, self._now = open_store, trust, now
        self._store: CaseStore | None = None
        self._failed: datetime | None = None
        self._turn = threading.RLock()

    def refer(self, records: Sequence[Record], limits: CaseLimits) -> None:
        """Open the cases of referred decisions, in one commit; a failure is logged and nothing else."""
        if not self._turn.acquire(timeout=PATIENCE):
            log.error("%d referred decisions wait in the log: the case store is in use", len(records))
            return
        try:
            if self._failed is None or self._now() >= self._failed + AGAIN_AFTER:
                with self._usable() as store:
                    store.open_many([referral(orjson.loads(each.payload)) for each in records], limits)
        except BankError as error:
            log.error("%d referred decisions wait in the log: %s", len(records), type(error).__name__)
        finally:
            self._turn.release()

    def of(self, decision_id: str) -> Case | None:
        """The newest case of a decision; None when there is none. CasesUnavailable."""
        with self._turn, self._usable() as store:
            return self._newest(store, decision_id)

    def review(
        self, record: Mapping[str, Any], wish: Mapping[str, str], at: datetime, policy: Policy
    ) -> tuple[Case, bool]:
        """The case of somebody who contests a decision, and whether it is new.

        NotReviewable, TooLate, CasesUnavailable.
        """
        decision_id = str(record["decision_id"])
        with self._turn, self._usable() as store:
            last = self._newest(store, decision_id)
            opening = contest(record, last, wish, at, policy.lending.notice.appeal_days)
            new = opening is not None and bool(store.open_many([opening], policy.cases))
            case = self._newest(store, decision_id)
            assert case is not None
            return case, new

    def close(self) -> None:
        """Close the store."""
        with self._turn:
            self._drop()

    def _newest(self, store: CaseStore, decision_id: str) -> Case | None:
        trust = self._trust()
        for name in reversed(case_ids(decision_id)):
            try:
                return store.case(name, trust)
            except UnknownCase:
                continue
        return None

    @contextmanager
    def _usable(self) -> Iterator[CaseStore]:
        """The store, open; what it cannot do is CasesUnavailable, and the next one opens it again."""
        try:
            if self._store is None:
                self._store = self._open()
            yield self._store
        except FAILURES as error:
            self._drop()
            self._failed = self._now()
            raise CasesUnavailable(str(error)) from error
        self._failed = None

    def _drop(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()
