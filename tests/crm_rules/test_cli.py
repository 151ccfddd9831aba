import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD
from crm_rules.readers import EVERY_RULE
from crm_rules.trying_cli import rules


def run(*words: str) -> Result:
    return CliRunner().invoke(rules, list(words))


def written(folder: Path, text: str, name: str = "other.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def change(key: str, value: int) -> str:
    return f'\n[[changes]]\nfrom = 2026-12-01\nversion = "2026.2"\nset = {{"{key}" = {value}}}\n'


def test_rules_are_listed_with_stage_law_needs_and_meaning() -> None:
    listed = {row["code"]: row for row in json.loads(run("list", "--json").stdout)}
    assert set(listed) == {rule.code for rule in EVERY_RULE}
    assert listed["SUIT-01"]["law"] == "NFRA Order 2025-7"
    assert (listed["SUIT-01"]["stage"], listed["LEND-01"]["stage"]) == ("suitability", "lending")
    assert listed["LEND-08"]["effect"] == "person"
    assert listed["LEND-16"]["needs"] == "running"
    assert "SUIT-01  suitability" in run("list").stdout


def test_columns_stand_under_their_names_in_both_scripts() -> None:
    head, *rows = run("check").stdout.splitlines()[:5]
    assert head.split() == ["segment", "name", "where", "in", "policy"]
    assert rows[0].startswith("behind_with_payments  Behind with payments 还款逾期            days_past_due")
    assert rows[1].startswith("idle_money            Money lying idle 闲置资金                balance_mean")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param(
            "approve_below_pd",
            "aprove_below_pd",
            "key 'lending.application.aprove_below_pd' of {} is not known (did you mean 'approve_below_pd'?)",
            id="typo",
        ),
        pytest.param(
            "[suitability]",
            "[luck]",
            "key 'luck' of {} is not known; known here are ['version',",
            id="none-near",
        ),
        pytest.param("version = ", "version ", "file {} cannot be read as TOML: ", id="no-toml"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, before: str, after: str, said: str) -> None:
    other = written(tmp_path, STANDARD.read_text().replace(before, after, 1))
    for words in (["check", other], ["diff", str(STANDARD), other]):
        assert f"Policy {said.format(other)}" in str(run(*words).exception)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = str(run("check", str(tmp_path / "none.toml")).exception)
    assert told.startswith(f"Policy file {tmp_path / 'none.toml'} cannot be read: No such file")


def test_every_rule_is_listed_in_chinese() -> None:
    meanings = [row["meaning"] for row in json.loads(run("list", "--zh", "--json").stdout)]
    assert [text for text in meanings if not any("一" <= letter <= "鿿" for letter in text)] == []


def test_the_shipped_policy_checks_out() -> None:
    done = run("check")
    assert done.exit_code == 0
    assert "policy 2026.1 and" in done.stdout


def test_a_tier_nobody_reaches_is_told(tmp_path: Path) -> None:
    catalogue = """version = "1"
[[offers]]
offer_id = "lounge"
issue = "serve"
group = "travel"
title = {en = "Lounge", zh = "贵宾厅"}
product_id = "card"
tier = "diamond"
"""
    done = run("check", "--offers", written(tmp_path, catalogue))
    assert done.exit_code == 3
    assert "Offer 'lounge' is for tier 'diamond', which nobody reaches under policy 2026.1" in done.output


def test_a_policy_is_tested_at_its_thresholds_and_each_planned_one_as_well(tmp_path: Path) -> None:
    done = run(
        "test", written(tmp_path, STANDARD.read_text() + change("suitability.extra_care_from_age", 60))
    )
    assert done.exit_code == 0
    assert "policy 2026.2, from 2026-12-01" in done.stdout
    assert "SUIT-03  age" in done.stdout
    assert done.stdout.count("thresholds turn their rule") == 2
    assert "NEVER TURNS" not in done.stdout


@pytest.mark.parametrize(
    ("age", "code"), [pytest.param(17, 0, id="as-expected"), pytest.param(18, 3, id="differs")]
)
def test_examples_end_with_3_when_one_differs(tmp_path: Path, age: int, code: int) -> None:
    cases = f'[[cases]]\nname = "a minor"\ncustomer = {{age = {age}}}\nrules = ["ELIG-05"]\n'
    done = run("test", "--cases", written(tmp_path, cases))
    assert done.exit_code == code
    assert f"{1 if code == 0 else 0} of 1 cases come out as expected." in done.stdout


def test_two_policies_differ_key_by_key_with_the_rules_that_read_them(tmp_path: Path) -> None:
    text = STANDARD.read_text().replace("extra_care_from_age = 65", "extra_care_from_age = 60")
    other = written(tmp_path, text + change("contact.quiet_from_complaints_365d", 2))
    rows = json.loads(run("diff", str(STANDARD), other, "--json").stdout)
    told = {row["key"]: (row["before"], row["after"], row["read by"]) for row in rows}
    assert told["suitability.extra_care_from_age"] == ("65", "60", "SUIT-03")
    assert told["changes.1.set.contact.quiet_from_complaints_365d"] == ("-", "2", "CONT-01")
    assert len(told) == 4
    assert run("diff", other, other).stdout == "Both say the same.\n"


def test_a_policy_that_is_not_well_formed_is_not_compared(tmp_path: Path) -> None:
    other = written(tmp_path, STANDARD.read_text() + "\n[luck]\n")
    assert isinstance(run("diff", str(STANDARD), other).exception, InvalidPolicy)


def test_the_suitability_table_is_printed_from_the_rules(tmp_path: Path) -> None:
    told = run("suitability").stdout.splitlines()
    assert told[0].startswith("Down: the customer's level")
    assert told[2] == "person, assessed at most 365 days ago"
    assert told[7].split() == ["C3", "yes", "yes", "yes", "SUIT-01", "SUIT-01"]
    assert "older person from 65 on" in told[11]
    assert told[16].split() == ["C3", "yes", "yes", "SUIT-03", "SUIT-01,03", "SUIT-01,03"]
    stricter = STANDARD.read_text().replace("extra_care_from_age = 65", "extra_care_from_age = 60")
    assert "from 60 on" in run("suitability", written(tmp_path, stricter)).stdout
    cells = json.loads(run("suitability", "--json").stdout)
    assert (len(cells), sum(cell["suitable"] for cell in cells)) == (180, 16 + 10 + 16 + 3 * 6)
