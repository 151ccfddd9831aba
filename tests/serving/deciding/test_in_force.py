"""Each decision by the policy of its day, or by the one on trial for its customer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from serving.deciding import credit
from serving.deciding.asking import CreditRequest, OfferRequest, Stamp
from serving.deciding.loaded import Loaded
from serving.deciding.records import Case, Decision
from serving.deciding.scoring import Scorer
from tests.conftest import CUSTOMERS, Tiny, make_scorer
from training.release.assemble import replace as with_part

STRICTER = """
[[changes]]
from = 2026-12-01
version = "2026.2"
set = {"lending.application.amount_max" = 1000.0}
"""
TRIAL = """
[trial]
version = "careful"
share = 0.5
salt = "s"
from = 2026-01-01
until = 2026-12-31
set = {"lending.application.amount_max" = 1000.0, "contact.quiet_from_complaints_365d" = 1}
"""
NOVEMBER, DECEMBER = "2026-11-29T12:00:00+00:00", "2026-12-02T12:00:00+00:00"
NAMES = list(CUSTOMERS)


def scorer_with(tiny: Tiny, more: str) -> Scorer:
    path = tiny.parts["policy"] / "policy.toml"
    path.write_text(path.read_text() + more)
    release = with_part(tiny.releases, tiny.release, "policy", tiny.parts["policy"])
    changed = replace(tiny, release=release)
    changed.sign(release)
    return make_scorer(changed)


def apply(scorer: Scorer, names: Sequence[str], ats: Sequence[str]) -> list[Decision]:
    asked = [CreditRequest(name or None, 6_000.0, 24, 5_000.0) for name in names]
    stamps = [Stamp(f"d-{n}", "r", at, "t") for n, at in zip(names, ats, strict=True)]
    return scorer.credit_decision(asked, stamps)


def offer(scorer: Scorer, names: Sequence[str], at: str) -> list[Decision]:
    stamps = [Stamp(f"d-{name}", "r", at, "t") for name in names]
    made = scorer.next_best_action([OfferRequest(name) for name in names], stamps)
    return [each for each in made if isinstance(each, Decision)]


def kept(decision: Decision) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decision.record.payload)
    return found


def test_each_case_of_a_call_is_decided_by_the_policy_of_its_own_day(tiny: Tiny) -> None:
    scorer = scorer_with(tiny, STRICTER)
    names, ats = [*NAMES, *NAMES], [NOVEMBER, DECEMBER] * len(NAMES)
    together = apply(scorer, names, ats)
    for name, at, made in zip(names, ats, together, strict=True):
        said = kept(made)
        assert (said["customer_id"], said["policy"]) == (name, "2026.1" if at == NOVEMBER else "2026.2")
        assert ("LEND-06" in said["rules"]) == (at == DECEMBER)
        [alone] = apply(scorer, [name], [at])
        assert alone.body == made.body
        assert scorer.replay(made.record.payload).same


def test_a_customer_on_trial_is_decided_by_it_and_everybody_else_in_its_shadow(tiny: Tiny) -> None:
    scorer = scorer_with(tiny, TRIAL)
    trial = scorer.loaded.book.trials[0]
    names = [*NAMES, ""]
    taken = {name: bool(name) and trial.takes(name) for name in names}
    assert set(taken.values()) == {True, False}
    for name, made in zip(names, apply(scorer, names, [NOVEMBER] * len(names)), strict=True):
        said = kept(made)
        assert said["policy"] == ("careful" if taken[name] else "2026.1")
        assert json.loads(made.body)["release"]["policy"] == said["policy"]
        assert ("LEND-06" in said["rules"]) == taken[name]
        assert (said["trial"]["version"], said["trial"]["returned"]) == ("careful", taken[name])
        if taken[name]:
            assert said["trial"]["outcome"] == said["outcome"]
        assert said["trial"]["differs"] == (outcome_under(scorer, name, not taken[name]) != said["outcome"])
        assert scorer.replay(made.record.payload).same


def outcome_under(scorer: Scorer, name: str, tried: bool) -> object:
    trial = scorer.loaded.book.trials[0]
    loaded = scorer.loaded.under_policy(trial.policy if tried else trial.instead_of)
    return _asked(scorer, loaded, name).outcome


def _asked(scorer: Scorer, loaded: Loaded, name: str) -> Decision:
    snapshot = scorer.online.read([name])
    request = CreditRequest(name or None, 6_000.0, 24, 5_000.0)
    case = Case(credit.USE_CASE, request, Stamp("d", "r", NOVEMBER, "t"), snapshot, 0)
    return credit.credit_decision([case], loaded)[0]


def test_outside_its_days_a_trial_is_not_noted(tiny: Tiny) -> None:
    scorer = scorer_with(tiny, TRIAL)
    [made] = apply(scorer, ["ann"], ["2027-01-02T12:00:00+00:00"])
    assert "trial" not in kept(made)


def test_a_trial_is_noted_with_offers_as_well(tiny: Tiny) -> None:
    scorer = scorer_with(tiny, TRIAL.replace("0.5", "0.0"))
    for made in offer(scorer, NAMES, NOVEMBER):
        said = kept(made)["trial"]
        assert (said["version"], said["returned"], said["differs"]) == ("careful", False, False)
        assert said["outcome"] == kept(made)["outcome"]


def test_what_fails_in_the_shadow_never_touches_the_answer(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = scorer_with(tiny, TRIAL.replace("0.5", "0.0"))
    expected = [made.body for made in apply(scorer, NAMES, [NOVEMBER] * len(NAMES))]
    real: Callable[..., list[Decision]] = credit.credit_decision

    def breaks(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
        if loaded.rulebook.policy.version == "careful":
            raise ZeroDivisionError("a secret number")
        return real(cases, loaded)

    monkeypatch.setattr(credit, "credit_decision", breaks)
    made = apply(scorer, NAMES, [NOVEMBER] * len(NAMES))
    assert [each.body for each in made] == expected
    assert {json.dumps(kept(each)["trial"]) for each in made} == {
        '{"version": "careful", "returned": false, "outcome": null, "differs": null}'
    }
    assert "policy careful has no answer (ZeroDivisionError)" in caplog.text
    assert "secret" not in caplog.text


def test_whom_a_trial_cannot_decide_the_policy_in_force_decides(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = scorer_with(tiny, TRIAL.replace("0.5", "1.0"))
    real: Callable[..., list[Decision]] = credit.credit_decision

    def breaks(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
        if loaded.rulebook.policy.version == "careful" and any(c.request.customer_id == "ben" for c in cases):
            raise ZeroDivisionError
        return real(cases, loaded)

    usual = {name: made for name, made in zip(NAMES, apply(scorer, NAMES, [NOVEMBER] * 4), strict=True)}
    monkeypatch.setattr(credit, "credit_decision", breaks)
    made = dict(zip(NAMES, apply(scorer, NAMES, [NOVEMBER] * 4), strict=True))
    for name in NAMES:
        [alone] = apply(scorer, [name], [NOVEMBER])
        assert alone.body == made[name].body
        assert kept(alone)["trial"] == kept(made[name])["trial"]
        if name != "ben":
            assert made[name].body == usual[name].body
    assert (kept(made["ben"])["policy"], kept(made["ann"])["policy"]) == ("2026.1", "careful")
    assert kept(made["ben"])["trial"] == {
        "version": "careful", "returned": False, "outcome": None, "differs": None,
    }  # fmt: skip


def test_under_another_policy_the_release_is_loaded_once_and_stop_switches_stay(tiny: Tiny) -> None:
    loaded = scorer_with(tiny, STRICTER).loaded
    base, later = loaded.book.policies
    assert loaded.under_policy(base) is loaded
    assert loaded.under_policy(later) is loaded.under_policy(later)
    assert loaded.under_policy(later).runtime is loaded.runtime
    assert loaded.under_policy(later).version["policy"] == "2026.2"
