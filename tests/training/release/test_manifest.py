import json
from collections.abc import Callable
from typing import Any

import pytest

from crm_rules.governance.chain import canonical
from tests.conftest import Tiny
from training.release.errors import BrokenRelease
from training.release.manifest import read_manifest

SHA = "0" * 64


def test_a_manifest_reads_back_as_it_was_written(whole_tiny: Tiny) -> None:
    content = (whole_tiny.releases / whole_tiny.release / "manifest.json").read_bytes()
    manifest = read_manifest(content)
    assert manifest.to_bytes() == content
    assert manifest.digest == whole_tiny.release


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda m: m["parts"]["policy"]["files"].update({"../../up.toml": SHA}), id="a-way-out"),
        pytest.param(lambda m: m["parts"]["policy"]["files"].update({"/etc/passwd": SHA}), id="absolute"),
        pytest.param(lambda m: m["parts"]["policy"]["files"].update({"policy.toml": "0"}), id="no-digest"),
        pytest.param(
            lambda m: m["parts"].update({"macros": {"digest": SHA, "files": {}}}), id="unknown-part"
        ),
        pytest.param(lambda m: m["parts"].pop("policy"), id="no-policy"),
        pytest.param(lambda m: m.update({"format": 2}), id="another-format"),
        pytest.param(lambda m: m.update({"extra": 1}), id="an-extra-key"),
        pytest.param(lambda m: m["columns"].append(m["columns"][0]), id="a-column-twice"),
        pytest.param(lambda m: m["parts"]["policy"].update({"digest": SHA}), id="a-wrong-part-digest"),
        pytest.param(lambda m: m["derived"].update({"more.onnx": SHA}), id="an-unknown-derived-file"),
        pytest.param(lambda m: m.update({"feature_views": {"profile": [1]}}), id="a-column-that-is-no-name"),
    ],
)
def test_a_manifest_is_read_strictly(whole_tiny: Tiny, damage: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((whole_tiny.releases / whole_tiny.release / "manifest.json").read_bytes())
    damage(manifest)
    with pytest.raises(BrokenRelease, match=r"manifest\.json"):
        read_manifest(canonical(manifest))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null", b"[" * 100_000, b"\xff"])
def test_what_is_no_manifest_is_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(BrokenRelease, match=r"manifest\.json"):
        read_manifest(content)
