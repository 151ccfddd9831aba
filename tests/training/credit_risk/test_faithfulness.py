"""The reasons told are true: each raises the score when its column stands at the reference, in order."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.credit_risk.conftest import Fitted
from training.credit_risk.faithfulness import faithfulness, name_of, told
from training.release.credit import CreditRuntime

EVERYBODY = 4_000


def deciding(fitted: Fitted, model: str) -> CreditRuntime:
    return replace(fitted.runtime, member=replace(fitted.runtime.member, decides=model))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["application", "behaviour"])
@pytest.mark.parametrize("model", ["scorecard", "boosting", "blend"])
def test_nearly_every_case_is_told_reasons_that_hold(
    name: str, model: str, request: pytest.FixtureRequest
) -> None:
    fitted: Fitted = request.getfixturevalue(name)
    runtime = deciding(fitted, model)
    rows = fitted.rows(np.ones(len(fitted.situation.bad), bool))[:EVERYBODY]
    found = faithfulness(runtime, rows)
    assert found.cases > 0.9 * len(rows)
    assert found.share >= 0.99
    assert found.raised >= 0.99 * found.reasons


def test_reasons_that_are_not_true_are_found_out(application: Fitted) -> None:
    """With another reference than the one the reasons were measured against, they no longer hold."""
    member = application.runtime.member
    rows = application.rows(application.situation.test)
    wrong = replace(application.runtime, member=replace(member, reference=member.reference + 1e4))
    reasons, other = told(application.runtime.assess(rows).raised), told(wrong.assess(rows).raised)
    assert reasons != other

    class Liar(CreditRuntime):
        """Tells path contributions, whether or not they hold."""

        def assess(self, rows):  # type: ignore[no-untyped-def]
            risk = super().assess(rows)
            unknown = np.zeros((len(rows), 1))
            return replace(risk, raised=np.hstack([np.roll(risk.contributions, 1, axis=1), unknown]))

    liar = Liar(member, application.runtime.trees, application.runtime.reasons)
    assert faithfulness(liar, rows[:200]).share < 0.5


def test_contributions_add_up_to_the_log_odds(application: Fitted) -> None:
    runtime, rows = application.runtime, application.rows(application.situation.test)
    for model in ("scorecard", "boosting"):
        assessed = deciding(application, model)
        rest = assessed.log_odds(rows) - assessed.contributions(rows).sum(axis=1)
        assert np.ptp(rest) < 1e-4
    assert runtime.assess(rows).raised.min() >= 0


def test_what_is_unknown_is_told_as_such(behaviour: Fitted) -> None:
    rows = behaviour.rows(behaviour.situation.test)
    unknown = np.isnan(rows)
    names = [
        (row, name_of(behaviour.runtime, column))
        for row, columns in enumerate(told(behaviour.runtime.assess(rows).raised))
        for column in columns
    ]
    columns = behaviour.runtime.member.columns
    assert not any(name in columns and unknown[row, columns.index(name)] for row, name in names)
