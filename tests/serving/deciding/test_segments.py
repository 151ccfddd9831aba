"""Segments, learned and by rule, and the customer's value, as they are answered and as they condition."""

import json

import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD
from serving.deciding.asking import CustomerRequest, OfferRequest
from serving.deciding.loaded import Loaded
from serving.deciding.scoring import Scorer
from tests.conftest import CUSTOMERS, Tiny, make_scorer, stamp
from training.release.assemble import replace
from training.release.verify import verify


def placed(scorer: Scorer, name: str) -> dict:
    [decision] = scorer.segment([CustomerRequest(name)], [stamp()])
    return json.loads(decision.body) | {"kept": json.loads(decision.record.payload)["scores"]}


def test_the_answer_holds_segment_value_and_segments_by_rule(scorer: Scorer) -> None:
    found = placed(scorer, "dan")
    assert found["segment"]["id"] in ("S1", "S2")
    assert found["value"]["tier"] == {"id": "V2", "name": {"en": "Growing", "zh": "成长"}}
    assert found["value"]["rfm"] == {"recency": 1, "frequency": 1, "monetary": 1}
    assert found["rule_segments"] == [
        {"id": "behind_with_payments", "name": {"en": "Behind with payments", "zh": "还款逾期"}}
    ]
    assert found["kept"]["rule_segments"] == ["behind_with_payments"]
    assert (found["kept"]["value_tier"], found["kept"]["rfm"]) == ("V2", [1, 1, 1])


def test_who_is_in_no_segment_by_rule_has_an_empty_list(scorer: Scorer) -> None:
    assert placed(scorer, "ann")["rule_segments"] == []


def with_policy(tiny: Tiny, old: str, new: str) -> Tiny:
    text = STANDARD.read_text()
    assert old in text
    (tiny.parts["policy"] / "policy.toml").write_text(text.replace(old, new, 1))
    release = replace(tiny.releases, tiny.release, "policy", tiny.parts["policy"])
    changed = Tiny(tiny.home, tiny.parts, tiny.origin, tiny.trust, release)
    changed.sign(release)
    return changed


def ruled_out(scorer: Scorer, name: str) -> dict[str, list[str]]:
    [decision] = scorer.next_best_action([OfferRequest(name)], [stamp()])
    return {each["product_id"]: each["rules"] for each in json.loads(decision.body)["ruled_out"]}


def test_an_offer_for_one_segment_is_shown_to_that_segment_only(tiny: Tiny) -> None:
    segment = {name: placed(make_scorer(tiny), name)["segment"]["id"] for name in CUSTOMERS}
    assert len(set(segment.values())) == 2
    wanted = segment["ann"]
    changed = make_scorer(
        with_policy(tiny, "[targeting.only_for]", f'[targeting.only_for]\nsavings = ["{wanted}"]\n#')
    )
    for name in CUSTOMERS:
        codes = ruled_out(changed, name).get("savings-term", [])
        in_it = segment[name] == wanted and name != "cat"  # who agreed to no profile is in no segment
        assert ("TARG-01" in codes) == (not in_it)


def test_an_offer_is_kept_from_a_segment_by_rule_and_the_rule_is_told(scorer: Scorer) -> None:
    assert "TARG-02" in ruled_out(scorer, "dan")["fund-money"]
    assert "TARG-02" not in str(ruled_out(scorer, "ann"))
    [decision] = scorer.next_best_action([OfferRequest("dan")], [stamp()])
    told = {rule["code"]: rule for rule in json.loads(decision.body)["rules"]}
    said = "The policy keeps the product from a segment the customer is in, or may be in."
    assert told["TARG-02"]["text"] == said
    assert "客群" in told["TARG-02"]["zh"]


def test_a_decision_by_segment_replays(tiny: Tiny) -> None:
    changed = make_scorer(with_policy(tiny, "[targeting.only_for]", '[targeting.only_for]\ncard = ["S2"]\n#'))
    for name in CUSTOMERS:
        [decision] = changed.next_best_action([OfferRequest(name)], [stamp()])
        assert changed.replay(decision.record.payload).same


@pytest.mark.parametrize("name", ["S7", "no_such_rule"])
def test_a_policy_that_names_an_unknown_segment_is_not_loaded(tiny: Tiny, name: str) -> None:
    changed = with_policy(tiny, "[targeting.only_for]", f'[targeting.only_for]\ncard = ["{name}"]\n#')
    release = verify(changed.releases, changed.release, changed.trust)
    with pytest.raises(InvalidPolicy, match=f"names segment '{name}', which is none of"):
        Loaded.of(release)


def test_segments_by_rule_that_scoring_cannot_read_are_not_loaded(tiny: Tiny) -> None:
    path = tiny.parts["policy"] / "segments.toml"
    path.write_text(path.read_text().replace("days_past_due > 0", "no_such_column > 0"))
    release = replace(tiny.releases, tiny.release, "policy", tiny.parts["policy"])
    tiny.sign(release)
    with pytest.raises(InvalidPolicy, match="no_such_column"):
        Loaded.of(verify(tiny.releases, release, tiny.trust))
