"""The same-terms audit as lines and as JSON."""

import json
from dataclasses import asdict

from monitoring.same_terms import LEAST_LOANS, Comparison, SameTerms

NEXT = {
    "TOO FEW": ("Loans count that the service, `bank run` or `bank score one ID --amount SUM` approved.",),
    "FAIL": ("Next: hold price and limits of the grades in the policy against the groups named.",),
}


def as_json(found: SameTerms) -> str:
    """The audit as one JSON object."""
    return json.dumps(
        {
            "loans": found.n,
            "verdict": found.verdict,
            "significant": found.significant,
            "comparisons": [{**asdict(each), "unequal": each in found.unequal} for each in found.comparisons],
            "too_few": dict(found.too_few),
            "unreadable": found.unreadable,
        }
    )


def as_lines(found: SameTerms) -> list[str]:
    """The audit for a person: how many, each largest difference beside what chance allows, the verdict."""
    lines = [f"same terms within grade: {found.n} loans granted"]
    lines += [_line(each, found.significant) for each in found.comparisons]
    lines += [f"{name:<8}too few to say: {why}, {LEAST_LOANS} needed" for name, why in found.too_few.items()]
    if found.unreadable:
        lines.append(f"{found.unreadable} decisions of releases that are gone were left out")
    return [*lines, found.verdict, *NEXT.get(found.verdict, ())]


def _line(each: Comparison, significant: float) -> str:
    most = each.largest
    unit, digits = (100, 3) if each.term == "rate" else (1, 2)
    what, low, high = (f"{unit * value:+.{digits}f}" for value in (most.difference, most.low, most.high))
    points = " points" if each.term == "rate" else ""
    return (
        f"{each.attribute:<8}{each.term:<7}largest {what}{points} ({most.group} beside {most.beside}, "
        f"95 % {low} to {high})  p {each.corrected:.4f}  limit {significant:.2f}  n {each.n}"
    )
