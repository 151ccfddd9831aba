"""Sandbox customers: fixed answers of the real Scorer that touch nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.raw.identities import Keyed
from feature_repo.settings import Settings
from serving.api.app import create_app
from serving.api.questions import QUESTIONS
from serving.api.sandbox import FILE, PREFIX, Sandbox
from serving.auth import TokenCheck
from serving.deciding.asking import CreditRequest, CustomerRequest
from serving.errors import MixedSandbox, UnknownCustomer
from tests.conftest import AT
from tests.serving.api.driver import Driver
from tests.serving.api.judge import broken, golden_json
from tests.serving.api.sandbox_bank import NEWCOMER, ROWS, recorded
from tests.serving.conftest import Bank

NBA, CREDIT, SEGMENT = "/v1/decisions/next-best-action", "/v1/decisions/credit", "/v1/score/segment"
OUTCOMES = {
    "sandbox-approve": "approve", "sandbox-decline": "decline", "sandbox-refer": "refer",
    "sandbox-degraded": "refer", "sandbox-newcomer": "refer",
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.load()


def told(sandbox: Sandbox, path: str, customer: str) -> dict[str, Any]:
    found = sandbox.answers(path, [CustomerRequest(customer)])
    assert found is not None
    assert isinstance(found[0], bytes)
    answer: dict[str, Any] = json.loads(found[0])
    return answer


def test_what_is_kept_is_what_the_scorer_decides(tmp_path: Path) -> None:
    kept: dict[str, dict[str, Any]] = {}
    for customer, path, answer in json.loads(FILE.read_bytes()):
        kept.setdefault(customer, {})[path] = answer
    again = recorded(tmp_path)
    assert kept.keys() == again.keys()
    for customer, answers in kept.items():
        for path, answer in answers.items():
            _assert_alike(answer, again[customer][path], f"{customer} {path}")


def _assert_alike(kept: Any, again: Any, where: str) -> None:
    """Equal, numbers to nine digits and digests of releases aside: run sandbox_bank when this fails."""
    if isinstance(kept, dict):
        assert kept.keys() == again.keys(), where
        for name in kept.keys() - {"release"}:
            _assert_alike(kept[name], again[name], f"{where} {name}")
    elif isinstance(kept, list):
        assert len(kept) == len(again), where
        for one, other in zip(kept, again, strict=True):
            _assert_alike(one, other, where)
    elif isinstance(kept, float):
        assert np.isclose(kept, again, rtol=1e-9), where
    else:
        assert kept == again, where


def test_they_show_each_end_of_an_application(sandbox: Sandbox) -> None:
    assert {name: told(sandbox, CREDIT, name)["outcome"] for name in OUTCOMES} == OUTCOMES
    assert told(sandbox, CREDIT, "sandbox-decline")["recourse"]
    assert told(sandbox, CREDIT, "sandbox-refer")["case"]
    assert told(sandbox, CREDIT, "sandbox-newcomer")["newcomer"]
    assert told(sandbox, CREDIT, "sandbox-degraded")["degraded"] == ["profile"]
    assert len(told(sandbox, NBA, "sandbox-offers")["offers"]) == 3
    assert not told(sandbox, NBA, "sandbox-no-profiling")["personalised"]
    assert told(sandbox, "/v1/score/credit", "sandbox-borrower")["behaviour"]


def test_every_answer_is_marked_and_comes_again_to_the_byte(sandbox: Sandbox) -> None:
    for question in QUESTIONS:
        for customer in ROWS:
            asked = [CustomerRequest(customer)]
            [first], [again] = (sandbox.answers(question.path, asked) or [] for _ in range(2))
            assert first == again
            assert told(sandbox, question.path, customer)["sandbox"] is True


def test_whatever_is_asked_about_one_has_the_one_answer(sandbox: Sandbox) -> None:
    asked = [CreditRequest("sandbox-approve", amount, 12) for amount in (1.0, 1e9)]
    [small, large] = sandbox.answers(CREDIT, asked) or []
    assert small == large


@pytest.mark.parametrize(
    ("customers", "found"),
    [
        pytest.param(["ann", None], None, id="nobody-of-them"),
        pytest.param(["sandbox-nobody"], [None], id="no-such-one"),
        pytest.param([NEWCOMER, "sandbox-offers"], [None, "sandbox-offers"], id="one-of-two-is-known"),
    ],
)
def test_who_is_answered(
    sandbox: Sandbox, customers: list[str | None], found: list[str | None] | None
) -> None:
    said = sandbox.answers(SEGMENT, [CreditRequest(name, 1.0, 1) for name in customers])
    if found is None:
        assert said is None
        return
    assert said is not None
    for wanted, each in zip(found, said, strict=True):
        assert (
            isinstance(each, UnknownCustomer) if wanted is None else json.loads(each)["customer_id"] == wanted
        )


@pytest.mark.parametrize("other", ["ann", None], ids=["a-customer", "a-newcomer"])
def test_sandbox_customers_and_others_are_not_asked_about_together(
    sandbox: Sandbox, other: str | None
) -> None:
    with pytest.raises(MixedSandbox):
        sandbox.answers(CREDIT, [CreditRequest("sandbox-approve", 1.0, 1), CreditRequest(other, 1.0, 1)])


@pytest.mark.parametrize(
    ("profile", "set_to", "there"),
    [("demo", None, True), ("bank", None, False), ("bank", True, True), ("demo", False, False)],
)
def test_in_a_real_bank_they_are_off_unless_set(profile: str, set_to: bool | None, there: bool) -> None:
    assert Settings(profile=profile, sandbox=set_to).has_sandbox is there


def test_no_pseudonym_can_be_a_sandbox_id() -> None:
    plain = [PREFIX + "approve", "17", "sandbox"]
    assert not [name for name in Keyed(bytes(32)).pseudonyms("customer_id", plain) if name and "-" in name]


@pytest.fixture
def over_http(bank: Bank) -> Iterator[Driver]:
    desk, check = replace(bank.desk, sandbox=Sandbox.load()), TokenCheck(bank.key.public_key())
    app = create_app(desk, check, lambda: AT, lambda: "mine")
    with Driver(app, bank.token()) as driver:
        yield driver


@pytest.mark.parametrize("path", [question.path for question in QUESTIONS])
def test_over_http_it_is_the_example_of_the_description_and_nothing_is_logged(
    bank: Bank, over_http: Driver, path: str
) -> None:
    described = golden_json()["paths"][path]["post"]
    answers = described["responses"]["200"]["content"]["application/json"]["examples"]
    for name, example in described["requestBody"]["content"]["application/json"]["examples"].items():
        found = over_http.post(path, json.dumps(example["value"]).encode())
        assert (found.status, json.loads(found.body)) == (200, answers[name]["value"])
    assert not bank.log.records


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        pytest.param(["sandbox-offers", "sandbox-nobody"], 200, id="all-of-the-sandbox"),
        pytest.param(["sandbox-offers", "ann"], 422, id="mixed"),
    ],
)
def test_a_batch_is_all_sandbox_or_none(bank: Bank, over_http: Driver, ids: list[str], status: int) -> None:
    body = {"items": [{"customer_id": name} for name in ids]}
    found = over_http.post(f"{NBA}:batch", json.dumps(body).encode())
    assert found.status == status
    assert broken("POST", f"{NBA}:batch", status, found.media, found.body) == []
    assert not bank.log.records


def test_without_a_sandbox_nobody_is_there(bank: Bank) -> None:
    found = bank.client.post(NBA, json={"customer_id": "sandbox-offers"}, headers=bank.token())
    assert found.status_code == 404
