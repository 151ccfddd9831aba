"""What changed from one release to another, and what the command line says of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.errors import BankError
from tests.conftest import Tiny
from training.release.assemble import replace
from training.release.difference import Difference, Kind, difference
from training.release.errors import AlteredRelease, AmbiguousRelease, UnknownRelease
from training.release.reading import named, read_release
from training.release_cli import release as command


def _edited(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def _changed(tiny: Tiny, part: str, file: str, change: Callable[[str], str]) -> str:
    """The release with one file of one part edited, signed."""
    _edited(tiny.parts[part] / file, change)
    new = replace(tiny.releases, tiny.release, part, tiny.parts[part])
    tiny.sign(new, [part])
    return new


def _difference(tiny: Tiny, new: str) -> Difference:
    return difference(read_release(tiny.releases, tiny.release), read_release(tiny.releases, new))


def _products(text: str) -> str:
    products = json.loads(text)
    products[0]["rate"] = 0.03
    added = {**products[1], "product_id": "fund-new"}
    return json.dumps([*products[:-1], added])


def _only_for(text: str) -> str:
    return text.replace("[targeting.only_for]", '[targeting.only_for]\nfund = ["S1"]')


def _columns(text: str) -> str:
    model = json.loads(text)
    model["members"]["card"]["columns"][0] = "age_years"
    return json.dumps(model)


@pytest.mark.parametrize(
    ("part", "file", "change", "wanted"),
    [
        pytest.param(
            "policy", "policy.toml",
            lambda text: text.replace("approve_below_pd = 0.06", "approve_below_pd = 0.05"),
            [("lending.application.approve_below_pd", Kind.CHANGED, 0.06, 0.05)], id="a-cut-off",
        ),
        pytest.param(
            "policy", "policy.toml",
            lambda text: text + '[[changes]]\nfrom = 2027-01-01\nversion = "2"\nset = {"a.b" = 1}\n'
            '[trial]\nshare = 0.5\nset = {"a.b" = 2}\n',
            [("changes.1.from", Kind.ADDED, None, ...), ("changes.1.set.a.b", Kind.ADDED, None, 1),
             ("changes.1.version", Kind.ADDED, None, "2"), ("trial.set.a.b", Kind.ADDED, None, 2),
             ("trial.share", Kind.ADDED, None, 0.5)], id="a-planned-change-and-a-trial",
        ),
        pytest.param(
            "policy", "segments.toml", lambda text: text.replace('version = "2', 'version = "3'),
            [("segments.toml:version", Kind.CHANGED, "2026.1", "3026.1")], id="segments-by-rule",
        ),
        pytest.param(
            "policy", "policy.toml", _only_for,
            [("targeting.only_for.fund", Kind.ADDED, None, ["S1"])], id="a-key-more",
        ),
        pytest.param(
            "products", "products.json", _products,
            [("card-gold.rate", Kind.CHANGED, 0.02, 0.03), ("fund-new", Kind.ADDED, None, ...),
             ("savings-term", Kind.REMOVED, ..., None)], id="products",
        ),
        pytest.param(
            "products", "offers.toml",
            lambda text: text + '\n[[offers]]\noffer_id = "bonus"\nissue = "grow"\n',
            [("offers.bonus", Kind.ADDED, None, ...)], id="an-offer",
        ),
        pytest.param(
            "reasons", "reasons.toml", lambda text: text.replace("The length of the term", "The duration"),
            [("application_term_months.en", Kind.CHANGED, "The length of the term you asked for",
              "The duration you asked for")], id="a-reason",
        ),
        pytest.param(
            "propensity", "model.json", _columns,
            [("card.columns.age_years", Kind.ADDED, None, None),
             ("card.columns.inflow_90d", Kind.REMOVED, None, None)], id="columns-of-a-model",
        ),
    ],
)  # fmt: skip
def test_what_changed_in_a_part_is_told_by_key(
    tiny: Tiny, part: str, file: str, change: Callable[[str], str], wanted: list[tuple[object, ...]]
) -> None:
    found = _difference(tiny, _changed(tiny, part, file, change))
    assert [each.part for each in found.parts if not each.same] == [part]
    [changed] = [each for each in found.parts if not each.same]
    told = [(each.where, each.kind, each.before, each.after) for each in changed.changes]
    assert len(told) == len(wanted)
    for one, expected in zip(told, wanted, strict=True):
        assert all(e is ... or e == o for o, e in zip(one, expected, strict=True)), (one, expected)
    assert [pair.name for pair in changed.gates] == ["tiny"]


def test_a_release_equals_itself(tiny: Tiny) -> None:
    found = _difference(tiny, tiny.release)
    assert found.as_json()["same"]
    assert all(part.same and not part.changes for part in found.parts)
    assert found.changes == ()


def test_a_part_that_came_or_went_is_named(tiny: Tiny) -> None:
    from training.release.assemble import assemble

    parts = {name: path for name, path in tiny.parts.items() if name != "recommendation"}
    found = _difference(tiny, assemble(tiny.releases, parts, tiny.origin))
    [gone] = [part for part in found.parts if not part.same]
    assert (gone.part, gone.after) == ("recommendation", None)
    assert [(each.where, each.kind) for each in found.changes] == [("columns.income_monthly", Kind.REMOVED)]


def test_a_digest_is_found_by_its_first_eight(tiny: Tiny) -> None:
    assert named(tiny.releases, tiny.release[:8]) == tiny.release
    (tiny.releases / (tiny.release[:8] + "0" * 56)).mkdir()
    with pytest.raises(AmbiguousRelease, match="Give more"):
        named(tiny.releases, tiny.release[:8])


@pytest.mark.parametrize("prefix", ["", "abc", "f" * 64, "../" + "a" * 61, "ABCDEF01", "........"])
def test_what_names_no_release_is_said(whole_tiny: Tiny, prefix: str) -> None:
    with pytest.raises(UnknownRelease):
        named(whole_tiny.releases, prefix)


def _run(tiny: Tiny, *words: str) -> str:
    done = CliRunner().invoke(command, list(words), env={"BANK_HOME": str(tiny.home)}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_line_tells_a_changed_cut_off_with_its_gates(tiny: Tiny) -> None:
    new = _changed(tiny, "policy", "policy.toml", lambda t: t.replace("below_pd = 0.06", "below_pd = 0.05"))
    told = _run(tiny, "diff", tiny.release[:8], new[:8])
    assert "lending.application.approve_below_pd 0.06 -> 0.05" in told
    assert "gate tiny: 1 (limit 0.5, ok)" in told
    assert "reasons         same" in told
    assert json.loads(_run(tiny, "diff", new[:8], "--json"))["after"] == tiny.release


def test_show_and_verify_name_the_lock_and_the_bill(whole_tiny: Tiny) -> None:
    shown, verified = _run(whole_tiny, "show"), _run(whole_tiny, "verify", whole_tiny.release[:12])
    assert "signed victor (validator), rita (risk_approver)" in shown
    assert "tiny" in shown
    assert "packages" in verified
    told = json.loads(_run(whole_tiny, "show", "--json"))
    assert told["lock"] in verified
    assert told["approvals"] == 2 * len(whole_tiny.parts)
    assert told["people"] == 2


def test_a_damaged_release_is_said_in_one_sentence(tiny: Tiny) -> None:
    (tiny.releases / tiny.release / "sbom.json").write_bytes(b"{}")
    for words in (["verify"], ["show"], ["diff", tiny.release]):
        done = CliRunner().invoke(command, words, env={"BANK_HOME": str(tiny.home)})
        assert isinstance(done.exception, BankError)
        assert isinstance(done.exception, AlteredRelease)
        assert "sbom.json" in str(done.exception)
