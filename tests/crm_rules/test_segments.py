import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from crm_rules import cli
from crm_rules.errors import InvalidPolicy
from crm_rules.segments import RULES, RuleSegments
from feature_repo.features.services import SERVED

ONE = """version = "1"
[segments.idle]
name_en = "Idle"
name_zh = "闲置"
where = ["balance_mean_90d >= 50000", "holdings_value < 1e3"]
"""


def test_whoever_meets_every_condition_is_in_and_what_is_not_known_meets_none() -> None:
    balance = np.array([60_000.0, 50_000.0, 49_999.0, np.nan, 60_000.0])
    held = np.array([0.0, 999.0, 0.0, 0.0, np.nan])
    known = RuleSegments.parse(ONE.encode())
    members = known.members({"balance_mean_90d": balance, "holdings_value": held})
    assert members["idle"].tolist() == [True, True, False, False, False]


def test_somebody_may_be_in_several() -> None:
    shipped = RuleSegments.load(RULES)
    columns = {name: np.array([0.0]) for name in shipped.columns}
    columns |= {"days_past_due": np.array([5.0]), "balance_mean_90d": np.array([80_000.0])}
    inside = {name for name, mask in shipped.members(columns).items() if mask[0]}
    assert {"behind_with_payments", "idle_money", "newcomer"} <= inside


@pytest.mark.parametrize(
    ("sign", "met"), [(">=", "011"), ("<=", "110"), (">", "001"), ("<", "100"), ("=", "010")]
)
def test_each_comparison_means_what_it_says(sign: str, met: str) -> None:
    known = RuleSegments.parse(ONE.replace('"holdings_value < 1e3"', f'"holdings_value {sign} 5"').encode())
    columns = {"balance_mean_90d": np.full(3, 9e9), "holdings_value": np.array([4.0, 5.0, 6.0])}
    assert known.members(columns)["idle"].tolist() == [sign_met == "1" for sign_met in met]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "holdings_value", "no_such_column", "'no_such_column', which is no column", id="unknown"
        ),
        pytest.param(
            "holdings_value", "age_years", "'age_years', which marketing must not use", id="protected"
        ),
        pytest.param("holdings_value", "consent_profiling", "marketing must not use", id="consent"),
        pytest.param(
            'name_zh = "闲置"', 'name_zh = "闲置"\ncolour = 1', "segments.idle.colour", id="unknown-key"
        ),
        pytest.param('name_zh = "闲置"\n', "", "segments.idle.name_zh' is missing", id="missing-key"),
        pytest.param("< 1e3", "!= 3", "is not `column >= number`", id="unknown-sign"),
        pytest.param("< 1e3", "< nan", "is not `column >= number`", id="not-a-number"),
        pytest.param("< 1e3", "< inf", "is not `column >= number`", id="infinite"),
        pytest.param("segments.idle", "segments.S1", "small letters", id="name-of-a-learned-one"),
        pytest.param(
            '["balance_mean_90d >= 50000", "holdings_value < 1e3"]', "[]", "is empty", id="no-condition"
        ),
        pytest.param('version = "1"', "version = ", "TOML", id="no-toml"),
    ],
)
def test_what_is_wrong_is_refused_and_named(old: str, new: str, said: str) -> None:
    assert old in ONE
    with pytest.raises(InvalidPolicy, match=said.replace("`", ".").replace("(", ".")):
        RuleSegments.parse(ONE.replace(old, new, 1).encode())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicy, match=r"none\.toml cannot be read"):
        RuleSegments.load(tmp_path / "none.toml")


def test_the_shipped_segments_read_what_scoring_reads() -> None:
    assert set(RuleSegments.load(RULES).columns) <= {c for columns in SERVED.values() for c in columns}


def test_the_check_prints_every_segment_and_where_the_policy_uses_it() -> None:
    done = CliRunner().invoke(cli.rules, ["check", "--json"])
    listed = {row["segment"]: row for row in json.loads(done.stdout)}
    assert listed["behind_with_payments"]["in policy"] == "kept_from.fund"
    assert listed["idle_money"]["where"] == "balance_mean_90d >= 50000 and holdings_value < 1000"
    assert "are well formed" in CliRunner().invoke(cli.rules, ["check"]).stdout


def test_the_check_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "segments.toml"
    path.write_text(ONE.replace("holdings_value", "riches"))
    failed = CliRunner().invoke(cli.rules, ["check", "--segments", str(path)])
    assert "'riches'" in str(failed.exception)
