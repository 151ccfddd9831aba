import json
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_rules.errors import NotApproved
from tests.conftest import Tiny, evidence_for
from training.release import runtime
from training.release import verify as verifying
from training.release.assemble import write_evidence
from training.release.current import current
from training.release.errors import AlteredRelease, BrokenRelease, ForgedRecord, NoRelease, UnknownRelease
from training.release.verify import verify


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "path",
    ["parts/propensity/card.onnx", "parts/policy/policy.toml", "scoring.onnx", "manifest.json",
     "parts/recommendation/effects.npz"],
)  # fmt: skip
def test_one_flipped_bit_is_refused_before_anything_is_parsed(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def parsed(*_: object) -> None:
        raise AssertionError("a file was parsed before the release was verified")

    monkeypatch.setattr(verifying, "derive", parsed)
    _flip(tiny.releases / tiny.release / path)
    with pytest.raises(AlteredRelease, match=path.split("/")[-1].split(".")[0]):
        verify(tiny.releases, tiny.release, tiny.trust)


def test_every_single_file_counts(tiny: Tiny) -> None:
    folder = tiny.releases / tiny.release
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "evidence" not in p.parts):
        whole = path.read_bytes()
        _flip(path)
        with pytest.raises(AlteredRelease):
            verify(tiny.releases, tiny.release, tiny.trust)
        path.write_bytes(whole)
    assert verify(tiny.releases, tiny.release, tiny.trust).digest == tiny.release


def _added(folder: Path) -> None:
    (folder / "parts/policy/more.toml").write_bytes(b"")


def _removed(folder: Path) -> None:
    (folder / "parts/reasons/reasons.toml").unlink()


def _linked(folder: Path) -> None:
    path = folder / "parts/reasons/reasons.toml"
    aside = folder.parent / "aside.toml"
    path.rename(aside)
    path.symlink_to(aside)


def _foreign_evidence(folder: Path) -> None:
    (folder / "evidence/policy-0000000000000000.json").write_bytes(b"{}")


@pytest.mark.parametrize("damage", [_added, _removed, _linked, _foreign_evidence])
def test_the_set_of_files_is_exact(tiny: Tiny, damage: Callable[[Path], None]) -> None:
    damage(tiny.releases / tiny.release)
    with pytest.raises((AlteredRelease, BrokenRelease)):
        verify(tiny.releases, tiny.release, tiny.trust)


def test_a_part_without_its_two_signatures_is_not_served(tiny: Tiny) -> None:
    digest = verify(tiny.releases, tiny.release, tiny.trust).manifest.parts["policy"].digest
    evidence = evidence_for("policy", digest, tiny)
    evidence["approvals"] = evidence["approvals"][:1]
    write_evidence(tiny.releases / tiny.release, evidence)
    with pytest.raises(NotApproved, match="policy"):
        verify(tiny.releases, tiny.release, tiny.trust)


def test_a_part_without_evidence_is_not_served(tiny: Tiny) -> None:
    for path in (tiny.releases / tiny.release / "evidence").glob("credit_risk-*"):
        path.unlink()
    with pytest.raises(NotApproved, match="credit_risk"):
        verify(tiny.releases, tiny.release, tiny.trust)


def test_a_derived_file_must_be_what_the_approved_parts_make(tiny: Tiny) -> None:
    folder = tiny.releases / tiny.release
    manifest = json.loads((folder / "manifest.json").read_bytes())
    other = (folder / "parts/propensity/card.onnx").read_bytes()
    from crm_rules.governance.chain import canonical, digest

    manifest["derived"]["scoring.onnx"] = digest(other)
    forged = canonical(manifest)
    (folder / "scoring.onnx").write_bytes(other)
    (folder / "manifest.json").write_bytes(forged)
    folder.rename(tiny.releases / digest(forged))
    with pytest.raises(AlteredRelease, match="approved parts"):
        verify(tiny.releases, digest(forged), tiny.trust)


def test_current_is_believed_only_when_an_operator_signed_it(tiny: Tiny) -> None:
    assert current(tiny.releases, tiny.trust).release == tiny.release
    tiny.switch(tiny.release, 2, by="dana")
    with pytest.raises(ForgedRecord, match="dana"):
        current(tiny.releases, tiny.trust)


def test_an_old_current_played_back_shows(tiny: Tiny) -> None:
    old = (tiny.releases / "current.json").read_bytes()
    tiny.switch(tiny.release, 2)
    (tiny.releases / "current.json").write_bytes(old)
    with pytest.raises(ForgedRecord, match="played back"):
        current(tiny.releases, tiny.trust, least=2)


def test_what_is_not_there_is_said(tiny: Tiny) -> None:
    with pytest.raises(UnknownRelease, match="ffff"):
        verify(tiny.releases, "f" * 64, tiny.trust)
    with pytest.raises(UnknownRelease):
        verify(tiny.releases, "../" + tiny.release[:61], tiny.trust)
    (tiny.releases / "current.json").unlink()
    with pytest.raises(NoRelease, match="bank run"):
        current(tiny.releases, tiny.trust)


def test_a_verified_release_loads(whole_tiny: Tiny) -> None:
    loaded = runtime.load(verify(whole_tiny.releases, whole_tiny.release, whole_tiny.trust))
    assert set(loaded.part_digests) == set(whole_tiny.parts)
    assert loaded.trees is not None
    assert loaded.trees.outputs == 7
