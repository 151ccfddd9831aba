"""Every number a rule compares with turns that rule exactly where the policy says."""

import tomllib

import pytest

from crm_rules.policy import STANDARD, Policy
from crm_rules.readers import EVERY_RULE, keys, readers
from crm_rules.trying import conduct, lending, offering
from crm_rules.trying.threshold import Tried

POLICY = Policy.load(STANDARD)
EVERY = {each.key: each for each in (*offering.tried(POLICY), *lending.tried(POLICY), *conduct.tried(POLICY))}
CODES = {rule.code for rule in EVERY_RULE}
NO_THRESHOLD = {"rate"}  # a price: no rule compares with it
UP = "at and above"
TURNS = {
    "SUIT-02": UP, "SUIT-03": UP, "ELIG-04": UP, "CONT-01": UP, "LEND-02": UP, "LEND-04": UP, "LEND-19": UP,
    "LEND-20": UP, "ELIG-05": "below", "KEEP-01": "below", "LEND-05": "below", "LEND-17": "below",
    **{code: "above" for code in ("ELIG-03", "LEND-01", "LEND-03", "LEND-06", "LEND-07", "LEND-12", "LEND-13",
                                  "LEND-16", "LEND-21", "LEND-22", "LEND-23", "LEND-24")},
}  # fmt: skip
HELD = {
    "until": [True, True, False],
    "below": [True, False, False],
    UP: [False, True, True],
    "above": [False, False, True],
}
ABOVE_THE_LAST_DAY = ("suitability.assessment_valid_days",)


def held(tried: Tried) -> list[bool]:
    return [tried.code in codes for _, codes in tried.steps]


def test_every_number_a_rule_reads_is_tried() -> None:
    numbers = [
        key for key, value in keys(tomllib.loads(STANDARD.read_text()))
        if (isinstance(value, int | float) or key.startswith("contact.hours.")) and CODES & set(readers(key))
    ]  # fmt: skip
    left = [key for key in numbers if key not in EVERY and key.rpartition(".")[2] not in NO_THRESHOLD]
    assert left == []
    assert len(EVERY) > 50


@pytest.mark.parametrize("key", sorted(EVERY))
def test_a_rule_turns_at_its_threshold_and_not_a_unit_earlier(key: str) -> None:
    tried = EVERY[key]
    side = "above" if key in ABOVE_THE_LAST_DAY else TURNS.get(tried.code, "")
    if tried.code == "CDT-04":
        side = "until"
    if tried.code in ("CONT-02", "CDT-02"):
        side = "below" if key.endswith(".from") else UP
    assert held(tried) == HELD[side]
    assert tried.code in readers(key) or key.startswith("lending.grades")


def test_what_is_tried_beside_the_threshold_holds_for_no_other_reason() -> None:
    for tried in EVERY.values():
        if not tried.key.startswith(
            ("lending.grades", "lending.application.decline", "lending.behaviour.decline")
        ):
            others = {code for _, codes in tried.steps for code in codes} - {tried.code}
            assert others <= {"LEND-12", "LEND-18", "LEND-02"}, tried.key


def test_a_threshold_that_never_turns_is_told() -> None:
    tried = Tried("a.b", 3, "X-01", "c", ((2.0, ()), (3.0, ()), (4.0, ())))
    assert not tried.turns
    assert tried.as_row()[""] == "NEVER TURNS"
