"""Comparing whole worlds: how many customers were compared, and the first who are decided differently."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from crm_rules.policy import STANDARD
from tests.reference import lending, lending_cases, product_lending
from tests.reference.cases import people, world
from tests.reference.comparing import differences
from tests.reference.product import Shelf, answers
from tests.reference.reference import decide

CUSTOMERS = 200  # of one world


@dataclass(frozen=True)
class Difference:
    """A customer whom the product decides otherwise, and how to meet them again."""

    world: int
    customer: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"world {self.world}, {self.customer}: " + "; ".join(self.lines[:4])


def standard() -> Mapping[str, Any]:
    """The shipped policy, as the reference reads it."""
    return tomllib.loads(STANDARD.read_text())


def offers_of_world(seed: int, customers: int = CUSTOMERS) -> Iterator[Difference]:
    """Whom the product offers something else in this world, or in another order, or for another reason."""
    here = world(standard(), seed)
    persons = people(here, seed, customers)
    for person, found in zip(persons, answers(Shelf.of(here), persons), strict=True):
        if lines := differences(decide(here, person), found):
            yield Difference(seed, person.customer_id, tuple(lines))


def credit_of_world(seed: int, applicants: int = CUSTOMERS) -> Iterator[Difference]:
    """Whose application the product decides otherwise, for other reasons or on other terms."""
    rng, policy = Random(seed), dict(standard())
    policy["lending"] = lending_cases.random_lending(policy["lending"], seed)
    situation = ("application", "behaviour")[seed % 2]
    asked = [lending_cases.application(policy["lending"], situation, rng) for _ in range(applicants)]
    found = product_lending.answers(policy, situation, asked)
    for at, (each, got) in enumerate(zip(asked, found, strict=True)):
        if (wanted := lending.decide(policy["lending"], situation, each)) != got:
            yield Difference(seed, f"applicant {at}", (f"{got}, not {wanted}, for {each}",))
