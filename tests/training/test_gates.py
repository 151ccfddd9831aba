from training.gates import admitted, at_least, at_most

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
