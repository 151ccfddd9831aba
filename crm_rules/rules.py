"""A rule is a named predicate over arrays: its code goes to the log, its docstring to the person.

>>> @dataclass(frozen=True)
... class People:
...     age: F64Array
...     def __len__(self) -> int:
...         return len(self.age)
...     def one(self, row: int) -> "People":
...         return People(self.age[row : row + 1])
>>> @rule(code="DEMO-01", law="none", effect=Effect.BLOCK, needs=("age",))
... def younger_than_twenty(people: People) -> Mask:
...     '''The customer is younger than twenty.'''
...     return people.age < 20

A rule that meets a missing value it did not plan for, or fails, has no verdict on that row; whoever asks
closes there: an offer is denied, an application goes to a person, with the code POLICY_UNAVAILABLE.

>>> people = People(np.array([19.0, 20.0, np.nan]))
>>> [verdict] = judge([younger_than_twenty], people)
>>> verdict.holds.tolist(), verdict.unjudged.tolist()
([True, False, False], [False, False, True])
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
F64Array: TypeAlias = NDArray[np.float64]

Inputs = ParamSpec("Inputs")
UNAVAILABLE = "POLICY_UNAVAILABLE"
BOOLS = np.dtype(np.bool_)
log = logging.getLogger("bank.rules")


class Effect(StrEnum):
    """What follows where a rule's predicate holds."""

    BLOCK = "block"  # an offer is left out
    DECLINE = "decline"  # an application is declined; the applicant may still ask a person
    REFER = "refer"  # a person decides, unless another rule declines
    PERSON = "person"  # a person decides whatever the others say: something is unknown or broken
    ALERT = "alert"  # a person looks into what was done


class Stage(StrEnum):
    """Where in the funnel a rule stands: may it, does it make sense, is it good for them, may we say so."""

    ELIGIBILITY = "eligibility"
    APPLICABILITY = "applicability"
    SUITABILITY = "suitability"
    CONTACT = "contact"
    ARBITRATION = "arbitration"
    LENDING = "lending"
    CONDUCT = "conduct"  # outside the funnel: what was said and sold, looked at afterwards


@dataclass(frozen=True)
class Rule(Generic[Inputs]):
    """A predicate with its code, its law, its effect and the sentence that explains it.

    `zh` is that sentence in Chinese, empty where a catalogue of texts holds it. `needs` names the columns
    of the rows without which there is no verdict; a missing value in any other column is planned for, and
    the sentence or the predicate says how.
    """

    code: str
    law: str
    effect: Effect
    name: str
    doc: str
    predicate: Callable[Inputs, Mask]
    zh: str = ""
    stage: Stage = Stage.LENDING
    needs: tuple[str, ...] = ()

    def mask(self, *args: Inputs.args, **kwargs: Inputs.kwargs) -> Mask:
        """Where the rule holds."""
        return self.predicate(*args, **kwargs)


def rule(
    code: str,
    law: str,
    effect: Effect,
    zh: str = "",
    stage: Stage = Stage.LENDING,
    needs: tuple[str, ...] = (),
) -> Callable[[Callable[Inputs, Mask]], Rule[Inputs]]:
    """Make a rule of a predicate; its name and docstring come from the function."""

    def named(predicate: Callable[Inputs, Mask]) -> Rule[Inputs]:
        sentence = (predicate.__doc__ or "").strip()
        if not sentence:
            raise TypeError(f"Rule {code} has no docstring; write the sentence a person will read.")
        return Rule(code, law, effect, predicate.__name__, sentence, predicate, zh, stage, needs)

    return named


class Rows(Protocol):
    """n rows that rules read: customers or applicants."""

    def __len__(self) -> int:
        """How many there are."""

    def one(self, row: int) -> Self:
        """One of them, as a batch of one."""


class Verdict(NamedTuple):
    """One rule over n rows. `holds` broadcasts to (n,) or (n, across); `unjudged` (n,) or None for nobody."""

    holds: Mask
    unjudged: Mask | None = None


def judge(
    rules: Sequence[Rule[Any]], rows: Rows, *others: object, across: int | None = None
) -> list[Verdict]:
    """The verdict of every rule on n rows; `across` is the width of each where rules look at pairs.

    A row's verdicts do not depend on its neighbours: where a rule fails on many it is asked one by one.
    Dividing by zero and making a NaN of numbers are failures.
    """
    with np.errstate(divide="raise", invalid="raise", over="ignore", under="ignore"):
        try:
            held = [each.predicate(rows, *others) for each in rules]
        except Exception:  # noqa: BLE001  # which one it was is found by asking them one after the other
            held = []
        if len(held) < len(rules) or any(getattr(mask, "dtype", None) != BOOLS for mask in held):
            return [_verdict(each, rows, others, across) for each in rules]
        return [
            Verdict(mask, _unknown(each, rows) if each.needs else None)
            for each, mask in zip(rules, held, strict=True)
        ]


def _verdict(each: Rule[Any], rows: Rows, others: tuple[object, ...], across: int | None) -> Verdict:
    try:
        holds = _asked(each, rows, others)
    except Exception as error:  # noqa: BLE001  # whatever a rule raises, the row is closed, not opened
        return _one_by_one(each, rows, others, across, error)
    return Verdict(holds, _unknown(each, rows) if each.needs else None)


def _asked(each: Rule[Any], rows: Rows, others: tuple[object, ...]) -> Mask:
    holds = each.predicate(rows, *others)
    if getattr(holds, "dtype", None) != BOOLS:
        raise TypeError(f"a predicate gives a mask, not {type(holds).__name__}")
    return holds


def _unknown(each: Rule[Any], rows: Rows) -> Mask | None:
    """Where a column that the rule cannot do without is missing, (n,); None for nowhere."""
    unknown = np.zeros(len(rows), np.bool_)
    for name in each.needs:
        unknown |= np.isnan(getattr(rows, name))
    return unknown if unknown.any() else None


def _one_by_one(
    each: Rule[Any], rows: Rows, others: tuple[object, ...], across: int | None, error: Exception
) -> Verdict:
    """The verdict where a rule failed: each row alone, so that one without a verdict closes nobody else."""
    n = len(rows)
    shape = (n,) if across is None else (n, across)
    holds, unjudged = np.zeros(shape, np.bool_), np.ones(n, np.bool_)
    for row in range(n) if n > 1 else ():
        try:
            holds[row : row + 1] = _asked(each, rows.one(row), others)
        except Exception:  # noqa: BLE001  # counted below; this row stays closed
            continue
        unjudged[row] = False
    log.error("rule %s has no verdict on %d of %d (%s)", each.code, unjudged.sum(), n, type(error).__name__)
    unknown = _unknown(each, rows) if each.needs else None
    return Verdict(holds, unjudged if unknown is None else unjudged | unknown)
