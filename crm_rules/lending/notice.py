"""The notice of a credit decision: what was decided and why, by when it must arrive, how to appeal.

It is owed to whoever is declined, and to whom a person decides about: 12 CFR 1002.9 (Regulation B: within
30 days, the specific principal reasons, at most four), GDPR Art 22(3) and PIPL Art 24 (a person looks at it
again, one's own view is heard), CCD2 2023/2225 Art 18(8) and (9) (a rejection says at once that it was
automated and how to contest it). Where a bureau was used that is said: 15 USC 1681m(a).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_rules.errors import InvalidNotice
from crm_rules.lending.limits import LANGUAGES, NoticeLimits
from crm_rules.lending.notice_texts import TEXTS, Texts
from crm_rules.lending.reasons import TOLD_BY_THE_MODEL

MOST_REASONS = 4
OUTCOMES = ("approve", "decline", "refer")
BUREAU_CODES = frozenset({"bureau_score", "bureau_delinquencies", "bureau_inquiries", "LEND-21"})


@dataclass(frozen=True)
class Asked:
    """What the decision is about: the amount in the base currency, the term, the id to quote."""

    amount: float
    term_months: int
    decision_id: str


@dataclass(frozen=True)
class Notice:
    """One notice. `reasons` are codes; `text` is a letter's body; `digest` the SHA-256 of that text."""

    outcome: str
    language: str
    reasons: tuple[str, ...]
    text: str
    due_at: datetime
    appeal_until: datetime
    delivery: str
    digest: str

    def as_record(self) -> dict[str, object]:
        """All but the text, which the digest stands for."""
        return {
            "outcome": self.outcome,
            "language": self.language,
            "reasons": list(self.reasons),
            "due_at": self.due_at.isoformat(),
            "appeal_until": self.appeal_until.isoformat(),
            "delivery": self.delivery,
            "digest": self.digest,
        }


def notice(
    outcome: str, reasons: Sequence[Mapping[str, str]], language: str, decided_at: datetime,
    limits: NoticeLimits, by_person: bool = False, *, asked: Asked | None = None, bureau_used: bool = False,
    final: bool = False,
) -> Notice:  # fmt: skip
    """The notice of one decision, with its reasons as {"code", "en", "zh"}, most important first.

    `bureau_used` says that bureau data were known; a reason that speaks of them says so as well. A `final`
    one was contested before, and says that it was looked at again.
    A decline without a reason that may be told says how to be told within 30 days (1002.9(a)(2)(ii)).
    InvalidNotice names an outcome or a language that is not known, and a time without a zone.
    """
    _check(outcome, language, decided_at)
    told = [each for each in reasons if each["code"] not in TOLD_BY_THE_MODEL][:MOST_REASONS]
    due = decided_at + timedelta(days=limits.notice_days)
    appeal = decided_at + timedelta(days=limits.appeal_days)
    codes = tuple(each["code"] for each in told)
    from_bureau = outcome != "approve" and (bureau_used or not BUREAU_CODES.isdisjoint(codes))
    paragraphs = _paragraphs(outcome, [each[language] for each in told], TEXTS[language], by_person)
    if asked is not None:
        paragraphs.insert(0, _about(asked, TEXTS[language]))
    if from_bureau:
        paragraphs.append(TEXTS[language].bureau.format(bureau=getattr(limits.bureau, language)))
    if outcome != "approve":
        last = TEXTS[language].final if final else _appeal(outcome, appeal, due, TEXTS[language])
        paragraphs.append(last)
        paragraphs.append(getattr(limits.statement, language))
    text = "\n\n".join(paragraphs)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Notice(outcome, language, codes, text, due, appeal, limits.delivery[0], digest)


def _check(outcome: str, language: str, decided_at: datetime) -> None:
    if outcome not in OUTCOMES:
        raise InvalidNotice("outcome", f"is {outcome!r}, which is none of {list(OUTCOMES)}")
    if language not in LANGUAGES:
        raise InvalidNotice("language", f"is {language!r}, which is none of {list(LANGUAGES)}")
    if decided_at.tzinfo is None:
        raise InvalidNotice("decided_at", "has no time zone")


def _paragraphs(outcome: str, reasons: Sequence[str], texts: Texts, by_person: bool) -> list[str]:
    if outcome == "refer":
        paragraphs = [texts.refer]
    else:
        paragraphs = [getattr(texts, outcome), texts.by_person if by_person else texts.automated]
    if outcome == "approve":
        return paragraphs
    if reasons:
        heading = texts.why_referred if outcome == "refer" else texts.why_declined
        paragraphs.append("\n".join([heading, *(f"- {reason}{texts.stop}" for reason in reasons)]))
    elif outcome == "decline":
        paragraphs.append(texts.why_on_request)
    return paragraphs


def _about(asked: Asked, texts: Texts) -> str:
    return texts.about.format(
        amount=f"{asked.amount:,.2f}", term=asked.term_months, decision_id=asked.decision_id
    )


def _appeal(outcome: str, appeal: datetime, due: datetime, texts: Texts) -> str:
    if outcome == "refer":
        return texts.hear_by.format(due=_moment(due))
    return texts.appeal.format(until=_moment(appeal))


def _moment(at: datetime) -> str:
    """As a person reads it, with the zone's offset, so that nobody loses the last hours."""
    return at.strftime("%Y-%m-%d %H:%M ") + (at.tzname() or "UTC")
