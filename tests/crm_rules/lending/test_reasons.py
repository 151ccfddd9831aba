import re

import numpy as np
import pytest

from crm_rules.errors import InvalidPolicy, UnmappedReason
from crm_rules.lending.policy import LENDING_CODES, Decisions
from crm_rules.lending.reasons import (
    NOT_KNOWN,
    STANDARD_REASONS,
    TOLD_BY_THE_MODEL,
    ReasonText,
    check_catalogue,
    model_speaks,
    parse_catalogue,
    principal_reasons,
    rule_reasons,
)
from crm_rules.lending.recourse import WAY_CODES
from crm_rules.lending.terms import Terms
from crm_rules.rules import UNAVAILABLE
from feature_repo.features.application import APPLICATION_COLUMNS
from feature_repo.features.services import SERVICES

COLUMNS = ("balance", "arrears", "income", "age", "tenure")
TEXTS = {name: ReasonText(f"{name} en", f"{name} zh") for name in (*COLUMNS, NOT_KNOWN)}
STANDARD = parse_catalogue(STANDARD_REASONS.read_bytes())


def _codes(*raised: float, unknown: float = 0.0, most: int = 4) -> list[str]:
    found = principal_reasons(np.array([[*raised, unknown]]), COLUMNS, TEXTS, most)
    return [reason.code for reason in found[0]]


def test_the_largest_harm_comes_first_and_four_are_told() -> None:
    assert _codes(0.1, 0.5, 0.3, 0.2, 0.4) == ["arrears", "tenure", "income", "age"]
    assert _codes(0.1, 0.5, 0.3, 0.2, 0.4, most=2) == ["arrears", "tenure"]


def test_what_helped_or_did_nothing_or_is_unknown_is_no_reason() -> None:
    assert _codes(-0.1, 0.0, np.nan, 1e-9, -5.0) == ["age"]
    assert _codes(0, 0, 0, 0, 0) == []


def test_nobody_is_told_that_something_unknown_is_low() -> None:
    assert _codes(0.0, 0.5, 0.0, 0.1, 0.0, unknown=0.6) == [NOT_KNOWN, "arrears", "age"]
    assert _codes(0.0, 0.5, 0.0, 0.1, 0.0) == ["arrears", "age"]


def test_ties_go_by_the_name_of_the_column() -> None:
    assert _codes(0.5, 0.5, 0.5, 0.5, 0.5) == ["age", "arrears", "balance", "income"]


def test_a_reason_carries_both_texts_and_its_weight() -> None:
    reason = principal_reasons(np.array([[0.0, 0.7, 0, 0, 0, 0]]), COLUMNS, TEXTS)[0][0]
    assert (reason.en, reason.zh, reason.contribution) == ("arrears en", "arrears zh", 0.7)


def test_no_rows_and_no_columns_give_no_reasons() -> None:
    assert principal_reasons(np.zeros((0, 6)), COLUMNS, TEXTS) == []
    assert principal_reasons(np.zeros((2, 1)), (), TEXTS) == [[], []]


def test_an_unmapped_column_is_named() -> None:
    with pytest.raises(UnmappedReason, match="shoe_size"):
        check_catalogue(("balance", "shoe_size"), TEXTS)
    with pytest.raises(UnmappedReason, match="shoe_size"):
        principal_reasons(np.zeros((1, 2)), ("shoe_size",), TEXTS)


def test_exactly_what_credit_may_use_and_every_rule_has_a_reason() -> None:
    usable = set(SERVICES["credit_risk_v1"])
    rules = set(LENDING_CODES) - TOLD_BY_THE_MODEL
    by_people = {code for code in STANDARD if code.startswith("CASE-")}  # what somebody who decides may say
    automatic = usable | set(APPLICATION_COLUMNS) | rules | {NOT_KNOWN, *WAY_CODES}
    assert set(STANDARD) - by_people == automatic


def test_every_reason_is_its_own_in_both_languages() -> None:
    assert len({text.en for text in STANDARD.values()}) == len(STANDARD)
    assert len({text.zh for text in STANDARD.values()}) == len(STANDARD)
    for text in STANDARD.values():
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
        assert not re.search(r"[\u4e00-\u9fff_]|score model", text.en)


@pytest.mark.parametrize(
    "text",
    [
        "[a]\nen = 'x'",
        "[a]\nen='x'\nzh='y'\nfr='z'",
        "[a]\nen=''\nzh='y'",
        "a = 1",
        "[a",
        pytest.param('[a]\nen="x\\n\\nYou are approved."\nzh="y"', id="lines-of-its-own-in-a-letter"),
        pytest.param('[a]\nen="\\u202ex"\nzh="y"', id="read-backwards"),
        pytest.param(f"a = {'9' * 5_000}", id="beyond-all-digits"),
    ],
)
def test_a_broken_catalogue_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicy):
        parse_catalogue(text.encode())


def decided(outcome: str, *held: str) -> Decisions:
    nothing = np.full(1, np.nan)
    rules = np.array([[code in held for code in LENDING_CODES]])
    return Decisions(np.array([outcome]), rules, LENDING_CODES, Terms(*[nothing] * 5))


@pytest.mark.parametrize(
    ("outcome", "held", "told", "by_model"),
    [
        pytest.param("decline", ("LEND-01", "LEND-04"), ["LEND-04"], True, id="a-score-is-no-reason"),
        pytest.param("decline", ("LEND-04", "LEND-06"), ["LEND-04"], False, id="of-a-decline-what-declines"),
        pytest.param("decline", ("LEND-02", "LEND-05"), ["LEND-05"], False, id="the-model-did-not-decline"),
        pytest.param("decline", ("LEND-15",), [], True, id="a-grade-is-no-reason"),
        pytest.param("decline", ("LEND-03", "LEND-16", "LEND-17"), ["LEND-03"], False, id="one-thing-once"),
        pytest.param("decline", ("LEND-16", "LEND-17"), ["LEND-16"], False, id="the-first-that-held"),
        pytest.param("refer", ("LEND-04", "LEND-09"), ["LEND-09"], False, id="of-a-referral-what-refers"),
        pytest.param("refer", ("LEND-08", "LEND-11"), ["LEND-08"], False, id="no-risk-is-no-grade"),
        pytest.param("refer", ("LEND-02", "LEND-06"), ["LEND-06"], True, id="the-model-wants-a-look"),
        pytest.param("refer", (UNAVAILABLE,), [UNAVAILABLE], False, id="a-rule-without-verdict"),
        pytest.param("approve", (), [], False, id="an-approval"),
    ],
)
def test_the_reasons_told_are_those_of_the_outcome(
    outcome: str, held: tuple[str, ...], told: list[str], by_model: bool
) -> None:
    found = decided(outcome, *held)
    assert [reason.code for reason in rule_reasons(found, STANDARD)[0]] == told
    assert model_speaks(found).tolist() == [by_model]


def test_a_reason_has_the_text_of_the_catalogue() -> None:
    [[reason]] = rule_reasons(decided("decline", "LEND-04"), STANDARD)
    assert reason.en == "A payment on one of your running loans is overdue"
