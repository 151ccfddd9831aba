"""One training run of both situations: what it tells, shows, promises, and hands to its successor."""

from pathlib import Path

import pytest

from tests.training.credit_risk.conftest import Bank
from training.credit_risk.champion import PART, champions, scored
from training.credit_risk.situations import applications
from training.export import write_part
from training.run import STEPS, Run
from training.trained import Trained

SHOWN = {
    "sensitivity", "stability", "benchmark", "roc", "gains", "calibration", "scores", "bands", "woe",
    "points", "grades", "fairness", "alternative", "swaps",
}  # fmt: skip


def test_every_step_is_told_in_a_line(trained: Trained, told: list[tuple[str, str]]) -> None:
    assert {step for step, _ in told} == set(STEPS) - {"register"}
    assert all(line and "\n" not in line for _, line in told)
    for name in ("application", "behaviour"):
        assert any(step == "evaluate" and line.startswith(name) for step, line in told)


def test_each_member_shows_what_a_validator_asks_for(trained: Trained) -> None:
    for name in ("application", "behaviour"):
        assert {f"{name}/{what}" for what in SHOWN} <= set(trained.exhibits)
    assert "application/selection" in trained.exhibits
    for shown in trained.exhibits.values():
        assert shown.title != shown.title_zh
        assert shown.rows


def test_the_account_speaks_both_languages_and_states_whom_the_data_leaves_out(trained: Trained) -> None:
    account = trained.account
    for notes in (account.purpose, account.method, account.assumptions, account.limits):
        assert notes
        assert all(note.en.endswith(".") and note.zh.endswith("。") for note in notes)
    assert "were approved" in account.limits[-1].en


def test_figures_of_every_question_are_kept(trained: Trained) -> None:
    members = trained.metrics["members"]
    assert isinstance(members, dict)
    for metrics in members.values():
        assert set(metrics) >= {"faithfulness", "fairness", "calibration", "swap_set", "selection"}
        assert metrics["fairness"]["alternative"]["tried"] > 3
        assert metrics["faithfulness"][metrics["decides"]]["share"] >= 0.99
    selection = members["application"]["selection"]
    assert 0.3 < selection["approved_share"] < 0.95
    assert selection["mean_pd"]["refused"] > selection["mean_pd"]["approved"]


def test_every_column_of_the_model_has_its_declared_reference(trained: Trained) -> None:
    members = trained.model["members"]
    assert isinstance(members, dict)
    for member in members.values():
        columns = {c["column"] for c in member["scorecard"]["characteristics"]}
        assert columns | set(member["boosting"]["columns"]) == set(member["reference"])


def test_the_next_run_finds_this_one_as_its_champion(trained: Trained, bank: Bank, tmp_path: Path) -> None:
    part = write_part(trained, tmp_path / PART)
    found = champions(Run(bank.settings, bank.source, 7, parts={PART: part}))
    assert set(found) == {"application", "behaviour"}
    situation = applications(bank.settings, bank.source)
    p = scored(found["application"], situation)
    assert len(p) == situation.test.sum()
    assert ((p > 0) & (p < 1)).all()


@pytest.mark.parametrize("content", [b"{}", b"no json", b'{"members":{"application":{}}}'])
def test_a_part_that_cannot_be_read_is_no_champion(bank: Bank, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.json").write_bytes(content)
    assert champions(Run(bank.settings, bank.source, 7, parts={PART: tmp_path})) == {}
    assert champions(bank.run) == {}
