"""Whatever is sent, the service answers as it is described, or says what is wrong; it never falls over."""

from collections.abc import Iterator

import pytest

from tests.serving.api.driver import Driver
from tests.serving.api.fuzzing import Fuzz
from tests.serving.conftest import Bank

CASES = 3_000


@pytest.fixture
def fuzz(bank: Bank) -> Iterator[Fuzz]:
    with Driver(bank.app, bank.token()) as driver:
        asked = b'{"customer_id":"ann","amount":15e4,"term_months":36}'
        decided = driver.post("/v1/decisions/credit", asked)
        assert decided.status == 200
        decision = next(iter(bank.log.records))
        yield Fuzz(driver, {"customer_id": ["ann", "ben", "cat", "dan"], "decision_id": [decision]}, [])


def test_cases_made_of_the_description_are_answered_as_it_says(fuzz: Fuzz) -> None:
    fuzz.by_description(CASES, 7)
    assert fuzz.found == []
    assert fuzz.cases >= CASES
    assert fuzz.accepted > CASES / 5


def test_raw_bodies_are_accepted_where_they_are_valid_and_nowhere_else(fuzz: Fuzz) -> None:
    fuzz.raw(CASES, 7)
    assert fuzz.found == []
    assert fuzz.accepted > CASES / 20
