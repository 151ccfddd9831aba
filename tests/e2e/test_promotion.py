"""Promotion as its users meet it: the whole way by the command line, in the demo and in a bank's own home."""

import contextlib
import io
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import bank
from crm_rules.policy import STANDARD

SECRET = "seven green bottles, hanging"
TRACE = "Traceback"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.rstrip().splitlines()[-1]


@dataclass(frozen=True)
class Desk:
    """Commands in this process on one home; `by` is who signs, if not who is logged in."""

    home: Path
    profile: str = "demo"
    secret: str = ""

    def __call__(self, *words: str, by: str = "", code: int = 0) -> Ended:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("BANK_")]:
                patch.delenv(name)
            patch.setenv("BANK_HOME", str(self.home))
            patch.setenv("BANK_PROFILE", self.profile)
            if self.secret:
                patch.setenv("BANK_PASSPHRASE", self.secret)
                patch.setenv("BANK_NEW_PASSPHRASE", self.secret)
            patch.setattr(sys, "argv", ["bank", *words, *(["--by", by] if by else [])])
            patch.chdir(self.home)
            out, err = io.StringIO(), io.StringIO()
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                pytest.raises(SystemExit) as ended,
            ):
                bank.main()
        found = Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())
        assert found.code == code, (words, found)
        assert TRACE not in found.err
        return found

    def refuses(self, *words: str, by: str = "", told: str) -> None:
        """Exit 1 and one line that ends as a sentence and says `told`; nothing but a draft was shown."""
        found = self(*words, by=by, code=1)
        assert found.out == "" or words[:2] == ("people", "sign")
        [line] = found.err.strip().splitlines()
        assert line.endswith((".", "`"))
        assert told in line

    def request(self, *words: str, by: str = "dana", code: int = 0) -> str:
        """Put something forward; the request's id."""
        return self("promote", "request", *words, by=by, code=code).out.split()[0]

    def release(self) -> str:
        told = json.loads(self("release", "verify", "--json").out)
        return str(told["release"])


def policy(folder: Path, change: Callable[[str], str]) -> str:
    """A policy file that differs from the shipped one by `change`; its path."""
    path = folder / "policy.toml"
    text = change(STANDARD.read_text())
    assert text != STANDARD.read_text()
    path.write_text(text)
    return str(path)


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def cut_off(pd: object) -> Callable[[str], str]:
    return swap("approve_below_pd = 0.06", f"approve_below_pd = {pd}")


@pytest.fixture(scope="module")
def copied(generated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished home of the main job, copied: it is changed here."""
    return Path(shutil.copytree(generated.path, tmp_path_factory.mktemp("promotion") / "home"))


@pytest.fixture(scope="module")
def desk(copied: Path) -> Iterator[Desk]:
    """Whatever the tests of this file did to it, at the end every record is as it was written."""
    desk = Desk(copied)
    yield desk
    assert desk("audit", "verify").last == "0 problems: intact"


def test_a_cut_off_changes_by_two_signatures_and_is_taken_back_by_one(desk: Desk, tmp_path: Path):
    before = desk.release()
    asked = desk("promote", "request", "policy", "--from", policy(tmp_path, cut_off(0.05)),
                 "--note", "a lower cut-off", by="dana")  # fmt: skip
    name = asked.out.split()[0]
    assert "  lending.application.approve_below_pd 0.06 -> 0.05" in asked.out.splitlines()
    assert "  version is the same as before: decisions could not tell the two policies apart" in asked.out
    assert asked.last == (
        f"Next: validator and risk approver sign, `bank promote approve {name}`; "
        f"or `bank promote reject {name} --reason ...`."
    )
    assert desk("promote", "show", name).out == asked.out
    assert "it waits for risk approver" in desk("promote", "approve", name, by="victor").out
    assert desk.release() == before
    assert "is current (switch" in desk("promote", "approve", name, by="rita").out
    after = desk.release()
    assert after != before
    told = desk("release", "diff", before[:12]).out
    assert "  lending.application.approve_below_pd 0.06 -> 0.05" in told.splitlines()
    assert (
        len(re.findall(r"^\w+ +same ", told, re.MULTILINE))
        == len(re.findall(r"^\w+ +(same|changed) ", told, re.MULTILINE)) - 1
    )

    back = desk("promote", "rollback", "policy", "--reason", "complaints", by="otto")
    assert desk.release() == before
    [hold] = re.findall(r"Review (H\d+) is due", back.out)
    assert f"{hold:<24} policy" in desk("promote", "holds").out
    held = {each["id"]: each for each in json.loads(desk("promote", "holds", "--json").out)["holds"]}
    assert (held[hold]["by"], held[hold]["blocks"]) == ("otto", False)
    assert desk("promote", "show", name).out.splitlines()[0].endswith(": was live")
    desk.refuses("promote", "lift", hold, "--reason", "fine", by="otto", told="'otto' has the roles operator")
    desk("promote", "lift", hold, "--reason", "looked at", by="rita")
    assert hold not in desk("promote", "holds").out
    history = desk("promote", "history", "--part", "policy").out.splitlines()
    assert "rollback policy by otto (operator): complaints, current" in history[-1]
    assert "a lower cut-off" in history[-2]


def test_a_rejected_request_changes_nothing_and_keeps_its_reason(desk: Desk, tmp_path: Path):
    before = desk.release()
    name = desk.request("policy", "--from", policy(tmp_path, cut_off(0.055)))
    desk("promote", "approve", name, by="victor")
    told = desk("promote", "reject", name, "--reason", "no case for it", by="rita")
    assert told.last == f"{name} is rejected (rita: no case for it). What was live goes on."
    desk.refuses("promote", "approve", name, by="rita", told=f"Approving {name} is not possible: it does not")
    assert (
        f"{name:<6} dana asks for policy: rejected (rita: no case for it)" in desk("promote", "history").out
    )
    assert desk.release() == before


def test_a_soft_gate_is_waived_in_writing_and_a_hard_one_never(desk: Desk):
    refused = desk("promote", "request", "segmentation", by="dana", code=3)
    assert (
        "segmentation: 'trained again it is the same' said no; waive it with --waive reproducibility=REASON."
        in refused.out.splitlines()
    )
    hard = desk("promote", "request", "segmentation", "--pia", "nothing", by="dana", code=3)
    assert "'reference of the impact assessment' said no; nobody can waive it." in hard.out
    for key, why in (
        ("leak", "no gate of that name or kind said no"),
        ("pia", "nobody can waive a hard gate"),
    ):
        words = ("promote", "request", "segmentation", "--pia", "nothing", "--waive", f"{key}=please")
        desk.refuses(*words, by="dana", told=why)
    waived = desk("promote", "request", "segmentation", *waivers(refused), by="dana")
    assert re.search(r"^waived  reproducibility  trained again it is the same", waived.out, re.MULTILINE)
    assert re.search(r"^waived until 20\d\d-\d\d-\d\d: trained again.*: on Monday$", waived.out, re.MULTILINE)
    assert "the same, to the byte, as what was live" in waived.out
    name = waived.out.split()[0]
    desk("promote", "approve", name, by="victor")
    desk("promote", "approve", name, by="rita")
    told = desk("promote", "history", "--at", "2999-01-01").out
    assert re.search(rf"segmentation .* {name}: \d+ of \d+ gates passed, \d+ waived; victor", told)
    assert "NO  " not in desk("release", "show").out


def waivers(refused: Ended) -> list[str]:
    """The waivers that a refused request says are possible."""
    kinds = dict.fromkeys(re.findall(r"waive it with --waive (\w+)=REASON", refused.out))
    return [word for kind in kinds for word in ("--waive", f"{kind}=on Monday")]


def test_one_model_is_replaced_and_rolled_back_alone(desk: Desk):
    before = json.loads(desk("release", "show", "--json").out)["part_digests"]
    desk("train", "segmentation", "--seed", "8")
    refused = desk("promote", "request", "segmentation", by="dana", code=3)
    name = desk.request("segmentation", *waivers(refused))
    desk("promote", "approve", name, by="victor")
    desk("promote", "approve", name, by="rita")
    after = json.loads(desk("release", "show", "--json").out)["part_digests"]
    assert {part for part in before if before[part] != after[part]} == {"segmentation"}
    assert champion(desk) == "2"
    desk("promote", "rollback", "segmentation", "--reason", "odd names", by="otto")
    assert json.loads(desk("release", "show", "--json").out)["part_digests"] == before
    assert champion(desk) == "1"


def champion(desk: Desk) -> str:
    listed = json.loads(desk("models", "list", "--json").out)["models"]
    [version] = [each["version"] for each in listed
                 if each["name"] == "segmentation" and "champion" in each["aliases"]]  # fmt: skip
    return str(version)


def test_one_person_stops_a_product_and_two_start_it_again(desk: Desk):
    words = ("product", "SAV-GOAL", "--reason", "wrong price")
    assert "Stopped: product 'SAV-GOAL' by otto" in desk("stop-switch", "on", *words, by="otto").out
    assert "by otto: wrong price" in desk("stop-switch", "list").out
    assert "it is still stopped" in desk("stop-switch", "off", *words, by="otto").out
    desk.refuses("stop-switch", "off", *words, by="otto", told="another person takes it off")
    assert "Started again" in desk("stop-switch", "off", *words, by="rita").out
    assert "SAV-GOAL" not in desk("stop-switch", "list").out


def edited(path: Path, change: Callable[[bytes], bytes]) -> Callable[[], None]:
    """Change a file by hand; what is returned puts it back."""
    before = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(change(before))

    def put_back() -> None:
        path.write_bytes(before)

    return put_back


def executed(database: Path, sql: str, back: str) -> Callable[[], None]:
    """Run SQL by hand; what is returned runs the way back."""

    def run(statement: str) -> None:
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            assert connection.execute(statement).rowcount > 0

    run(sql)
    return lambda: run(back)


def a_byte_of_the_release(desk: Desk) -> Callable[[], None]:
    path = desk.home / "releases" / desk.release() / "parts" / "reasons" / "reasons.toml"
    return edited(path, lambda content: content.replace(b"low", b"odd", 1))


def a_row_of_the_journal(desk: Desk) -> Callable[[], None]:
    sql = "UPDATE events SET body = replace(body, '{0}', '{1}') WHERE kind = 'requested' AND seq < 9"
    words = ("trained by the run", "trained by the fox")
    return executed(desk.home / "governance.db", sql.format(*words), sql.format(*reversed(words)))


def the_alias_in_mlflow(desk: Desk) -> Callable[[], None]:
    sql = "UPDATE registered_model_aliases SET alias = '{1}' WHERE name = 'segmentation' AND alias = '{0}'"
    return executed(
        desk.home / "mlflow" / "mlflow.db", sql.format("champion", "gone"), sql.format("gone", "champion")
    )


@pytest.mark.parametrize(("tamper", "named"), [
    pytest.param(a_byte_of_the_release, "'parts/reasons/reasons.toml' has other content", id="release"),
    pytest.param(a_row_of_the_journal, "its content was altered", id="journal"),
    pytest.param(the_alias_in_mlflow, "is live, but is not MLflow's champion", id="alias"),
])  # fmt: skip
def test_what_is_changed_behind_promotion_is_named_by_the_audit(
    desk: Desk, tamper: Callable[[Desk], Callable[[], None]], named: str
):
    put_back = tamper(desk)
    try:
        told = desk("audit", "verify", code=3)
    finally:
        put_back()
    assert named in told.out
    assert told.last.endswith("ALTERED")


@pytest.fixture(scope="module")
def waiting(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A request for the policy that the validator has signed already."""
    name = desk.request("policy", "--from", policy(tmp_path_factory.mktemp("policy"), cut_off(0.045)))
    desk("promote", "approve", name, by="victor")
    return name


@pytest.mark.parametrize(("words", "by", "told"), [
    pytest.param("request segmentatoin", "dana", "there are the parts segmentation", id="unknown-part"),
    pytest.param("request propensity --version 99", "dana", "There is no version 99", id="unknown-version"),
    pytest.param("request policy --version 1", "dana", "with exactly one model", id="version-of-a-policy"),
    pytest.param("request propensity", "otto", "it takes scientist", id="wrong-role"),
    pytest.param("request policy", "nobody", "'nobody' is not on the trust file", id="unknown-person"),
    pytest.param("request policy", "", "and no `--by ID` says who acts", id="nobody"),
    pytest.param("show R999", "", "There is no request 'R999'", id="unknown-request"),
    pytest.param("approve R999", "rita", "There is no request 'R999'", id="unknown-approved"),
    pytest.param("approve WAITING", "dana", "it takes risk_approver", id="author"),
    pytest.param("approve WAITING", "victor", "each role needs another person", id="twice"),
    pytest.param("approve WAITING --role compliance", "carla", "it needs validator", id="not-needed"),
    pytest.param("approve WAITING --role validator", "rita", "victor' has signed as", id="role-taken"),
    pytest.param("reject WAITING --reason x", "mia", "roles marketing", id="may-not-reject"),
    pytest.param("reject WAITING --reason=", "rita", "it takes a reason", id="no-reason"),
    pytest.param("rollback policies --reason x", "otto", "no release has it", id="unknown-rollback"),
    pytest.param("rollback products --reason x", "otto", "no version before", id="first-version"),
    pytest.param("rollback policy --to feedbeef --reason x", "otto", "no earlier", id="unknown-digest"),
    pytest.param("rollback policy --reason x", "rita", "it takes operator", id="not-an-operator"),
    pytest.param("hold polisy --reason x", "rita", "there are the parts", id="unknown-hold-part"),
    pytest.param("lift H999 --reason x", "rita", "there is no such hold", id="unknown-hold"),
])  # fmt: skip
def test_what_promotion_cannot_do_is_one_clear_sentence(
    desk: Desk, waiting: str, words: str, by: str, told: str
):
    desk.refuses("promote", *words.replace("WAITING", waiting).split(), by=by, told=told)


@pytest.mark.parametrize(("words", "told"), [
    pytest.param(["request", "policy", "--waive", "leak"], "write GATE=REASON", id="waive-without-reason"),
    pytest.param(["request", "policy", "--waive", "=why"], "write GATE=REASON", id="waive-without-gate"),
    pytest.param(["request", "policy", "--from", "none.toml"], "does not exist", id="no-file"),
    pytest.param(["request"], "Missing argument", id="no-part"),
    pytest.param(["history", "--at", "yesterday"], "is no date; write 2026-05-03", id="no-date"),
    pytest.param(["history", "--at", "2026-02-30"], "is no date; write 2026-05-03", id="no-day"),
    pytest.param(["approve", "R1", "--role", "chief"], "chief is no role", id="no-role"),
    pytest.param(["hold", "policy", "--reason", "x", "--days", "-1"], "than or equal to 0", id="days"),
])  # fmt: skip
def test_what_promotion_does_not_understand_is_a_wrong_use(desk: Desk, words: list[str], told: str):
    found = desk("promote", *words, code=2)
    assert told in " ".join(found.err.replace("│", " ").split())


@pytest.mark.parametrize(("change", "told"), [
    pytest.param(swap("approve_below_pd", "approve_belowpd"), "is not known", id="unknown-key"),
    pytest.param(swap("approve_below_pd = 0.06\n", ""), "policy.toml is missing", id="missing-key"),
    pytest.param(swap("\namount_max", "\namount_max = 1.0\namount_max"), "line", id="key-twice"),
    pytest.param(cut_off("'low'"), "should be a number, not 'low'", id="no-number"),
    pytest.param(lambda text: text + "\x00", "cannot be read as TOML", id="no-toml"),
])  # fmt: skip
def test_a_policy_that_is_not_well_formed_is_refused_before_anybody_signs(
    desk: Desk, tmp_path: Path, change: Callable[[str], str], told: str
):
    asked = desk("promote", "history").out
    desk.refuses("promote", "request", "policy", "--from", policy(tmp_path, change), by="dana", told=told)
    assert desk("promote", "history").out == asked


def test_a_hold_stops_the_next_promotion_before_any_gate_runs(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("serving.pipeline.requesting.check", None)
    hold = desk("promote", "hold", "propensity", "--reason", "drift", by="rita").out.split()[1]
    desk.refuses("promote", "request", "propensity", by="dana", told=f"a hold blocks it: {hold} since")
    desk.refuses("promote", "lift", hold, "--reason", "me", by="rita", told="'rita' caused it")
    desk("promote", "lift", hold, "--reason", "looked at", by="victor")
    assert hold not in desk("promote", "holds").out


def test_a_newer_request_takes_the_place_of_the_one_that_waits(desk: Desk, tmp_path: Path):
    older = desk.request("policy", "--from", policy(tmp_path, cut_off(0.04)))
    newer = desk.request("policy", "--from", policy(tmp_path, cut_off(0.03)))
    desk.refuses("promote", "approve", older, by="victor", told=f"superseded (by {newer})")
    desk("promote", "reject", newer, "--reason", "done", by="dana")


def test_a_key_that_is_lost_signs_nothing(desk: Desk, tmp_path: Path):
    key = desk.home / "keys" / "victor.pem"
    shutil.move(key, tmp_path / "victor.pem")
    try:
        desk.refuses("promote", "approve", "R1", by="victor", told="victor.pem cannot be read (No such file")
    finally:
        shutil.move(tmp_path / "victor.pem", key)


LINKED = ("raw", "features", "feast", "truth")


@pytest.fixture
def own(generated, tmp_path: Path) -> Desk:
    """A bank's own home, profile bank: tables and online rows, and nobody who counts yet."""
    home = tmp_path / "own"
    home.mkdir()
    for name in LINKED:
        if (generated.path / name).exists():
            (home / name).symlink_to(generated.path / name)
    with contextlib.closing(sqlite3.connect(generated.path / "online.db")) as source:
        source.execute("VACUUM INTO ?", (str(home / "online.db"),))
    return Desk(home, "bank", SECRET)


PEOPLE = (("sara", "scientist"), ("val", "validator"), ("ria", "risk_approver"), ("olga", "operator"))


def test_a_bank_of_its_own_begins_with_two_administrators_and_goes_live(own: Desk):
    own.refuses("run", "--no-serve", told="`bank run` signs for nobody. Do its steps: `bank data ingest DIR`")
    own.refuses("serve", told="a new bank begins with `bank keys new ID`")
    own.refuses("promote", "request", "policy", by="sara", told="`bank people found`")
    assert "1 to 64" in own("keys", "new", "Ann", code=2).err
    keys = {name: new_key(own, name) for name in ("ann", "bea", *(name for name, _ in PEOPLE))}
    founders = [f"--administrator={name}={keys[name]}" for name in ("ann", "bea")]
    own.refuses("people", "found", founders[0], by="ann", told="fewer than two administrators")
    own("people", "found", *founders, by="ann")
    own.refuses("people", "sign", "--yes", by="ann", told="two different administrators are needed")
    wrong = replace(own, secret="seven red bottles, hanging")
    wrong.refuses("people", "sign", "--yes", by="bea", told="does not open with that passphrase. Type")
    assert own("people", "sign", "--yes", by="bea").last.startswith(
        "Pin its root on every machine: BANK_TRUST_ROOT="
    )
    for name, role in PEOPLE:
        changed(own, "join", name, "--name", name.title(), "--role", role, "--public-key", keys[name])

    own("people", "password", "sara")
    assert "Sara is logged in as scientist" in own("login", "sara").out
    name = own.request("policy", "products", "reasons", by="")
    own.refuses("serve", told="No release is current")
    own("promote", "approve", name, by="val")
    wrong.refuses("promote", "approve", name, by="ria", told="does not open with that passphrase")
    own("promote", "approve", name, by="ria")
    assert own("release", "verify").out.startswith("Release ")
    assert "name what it may do" in own("token", "issue", "app", code=2).err

    live, next_one = own.release(), own.request("products", by="sara")
    changed(own, "leave", "val")
    own.refuses("promote", "approve", next_one, by="val", told="the person left on")
    changed(own, "key", "ria", "--revoke", keys["ria"])
    own.refuses("promote", "approve", next_one, by="ria", told="no key counted then")
    (own.home / "keys" / "ria.pem").unlink()
    fresh = new_key(own, "ria")
    changed(own, "key", "ria", "--replace", fresh)
    assert "it waits for validator" in own("promote", "approve", next_one, by="ria").out
    (own.home / "keys" / "ria.pem").unlink()
    other = new_key(own, "ria")
    assert other != fresh
    own.refuses(
        "promote", "hold", "policy", "--reason", "x", by="ria", told="none of the keys of 'ria' that count"
    )
    assert own.release() == live
    assert own("audit", "verify").last == "0 problems: intact"


def new_key(desk: Desk, name: str) -> str:
    made = desk("keys", "new", name)
    assert "encrypted; keep a backup" in made.out
    [public] = re.findall(r"Public key +(\S+)", made.out)
    return str(public)


def changed(desk: Desk, *words: str) -> None:
    """One administrator proposes, the other signs."""
    assert desk("people", *words, by="ann").last.endswith(
        "Next: another administrator signs it, `bank people sign`."
    )
    assert "is in force" in desk("people", "sign", "--yes", by="bea").last
