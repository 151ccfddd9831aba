import json

from typer.testing import CliRunner

from crm_rules import cli


def test_rules_are_listed_with_law_and_meaning() -> None:
    done = CliRunner().invoke(cli.rules, ["list", "--json"])
    listed = {row["code"]: row for row in json.loads(done.stdout)}
    assert listed["SUIT-01"]["law"] == "NFRA Order 2025-7"
    assert listed["LEND-08"]["effect"] == "person"
    assert "SUIT-01  block" in CliRunner().invoke(cli.rules, ["list"]).stdout
