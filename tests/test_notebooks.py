"""A notebook is a py:percent file paired with an ipynb: the same cells, and no outputs."""

import json
from pathlib import Path

import jupytext
import pytest

import bank

NOTEBOOKS = sorted((Path(bank.__file__).parent / "notebooks").glob("*.py"))


def cells(path: Path) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]


def test_there_are_five_stories():
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_and_its_script_are_the_same(script: Path):
    assert cells(script.with_suffix(".ipynb")) == cells(script), (
        f"run `jupytext --sync notebooks/{script.name}`"
    )


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_outputs(script: Path):
    held = json.loads(script.with_suffix(".ipynb").read_text())
    code = [cell for cell in held["cells"] if cell["cell_type"] == "code"]
    assert code
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"]] == []
