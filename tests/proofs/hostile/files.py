"""Files that lie, files that are too many, and manifests that say what they should not."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from tests.proofs.hostile.attack import Attack
from tests.proofs.hostile.stage import Files, Stage

YAML = b"!!python/object/apply:builtins.open ['MARKER', 'w']\n"
MLMODEL = b"flavors:\n  xgboost:\n    model_class: posix.system\n    data: model.ubj\n"
SKOPS = b"PK\x03\x04schema.json{'__class__': 'system', '__module__': 'posix', '__loader__': 'TypeNode'}"
SHA = "0" * 64
GB = 1 << 30


def lying(name: str, content: bytes | None = None) -> Callable[[Stage], object]:
    """A file more in the folder; the stage's pickle unless it is given."""

    def make(stage: Stage) -> None:
        path = stage.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stage.pickle if content is None else _aimed(content, stage))

    return make


def listed(name: str, content: bytes | None = None) -> Callable[[Stage], object]:
    """The same file, listed in the manifest and signed by everybody."""

    def make(stage: Stage) -> None:
        held = stage.pickle if content is None else _aimed(content, stage)
        stage.forge(lambda files: files.update({name: held}))

    return make


def said(change: Callable[[dict[str, dict[str, object]]], object]) -> Callable[[Stage], object]:
    """A manifest that says something else, re-hashed, with the evidence it had."""
    return lambda stage: stage.forge(manifest=change, signed=False)


def written(change: Callable[[bytes], bytes]) -> Callable[[Stage], object]:
    """A manifest whose bytes are changed, re-hashed."""
    return lambda stage: stage.forge(written=change, signed=False)


def _aimed(content: bytes, stage: Stage) -> bytes:
    return content.replace(b"MARKER", str(stage.marker).encode())


def _linked_file(stage: Stage) -> None:
    path, aside = stage.folder / "parts/reasons/reasons.toml", stage.releases.parent / "aside.toml"
    path.rename(aside)
    path.symlink_to(aside)


def _linked_folder(stage: Stage, name: str = "") -> None:
    path, aside = stage.folder / name, stage.releases.parent / "aside"
    path.rename(aside)
    path.symlink_to(aside, target_is_directory=True)


def _large(stage: Stage, name: str) -> None:
    os.truncate(stage.folder / name, 8 * GB)


def _crowded(stage: Stage) -> None:
    for number in range(300):
        (stage.folder / f"parts/policy/{number}.toml").touch()


def _flipped(stage: Stage, name: str) -> None:
    content = bytearray((stage.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (stage.folder / name).write_bytes(bytes(content))


def _truncated(stage: Stage) -> None:
    path = stage.folder / "parts/propensity/card.onnx"
    path.write_bytes(path.read_bytes()[:-100])


def _swapped_columns(raw: dict[str, dict[str, object]]) -> None:
    columns = raw["columns"]
    columns[0], columns[1] = columns[1], columns[0]  # type: ignore[index]


def _swapped_in_the_part(files: Files) -> None:
    name = "parts/propensity/model.json"
    model = json.loads(files[name])
    model["members"]["card"]["columns"].reverse()
    files[name] = json.dumps(model).encode()


def _swapped_and_renamed(stage: Stage) -> None:
    old = next((stage.folder / "evidence").glob("propensity-*")).read_bytes()
    stage.forge(_swapped_in_the_part, signed=True)
    next((stage.folder / "evidence").glob("propensity-*")).write_bytes(old)


def _twice(content: bytes) -> bytes:
    return content.replace(b'{"columns":', b'{"columns":[],"columns":', 1)


def _file(name: str) -> Callable[[dict[str, dict[str, object]]], object]:
    return lambda raw: raw["parts"]["policy"]["files"].update({name: SHA})  # type: ignore[index]


ALTERED, REFUSED, NO_MANIFEST = "was altered", "cannot be used", "it is not a manifest"

ATTACKS = (
    Attack("pickle-beside-a-part", lying("parts/propensity/model.pkl"), ALTERED),
    Attack("pickle-listed-and-signed", listed("parts/propensity/model.pkl"), "file 'model.pkl'"),
    Attack("cloudpickle-as-mlflow-names-it", listed("parts/propensity/python_model.pkl"), "python_model"),
    Attack("mlmodel-with-a-model-class", listed("parts/propensity/MLmodel", MLMODEL), "file 'MLmodel'"),
    Attack("mlmodel-beside-a-part", lying("parts/propensity/MLmodel", MLMODEL), ALTERED),
    Attack("yaml-tag-that-calls", listed("parts/policy/policy.yaml", YAML), "file 'policy.yaml'"),
    Attack("skops-with-its-own-trust", listed("parts/credit_risk/model.skops", SKOPS), "'model.skops'"),
    Attack("python-in-a-part", listed("parts/policy/policy.py", b"open('MARKER','w')"), "'policy.py'"),
    Attack("shared-library-in-a-part", listed("parts/propensity/ops.so", b"\x7fELF"), "'ops.so'"),
    Attack("pickle-under-a-wrong-kind", listed("parts/policy/policy.json"), "file 'policy.json'"),
    Attack("pickle-with-two-suffixes", listed("parts/propensity/model.json.pkl"), "'model.json.pkl'"),
    Attack("kind-in-capitals", listed("parts/propensity/model.JSON"), "file 'model.JSON'"),
    Attack("file-that-is-a-link", _linked_file, "a link or a special file"),
    Attack("release-folder-that-is-a-link", _linked_folder, "is not in"),
    Attack("parts-folder-that-is-a-link", lambda s: _linked_folder(s, "parts"), "a link or a special file"),
    Attack("manifest-that-is-a-link", lambda s: _linked_folder(s, "manifest.json"), "cannot be opened"),
    Attack("pipe-among-the-files", lambda s: os.mkfifo(s.folder / "parts/policy/more.toml"), "special file"),
    Attack("file-with-an-unseen-letter", lying("parts/policy/policy.toml\u200b"), ALTERED),
    Attack("file-with-a-dot-more", lying("parts/policy/policy.toml."), ALTERED),
    Attack("hidden-file", lying("parts/policy/.policy.toml"), ALTERED),
    Attack("hidden-folder", lying(".git/hooks/post-checkout"), ALTERED),
    Attack("file-beside-the-manifest", lying("__init__.py"), ALTERED),
    Attack("file-among-the-evidence", lying("evidence/more.json"), "belongs to no part"),
    Attack("empty-folder", lambda s: (s.folder / "parts/policy/empty").mkdir(), "an empty folder"),
    Attack("three-hundred-files", _crowded, "more than 200 files"),
    Attack("manifest-of-eight-gigabytes", lambda s: _large(s, "manifest.json"), "larger than"),
    Attack("policy-of-eight-gigabytes", lambda s: _large(s, "parts/policy/policy.toml"), "larger than"),
    Attack("evidence-of-eight-gigabytes", lambda s: _large(s, _evidence(s)), "larger than"),
    Attack("bit-flipped-in-a-model", lambda s: _flipped(s, "parts/propensity/card.onnx"), ALTERED),
    Attack("bit-flipped-in-the-graph", lambda s: _flipped(s, "scoring.onnx"), ALTERED),
    Attack("bit-flipped-in-the-bill", lambda s: _flipped(s, "sbom.json"), ALTERED),
    Attack("bit-flipped-in-the-manifest", lambda s: _flipped(s, "manifest.json"), ALTERED),
    Attack("model-cut-short", _truncated, ALTERED),
    Attack("bill-left-out", lambda s: (s.folder / "sbom.json").unlink(), "is missing"),
    Attack("order-of-columns-swapped", said(_swapped_columns), "names other columns", frozenset({"parsed"})),
    Attack(
        "order-swapped-inside-a-part",
        lambda s: s.forge(_swapped_in_the_part, signed=False),
        "belongs to no part",
    ),
    Attack(
        "order-swapped-with-the-old-approval", _swapped_and_renamed, "names another part or another digest"
    ),
    Attack("way-up-in-the-manifest", said(_file("../../up.toml")), NO_MANIFEST),
    Attack("absolute-path-in-the-manifest", said(_file("/etc/passwd.toml")), NO_MANIFEST),
    Attack("key-twice-in-the-manifest", written(_twice), "a key occurs twice"),
    Attack("extra-key-in-the-manifest", said(lambda raw: raw.update({"hook": {}})), "more than a manifest"),
    Attack(
        "unknown-part-in-the-manifest",
        said(lambda r: r["parts"].update({"hooks": {"files": {}}})),
        NO_MANIFEST,
    ),
    Attack("manifest-without-a-bill", said(lambda raw: raw["enclosed"].clear()), NO_MANIFEST),
    Attack("manifest-without-a-lock", said(lambda raw: raw.pop("lock")), NO_MANIFEST),
    Attack("manifest-of-a-later-format", said(lambda raw: raw.update({"format": 99})), NO_MANIFEST),  # type: ignore[dict-item]
    Attack("manifest-with-spaces", written(lambda content: content + b"\n"), "not canonical"),
    Attack("manifest-nested-too-deep", written(lambda content: b"[" * 100_000), "no plain JSON"),
    Attack(
        "manifest-with-a-huge-number", written(lambda content: b'{"format":' + b"9" * 5_000 + b"}"), "digits"
    ),
    Attack(
        "manifest-that-is-a-pickle",
        lambda s: s.forge(written=lambda _: s.pickle, signed=False),
        "no plain JSON",
    ),
)


def _evidence(stage: Stage) -> str:
    found: Path = next((stage.folder / "evidence").glob("policy-*"))
    return found.relative_to(stage.folder).as_posix()
