"""Why an application was not approved: factors that raised the risk and rules that held, in plain words.

Regulation B, 12 CFR 1002.9(b)(2), wants the specific principal reasons actually scored; its comment 9(b)(2)
finds more than four unlikely to help.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from crm_rules import strict_toml
from crm_rules.errors import InvalidPolicy, UnmappedReason
from crm_rules.governance.plain import unreadable
from crm_rules.lending.policy import Decisions
from crm_rules.rules import Effect, F64Array, Mask

# A low score is no reason (comment 9(b)(2)): what these rules found is told by the columns scored.
TOLD_BY_THE_MODEL = frozenset({"LEND-01", "LEND-02", "LEND-14", "LEND-15"})
# The effects whose rules make an outcome; no rule makes an approval.
MAKERS: Mapping[str, tuple[Effect, ...]] = {
    "approve": (),
    "decline": (Effect.DECLINE,),
    "refer": (Effect.PERSON, Effect.REFER),
}
ALIKE = (("LEND-03", "LEND-16", "LEND-17"), ("LEND-08", "LEND-11"), ("LEND-22", "LEND-23"))
NOT_KNOWN = "not_known"
STANDARD_REASONS = Path(__file__).parent.parent / "policies" / "reasons.toml"


@dataclass(frozen=True)
class ReasonText:
    """What the customer reads, in English and Chinese."""

    en: str
    zh: str


Catalogue: TypeAlias = Mapping[str, ReasonText]


@dataclass(frozen=True)
class Reason:
    """One principal reason: the column scored, its texts, and what the log odds fall by without it."""

    code: str
    en: str
    zh: str
    contribution: float


@dataclass(frozen=True)
class RuleReason:
    """A rule that sent the application to a person or declined it, in the customer's words."""

    code: str
    en: str
    zh: str


def parse_catalogue(data: bytes) -> Catalogue:
    """Read reasons.toml: `en` and `zh` for each column or rule; InvalidPolicy names what is wrong."""
    tables = strict_toml.table_of(data)
    for column, texts in tables.items():
        if not isinstance(texts, dict) or set(texts) != {"en", "zh"}:
            raise InvalidPolicy(column, "should hold the texts en and zh, and nothing else")
        if not all(isinstance(text, str) and text.strip() for text in texts.values()):
            raise InvalidPolicy(column, "holds an empty text")
        if (hidden := unreadable(texts)) is not None:
            raise InvalidPolicy(column, f"holds {hidden!r}, which is not one line of signs that are seen")
    return {column: ReasonText(texts["en"], texts["zh"]) for column, texts in tables.items()}


def check_catalogue(columns: Iterable[str], catalogue: Catalogue) -> None:
    """Raise UnmappedReason unless every column a model scores has its texts."""
    missing = set(columns) - set(catalogue)
    if missing:
        raise UnmappedReason(missing)


def principal_reasons(
    raised: F64Array, columns: Sequence[str], catalogue: Catalogue, most: int = 4
) -> list[list[Reason]]:
    """What raised each row's risk, largest first, ties by column name; at most `most`.

    `raised` is (n, len(columns) + 1), larger is worse; what is zero, negative or NaN is no reason. Its
    last column is what all that is unknown counts for together, the reason NOT_KNOWN: nobody is told
    that a balance is low when there is none.
    """
    named = (*columns, NOT_KNOWN)
    check_catalogue(named, catalogue)
    worse = np.where(raised > 0, raised, 0.0)
    by_name = np.argsort(np.argsort(np.array(named, dtype=np.str_)))
    order = np.lexsort((np.broadcast_to(by_name, worse.shape), -worse), axis=-1)[:, :most]
    return [_reasons(row, positions, named, catalogue) for row, positions in zip(worse, order, strict=True)]


def _reasons(
    row: F64Array, positions: Iterable[int], columns: Sequence[str], catalogue: Catalogue
) -> list[Reason]:
    named = ((columns[position], float(row[position])) for position in positions)
    return [Reason(c, catalogue[c].en, catalogue[c].zh, value) for c, value in named if value > 0]


def rule_reasons(decided: Decisions, catalogue: Catalogue) -> list[list[RuleReason]]:
    """The rules that made each outcome, in the order of their codes.

    Of a decline those that decline, of a referral those that refer or want a person; of rules that say the
    same in several ways the first. What the model found is told by the columns it scored.
    """
    told = [code for code in decided.rule_codes if code not in TOLD_BY_THE_MODEL]
    check_catalogue(told, catalogue)
    texts = {code: RuleReason(code, catalogue[code].en, catalogue[code].zh) for code in told}
    return [
        [texts[code] for code in held if code in texts and not _said_before(code, held)]
        for held in map(_made_by(decided), range(len(decided.outcome)))
    ]


def model_speaks(decided: Decisions) -> Mask:
    """(n,): whose outcome a rule about score or grade made; the model's reasons explain it."""
    made = map(_made_by(decided), range(len(decided.outcome)))
    return np.array([not TOLD_BY_THE_MODEL.isdisjoint(held) for held in made], np.bool_)


def _made_by(decided: Decisions) -> Callable[[int], list[str]]:
    return lambda row: decided.held(row, MAKERS[str(decided.outcome[row])])


def _said_before(code: str, held: Sequence[str]) -> bool:
    return any(
        code in group and any(other in held for other in group[: group.index(code)]) for group in ALIKE
    )
