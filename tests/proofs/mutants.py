"""How many small mistakes in the rules are noticed: each mutant against the reference and the rule tests.

A mutant is a module with one mistake. It runs in a process of its own, in the module's place: first
against decisions the reference made beforehand, then, where those are the same, against the tests of
the rules. `python -m tests.proofs.mutants 40` tries forty of them, drawn by a fixed seed.
"""

import sys
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.proofs.mutating import Mutant, mutants
from tests.proofs.suffering import SURVIVED, Beforehand, suffer

ROOT = Path(__file__).parents[2]
RULES = (
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "crm_rules/offers").glob("[a-z]*.py")),
    *(f"crm_rules/lending/{name}.py" for name in ("applicants", "policy", "rulebook", "terms")),
    "crm_rules/contact/clock.py", "crm_rules/contact/hours.py", "crm_rules/rules.py",
)  # fmt: skip
EQUIVALENT = ROOT / "tests/proofs/equivalent.toml"
LEAST, AT_ONCE, SEED = 0.85, 2, 7


@dataclass(frozen=True)
class Excuse:
    """Mutants that decide nothing otherwise, and why; `was` and `now` are pieces of their texts."""

    path: str
    function: str
    was: str
    now: str
    why: str

    def covers(self, mutant: Mutant) -> bool:
        """Whether this is such a mutant."""
        same = (mutant.path, mutant.function) == (self.path, self.function)
        return same and mutant.was == self.was and mutant.now == self.now


def excuses() -> tuple[Excuse, ...]:
    """What is known to be equivalent."""
    return tuple(Excuse(**each) for each in tomllib.loads(EQUIVALENT.read_text()).get("mutant", ()))


def made(sample: int | None) -> tuple[list[Mutant], int]:
    """The mutants to try, and how many were left out as equivalent."""
    found = [mutant for path in RULES for mutant in mutants(ROOT, path)]
    known = excuses()
    if idle := [each for each in known if not any(each.covers(mutant) for mutant in found)]:
        raise SystemExit(f"{EQUIVALENT.name} excuses what no mutant is: {idle[0]}")
    left = [mutant for mutant in found if not any(each.covers(mutant) for each in known)]
    return (left if sample is None else Random(SEED).sample(left, sample)), len(found) - len(left)


def survivors(tried: Sequence[Mutant], beforehand: Beforehand) -> Iterable[Mutant]:
    """Those that nothing noticed."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for mutant, end in zip(tried, pool.map(lambda each: suffer(each, beforehand), tried), strict=True):
            if end == SURVIVED:
                sys.stderr.write(f"survived: {mutant}\n")
                yield mutant


def main(arguments: Sequence[str]) -> int:
    """Try them all, or as many as the first argument says; survivors on stderr, then one line."""
    tried, excused = made(int(arguments[0]) if arguments else None)
    beforehand = Beforehand.of(ROOT)
    lost = suffer(None, beforehand)
    if lost != SURVIVED:
        raise SystemExit("The rules without a mistake fail their tests or the reference; mend them first.")
    alive = len(list(survivors(tried, beforehand)))
    share = 1 - alive / len(tried)
    ok = share >= LEAST
    sys.stdout.write(
        f"mutants: {len(tried) - alive} of {len(tried)} killed ({share:.1%}; {LEAST:.0%} wanted), "
        f"{excused} more change nothing: {'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
