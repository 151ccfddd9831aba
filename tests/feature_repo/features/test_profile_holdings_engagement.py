"""Who Ann is, what she holds, what she said; looked at on 1 July 2025."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Bank = Callable[..., Path]
Values = Callable[..., dict[str, float | None]]
Everyone = Callable[..., dict[str, dict[str, float | None]]]

DATE = datetime(2025, 7, 1, tzinfo=UTC)


def ago(days: float) -> datetime:
    return DATE - timedelta(days=days)


def test_the_version_in_force_speaks(bank: Bank, values: Values) -> None:
    ann = {"customer_id": "ann", "joined_at": ago(3652.5), "birth_year": 1985, "gender": "female"}
    raw = bank(
        customers=[
            {
                **ann,
                "valid_from": ago(900),
                "income_monthly": 100,
                "risk_level": "C1",
                "party_type": "person",
            },
            {**ann, "valid_from": ago(90), "income_monthly": 200, "risk_level": "C4", "assessed_at": ago(90)},
            {**ann, "valid_from": ago(80), "income_monthly": 300, "recorded_at": DATE},
            {**ann, "valid_from": ago(90), "income_monthly": 400, "recorded_at": DATE + timedelta(days=1)},
        ]
    )
    answer = values(
        raw, "age_years", "is_female", "is_company", "tenure_months", "income_monthly", "risk_level",
        "risk_assessment_age_days", "has_relationship_manager",
    )  # fmt: skip
    assert list(answer.values()) == [40, 1, None, 120, 200, 4, 90, 0]
    assert values(raw, "is_company", "risk_assessment_age_days", at=ago(100)) == {
        "is_company": 0, "risk_assessment_age_days": None,
    }  # fmt: skip


PRODUCTS = [
    {
        "product_id": "f",
        "valid_from": ago(900),
        "family": "fund",
        "risk_level": "R3",
        "seller_risk_level": "R4",
    },
    {"product_id": "s", "valid_from": ago(900), "family": "savings", "risk_level": "R1"},
    {"product_id": "c", "valid_from": ago(900), "family": "card"},
    {"product_id": "f", "valid_from": ago(10), "family": "fund", "risk_level": "R5", "recorded_at": DATE},
]


def holding(product: str, days: float, **more: Any) -> Mapping[str, Any]:
    return {"customer_id": "ann", "product_id": product, "opened_at": ago(days), "currency": "CNY", **more}


def test_holdings_in_numbers(bank: Bank, values: Values) -> None:
    raw = bank(
        products=PRODUCTS,
        holdings=[
            holding("f", 500, amount=100, value="120.5"),
            holding("s", 300, amount=50),
            holding("s", 200, amount=7),
            holding("c", 400),
            holding("c", 400, closed_at=ago(5), recorded_at=ago(5)),
            holding("f", 500, amount=100, value=0, closed_at=DATE, recorded_at=DATE),
        ],
    )
    answer = values(
        raw, "products_held", "families_held", "has_savings", "has_card", "has_fund", "has_loan",
        "holdings_value", "product_risk_held_max", "days_since_last_purchase", "products_bought_365d",
    )  # fmt: skip
    assert list(answer.values()) == [2, 2, 1, 0, 1, 0, 177.5, 4, 200, 2]


def test_who_holds_nothing_holds_nothing_of_anything(bank: Bank, values: Values) -> None:
    answer = values(
        bank(products=PRODUCTS, holdings=[]), "products_held", "has_card", "product_risk_held_max"
    )
    assert list(answer.values()) == [0, 0, None]


def test_without_the_products_table_only_families_are_unknown(bank: Bank, values: Values) -> None:
    answer = values(bank(holdings=[holding("f", 9)]), "products_held", "has_card", "holdings_value")
    assert list(answer.values()) == [1, None, None]


def test_conversations_and_offers_in_numbers(bank: Bank, values: Values) -> None:
    said = [(400, "phone", "complaint", 1), (300, "phone", "complaint", 2), (50, "app", "card", None),
            (20, "email", "card", 5)]  # fmt: skip
    made = [(20, "treated", "accepted", ago(1)), (30, "treated", "accepted", DATE),
            (40, "control", None, None), (50, None, "ignored", None),
            (300, "treated", "accepted", ago(200))]  # fmt: skip
    raw = bank(
        interactions=[
            {"interaction_id": f"i{d}", "customer_id": "ann", "at": ago(d), "channel": c, "topic": t,
             "rating": r}
            for d, c, t, r in said
        ],
        offers=[
            {"offer_id": f"o{d}", "customer_id": "ann", "product_id": "f", "at": ago(d), "arm": a,
             "outcome": o, "outcome_at": when}
            for d, a, o, when in made
        ],
    )  # fmt: skip
    answer = values(
        raw, "interactions_90d", "complaints_365d", "app_interactions_90d", "rating_mean_365d", "offers_180d",
        "offers_accepted_365d", "days_since_last_contact",
    )  # fmt: skip
    assert list(answer.values()) == [2, 1, 1, 3.5, 3, 2, 20]


def consent(days: float, state: str, purpose: str = "marketing", channel: str = "email") -> Mapping[str, Any]:
    told = {"customer_id": "ann", "at": ago(days), "state": state}
    return {**told, "purpose": purpose, "channel": channel}


CONSENTS: dict[str, tuple[list[Mapping[str, Any]], float | None]] = {
    "never asked": ([], None),
    "given": ([consent(9, "given")], 1),
    "withdrawn": ([consent(9, "withdrawn")], 0),
    "withdrawn after": ([consent(9, "given"), consent(8, "withdrawn")], 0),
    "given again": ([consent(9, "withdrawn"), consent(8, "given")], 1),
    "withdrawn at the date": ([consent(9, "given"), consent(0, "withdrawn")], 1),
    "another channel": ([consent(9, "given", channel="app")], None),
    "another purpose": ([consent(9, "given", purpose="profiling")], None),
}


def test_the_consent_in_force(bank: Bank, everyone: Everyone) -> None:
    raw = bank(
        customers=[{"customer_id": who, "valid_from": ago(900), "joined_at": ago(900)} for who in CONSENTS],
        accounts=[],
        account_owners=[],
        consents=[{**row, "customer_id": who} for who, (told, _) in CONSENTS.items() for row in told],
    )
    answer = everyone(raw, list(CONSENTS), "consent_marketing_email")
    in_force = {who: row["consent_marketing_email"] for who, row in answer.items()}
    assert in_force == {who: wanted for who, (_, wanted) in CONSENTS.items()}


def test_at_the_same_moment_withdrawn_wins(bank: Bank, values: Values) -> None:
    raw = bank(
        consents=[consent(9, "given", "profiling", "app"), consent(9, "withdrawn", "profiling", "phone")]
    )
    assert values(raw, "consent_profiling") == {"consent_profiling": 0}
