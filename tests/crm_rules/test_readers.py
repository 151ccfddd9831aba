"""Every key of the policy is read by a rule, or by something else that is named."""

import tomllib

import pytest

from crm_rules.policy import STANDARD
from crm_rules.readers import keys, readers

TABLE = tomllib.loads(STANDARD.read_text())


def test_no_key_is_read_by_nothing() -> None:
    assert [key for key, _ in keys(TABLE) if not readers(key)] == []


@pytest.mark.parametrize(("key", "codes"), [
    pytest.param("eligibility.tiers", {"ELIG-06"}, id="made-ready-beside-each-offer"),
    pytest.param("eligibility.credit_families", {"ELIG-04", "ELIG-05"}, id="by-two-rules"),
    pytest.param("eligibility.adult_from_age", {"ELIG-05"}, id="not-lendings-of-the-same-name"),
    pytest.param("lending.behaviour.adult_from_age", {"LEND-05", "LEND-18"}, id="not-eligibilitys"),
    pytest.param("lending.grades.C.exposure_max", {"LEND-22"}, id="of-a-grade"),
    pytest.param("targeting.only_for.card", {"TARG-01"}, id="of-a-table"),
    pytest.param("contact.hours.phone.to", {"CONT-02", "CDT-02"}, id="through-a-function-of-the-room"),
    pytest.param("consent.marketing_channels", {"CONS-01", "CONS-03", "CDT-01"}, id="through-another"),
    pytest.param("suitability.nothing", set(), id="unknown"),
])  # fmt: skip
def test_a_key_names_the_rules_that_read_it(key: str, codes: set[str]) -> None:
    assert set(readers(key)) == codes
