"""A policy through time: days, trials, and every contradiction named."""

from datetime import UTC, date, datetime, timedelta

import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD, Policy
from crm_rules.policy_book import PolicyBook

TEXT = STANDARD.read_text()
CHANGES = """
[[changes]]
from = 2026-12-01
version = "2026.2"
set = {"lending.application.approve_below_pd" = 0.05, "contact.quiet_from_complaints_365d" = 2}

[[changes]]
from = 2027-01-01
version = "2027.1"
set = {"lending.application.approve_below_pd" = 0.04}
"""
TRIAL = """
[trial]
version = "careful"
share = 0.25
salt = "careful-2026"
from = 2026-11-20
until = 2026-12-10
set = {"lending.application.instalment_to_income_max" = 0.4}
"""


def book(more: str) -> PolicyBook:
    return PolicyBook.parse((TEXT + more).encode())


def cut_off(policy: Policy) -> float:
    return policy.lending.application.approve_below_pd


def test_the_standard_policy_is_a_book_of_one() -> None:
    found = PolicyBook.load(STANDARD)
    assert found.policies == (Policy.load(STANDARD),)
    assert found.every == found.policies
    assert found.trial_on(date(2026, 3, 1)) is None


@pytest.mark.parametrize(("day", "version"), [
    pytest.param(date(1970, 1, 1), "2026.1", id="before-the-base-the-base"),
    pytest.param(date(2026, 11, 30), "2026.1", id="the-day-before"),
    pytest.param(date(2026, 12, 1), "2026.2", id="the-day-itself"),
    pytest.param(date(2026, 12, 31), "2026.2", id="the-last-day"),
    pytest.param(date(2027, 1, 1), "2027.1", id="the-next-change"),
    pytest.param(date(2999, 1, 1), "2027.1", id="for-good"),
])  # fmt: skip
def test_a_policy_holds_from_its_day_on(day: date, version: str) -> None:
    assert book(CHANGES).on(day).version == version


def test_a_change_sets_what_it_names_and_later_changes_build_on_it() -> None:
    base, second, third = book(CHANGES).policies
    assert [cut_off(each) for each in (base, second, third)] == [0.06, 0.05, 0.04]
    assert [each.contact.quiet_from_complaints_365d for each in (base, second, third)] == [3, 2, 2]
    assert (second.effective_from, third.effective_from) == (date(2026, 12, 1), date(2027, 1, 1))
    assert (base.suitability, base.loyalty) == (third.suitability, third.loyalty)


def test_the_day_is_the_banks_own() -> None:
    found = book(CHANGES)
    midnight = datetime(2026, 11, 30, 16, tzinfo=UTC)  # in Asia/Shanghai
    assert found.base.calendar.zone == "Asia/Shanghai"
    assert found.at(midnight - timedelta(microseconds=1)).version == "2026.1"
    assert found.at(midnight).version == "2026.2"


@pytest.mark.parametrize(("day", "tried"), [
    pytest.param(date(2026, 11, 19), None, id="the-day-before"),
    pytest.param(date(2026, 11, 20), 0.06, id="its-first-day"),
    pytest.param(date(2026, 11, 30), 0.06, id="over-the-base"),
    pytest.param(date(2026, 12, 1), 0.05, id="over-the-change-in-its-midst"),
    pytest.param(date(2026, 12, 10), 0.05, id="its-last-day"),
    pytest.param(date(2026, 12, 11), None, id="the-day-after"),
])  # fmt: skip
def test_a_trial_is_a_whole_policy_over_the_one_in_force(day: date, tried: float | None) -> None:
    found = book(CHANGES + TRIAL).trial_on(day)
    assert (None if found is None else cut_off(found.policy)) == tried
    if found is not None:
        assert found.policy.version == "careful"
        assert found.policy.lending.application.instalment_to_income_max == 0.4
        assert found.instead_of is not found.policy


def test_a_trial_takes_its_share_the_same_every_day_and_nobody_without_an_id() -> None:
    trial = book(TRIAL).trials[0]
    takes = [trial.takes(f"c{number}") for number in range(10_000)]
    assert 0.23 < sum(takes) / len(takes) < 0.27
    assert takes == [trial.takes(f"c{number}") for number in range(10_000)]
    assert not trial.takes(None)
    shadow = book(TRIAL.replace("0.25", "0.0")).trials[0]
    assert not any(shadow.takes(f"c{number}") for number in range(1_000))


def changed(path: str, value: str, **other: str) -> str:
    told = {"from": "2026-12-01", "version": '"2026.2"'} | other
    return f'[[changes]]\nfrom = {told["from"]}\nversion = {told["version"]}\nset = {{"{path}" = {value}}}\n'


GOOD = "lending.application.approve_below_pd"
WRONG = [
    ("unknown-path", changed("lending.application.approve_belowpd", "0.05"), "approve_belowpd"),
    ("path-through-a-number", changed("loyalty.expiry_months.x", "1"), "set.loyalty.expiry_months.x"),
    ("unknown-section", changed("luck.share", "1"), "changes.1.set.luck.share"),
    ("text-for-number", changed(GOOD, '"low"'), f"changes.1.set.{GOOD}"),
    ("out-of-bounds", changed(GOOD, "5"), f"changes.1.set.{GOOD}"),
    ("nan", changed(GOOD, "nan"), f"changes.1.set.{GOOD}"),
    ("cut-offs-crossed", changed(GOOD, "0.3"), f"changes.1.set.{GOOD}"),
    ("set-already", changed(GOOD, "0.06"), f"changes.1.set.{GOOD}"),
    ("sets-nothing", '[[changes]]\nfrom = 2026-12-01\nversion = "2026.2"\nset = {}\n', "changes.1.set"),
    ("the-zone", changed("calendar.zone", '"Europe/Berlin"'), "changes.1.set.calendar.zone"),
    ("the-zone-with-its-table", changed("calendar", '{zone = "Europe/Berlin"}'), "changes.1.set.calendar"),
    ("the-trials-zone", TRIAL[: TRIAL.index("set")] + 'set = {calendar = {zone = "Asia/Tokyo"}}\n',
     "trial.set"),
    ("the-version", changed("version", '"x"'), "changes.1.set.version"),
    ("not-after-the-base", changed(GOOD, "0.05", **{"from": "2026-01-01"}), "changes.1.from"),
    ("the-same-version", changed(GOOD, "0.05", version='"2026.1"'), "changes.1.version"),
    ("no-date", changed(GOOD, "0.05", **{"from": '"2026-12-01"'}), "changes.1.from"),
    ("a-moment", changed(GOOD, "0.05", **{"from": "2026-12-01T00:00:00"}), "changes.1.from"),
    ("unknown-key-of-a-change", changed(GOOD, "0.05") + "by = 'me'\n", "changes.1.by"),
    ("not-ascending", CHANGES + changed(GOOD, "0.03", version='"2027.2"'), "changes.3.from"),
    ("nested-too-deep", changed(GOOD, "[" * 480 + "]" * 480), ""),
    ("the-trial-sets-what-is-set", TRIAL.replace("0.4", "0.5"), "trial.set"),
    ("the-trial-sets-nothing", TRIAL[: TRIAL.index("set")] + "set = {}\n", "trial.set"),
    ("the-trial-ends-before", TRIAL.replace("2026-12-10", "2026-11-19"), "trial.until"),
    ("the-trials-version-is-another's", TRIAL.replace('"careful"', '"2026.1"'), "trial.version"),
    ("the-trials-share", TRIAL.replace("0.25", "1.5"), "trial.share"),
    ("the-trial-without-salt", TRIAL.replace('salt = "careful-2026"', ""), "trial.salt"),
    ("wrong-over-a-change-alone", changed("lending.application.decline_above_pd", "0.07")
     + TRIAL.replace('instalment_to_income_max" = 0.4', 'approve_below_pd" = 0.08'), "trial.set"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "key"), [pytest.param(m, k, id=i) for i, m, k in WRONG])
def test_whatever_the_file_could_ever_give_is_checked_and_named(more: str, key: str) -> None:
    with pytest.raises(InvalidPolicy) as raised:
        book(more)
    assert key in raised.value.key


@pytest.mark.parametrize(("only", "kept", "told"), [
    pytest.param('["S1"]', '["S1"]', "S1", id="the-same-segment"),
    pytest.param('["S1", "S2"]', '["S2"]', "S2", id="one-of-them"),
    pytest.param("[]", '["S3"]', "no segment", id="nobody-named"),
])  # fmt: skip
def test_what_is_offered_to_and_kept_from_the_same_segment_is_refused(
    only: str, kept: str, told: str
) -> None:
    text = TEXT.replace("[targeting.only_for]", f"[targeting.only_for]\ncard = {only}\n#")
    text = text.replace("[targeting.kept_from]", f"[targeting.kept_from]\ncard = {kept}\n#")
    with pytest.raises(InvalidPolicy, match=told) as raised:
        PolicyBook.parse(text.encode())
    assert raised.value.key == "targeting.only_for.card"
