"""The rules against a slow, independent second writing of them: the same decisions, to the last bit."""

import ast
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from crm_rules.lending.policy import LENDING_CODES
from crm_rules.offers import arms
from crm_rules.offers.screening import CODES
from crm_rules.rules import UNAVAILABLE
from tests.reference import lending, running
from tests.reference.cases import people, world
from tests.reference.comparing import differences
from tests.reference.lending_cases import application, random_lending
from tests.reference.product import Shelf, answers
from tests.reference.reference import decide
from tests.reference.shapes import Decision

WORLDS = 100  # of 200 customers each
INDEPENDENT = ("funnel", "lending", "moment", "ranking", "reference", "shapes")


@pytest.mark.parametrize("start", range(0, WORLDS, 25))
def test_offers_are_decided_as_the_reference_decides_them(start: int):
    different = [each for seed in range(start, start + 25) for each in running.offers_of_world(seed)]
    assert different == []


def test_applications_are_decided_as_the_reference_decides_them():
    different = [each for seed in range(WORLDS) for each in running.credit_of_world(seed)]
    assert different == []


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_a_customer_alone_gets_what_they_get_among_many(seed: int):
    here = world(running.standard(), seed)
    shelf, persons = Shelf.of(here), people(here, seed, 60)
    for person, among in zip(persons, answers(shelf, persons), strict=True):
        [alone] = answers(shelf, [person])
        assert differences(among, alone) == []


def decisions() -> Iterator[Decision]:
    for seed in range(40):
        here = world(running.standard(), seed)
        yield from (decide(here, person) for person in people(here, seed, 50))


def test_the_cases_reach_every_rule_of_offers_and_every_arm():
    found = list(decisions())
    counts = [code for each in found for codes in each.removed.values() for code in codes]
    rare = [code for code in CODES if code != UNAVAILABLE and counts.count(code) < 20]
    assert rare == []
    assert {each.arm for each in found} == set(arms.NAMES)
    assert sum(len(each.order) > 1 for each in found) > len(found) / 10


def test_the_cases_reach_every_rule_of_lending_and_every_outcome():
    rng, found = Random(1), []
    for seed in range(20):
        policy = random_lending(running.standard()["lending"], seed)
        asked = [application(policy, "application", rng) for _ in range(100)]
        found += [lending.decide(policy, "application", each) for each in asked]
    counts = [code for each in found for code in each.codes]
    assert [code for code in LENDING_CODES if counts.count(code) < 10] == []
    assert {each.outcome for each in found} == {"approve", "refer", "decline"}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_the_reference_imports_nothing_of_the_product(name: str):
    source = Path(running.__file__).with_name(f"{name}.py").read_text()
    imported = [
        each.module or "" if isinstance(each, ast.ImportFrom) else each.names[0].name
        for each in ast.walk(ast.parse(source))
        if isinstance(each, ast.Import | ast.ImportFrom)
    ]
    wrong = ("crm_rules", "feature_repo", "numpy", "serving", "tests.reference.product")
    assert [each for each in imported if each.startswith(wrong)] == []
