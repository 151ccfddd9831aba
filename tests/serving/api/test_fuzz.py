"""Whatever is sent, the service answers or says what is wrong; it never falls over."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.api.test_http import BODIES, CREDIT
from tests.serving.conftest import Bank

PATHS = st.sampled_from([*BODIES, *(f"{path}:batch" for path in BODIES), "/v1/loyalty/account"])
KEYS = st.sampled_from(
    ["customer_id", "amount", "term_months", "declared_income", "co_applicant", "purpose", "channel", "top",
     "items"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | st.just("ann")
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner), max_leaves=8
)
CALM = settings(
    max_examples=100, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def _post(bank: Bank, path: str, content: bytes) -> int:
    headers = bank.token() | {"Content-Type": "application/json"}
    response = bank.client.post(path, content=content, headers=headers)
    assert response.status_code in (200, 404, 422)
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
    json.loads(response.content)
    return response.status_code


@CALM
@given(path=PATHS, body=st.dictionaries(KEYS, VALUES))
def test_any_object_is_answered_or_refused(bank: Bank, path: str, body: dict[str, object]) -> None:
    _post(bank, path, json.dumps(body).encode())


@CALM
@given(path=PATHS, content=st.binary(max_size=300))
def test_any_bytes_are_answered_or_refused(bank: Bank, path: str, content: bytes) -> None:
    assert _post(bank, path, content) == 422


@CALM
@given(
    amount=st.integers(1, 10**11).map(lambda cents: cents / 100),
    term=st.integers(1, 600),
    income=st.none() | st.integers(0, 10**11).map(lambda cents: cents / 100),
    customer=st.sampled_from([None, "ann", "ben", "cat", "dan", "nobody"]),
    together=st.none() | st.booleans(),
)
def test_any_application_within_bounds_is_decided(
    bank: Bank, amount: float, term: int, income: float | None, customer: str | None, together: bool | None
) -> None:
    body = {"amount": amount, "term_months": term, "declared_income": income, "co_applicant": together}
    assert _post(bank, CREDIT, json.dumps(body | {"customer_id": customer}).encode()) == 200
