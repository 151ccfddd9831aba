"""Conduct: what was said to whom and what was sold, held against the rules, and a case for each alert."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.compliance.conduct import CHECKS, holding_became_too_risky
from crm_rules.compliance.contacts import UNKNOWN, Contacts, Rerated
from crm_rules.compliance.words import words
from crm_rules.contact.clock import I64Array
from crm_rules.policy import Policy
from crm_rules.policy_book import PolicyBook
from crm_rules.rules import F64Array, Rule, Verdict, judge
from monitoring.conduct_tables import Found, Window, find

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBERS = (
    "offers", "about_product", "zone", "consent_here", "consent_anywhere", "product_risk", "risk_level",
)  # fmt: skip
MOMENTS = {"at": "at_us", "assessed_at": "assessed_us", "refused_at": "refused_us"}
TOLD = (
    "local_time", "channel", "topic", "product_id", "time_zone", "product_risk", "risk_level", "risk_before",
    "risk_now", "consent_here", "days_since_assessment", "days_since_refusal",
)  # fmt: skip
RISKS = ("risk_before", "risk_now", "risk_level")
GONE = "the table {} was not delivered"
SILENT = "neither interactions nor offers were delivered"


@dataclass(frozen=True)
class Finding:
    """One rule over the window: how many it was asked about, on how many it has no verdict, its alerts."""

    rule: Rule[...]
    checked: int
    not_judged: int
    alerts: tuple[Opening, ...]

    @staticmethod
    def of(parts: Sequence["Finding"]) -> "Finding":
        """The same rule over several spans of time."""
        alerts = tuple(alert for part in parts for alert in part.alerts)
        checked, not_judged = sum(part.checked for part in parts), sum(part.not_judged for part in parts)
        return Finding(parts[0].rule, checked, not_judged, alerts)

    @property
    def share(self) -> float:
        """Alerts among those with a verdict; 0 where there are none."""
        judged = self.checked - self.not_judged
        return len(self.alerts) / judged if judged else 0.0


@dataclass(frozen=True)
class Conducted:
    """What was looked through and what each rule found; `left_out`: which rule was not asked, and why."""

    window: Window
    found: Found
    findings: tuple[Finding, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def openings(self) -> tuple[Opening, ...]:
        """Every alert, as the case it becomes."""
        return tuple(alert for finding in self.findings for alert in finding.alerts)


def check(raw: Path, window: Window, book: PolicyBook, now: datetime) -> Conducted:
    """Hold the window against the rules of conduct, each day against the policy in force on it.

    `now` is when the alerts become cases.
    """
    spans = list(_spans(window, book))
    found = [find(raw, span, words(p.conduct), p.consent.marketing_channels) for span, p in spans]
    whole = Found.of(found)
    left_out = _left_out(whole)
    asked = [_asked(each, policy, now) for each, (_, policy) in zip(found, spans, strict=True)]
    findings = [Finding.of(parts) for parts in zip(*asked, strict=True)]
    kept = tuple(each for each in findings if each.rule.code not in left_out)
    return Conducted(window, whole, kept, left_out)


def _spans(window: Window, book: PolicyBook) -> Iterator[tuple[Window, Policy]]:
    """The window in parts, each under one policy: another one holds from the bank's midnight on."""
    zone = ZoneInfo(book.base.calendar.zone)
    changes = [datetime.combine(p.effective_from, time(), zone) for p in book.policies[1:]]
    cuts = [at.astimezone(UTC) for at in changes if window.since < at < window.until]
    for since, until in pairwise([window.since, *cuts, window.until]):
        yield Window(since, until), book.at(since)


def _asked(found: Found, policy: Policy, now: datetime) -> list[Finding]:
    return [*_of_contacts(found.contacts, policy, now), _of_holdings(found.rerated, policy, now)]


def case_of(rule: str, what: str, which: str) -> str:
    """The id of the case of one alert: the same alert has the same id, whenever it is found.

    >>> case_of("CDT-02", "conversation", "i-1")
    'conduct-c0f1453fd1268b73'
    """
    return "conduct-" + hashlib.sha256("\x1f".join((rule, what, which)).encode()).hexdigest()[:16]


def _left_out(found: Found) -> dict[str, str]:
    """By code, why a rule cannot be asked of these tables."""
    gone = set(found.missing)
    silent = SILENT if {"interactions", "offers"} <= gone else ""
    lacking = {
        name: GONE.format(name) if name in gone else "" for name in ("consents", "holdings", "products")
    }
    reasons = {
        "CDT-01": silent or lacking["consents"],
        "CDT-02": silent or _nowhere(found.contacts),
        "CDT-03": lacking["products"],
        "CDT-04": silent,
        "CDT-05": lacking["products"] or lacking["holdings"],
    }
    return {code: why for code, why in reasons.items() if why}


def _nowhere(contacts: pa.Table) -> str:
    """Why nobody's hours can be told: where no zone is known at all, that is no fact about one contact."""
    none = len(contacts) and contacts["zone"].null_count == len(contacts)
    return "no customer's time zone is known" if none else ""


def _of_contacts(table: pa.Table, policy: Policy, now: datetime) -> Iterator[Finding]:
    numbers = {name: _numbers(table, name) for name in NUMBERS} | {
        "channel": _numbers(table, "channel_place")
    }
    moments = {name: _moments(table, column) for name, column in MOMENTS.items()}
    contacts = Contacts.of(numbers, moments, policy.calendar.zone)
    for each in CHECKS:
        asked = np.flatnonzero(each.about(contacts, policy))
        [verdict] = judge([each.rule], contacts.where(asked), policy)
        held, not_judged = _split(verdict, len(asked))
        rows = asked[held]
        told = zip(table.take(rows).to_pylist(), rows.tolist(), strict=True)
        alerts = tuple(_opening(each.rule, row | _then(contacts, at), now) for row, at in told)
        yield Finding(each.rule, len(asked), not_judged, alerts)


def _of_holdings(table: pa.Table, policy: Policy, now: datetime) -> Finding:
    rerated = Rerated(*(_numbers(table, name) for name in RISKS))
    [verdict] = judge([holding_became_too_risky], rerated, policy)
    held, not_judged = _split(verdict, len(rerated))
    rows = [row | {"what": "holding"} for row in table.take(held).to_pylist()]
    alerts = tuple(_opening(holding_became_too_risky, row, now) for row in rows)
    return Finding(holding_became_too_risky, len(rerated), not_judged, alerts)


def _split(verdict: Verdict, n: int) -> tuple[NDArray[np.intp], int]:
    """The rows where a rule holds, and on how many it has no verdict."""
    unjudged = np.zeros(n, np.bool_) if verdict.unjudged is None else verdict.unjudged
    return np.flatnonzero(verdict.holds & ~unjudged), int(unjudged.sum())


def _opening(rule: Rule[...], row: Mapping[str, object], now: datetime) -> Opening:
    what, which, at_us = str(row["what"]), str(row["id"]), int(str(row["at_us"]))
    about: dict[str, object] = {
        "rule": rule.code,
        "law": rule.law,
        "what": what,
        "which": which,
        "at": (EPOCH + timedelta(microseconds=at_us)).isoformat(),
        **{name: row.get(name) for name in TOLD},
    }
    told = {name: value for name, value in about.items() if value is not None}
    return Opening(case_of(rule.code, what, which), CaseKind.CONDUCT, str(row["customer_id"]), now, told)


def _then(contacts: Contacts, row: int) -> dict[str, object]:
    """What a person wants to know of that moment beside the row."""
    minute, known = int(contacts.minute[row]), bool(contacts.zone_known[row])
    days = {name: float(getattr(contacts, name)[row]) for name in ("since_assessment", "since_refusal")}
    return {
        "local_time": f"{minute // 60:02}:{minute % 60:02}" if known else None,
        **{f"days_{name}": int(value) for name, value in days.items() if not np.isnan(value)},
    }


def _numbers(table: pa.Table, name: str) -> F64Array:
    """A column as floats, NaN where it is null."""
    values: F64Array = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float64)


def _moments(table: pa.Table, name: str) -> I64Array:
    """A column of microseconds, UNKNOWN where it is null."""
    return np.asarray(table[name].cast(pa.int64()).fill_null(UNKNOWN).to_numpy(zero_copy_only=False))
