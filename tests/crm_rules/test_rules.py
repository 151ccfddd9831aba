import subprocess
import sys

import pytest

from crm_rules.lending.policy import LENDING_RULES
from crm_rules.offers.screening import OFFER_RULES
from crm_rules.rules import Effect, Mask, rule


def test_every_rule_has_its_own_code_a_law_and_a_sentence() -> None:
    described = [(r.code, r.law, r.doc) for r in OFFER_RULES] + [
        (r.code, r.law, r.doc) for r in LENDING_RULES
    ]
    codes = [code for code, _, _ in described]
    assert len(set(codes)) == len(codes)
    assert all(law and doc.endswith(".") for _, law, doc in described)


def test_offers_are_blocked_and_applications_are_not() -> None:
    assert {r.effect for r in OFFER_RULES} == {Effect.BLOCK}
    assert {r.effect for r in LENDING_RULES} == {Effect.DECLINE, Effect.REFER, Effect.PERSON}


def test_a_rule_without_a_sentence_is_no_rule() -> None:
    def silent() -> Mask:
        raise AssertionError

    with pytest.raises(TypeError, match="docstring"):
        rule(code="X-01", law="none", effect=Effect.BLOCK)(silent)


def test_rules_import_nothing_heavy() -> None:
    code = (
        "import sys, crm_rules.offers.screening, crm_rules.lending.policy, crm_rules.lending.reasons;"
        "heavy = {'pandas', 'pyarrow', 'pydantic', 'cryptography', 'typer', 'scipy'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
