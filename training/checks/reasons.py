"""Are the reasons true? Each told column moved to its reference has to lower the risk, in the order told."""

from collections.abc import Iterator

from training.checks.limits import FAITHFUL, FAITHFUL_ROWS
from training.checks.subject import Subject
from training.credit_risk.faithfulness import faithfulness as tested
from training.gates import Gate, at_least


def faithfulness(subject: Subject) -> Iterator[Gate]:
    """The share of the test rows with reasons whose every reason is true."""
    runtime = subject.member.runtime
    assert runtime is not None  # only credit gives reasons that are told
    found = tested(runtime, subject.test.only(runtime.member.columns)[:FAITHFUL_ROWS])
    note = f"{found.cases:,} cases with {found.reasons:,} reasons"
    yield at_least("faithfulness", f"{subject.name}: cases whose every reason is true", found.share, FAITHFUL,
                   note=note)  # fmt: skip
