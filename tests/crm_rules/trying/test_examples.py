"""A bank's own examples: what is expected, what came out, and what an example may not say."""

import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD, Policy
from crm_rules.trying.examples import parse, tried_examples

POLICY = Policy.load(STANDARD)


def case(text: str) -> bytes:
    return f'[[cases]]\nname = "one"\n{text}\n'.encode()


@pytest.mark.parametrize(("text", "passed"), [
    pytest.param("customer = {}\nrules = []", True, id="nothing-holds-for-the-typical-customer"),
    pytest.param("customer = {age = 17}\nrules = ['ELIG-05']", True, id="a-minor"),
    pytest.param("customer = {age = 18}\nrules = ['ELIG-05']", False, id="of-age"),
    pytest.param("customer = {age = 18}\noffer = {family = 'loan'}\nrules = ['ELIG-05']", True, id="credit"),
    pytest.param("customer = {complaints_365d = 3, consent_email = 0, channel = 'email'}\n"
                 "rules = ['CONT-01', 'CONS-03']", True, id="two-rules-in-any-order"),
    pytest.param("customer = {segments = ['behind_with_payments']}\noffer = {family = 'fund'}\n"
                 "rules = ['TARG-02']", True, id="by-segment"),
    pytest.param("customer = {leaving = 0.1}\noffer = {keeps = true}\nrules = ['KEEP-01']", True, id="keep"),
    pytest.param("applicant = {}\noutcome = 'approve'\nrules = []", True, id="the-typical-applicant"),
    pytest.param("applicant = {pd = 0.3}\noutcome = 'decline'", True, id="outcome-alone"),
    pytest.param("applicant = {pd = 0.3}\noutcome = 'refer'", False, id="another-outcome"),
    pytest.param("applicant = {pd = 0.055}\nsituation = 'behaviour'\noutcome = 'refer'", True, id="other"),
    pytest.param("applicant = {grade = 'G'}\nrules = ['LEND-15']", True, id="grade"),
    pytest.param("applicant = {pd = nan}\noutcome = 'refer'\nrules = ['LEND-08']", True, id="unknown"),
])  # fmt: skip
def test_an_example_comes_out_as_expected_or_differs(text: str, passed: bool) -> None:
    [tried] = tried_examples(parse(case(text)), POLICY)
    assert tried.passed is passed
    assert tried.as_row()[""] == ("ok" if passed else "DIFFERS")


@pytest.mark.parametrize(("text", "key"), [
    pytest.param("rules = []", "cases.1", id="nobody"),
    pytest.param("customer = {}\napplicant = {}\nrules = []", "cases.1", id="both"),
    pytest.param("customer = {}", "cases.1", id="nothing-expected"),
    pytest.param("customer = {shoe_size = 43}\nrules = []", "cases.1.customer.shoe_size", id="column"),
    pytest.param("customer = {}\noffer = {colour = 'red'}\nrules = []", "cases.1.offer.colour", id="offer"),
    pytest.param("applicant = {pd_ = 1}\nrules = []", "cases.1.applicant.pd_", id="applicant"),
    pytest.param("applicant = {}\noutcome = 'maybe'", "cases.1.outcome", id="outcome"),
    pytest.param("applicant = {}\nsituation = 'any'\noutcome = 'refer'", "cases.1.situation", id="situation"),
    pytest.param("customer = {age = 'old'}\nrules = []", "cases.1", id="text-for-a-number"),
    pytest.param("customer = {channel = 'fax'}\nrules = []", "cases.1", id="channel"),
    pytest.param("customer = {}\nrules = []\nwhy = 'x'", "cases.1.why", id="unknown-key"),
])  # fmt: skip
def test_an_example_that_cannot_be_tried_is_named(text: str, key: str) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        tried_examples(parse(case(text)), POLICY)
    assert raised.value.key == key
