"""What of a changed description an app would notice."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bank import app
from serving.api.described.breaking import breaking
from serving.api.openapi import GOLDEN, document

ROOT = Path(__file__).parents[3]
CREDIT = ("paths", "/v1/decisions/credit", "post")
BODY = ("components", "schemas", "CreditBody")
ANSWER = ("components", "schemas", "CreditDecision")
PROBLEM = ("components", "schemas", "Problem")
Change = Callable[[dict[str, Any]], object]


def at(document: dict[str, Any], *steps: str) -> Any:
    found: Any = document
    for step in steps:
        found = found[step]
    return found


def set_to(value: object, *steps: str) -> Change:
    def change(document: dict[str, Any]) -> object:
        at(document, *steps[:-1])[steps[-1]] = value
        return None

    return change


def without(*steps: str) -> Change:
    return lambda document: at(document, *steps[:-1]).pop(steps[-1])


def added(value: object, *steps: str) -> Change:
    return lambda document: at(document, *steps).append(value)


def removed(value: object, *steps: str) -> Change:
    return lambda document: at(document, *steps).remove(value)


REQUIRED = {"name": "X-New", "in": "header", "required": True, "schema": {"type": "string"}}
BREAKS = [
    pytest.param(without(*CREDIT), "is gone", id="a-route-gone"),
    pytest.param(without(*CREDIT, "responses", "200"), "gives no 200", id="a-status-gone"),
    pytest.param(set_to([{"token": ["x"]}], *CREDIT, "security"), "another scope", id="another-scope"),
    pytest.param(added(REQUIRED, *CREDIT, "parameters"), "requires X-New", id="a-header-required"),
    pytest.param(lambda it: at(it, *CREDIT, "parameters").pop(), "any more", id="a-header-gone"),
    pytest.param(added("purpose", *BODY, "required"), "purpose is required now", id="a-member-required"),
    pytest.param(without(*BODY, "properties", "purpose"), "purpose is refused now", id="a-member-not-taken"),
    pytest.param(set_to(1e6, *BODY, "properties", "amount", "maximum"), "maximum", id="a-lower-most"),
    pytest.param(set_to(2, *BODY, "properties", "term_months", "minimum"), "minimum", id="a-higher-least"),
    pytest.param(
        set_to("string", *BODY, "properties", "amount", "type"), "type number", id="another-type"
    ),
    pytest.param(set_to("^a", *BODY, "properties", "amount", "pattern"), "pattern", id="a-pattern"),
    pytest.param(
        set_to({"type": "boolean"}, *BODY, "properties", "co_applicant"), "option 2", id="null-not-taken"
    ),
    pytest.param(
        removed("branch", "components", "schemas", "OfferBody", "properties", "channel", "anyOf", 0, "enum"),  # type: ignore[arg-type]
        "option 1 is refused now", id="a-word-not-taken",
    ),
    pytest.param(removed("reasons", *ANSWER, "required"), "reasons may be missing", id="an-answer-may-lack"),
    pytest.param(without(*ANSWER, "properties", "grade"), "grade is gone", id="an-answer-lacks"),
    pytest.param(
        added("maybe", *ANSWER, "properties", "outcome", "enum"), "'maybe' was never", id="a-new-word-given"
    ),
    pytest.param(
        set_to(499, *PROBLEM, "properties", "status", "maximum"), None, id="a-narrower-answer"
    ),
    pytest.param(
        set_to(999, *PROBLEM, "properties", "status", "maximum"), "maximum",
        id="a-wider-answer",
    ),
    pytest.param(
        set_to({"type": ["boolean", "null"]}, *ANSWER, "properties", "newcomer"), "was never", id="null-given"
    ),
    pytest.param(set_to({"type": "integer"}, *BODY, "properties", "more"), None, id="a-new-member-taken"),
    pytest.param(set_to({"type": "integer"}, *ANSWER, "properties", "more"), None, id="a-new-member-given"),
    pytest.param(set_to(2e9, *BODY, "properties", "amount", "maximum"), None, id="a-higher-most"),
    pytest.param(removed("term_months", *BODY, "required"), None, id="a-member-no-longer-required"),
    pytest.param(set_to("Other words", *CREDIT, "summary"), None, id="other-words"),
    pytest.param(set_to({"get": {}}, "paths", "/v1/new"), None, id="a-new-route"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), BREAKS)
def test_a_break_is_named_and_nothing_else_is(change: Change, told: str | None) -> None:
    old, new = document(), copy.deepcopy(document())
    old, new = json.loads(json.dumps(old)), json.loads(json.dumps(new))
    change(new)
    assert old != new
    found = breaking(old, new)
    if told is None:
        assert found == []
    else:
        assert any(told in each for each in found), found


def test_the_description_breaks_nothing_since_the_last_commit() -> None:
    """A break wants another version. In a clean clone both are the same."""
    try:
        shown = subprocess.run(
            ["git", "show", f"HEAD:{GOLDEN.relative_to(ROOT)}"], cwd=ROOT, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no git history here ({type(error).__name__})")
    committed, present = json.loads(shown.stdout), json.loads(GOLDEN.read_bytes())
    if committed["info"]["version"] == present["info"]["version"]:
        assert breaking(committed, present) == []


def test_the_command_prints_the_description_and_judges_an_older_one(tmp_path: Path) -> None:
    run = CliRunner()
    printed = run.invoke(app, ["api", "openapi"])
    assert json.loads(printed.stdout) == json.loads(GOLDEN.read_bytes())
    old = tmp_path / "old.json"
    old.write_text(printed.stdout)
    assert run.invoke(app, ["api", "openapi", "--since", str(old)]).exit_code == 0
    older = json.loads(printed.stdout)
    older["paths"]["/v1/once"] = {"get": {"responses": {}}}
    old.write_text(json.dumps(older))
    judged = run.invoke(app, ["api", "openapi", "--since", str(old)])
    assert (judged.exit_code, judged.stdout.splitlines()[0]) == (3, "GET /v1/once is gone")
