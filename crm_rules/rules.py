"""A rule is a named predicate over arrays: its code goes to the log, its docstring to the person.

>>> @rule(code="DEMO-01", law="none", effect=Effect.BLOCK)
... def younger_than_twenty(age: F64Array) -> Mask:
...     '''The customer is younger than twenty.'''
...     return age < 20
>>> younger_than_twenty.doc, younger_than_twenty.mask(np.array([19.0, 20.0])).tolist()
('The customer is younger than twenty.', [True, False])
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, ParamSpec, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
F64Array: TypeAlias = NDArray[np.float64]

Inputs = ParamSpec("Inputs")


class Effect(StrEnum):
    """What follows where a rule's predicate holds."""

    BLOCK = "block"  # an offer is left out
    DECLINE = "decline"  # an application is declined; the applicant may still ask a person
    REFER = "refer"  # a person decides, unless another rule declines
    PERSON = "person"  # a person decides whatever the others say: something is unknown or broken


@dataclass(frozen=True)
class Rule(Generic[Inputs]):
    """A predicate with its code, its law, its effect and the sentence that explains it.

    `zh` is that sentence in Chinese, empty where a catalogue of texts holds it.
    """

    code: str
    law: str
    effect: Effect
    name: str
    doc: str
    predicate: Callable[Inputs, Mask]
    zh: str = ""

    def mask(self, *args: Inputs.args, **kwargs: Inputs.kwargs) -> Mask:
        """Where the rule holds."""
        return self.predicate(*args, **kwargs)


def rule(
    code: str, law: str, effect: Effect, zh: str = ""
) -> Callable[[Callable[Inputs, Mask]], Rule[Inputs]]:
    """Make a rule of a predicate; its name and docstring come from the function."""

    def named(predicate: Callable[Inputs, Mask]) -> Rule[Inputs]:
        sentence = (predicate.__doc__ or "").strip()
        if not sentence:
            raise TypeError(f"Rule {code} has no docstring; write the sentence a person will read.")
        return Rule(code, law, effect, predicate.__name__, sentence, predicate, zh)

    return named
