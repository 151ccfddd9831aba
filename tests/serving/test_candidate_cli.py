"""`bank promote candidate`: what is tried is shown, changed and ended, and the history tells it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm_rules.errors import NotAllowed
from crm_rules.governance.candidates import Mode, Tryout
from serving.candidate_cli import candidate
from serving.promote_cli import promote
from tests.conftest import AT
from tests.promoted import changed_policy, opened, promoted_tiny, sign

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    tiny = promoted_tiny(tmp_path / "home")
    with opened(tiny) as desk:
        tryout = Tryout(Mode.CANARY, 10)
        asked = desk.ask([changed_policy(tiny)], tiny.origin, tiny.signer("dana"), AT, "lower", tryout)
        sign(desk, tiny, asked, AT)
    monkeypatch.setenv("BANK_HOME", str(tiny.home))
    monkeypatch.chdir(tiny.home)

    def command(*arguments: str, of: object = candidate, code: int = 0) -> str:
        done = CliRunner().invoke(candidate if of is candidate else promote, [*arguments])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    return command


def test_what_is_tried_is_shown_changed_and_ended_and_the_history_tells_it(run: Run) -> None:
    shown = run("show")
    assert "Next: `bank promote candidate percent 50`" in shown
    assert "of R2 is tried: canary for 10 % of customers." in shown
    assert "record 1, by carla (compliance)" in shown
    assert "is tried: canary for 25 % of customers." in run("percent", "25", "--by", "otto")
    told = json.loads(run("show", "--json"))["candidate"]
    assert (told["mode"], told["percent"], told["number"], told["by"]) == ("canary", 25, 2, "otto")
    assert "Next: `bank promote candidate finish`" in run("percent", "50", "--by", "otto")
    assert "It is tried. Next: `bank promote candidate show`." in run("show", "R2", of=promote)
    assert "R2 is no longer tried" in run("end", "--reason", "complaints", "--by", "otto")
    assert "No release is tried." in run("show")
    assert json.loads(run("show", "--json")) == {"candidate": None}
    history = run("history", of=promote)
    for line in (
        "R2     dana asks for policy: ended (otto: complaints)",
        "canary for 10 % of customers (carla, compliance)",
        "canary for 25 % of customers (otto, operator)",
        "canary for 50 % of customers (otto, operator)",
        "R2     no longer tried: complaints (otto, operator)",
    ):
        assert line in history
    assert [each["cause"] for each in json.loads(run("history", "--json", of=promote))["candidates"]] == [
        "begin", "share", "share", "end",
    ]  # fmt: skip
    with pytest.raises(NotAllowed, match="no release is tried"):
        run("finish", "--by", "otto")


@pytest.mark.parametrize("share", ["0", "101", "ten"])
def test_a_share_that_is_none_is_a_wrong_use(run: Run, share: str) -> None:
    run("percent", share, "--by", "otto", code=2)


def test_a_release_is_a_canary_or_a_shadow(run: Run) -> None:
    run("request", "policy", "--canary", "10", "--shadow", "10", of=promote, code=2)
