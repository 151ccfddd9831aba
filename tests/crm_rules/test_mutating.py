"""Mutants are made of what decides, one mistake each; and a mistake in a rule does not live."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.mutants import ROOT
from tests.proofs.mutating import mutants


def made(tmp_path: Path, source: str) -> set[str]:
    (tmp_path / "module.py").write_text(source)
    return {mutant.now for mutant in mutants(tmp_path, "module.py")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("x = a >= b", {"a > b", "a <= b"}, id="a-boundary"),
        pytest.param("x = a == b", {"a != b"}, id="equality"),
        pytest.param("x = lo <= a < hi", {"lo < a < hi", "lo >= a < hi", "lo <= a <= hi", "lo <= a > hi",
                                          "lo <= a", "a < hi"}, id="a-range"),
        pytest.param("x = a & b", {"a | b", "a", "b"}, id="both-masks"),
        pytest.param("x = a and b", {"a or b", "a", "b"}, id="both"),
        pytest.param("x = ~a", {"a"}, id="a-mask-turned"),
        pytest.param("x = a * b", {"a / b", "a", "b"}, id="a-product"),
        pytest.param("x = 365", {"366", "364"}, id="a-number"),
        pytest.param("x = True", {"False"}, id="a-flag"),
        pytest.param("x = f(a, b)", {"f(b, a)"}, id="arguments"),
        pytest.param("x = (a, b, c)", {"(b, c)", "(a, c)", "(a, b)"}, id="a-list-of-rules"),
        pytest.param("x = m.any()", {"m.all"}, id="any"),
        pytest.param("x = a if b else c", {"a if not b else c"}, id="a-choice"),
        pytest.param("x |= y", {"x &= y", "pass"}, id="adding-to-a-mask"),
        pytest.param("@rule(code='R-1')\ndef f(a):\n    '''Words 1.'''\n    return a",
                     {"return np.ones_like(a)", "return np.zeros_like(a)"}, id="a-rules-answer"),
        pytest.param("def f(n: int = 3) -> int:\n    '''2 + 2'''\n    raise E(1)", set(), id="words"),
        pytest.param("T = TypeVar('T', 1, 2)\n__all__ = ['a', 'b', 'c']", set(), id="names-and-types"),
    ],
)  # fmt: skip
def test_a_mutant_is_one_mistake(tmp_path: Path, source: str, expected: set[str]):
    assert made(tmp_path, source) == expected


MISTAKES = """
import sys
from tests.proofs.mutating import mutants
from tests.proofs.mutants import ROOT
from tests.proofs.suffering import Beforehand, suffer

beforehand = Beforehand.of(ROOT, worlds=8)
assert suffer(None, beforehand, tests=False) == 0, "the rules differ from the reference"
for path, function in [arg.split(":") for arg in sys.argv[1:]]:
    mutant = next(each for each in mutants(ROOT, path) if each.function == function)
    assert suffer(mutant, beforehand, tests=False) == 1, f"{mutant} lives"
"""


def test_a_mistake_in_a_rule_is_noticed_by_the_reference_alone():
    rules = (
        "crm_rules/offers/suitability.py:riskier_than_the_customer_may_hold",
        "crm_rules/offers/eligibility.py:a_minor",
        "crm_rules/contact/hours.py:within",
        "crm_rules/lending/rulebook.py:risk_too_high",
    )
    command = [sys.executable, "-c", MISTAKES, *rules]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
