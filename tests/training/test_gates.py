import json

import pytest

from training.gates import KINDS, BrokenGate, Gate, admitted, at_least, at_most

GOOD, BAD = at_least("discrimination", "KS", 0.4, 0.2), at_most("calibration", "ECE", 0.2, 0.05)


def test_a_member_whose_gate_said_no_is_left_out_by_name():
    names, refused = admitted({"card": [GOOD], "loan": [GOOD, BAD]})
    assert names == ["card"]
    assert refused == {"loan": "its gate said no: ECE 0.2, limit 0.05"}


def test_a_part_without_a_passing_member_is_refused_as_a_whole_later():
    assert admitted({"loan": [BAD]}) == (["loan"], {})


def test_a_figure_that_is_no_number_never_passes():
    assert not at_least("discrimination", "KS", float("nan"), 0.2).passed
    assert not at_most("calibration", "ECE", float("nan"), 0.2).passed


def test_a_gate_comes_back_as_it_was_kept():
    gate = at_most("calibration", "loan: ECE", 0.02, 0.03, low=0.01, high=0.04, champion=0.5, note="few")
    for each in (gate, GOOD, BAD):
        assert Gate.from_json(json.loads(json.dumps(each.as_json(), allow_nan=False))) == each


@pytest.mark.parametrize(("changed", "said"), [
    pytest.param({"kind": "luck"}, "'kind' is 'luck'", id="unknown-kind"),
    pytest.param({"passed": 1}, "'passed' is 1", id="verdict-that-is-no-truth-value"),
    pytest.param({"value": True}, "'value' is True", id="value-that-is-no-number"),
    pytest.param({"limit": float("nan")}, "'limit' is nan", id="limit-that-is-no-number"),
    pytest.param({"champion": None}, "'champion' is None", id="null"),
    pytest.param({"name": ""}, "'name' is ''", id="no-name"),
    pytest.param({"tier": "high"}, "which no gate has", id="unknown-field"),
])  # fmt: skip
def test_what_is_no_gate_is_refused(changed, said):
    with pytest.raises(BrokenGate, match=said):
        Gate.from_json(GOOD.as_json() | changed)


def test_a_gate_without_a_verdict_is_refused():
    with pytest.raises(BrokenGate, match="passed"):
        Gate.from_json({"kind": KINDS[0], "name": "KS", "value": 1.0, "limit": 0.5})


def test_a_figure_without_end_is_kept_as_a_number_and_does_not_pass():
    gate = at_most("latency", "microseconds", float("inf"), 5.0)
    assert (gate.value, gate.passed) == (-1.0, False)
