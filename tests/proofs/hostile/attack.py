"""One hostile release: its name, how it is made, what refusing it says, and how far it may come."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.proofs.hostile.stage import PARSED, RUN, House, Stage

NOTHING, TO_THE_PARSER, TO_THE_RULES = frozenset[str](), frozenset({PARSED}), frozenset({PARSED, RUN})


@dataclass(frozen=True)
class Attack:
    """`may` is what it may reach: nothing unless the people who sign were fooled as well."""

    name: str
    make: Callable[[Stage], object]
    said: str
    may: frozenset[str] = NOTHING


@dataclass(frozen=True)
class Outcome:
    """What became of an attack; `wrong` is empty when it was refused as it should be."""

    attack: Attack
    said: str
    wrong: str


def outcome(attack: Attack, house: House, stage: Stage) -> Outcome:
    """Make it, start the scoring process on it, and see who is harmed."""
    attack.make(stage)
    error = stage.refusal()
    said = "" if error is None else str(error)
    wrong = [
        problem
        for problem, there in {
            "it was served": error is None,
            f"it should say '{attack.said}'": error is not None and attack.said not in said,
            f"it reached {sorted(stage.reached - attack.may)}": bool(stage.reached - attack.may),
            "the payload ran": stage.marker.exists(),
            "the honest release answers otherwise": not house.answers(),
        }.items()
        if there
    ]
    return Outcome(attack, said.splitlines()[0] if said else "", "; ".join(wrong))
