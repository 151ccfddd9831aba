"""Unequal terms are found, equal ones are left in peace."""

import json

import numpy as np
import pytest

from monitoring.granted import Granted
from monitoring.same_terms import SIGNIFICANT, SameTerms, holm, same_terms
from monitoring.same_terms_text import as_json, as_lines

AGES = ["under 25", "25 to 39", "40 to 64", "65 and over"]


def town(
    seed: int,
    n: int = 300,
    noise: float = 0.002,
    dearer: float = 0.0,
    less: float = 0.0,
    unknown: float = 0.0,
) -> Granted:
    """Loans priced by grade; the limit falls with what is owed, older people owe more, prices have noise.

    `dearer` is what women pay more, `less` what the young get less.
    """
    rng = np.random.default_rng(seed)
    grade, woman = rng.choice(["A", "B", "C"], n), rng.random(n) < 0.5
    age = rng.choice(AGES, n, p=[0.2, 0.3, 0.3, 0.2])
    owed = np.exp(rng.normal(10, 1, n)) * np.where(age == "40 to 64", 3.0, 1.0)
    price = np.select([grade == "A", grade == "B"], [0.045, 0.055], 0.07)
    limit = np.minimum(np.select([grade == "A", grade == "B"], [5e5, 4e5], 3e5), 5.5e5 - owed).clip(0)
    gender = np.where(rng.random(n) < unknown, "", np.where(woman, "women", "men"))
    return Granted(
        np.char.add("2026.1 ", grade), price + noise * rng.normal(size=n) + dearer * woman,
        limit + 1e6 * noise * rng.normal(size=n) - less * (age == "under 25"), np.exp(rng.normal(9, 1, n)),
        rng.choice([12.0, 24.0, 60.0], n), owed, {"gender": gender, "age": age},
    )  # fmt: skip


def audit(loans: Granted, seed: int = 1, permutations: int = 199) -> SameTerms:
    return same_terms(loans, seed, permutations)


def test_a_planted_price_is_found_with_its_size() -> None:
    found = audit(town(1, dearer=0.002))
    assert found.verdict == "FAIL"
    assert {(each.term, each.attribute) for each in found.unequal} == {("rate", "gender")}
    [most] = found.unequal[0].differences
    size = most.difference if most.group == "women" else -most.difference
    low, high = sorted(np.sign(most.difference) * np.array([most.low, most.high]))
    assert low < 0.002 < high
    assert size > 0


def test_a_planted_limit_is_found_and_the_group_named() -> None:
    found = audit(town(2, n=600, less=4_000.0))
    assert [(each.term, each.attribute) for each in found.unequal] == [("limit", "age")]
    assert "under 25" in (found.unequal[0].largest.group, found.unequal[0].largest.beside)


def test_equal_terms_raise_no_more_false_alarms_than_allowed() -> None:
    alarms = [bool(audit(town(seed), seed, permutations=99).unequal) for seed in range(100)]
    assert np.mean(alarms) <= SIGNIFICANT


@pytest.mark.parametrize("noise", [pytest.param(0.0, id="to-the-cent"), pytest.param(1e-16, id="to-a-bit")])
def test_terms_by_policy_alone_are_equal(noise: float) -> None:
    found = audit(town(3, n=1_000, noise=noise))
    assert found.verdict == "PASS"
    assert all(each.largest.difference == 0 for each in found.comparisons if each.term == "rate")


def test_grades_differ_in_price_and_that_is_no_finding() -> None:
    loans = town(4, n=1_000)
    women = loans.attributes["gender"] == "women"
    better = Granted(
        np.where(women & (loans.alike == "2026.1 C"), "2026.1 A", loans.alike),
        np.where(women & (loans.alike == "2026.1 C"), loans.rate - 0.025, loans.rate),
        loans.limit, loans.amount, loans.term_months, loans.exposure, {"gender": loans.attributes["gender"]},
    )  # fmt: skip
    assert "rate" not in {each.term for each in audit(better).unequal}


@pytest.mark.parametrize(
    ("n", "unknown", "attributes"),
    [
        pytest.param(99, 0.0, set(), id="ninety-nine-loans"),
        pytest.param(200, 0.0, {"gender", "age"}, id="enough"),
        pytest.param(200, 1.0, {"age"}, id="nobody-s-gender-is-known"),
        pytest.param(0, 0.0, set(), id="nothing"),
    ],
)
def test_too_few_loans_say_nothing(n: int, unknown: float, attributes: set[str]) -> None:
    found = audit(town(5, n=n, unknown=unknown))
    assert {each.attribute for each in found.comparisons} == attributes
    assert set(found.too_few) == {"gender", "age"} - attributes
    assert (found.verdict == "TOO FEW") == (not attributes)


def test_a_small_group_is_left_out_not_its_attribute() -> None:
    loans = town(6, n=400)
    age = loans.attributes["age"]
    few = np.flatnonzero(age == "65 and over")[29:]
    age[few] = ""
    found = [each for each in audit(loans).comparisons if each.attribute == "age"]
    groups = {each.group for each in found[0].differences} | {found[0].differences[0].beside}
    assert groups == {"under 25", "25 to 39", "40 to 64"}


def test_the_same_seed_gives_the_same_audit() -> None:
    assert audit(town(7), seed=3) == audit(town(7), seed=3)
    assert audit(town(7), seed=3) != audit(town(7), seed=4)


@pytest.mark.parametrize(
    ("p", "corrected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([0.02], [0.02], id="one"),
        pytest.param([0.5, 0.01, 0.02], [0.5, 0.03, 0.04], id="three"),
        pytest.param([0.03, 0.03], [0.06, 0.06], id="alike"),
        pytest.param([0.9, 0.8], [1.0, 1.0], id="no-more-than-one"),
    ],
)
def test_p_values_are_corrected_for_each_other(p: list[float], corrected: list[float]) -> None:
    assert holm(p) == pytest.approx(corrected)


def test_the_audit_is_told_in_lines_and_in_json() -> None:
    found = audit(town(1, dearer=0.002))
    lines, data = as_lines(found), json.loads(as_json(found))
    assert lines[0] == "same terms within grade: 300 loans granted"
    assert lines[-2] == data["verdict"] == "FAIL"
    assert lines[-1].startswith("Next: ")
    assert "points" in lines[1]
    assert "limit 0.05" in lines[1]
    assert [each["unequal"] for each in data["comparisons"]] == [True, False, False, False]
    few = as_lines(audit(town(5, n=50)))
    assert "100 needed" in few[1]
    assert few[-2:] == [
        "TOO FEW",
        "Loans count that the service, `bank run` or `bank score one ID --amount SUM` approved.",
    ]
