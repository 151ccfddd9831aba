"""Random policies: the standard one with other numbers, as TOML bytes that both sides read."""

import copy
import json
from collections.abc import Mapping
from datetime import date, datetime
from random import Random
from typing import Any

FAMILIES = ("current", "savings", "deposit", "card", "loan", "mortgage", "fund", "insurance", "pension")
CHANNELS = ("app", "branch", "chat", "email", "phone")
ISSUES = ("grow", "serve", "keep")
TIERS = ("basic", "silver", "gold", "private")
SEGMENTS_BY_RULE = ("behind_with_payments", "idle_money", "newcomer", "fading")
LEARNED = ("S1", "S2", "S3")
ZONES = (
    "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Pago_Pago", "Pacific/Kiritimati",
    "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia",
    "America/Sao_Paulo", "Asia/Tehran", "Pacific/Chatham", "Europe/London", "UTC",
)  # fmt: skip
HOURS = (("09:00", "20:00"), ("08:00", "22:00"), ("00:00", "23:59"), ("22:00", "06:00"), ("00:01", "00:02"))


def random_policy(standard: Mapping[str, Any], rng: Random, names: list[str]) -> dict[str, Any]:
    """A policy that differs from `standard` in most numbers offers are ruled by; `names` are on the shelf."""
    policy: dict[str, Any] = copy.deepcopy(dict(standard))
    policy["suitability"] = {
        "assessment_needed_from_risk": rng.randint(1, 5),
        "assessment_valid_days": rng.choice([0, 1, 30, 365, 366]),
        "extra_care_from_age": rng.choice([60, 65, 70]),
        "extra_care_from_risk": rng.randint(1, 5),
    }
    policy["eligibility"] |= {
        "adult_from_age": rng.choice([16, 18, 21]),
        "credit_families": rng.sample(FAMILIES, rng.randint(1, 4)),
        "arrears_from_days": rng.choice([1, 30]),
        "minimum_amount_monthly_incomes": rng.choice([0.1, 1.0, 24.0]),
        "tiers": list(TIERS[: rng.randint(2, 4)]),
    }
    policy["consent"]["marketing_channels"] = rng.sample(["email", "phone", "app"], rng.randint(1, 3))
    policy["contact"]["quiet_from_complaints_365d"] = rng.choice([1, 3, 10])
    policy["contact"]["hours"] = {
        channel: dict(zip(("from", "to"), rng.choice(HOURS), strict=True))
        for channel in rng.sample(("email", "phone", "app"), rng.randint(0, 3))
    }
    policy["calendar"]["zone"] = rng.choice(ZONES)
    only, kept = _targets(rng, names), _targets(rng, names)
    for name, segments in only.items():  # one key that says both is refused
        kept[name] = [each for each in kept.get(name, []) if each not in segments]
    policy["targeting"] = {"only_for": only, "kept_from": {key: s for key, s in kept.items() if s}}
    policy["keep"] = {"likely_to_leave_from": rng.choice([0.0, 0.2, 0.5])}
    random, plain = rng.choice([(0.0, 0.0), (0.02, 0.01), (0.25, 0.25), (0.5, 0.0), (0.1, 0.4)])
    policy["arms"] |= {
        "salt": rng.choice(["2026", "盐", "s"]),
        "random_control": random,
        "non_personalised": plain,
        "exploration": rng.choice([0.0, 0.02, 0.5]),
        "new_until_evidence": rng.choice([0, 1, 200]),
    }
    policy["arbitration"] |= {
        "value_weight": rng.choice([0.0, 0.5, 1.0, rng.random()]),
        "lever": {
            "issue": {name: rng.uniform(-50, 100) for name in ISSUES if rng.random() < 0.6},
            "group": {name: rng.uniform(-50, 100) for name in FAMILIES if rng.random() < 0.4},
            "offer": {name: rng.uniform(-50, 100) for name in names[::3]},
        },
        "context_percent": {
            channel: {family: rng.uniform(-20, 50) for family in FAMILIES if rng.random() < 0.4}
            for channel in rng.sample(CHANNELS, 3)
        },
    }
    return policy


def _targets(rng: Random, names: list[str]) -> dict[str, list[str]]:
    """What is offered only to, or kept from, which segments."""
    some = rng.sample([*names, *FAMILIES], rng.randint(0, 3))
    return {name: rng.sample([*SEGMENTS_BY_RULE, *LEARNED], rng.randint(1, 2)) for name in some}


def toml(table: Mapping[str, Any], path: str = "") -> str:
    """A table as TOML text, its plain values first."""
    lines = [f"{_key(key)} = {_text(value)}" for key, value in table.items() if not _is_table(value)]
    parts = ["\n".join(lines)] if lines else []
    for key, value in table.items():
        inner = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, Mapping):
            parts.append(f"[{inner}]\n{toml(value, inner)}")
        elif _is_table(value):
            parts += [f"[[{inner}]]\n{toml(each, inner)}" for each in value]
    return "\n".join(parts)


def _is_table(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], Mapping)
    return isinstance(value, Mapping)


def _key(key: str) -> str:
    return json.dumps(key)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(each) for each in value) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)
