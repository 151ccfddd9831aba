"""Each gate says no where it should, and a sound version passes them all."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from tests.training.checks.conftest import (
    COLUMNS,
    SERVICE,
    TESTED,
    Story,
    borrowers,
    changed,
    grown,
    only,
    reproduced,
    version,
    write_part,
    write_proof,
)
from training.checks import Budget, check
from training.export import as_json, scored_before
from training.gate_table import as_text
from training.gates import Gate
from training.learning.trees import margin_onnx, read
from training.proof import Proof
from training.version import Version

PIA = "DPIA-2026-14"


def asked(found: Version, champion: Version | None = None, **more: object) -> tuple[Gate, ...]:
    return check(found, champion, **({"pia": PIA} | more))  # type: ignore[arg-type]  # as a test wants it


def refused(gates: Sequence[Gate]) -> set[str]:
    return {gate.kind for gate in gates if not gate.passed}


def of(gates: Sequence[Gate], kind: str) -> list[Gate]:
    return [gate for gate in gates if gate.kind == kind]


def test_a_sound_version_passes_every_gate(sound: Path):
    gates = asked(version(sound))
    assert refused(gates) == set(), as_text(gates)
    kinds = {gate.kind for gate in gates}
    assert len(kinds) == 15, "every kind of a credit model is asked for; content is for rules"
    assert of(gates, "champion")[0].note == "no champion yet"


def test_beside_itself_as_champion_nothing_is_gained_or_lost(sound: Path):
    gate = of(asked(version(sound), version(sound, "7")), "champion")[0]
    assert (gate.value, gate.low, gate.high, gate.passed, gate.note) == (0.0, 0.0, 0.0, True, "champion 7")
    assert gate.champion == of(asked(version(sound)), "discrimination")[0].value


def test_a_planted_leak_is_named(folder: Path, story: Story):
    told = story.matrix.copy()
    told[:, SERVICE.index("income_monthly")] = np.where(story.labels == 1, np.nan, 4000.0)
    proof = story.proof()
    matrix = proof.matrix.copy()
    matrix[: proof.tested] = told[: proof.tested]
    write_proof(folder, replace(proof, matrix=matrix))
    best = of(asked(version(folder)), "leak")[0]
    assert not best.passed
    assert best.note == "income_monthly"
    assert best.value == 1.0


def test_a_model_that_knows_the_outcome_is_refused(folder: Path, story: Story):
    proof = story.proof()
    know = proof.said[: proof.tested] > np.quantile(proof.said[: proof.tested], 0.8)
    labels = np.r_[know, np.full(len(proof) - proof.tested, np.nan)].astype(np.float32)
    write_proof(folder, replace(proof, labels=labels))
    assert not of(asked(version(folder)), "leak")[1].passed


def test_a_miscalibrated_model_is_refused_though_it_ranks_as_well(folder: Path, story: Story):
    bold = replace(story, line=(1.0, -1.0))
    write_part(folder, bold.files())
    write_proof(folder, bold.proof())
    gates = asked(version(folder))
    assert [gate.passed for gate in of(gates, "calibration")] == [False, False]
    assert of(gates, "calibration")[1].note.startswith("grade ")
    assert all(gate.passed for gate in of(gates, "discrimination"))


def test_an_unfair_cut_off_is_refused_with_the_groups_named(folder: Path, story: Story):
    poor = np.nan_to_num(story.matrix[:, SERVICE.index("income_monthly")]) < 3500
    write_proof(folder, story.proof({"gender": {"women": poor, "men": ~poor}}))
    gate = of(asked(version(folder)), "fairness")[0]
    assert not gate.passed
    assert gate.note == "women beside men"
    assert gate.high is not None
    assert gate.high < 0.8


@pytest.mark.parametrize("groups", [
    pytest.param({}, id="none-known"),
    pytest.param({"gender": {"women": np.arange(TESTED) < 20}}, id="one-tiny-group"),
])  # fmt: skip
def test_fairness_that_cannot_be_measured_does_not_pass(folder: Path, story: Story, groups):
    proof = story.proof(groups or None)
    write_proof(folder, proof if groups else replace(proof, groups={}))
    gate = of(asked(version(folder)), "fairness")[0]
    assert not gate.passed
    assert gate.note


def test_a_slow_model_is_refused(sound: Path):
    ticks = count(0, 0.004)  # each look at the clock is four milliseconds later
    gates = asked(version(sound), clock=lambda: next(ticks), budget=Budget(latency_us=3_000))
    assert refused(gates) == {"latency"}
    assert of(gates, "latency")[0].value == pytest.approx(4_000)


def test_many_trees_take_more_time_than_a_few_may(folder: Path):
    slow = Story(grown(rounds=1_500, rows=300))
    write_part(folder, slow.files())
    assert not of(asked(version(folder), budget=Budget(latency_us=1.0)), "latency")[0].passed


def test_a_part_that_is_too_large_is_refused_with_its_largest_file(sound: Path):
    gate = of(asked(version(sound), budget=Budget(size_bytes=10_000)), "size")[0]
    assert not gate.passed
    assert gate.note == "largest: behaviour.reasons.onnx"


@pytest.mark.parametrize(("file", "kind"), [
    pytest.param("card/card.zh.html", "card", id="no-chinese-card"),
    pytest.param("validation/validation.en.md", "pack", id="no-english-pack"),
])  # fmt: skip
def test_a_paper_that_is_missing_is_named(folder: Path, file: str, kind: str):
    (folder / file).unlink()
    gates = asked(version(folder))
    assert refused(gates) == {kind}
    assert of(gates, kind)[0].note == Path(file).name


def test_what_the_pack_lacks_is_counted_by_name(folder: Path):
    record = version(folder).record
    shutil.rmtree(folder / "evidence")
    replace(record, trials=()).write(folder / "evidence")
    gate = of(asked(version(folder)), "pack")[0]
    assert (gate.passed, gate.value) == (False, 1.0)
    assert "tried" in gate.note


def test_two_columns_swapped_in_the_export_show_in_the_signature_and_in_parity(folder: Path, story: Story):
    swapped = [COLUMNS[1], COLUMNS[0], *COLUMNS[2:]]
    write_part(folder, changed(story.files(), lambda member: member["boosting"].update(columns=swapped)))
    gates = asked(version(folder))
    assert {"parity", "signature"} <= refused(gates)
    assert "behaviour: income_monthly" in of(gates, "signature")[0].note


def test_a_column_outside_the_service_and_a_protected_one_are_named(folder: Path, story: Story):
    def reads_age(member: dict[str, dict[str, object]]) -> None:
        member["boosting"]["columns"] = ["age_years", "unheard_of", *COLUMNS[2:]]
        member["reference"] |= {"age_years": 40.0, "unheard_of": 1.0}

    write_part(folder, changed(story.files(), reads_age))
    order, outside, forbidden = of(asked(version(folder)), "signature")
    assert not order.passed
    assert outside.note == "age_years, unheard_of"
    assert (forbidden.passed, forbidden.note) == (False, "age_years")


def test_a_champion_that_is_clearly_better_stays(folder: Path, sound: Path):
    weak = Story(grown(COLUMNS[:2]), COLUMNS[:2])
    write_part(folder, weak.files())
    write_proof(folder, weak.proof())
    gate = of(asked(version(folder), version(sound, "3")), "champion")[0]
    assert not gate.passed
    assert gate.high is not None
    assert gate.high < 0
    assert gate.champion is not None


def test_a_member_that_only_the_champion_has_is_named(folder: Path, sound: Path, story: Story):
    def twice(model: dict[str, object]) -> dict[str, bytes]:
        model["members"] |= {"application": model["members"]["behaviour"]}  # type: ignore[index, operator]
        files = story.files()
        more = {name.replace("behaviour", "application"): content for name, content in files.items()}
        return more | files | {"model.json": as_json(model)}

    write_part(folder, twice(story.model()))
    gates = of(asked(version(sound), version(folder, "3")), "champion")
    assert [gate.passed for gate in gates] == [False, True]
    assert gates[0].note == "application"
    assert all(gate.passed for gate in of(asked(version(sound), version(sound, "3")), "champion"))


def test_a_champion_of_other_columns_is_held_to_its_recorded_figure(folder: Path, sound: Path, story: Story):
    proof = story.proof()
    keep = [SERVICE.index(name) for name in COLUMNS]
    write_proof(folder, replace(proof, columns=COLUMNS, matrix=proof.matrix[:, keep]))
    wide = folder.parent / "champion"
    shutil.copytree(sound, wide)
    other = Story(grown((*COLUMNS[:3], "balance_last")), (*COLUMNS[:3], "balance_last"))
    write_part(wide, other.files())
    gate = of(asked(version(folder), version(wide, "3")), "champion")[0]
    assert "balance_last" in gate.note
    assert "recorded auc_out_of_time" in gate.note
    assert (gate.champion, gate.low) == (0.8, None)


def test_scores_that_moved_are_refused(folder: Path, story: Story):
    write_proof(folder, replace(story.proof(), before=scored_before(story.says(story.matrix) ** 2)))
    gate = of(asked(version(folder)), "stability")[0]
    assert not gate.passed
    assert gate.value > 0.25


def test_without_training_scores_the_reference_of_the_part_is_the_measure(folder: Path, story: Story):
    write_proof(folder, replace(story.proof(), before={}))
    gate = of(asked(version(folder)), "stability")[0]
    assert gate.passed
    assert "the part's reference" in gate.name
    write_part(folder, story.files() | {"reference.json": b"{}"})
    assert not of(asked(version(folder)), "stability")[0].passed


def test_reasons_that_do_not_hold_are_refused(folder: Path, story: Story, monkeypatch):
    """Contributions of other trees cannot slip through the confirmation, so the confirmation is broken."""
    monkeypatch.setattr(
        "training.release.credit.confirmed", lambda rows, odds, added, *_: np.c_[-added, odds]
    )
    gate = of(asked(version(folder)), "faithfulness")[0]
    assert not gate.passed


def test_an_export_that_treats_missing_values_otherwise_is_refused(folder: Path, story: Story):
    trees = read(story.booster, COLUMNS, only(borrowers(500, 3)[0], COLUMNS))
    other_way = tuple(replace(tree, default_left=~tree.default_left) for tree in trees.trees)
    wrong = margin_onnx(replace(trees, trees=other_way))
    write_part(folder, story.files() | {"behaviour.onnx": wrong})
    gate = of(asked(version(folder)), "parity")[0]
    assert not gate.passed
    assert gate.value > 1e-3
    full = story.matrix[~np.isnan(story.matrix).any(axis=1)]
    whole = replace(story.proof(), matrix=full, labels=np.zeros(len(full), np.float32),
                    said=story.says(full), weight=np.ones(len(full)), tested=len(full),
                    groups={})  # fmt: skip
    write_proof(folder, whole)
    assert of(asked(version(folder)), "parity")[0].passed, "complete rows alone would not have shown it"


@pytest.mark.parametrize(("again", "said"), [
    pytest.param("cd" * 32, "differs: behaviour.onnx", id="it-differed"),
    pytest.param(None, "another part was reproduced", id="another-part"),
])  # fmt: skip
def test_only_a_reproduction_of_this_very_part_counts(folder: Path, story: Story, again, said: str):
    files = story.files() if again else story.files() | {"more.json": b"{}"}
    reproduced(folder, files, again)
    gates = asked(version(folder))
    assert refused(gates) == {"reproducibility"}
    assert said in of(gates, "reproducibility")[0].note


def test_before_anybody_reproduced_it_the_gate_says_so(folder: Path):
    (folder / "reproduction.json").unlink()
    assert of(asked(version(folder)), "reproducibility")[0].note == "not reproduced yet"


@pytest.mark.parametrize(("pia", "passed"), [
    pytest.param("DPIA-2026-14", True, id="gdpr"),
    pytest.param("PIPIA-2026-3", True, id="pipl"),
    pytest.param("", False, id="none"),
    pytest.param("DPIA-2026-14; rm", False, id="more-than-a-reference"),
])  # fmt: skip
def test_the_impact_assessment_is_named(sound: Path, pia: str, passed: bool):
    assert of(asked(version(sound), pia=pia), "pia")[0].passed is passed


def test_a_version_without_proof_fails_each_gate_and_says_what_to_do(folder: Path):
    shutil.rmtree(folder / "proof")
    gates = asked(version(folder))
    lacking = {"discrimination", "champion", "calibration", "stability", "leak", "fairness", "faithfulness",
               "parity", "latency"}  # fmt: skip
    assert lacking <= refused(gates)
    assert all("bank train credit_risk" in of(gates, kind)[0].note for kind in lacking)


def test_too_few_cases_are_no_verdict(folder: Path, story: Story):
    proof = story.proof()
    labels = np.where(np.cumsum(np.nan_to_num(proof.labels)) > 5, 0.0, proof.labels).astype(np.float32)
    write_proof(folder, replace(proof, labels=labels))
    gates = asked(version(folder))
    assert {"discrimination", "calibration", "leak"} <= refused(gates)
    assert "5 of" in of(gates, "discrimination")[0].note


def test_a_part_that_cannot_be_read_fails_and_is_no_crash(folder: Path, story: Story):
    write_part(folder, story.files() | {"behaviour.onnx": b"no graph"})
    gates = asked(version(folder))
    assert "onnxruntime refuses it" in of(gates, "parity")[0].note


def test_a_member_that_was_trained_and_is_gone_from_the_part_is_named(folder: Path, story: Story):
    shutil.rmtree(folder / "proof")
    Proof({"behaviour": story.proof(), "application": story.proof()}).write(folder / "proof")
    gates = asked(version(folder))
    assert of(gates, "parity")[0].name == "application: parity"
    assert not of(gates, "parity")[0].passed


def test_a_fifth_model_fails_clearly_until_a_release_can_read_it(folder: Path):
    fifth = replace(version(folder), name="complaint")
    gates = asked(fifth)
    assert "no release has a reader" in of(gates, "parity")[0].note
    assert not of(gates, "fairness"), "nobody said that fairness has a meaning for it"


def test_other_bytes_than_the_registered_ones_can_be_looked_at(sound: Path, story: Story):
    other = story.files() | {"reference.json": as_json({})}
    assert of(asked(version(sound), part=other), "reproducibility")[0].note.startswith("another part")


def test_the_table_shows_the_candidate_beside_champion_and_limit(sound: Path):
    lines = as_text(asked(version(sound), version(sound, "2"), pia="")).splitlines()
    assert lines[0].split() == [
        "kind",
        "gate",
        "candidate",
        "95",
        "%",
        "interval",
        "champion",
        "limit",
        "note",
    ]
    assert [line[:2] for line in lines[1:]].count("NO") == 1
    assert len({line.index("limit") for line in lines[:1]}) == 1
