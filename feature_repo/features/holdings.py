"""What the customer holds, and for how long."""

from collections.abc import Callable

import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.snapshot import Seen, days_between

ASSETS = ("savings", "deposit", "fund", "pension")  # families whose value is the customer's own


def products_held(holdings: Seen) -> ir.Value:
    """Different products held."""
    return holdings.product_id.nunique(where=holdings.is_open)


def products_ever(holdings: Seen) -> ir.Value:
    """Different products ever bought."""
    return holdings.product_id.nunique()


def days_since_last_purchase(holdings: Seen) -> ir.Value:
    """Days since the customer last opened a product."""
    return holdings.days_since(holdings.opened_at.max())


def days_since_first_purchase(holdings: Seen) -> ir.Value:
    """Days since the customer first opened a product."""
    return holdings.days_since(holdings.opened_at.min())


def days_since_last_closing(holdings: Seen) -> ir.Value:
    """Days since the customer last gave up a product."""
    return days_between(holdings.closed_at, holdings.as_of).min(where=~holdings.is_open)


def products_bought(holdings: Seen, days: int) -> ir.Value:
    """Products opened in the last {days} days."""
    return holdings.count(where=holdings.within(days))


def products_closed(holdings: Seen, days: int) -> ir.Value:
    """Products given up in the last {days} days."""
    return holdings.count(
        where=~holdings.is_open & (days_between(holdings.closed_at, holdings.as_of) <= days)
    )


def holding_days_mean(holdings: Seen) -> ir.Value:
    """Mean age in whole days of the products held."""
    age = days_between(holdings.opened_at, holdings.as_of).floor().cast("int64")
    return age.sum(where=holdings.is_open) / holdings.count(where=holdings.is_open).nullif(0)


def products_maturing(holdings: Seen, days: int) -> ir.Value:
    """Products held that fall due within the next {days} days."""
    left = days_between(holdings.as_of, holdings.matures_at)
    return holdings.count(where=holdings.is_open & (left >= 0) & (left <= days))


def families_held(held_products: Seen) -> ir.Value:
    """Different product families held."""
    return held_products.family.nunique()


def holdings_value(held_products: Seen) -> ir.Value:
    """Value of savings, deposits, funds and pensions held; their amount where no value is known."""
    return held_products.worth.sum(where=held_products.family.isin(ASSETS))


def product_risk_held_max(held_products: Seen) -> ir.Value:
    """Highest risk level among the products held, R1 to R5 as 1 to 5."""
    return held_products.risk.max()


def has(family: str) -> Callable[[Seen], ir.Value]:
    """The feature that tells whether a product of that family is held."""

    def flag(held_products: Seen) -> ir.Value:
        return (held_products.family == family).any()

    flag.__name__, flag.__doc__ = f"has_{family}", f"Whether a product of the family '{family}' is held."
    return flag


FEATURES: tuple[Feature, ...] = (
    *entry(products_held, "count", nothing=0),
    *entry(families_held, "count", nothing=0),
    *entry(has("savings"), "flag", nothing=0),
    *entry(has("deposit"), "flag", nothing=0),
    *entry(has("card"), "flag", nothing=0),
    *entry(has("loan"), "flag", nothing=0),
    *entry(has("mortgage"), "flag", nothing=0),
    *entry(has("fund"), "flag", nothing=0),
    *entry(has("insurance"), "flag", nothing=0),
    *entry(has("pension"), "flag", nothing=0),
    *entry(holdings_value, "money", nothing=0),
    *entry(product_risk_held_max, "level"),
    *entry(days_since_last_purchase, "days"),
    *entry(days_since_first_purchase, "days"),
    *entry(days_since_last_closing, "days"),
    *entry(products_bought, "count", 90, 365, nothing=0),
    *entry(products_closed, "count", 365, nothing=0),
    *entry(products_ever, "count", nothing=0),
    *entry(holding_days_mean, "days"),
    *entry(products_maturing, "count", 90, nothing=0),
)
