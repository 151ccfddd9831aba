"""One mutant in a process of its own, in its place, against what was decided beforehand and the tests.

Nothing here imports the rules before the fork: a child would keep the module without the mistake.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import signal
import sys
import time
import tomllib
import types
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy.ma  # noqa: F401  # imported once, before the forks
import pytest

from tests.proofs.mutating import Mutant
from tests.reference import lending, lending_cases
from tests.reference.cases import people, world
from tests.reference.comparing import differences
from tests.reference.reference import decide
from tests.reference.shapes import Decision, Person, World

SURVIVED, KILLED, ENDLESS = 0, 1, 2
WORLDS, CUSTOMERS, LENDING_WORLDS, PATIENCE_S = 40, 75, 20, 180
THERE = "tests/crm_rules"
TESTS = {  # by the folder of the mutant, after the tests of its own module
    "offers": (
        "test_boundaries.py",
        "offers/test_funnel.py",
        "offers/test_screening.py",
        "test_bad_input.py",
    ),
    "lending": ("lending/test_boundaries.py", "lending/test_policy.py", "lending/test_terms.py"),
    "contact": ("test_boundaries.py",),
    "": ("offers/test_screening.py", "lending/test_policy.py"),
}
LONG = "not ten_thousand and not too-many"  # what costs more than it finds


@dataclass(frozen=True)
class Beforehand:
    """What the reference decided, worlds of offers and of lending."""

    root: Path
    offers: Sequence[tuple[World, list[Person], list[Decision]]]
    credit: Sequence[tuple[dict[str, Any], str, list[lending.Application], list[lending.Credit]]]

    @staticmethod
    def of(root: Path, worlds: int = WORLDS) -> "Beforehand":
        """Decide a few thousand cases slowly."""
        standard = tomllib.loads((root / "crm_rules/policies/standard.toml").read_text())
        offers = []
        for seed in range(worlds):
            here = world(standard, seed)
            persons = people(here, seed, CUSTOMERS)
            offers.append((here, persons, [decide(here, person) for person in persons]))
        return Beforehand(root, offers, [_credit(standard, seed) for seed in range(LENDING_WORLDS)])


def _credit(
    standard: dict[str, Any], seed: int
) -> tuple[dict[str, Any], str, list[lending.Application], list[lending.Credit]]:
    rng, situation = Random(seed), ("application", "behaviour")[seed % 2]
    policy = standard | {"lending": lending_cases.random_lending(standard["lending"], seed)}
    asked = [lending_cases.application(policy["lending"], situation, rng) for _ in range(100)]
    return policy, situation, asked, [lending.decide(policy["lending"], situation, each) for each in asked]


def suffer(mutant: Mutant | None, beforehand: Beforehand, tests: bool = True) -> int:
    """How it ends for this mutant: SURVIVED, KILLED or ENDLESS; None is the rules as they are.

    Without `tests` it has to bear the reference alone.
    """
    child = os.fork()
    if child == 0:
        os._exit(_life(mutant, beforehand, tests))
    started = time.monotonic()
    while time.monotonic() - started < PATIENCE_S:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return SURVIVED if status == 0 else KILLED
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return ENDLESS


def _life(mutant: Mutant | None, beforehand: Beforehand, tests: bool) -> int:
    """Inside the child. Whatever is raised kills the mutant, which is what a mistake is meant to do."""
    silence = open(os.devnull, "w")  # noqa: SIM115  # until the process ends
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        try:
            if mutant is not None:
                sys.meta_path.insert(0, _InPlace(mutant, beforehand.root))
            warnings.simplefilter("ignore")
            if not all(_same_offers(beforehand)) or not all(_same_credit(beforehand)):
                return KILLED
            survived = not tests or _tests_pass(beforehand.root / THERE, _tests_of(mutant))
            return SURVIVED if survived else KILLED
        except BaseException:  # noqa: BLE001  # a child that returned would go on as its parent
            return KILLED


class _InPlace(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant to whoever imports its module."""

    def __init__(self, mutant: Mutant, root: Path) -> None:
        self.name = mutant.path.removesuffix(".py").replace("/", ".")
        self.file, self.mutant = str(root / mutant.path), mutant

    def find_spec(
        self, name: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.file, loader=self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(compile(self.mutant.tree, self.file, "exec"), module.__dict__)  # the mutant


def _same_offers(beforehand: Beforehand) -> Iterator[bool]:
    from tests.reference.product import Shelf, answers

    for here, persons, wanted in beforehand.offers:
        found = answers(Shelf.of(here), persons)
        yield all(not differences(*pair) for pair in zip(wanted, found, strict=True))


def _same_credit(beforehand: Beforehand) -> Iterator[bool]:
    from tests.reference.product_lending import answers

    for policy, situation, asked, wanted in beforehand.credit:
        yield answers(policy, situation, asked) == wanted


def _tests_of(mutant: Mutant | None) -> list[str]:
    """The tests of its module first, then those of its neighbours; all of them for no mutant."""
    if mutant is None:
        return [name for names in TESTS.values() for name in names]
    path = Path(mutant.path)
    folder = path.parent.name if path.parent.name in TESTS else ""
    return [str(Path(folder, f"test_{path.name}")), *TESTS[folder]]


def _tests_pass(root: Path, names: Sequence[str]) -> bool:
    there = [str(root / name) for name in dict.fromkeys(names) if (root / name).exists()]
    quiet = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--confcutdir={root}", "-k", LONG]
    with contextlib.redirect_stdout(io.StringIO()):
        return pytest.main([*quiet, *there]) == 0
