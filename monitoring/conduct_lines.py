"""A check of conduct as a person reads it, and the same as data."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from monitoring.conduct import Conducted, Finding

TABLES = {
    "interactions": "no conversation was looked through",
    "offers": "no offer was looked through",
    "holdings": "no sale was looked through",
}


def as_lines(found: Conducted, policy: str, opened: int | None) -> Iterator[str]:
    """What was looked through, each rule with its count, what was left out, and the next step."""
    looked, window = found.found.looked, found.window
    yield (
        f"conduct from {window.since:%Y-%m-%d} to {window.until:%Y-%m-%d} (UTC, the end not included), "
        f"by policy {policy}, as known at each moment"
    )
    yield (
        f"{looked.conversations:,} conversations, {looked.outbound:,} of them begun by the bank and "
        f"{looked.marketing:,} of those offering something; {looked.offers:,} offers; {looked.sales:,} sales"
    )
    yield f"{'rule':<8}{'asked':>9}{'no verdict':>12}{'alerts':>9}{'share':>8}  an alert where"
    yield from (_line(finding) for finding in found.findings)
    for code, why in found.left_out.items():
        yield f"{code:<8}left out: {why}"
    for table, what in TABLES.items():
        if table in found.found.missing:
            yield f"The table {table} was not delivered, so {what}."
    yield _next(len(found.openings), opened)


def as_json(found: Conducted, policy: str, opened: int | None) -> str:
    """The same as one JSON object, with every alert."""
    return json.dumps(
        {
            "since": found.window.since.isoformat(),
            "until": found.window.until.isoformat(),
            "policy": policy,
            "looked_through": asdict(found.found.looked),
            "missing": found.found.missing,
            "rules": [_data(finding) for finding in found.findings],
            "left_out": dict(found.left_out),
            "alerts": [
                {"case_id": each.case_id, "customer_id": each.customer_id, **each.about}
                for each in found.openings
            ],
            "opened": opened,
        },
        ensure_ascii=False,
    )


def _line(finding: Finding) -> str:
    share = f"{finding.share:.1%}" if finding.checked > finding.not_judged else "-"
    return (
        f"{finding.rule.code:<8}{finding.checked:>9,}{finding.not_judged:>12,}{len(finding.alerts):>9,}"
        f"{share:>8}  {finding.rule.doc}"
    )


def _data(finding: Finding) -> dict[str, object]:
    rule = finding.rule
    return {
        "code": rule.code,
        "law": rule.law,
        "en": rule.doc,
        "zh": rule.zh,
        "asked": finding.checked,
        "no_verdict": finding.not_judged,
        "alerts": len(finding.alerts),
        "share": round(finding.share, 6),
    }


def _next(alerts: int, opened: int | None) -> str:
    if not alerts:
        return "no alerts"
    told = "1 alert" if alerts == 1 else f"{alerts:,} alerts"
    if opened is None:
        return f"{told}; next: bank conduct check --open makes a case of {'it' if alerts == 1 else 'each'}"
    new = "a new case" if opened == 1 else "new cases"
    return f"{told}, {opened:,} of them {new}; next: bank cases list --kind conduct"
