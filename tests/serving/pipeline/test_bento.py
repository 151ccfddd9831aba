"""What goes into the bento: our code, and the locked base dependencies without the extras."""

import tomllib
from pathlib import Path

import pytest

from serving.errors import CannotBuild
from serving.pipeline.bento import HASHED, ROOMS, ROOT, base_lock, build

LOCK = """a-package==1.0 \\
    --hash=sha256:aa
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:bb
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
xgboost==3.2.0 \\
    --hash=sha256:dd
"""
TRAINING = {"mlflow", "feast", "xgboost", "scikit-learn", "evidently", "optuna", "optbinning", "implicit"}


def test_only_what_is_needed_is_taken_with_every_version_and_hash() -> None:
    taken = base_lock(LOCK, ["numpy>=2"])
    assert taken == LOCK[LOCK.index("numpy") : LOCK.index("xgboost")]


def test_what_the_lock_lacks_is_told() -> None:
    with pytest.raises(CannotBuild, match="numpy"):
        base_lock("", ["numpy>=2"])


def test_the_base_set_serves_and_trains_nothing() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    taken = base_lock((ROOT / "requirements.lock").read_text(), project["dependencies"])
    names = {line.split("==")[0] for line in taken.splitlines() if "==" in line and line[0] != " "}
    assert {"bentoml", "uvicorn", "uvloop", "httptools", "onnxruntime", "prometheus-client"} <= names
    assert not names & TRAINING
    assert taken.count("--hash") > len(names)


def test_a_folder_that_is_no_checkout_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotBuild, match="no checkout"):
        build(tmp_path / "bentos", tmp_path)


def test_a_bento_holds_our_code_the_lock_and_pins_and_is_built_once(tmp_path: Path) -> None:
    hidden = tmp_path / ".bank"
    built = build(hidden)
    held = {path.name for path in (built / "src").iterdir()}
    assert held == {*ROOMS, "bank.py", "LICENSE", HASHED, "bentofile.yaml"}
    pins = (built / "env" / "python" / "requirements.txt").read_text()
    assert "onnxruntime==" in pins
    assert "--hash" not in pins
    assert "service: serving.service:BankService" in (built / "bento.yaml").read_text()
    assert not list(built.glob("**/__pycache__"))
    assert build(hidden) == built
