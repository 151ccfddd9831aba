import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import crm_rules
from crm_rules import vocabulary
from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD, Policy
from feature_repo.raw import contracts

TEXT = STANDARD.read_text()


def _keys(record: type) -> Iterator[str]:
    for field in dataclasses.fields(record):
        kind = field.type
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield from _keys(kind)
        else:
            yield field.name


def test_every_policy_key_is_read_by_a_rule_or_module() -> None:
    room = Path(crm_rules.__file__).parent
    code = (
        "\n".join(
            f.read_text()
            for f in room.rglob("*.py")
            if f.name not in ("policy.py", "limits.py", "strict_toml.py")
        )
        + (room / "lending" / "policy.py").read_text()
    )
    unread = [key for key in _keys(Policy) if key != "version" and not re.search(rf"\.{key}\b", code)]
    assert unread == []


def test_the_policy_speaks_of_the_families_and_categories_of_the_raw_tables() -> None:
    assert vocabulary.FAMILIES == contracts.FAMILIES
    assert vocabulary.CATEGORIES == contracts.BOOKING_CATEGORIES
    assert vocabulary.CHANNELS == contracts.CONTACT_CHANNELS
    assert set(vocabulary.CONTEXTS) <= set(vocabulary.CHANNELS)


WRONG = [
    ("unknown-key", "extra_care_from_age = 65", "extra_care_from_age = 65\nmagic = 1", "suitability.magic"),
    ("unknown-section", "[consent]", "[luck]\nx = 1\n[consent]", "luck"),
    ("missing-key", "redeem_minimum = 100", "", "loyalty.redeem_minimum"),
    ("nan", "approve_below_pd = 0.06", "approve_below_pd = nan", "lending.application.approve_below_pd"),
    ("infinite", "value_weight = 0.5", "value_weight = inf", "arbitration.value_weight"),
    ("negative", "assessment_valid_days = 365", "assessment_valid_days = -1", "assessment_valid_days"),
    ("above-one", "decline_above_pd = 0.25", "decline_above_pd = 25.0", "decline_above_pd"),
    ("text-for-number", "expiry_months = 24", 'expiry_months = "24"', "expiry_months"),
    ("flag-for-number", "expiry_months = 24", "expiry_months = true", "expiry_months"),
    ("part-for-whole", "expiry_months = 24", "expiry_months = 24.5", "expiry_months"),
    ("unknown-issue", "keep = 30.0", "yachts = 10.0", "lever.issue.yachts"),
    ("unknown-category", "card_payment = 10", "gifts = 10", "points_per_100.gifts"),
    ("unknown-channel", '["email", "phone", "app"]', '["fax"]', "marketing_channels"),
    ("channel-twice", '["email", "phone", "app"]', '["app", "app"]', "marketing_channels"),
    ("nested-text", "mortgage = 20.0", 'mortgage = "x"', "context_percent.branch.mortgage"),
    ("empty-version", 'version = "2026.1"', 'version = " "', "version"),
    ("cut-offs-crossed", "approve_below_pd = 0.06", "approve_below_pd = 0.3", "approve_below_pd"),
    ("beyond-64-bits", "approve_below_pd = 0.06", f"approve_below_pd = {'9' * 400}", ""),
    ("beyond-64-bits-in-hex", "expiry_months = 24", f"expiry_months = 0x{'f' * 4_000}", ""),
    ("beyond-all-digits", "expiry_months = 24", f"expiry_months = {'9' * 5_000}", ""),
    ("two-lines", 'version = "2026.1"', r'version = "2026.1\nERROR"', "version"),
    ("an-escape", 'version = "2026.1"', r'version = "\u001b[2J"', "version"),
    ("nul", 'version = "2026.1"', r'version = "2026\u0000"', "version"),
    ("far-too-long", 'version = "2026.1"', f'version = "{"v" * 2_001}"', "version"),
    ("a-key-of-two-lines", "[targeting.only_for]", '[targeting.only_for]\n"a\\nb" = ["S1"]', "only_for.a?b"),
]


@pytest.mark.parametrize(("old", "new", "key"), [pytest.param(o, n, k, id=i) for i, o, n, k in WRONG])
def test_a_wrong_policy_is_refused_and_the_key_named(old: str, new: str, key: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidPolicy) as raised:
        Policy.parse(TEXT.replace(old, new, 1).encode())
    assert key in (raised.value.key or "file")


def test_what_a_file_holds_is_told_in_a_thousand_signs_that_are_seen() -> None:
    with pytest.raises(InvalidPolicy) as raised:
        Policy.parse(TEXT.replace("expiry_months = 24", f'expiry_months = "{"9" * 10**6}"').encode())
    assert len(str(raised.value)) < 1_200
    with pytest.raises(InvalidPolicy) as raised:
        Policy.parse(f'"a\\u001b[2J\\n" = 1\n{TEXT}'.encode())
    assert "'a?[2J?'" in str(raised.value)


def test_a_missing_policy_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicy, match=r"none\.toml cannot be read"):
        Policy.load(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidPolicy, match="TOML"):
        Policy.parse(b"\xff\xfe")
