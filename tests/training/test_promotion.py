from dataclasses import replace
from pathlib import Path

import pytest

from crm_rules.errors import NotApproved
from crm_rules.governance.people import Role
from tests.conftest import AT, Tiny
from training.gates import Gate, at_least
from training.promotion import (
    Candidate,
    GateSaidNo,
    Signers,
    keep_candidate,
    kept_candidate,
    promote,
    switch,
)
from training.release.current import current
from training.release.verify import verify
from training.rule_parts import reasons_part

GOOD, BAD = at_least("discrimination", "KS", 0.4, 0.2), at_least("discrimination", "KS", 0.1, 0.2)
PEOPLE = {Role.VALIDATOR: "victor", Role.RISK_APPROVER: "rita", Role.OPERATOR: "otto"}


def signers(tiny: Tiny) -> Signers:
    return Signers({role: (person, tiny.key(person)) for role, person in PEOPLE.items()})


def candidates(tiny: Tiny, *failing: str, author: str = "dana") -> list[Candidate]:
    return [
        Candidate(name, folder, (BAD if name in failing else GOOD,), author, {"author": author})
        for name, folder in tiny.parts.items()
    ]


def test_what_is_promoted_verifies_and_is_current(tiny: Tiny) -> None:
    before = current(tiny.releases, tiny.trust).number
    made = promote(tiny.releases, candidates(tiny), tiny.origin, signers(tiny), tiny.trust, AT)
    assert set(made.promoted) == set(tiny.parts)
    assert current(tiny.releases, tiny.trust).release == made.release
    assert made.number == before + 1
    verify(tiny.releases, made.release, tiny.trust)


def test_a_model_whose_gate_said_no_is_left_out_and_named(tiny: Tiny) -> None:
    asked = candidates(tiny, "propensity")
    made = promote(tiny.releases, asked, tiny.origin, signers(tiny), tiny.trust, AT)
    assert [each.part for each in made.refused] == ["propensity"]
    assert "propensity" not in verify(tiny.releases, made.release, tiny.trust).manifest.parts


def test_without_a_part_every_release_needs_the_old_one_stays(tiny: Tiny) -> None:
    before = current(tiny.releases, tiny.trust)
    with pytest.raises(GateSaidNo, match=r"'policy' may not be promoted: KS is 0.1, limit 0.2"):
        promote(tiny.releases, candidates(tiny, "policy"), tiny.origin, signers(tiny), tiny.trust, AT)
    assert current(tiny.releases, tiny.trust) == before


def test_nobody_promotes_what_they_wrote(tiny: Tiny) -> None:
    before, asked = current(tiny.releases, tiny.trust), candidates(tiny, author="victor")
    with pytest.raises(NotApproved, match="wrote or requested"):
        promote(tiny.releases, asked, tiny.origin, signers(tiny), tiny.trust, AT)
    assert current(tiny.releases, tiny.trust) == before


def test_only_an_operator_switches_back(tiny: Tiny) -> None:
    number = current(tiny.releases, tiny.trust).number
    with pytest.raises(NotApproved, match="'dana' is no operator"):
        switch(tiny.releases, tiny.release, "dana", tiny.key("dana"), tiny.trust, AT)
    assert switch(tiny.releases, tiny.release, "otto", tiny.key("otto"), tiny.trust, AT) == number + 1


def test_a_kept_candidate_comes_back_as_it_was(tiny: Tiny, tmp_path: Path) -> None:
    candidate = replace(candidates(tiny)[0], run={"version": "3", "author": "dana"})
    keep_candidate(tmp_path / "kept", candidate)
    assert kept_candidate(tmp_path / "kept", candidate.part) == candidate


def test_reasons_pass_when_everything_credit_can_say_has_a_text(tmp_path: Path) -> None:
    assert all(gate.passed for gate in reasons_part(tmp_path / "all", ("balance_last", "tenure_months")))
    [gate] = reasons_part(tmp_path / "one_missing", ("balance_last", "shoe_size"))
    assert isinstance(gate, Gate)
    assert not gate.passed
