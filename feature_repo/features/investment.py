"""What the customer invests in: what was bought, how much, and at which risk level."""

import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.snapshot import Seen

INVESTED = ("deposit", "fund", "pension")  # families that money is put into
MARKET = ("fund", "pension")  # whose value moves
RISKY = 4  # R4 and R5


def deposit_value(held_products: Seen) -> ir.Value:
    """Value of the deposits held."""
    return held_products.worth.sum(where=held_products.family == "deposit")


def fund_value(held_products: Seen) -> ir.Value:
    """Value of the funds held."""
    return held_products.worth.sum(where=held_products.family == "fund")


def pension_value(held_products: Seen) -> ir.Value:
    """Value of the pension products held."""
    return held_products.worth.sum(where=held_products.family == "pension")


def risky_share(held_products: Seen) -> ir.Value:
    """Share of the value of deposits, funds and pensions held that lies in products of level R4 or R5."""
    invested = held_products.family.isin(INVESTED)
    whole = held_products.worth.sum(where=invested).cast("float64")
    part = held_products.worth.sum(where=invested & (held_products.risk >= RISKY))
    return part.fill_null(0).cast("float64") / whole.nullif(0)


def risk_held_mean(held_products: Seen) -> ir.Value:
    """Mean risk level of the deposits, funds and pensions held, weighted by value."""
    return _weighted(held_products, held_products.worth, held_products.family.isin(INVESTED))


def risk_bought_mean(purchases: Seen) -> ir.Value:
    """Mean risk level of the deposits, funds and pensions ever bought, weighted by the money put in."""
    return _weighted(purchases, purchases.put_in, purchases.family.isin(INVESTED))


def risk_bought_max(purchases: Seen, days: int) -> ir.Value:
    """Highest risk level bought in the last {days} days, R1 to R5 as 1 to 5."""
    return purchases.risk.max(where=purchases.within(days))


def investments_bought(purchases: Seen, days: int) -> ir.Value:
    """Deposits, funds and pensions bought in the last {days} days."""
    return purchases.count(where=purchases.within(days) & purchases.family.isin(INVESTED))


def investment_amount(purchases: Seen, days: int) -> ir.Value:
    """Money put into deposits, funds and pensions in the last {days} days."""
    return purchases.put_in.sum(where=purchases.within(days) & purchases.family.isin(INVESTED))


def investment_amount_max(purchases: Seen) -> ir.Value:
    """Largest amount ever put into one deposit, fund or pension."""
    return purchases.put_in.max(where=purchases.family.isin(INVESTED))


def market_purchases(purchases: Seen) -> ir.Value:
    """Funds and pensions ever bought."""
    return purchases.count(where=purchases.family.isin(MARKET))


def days_since_last_investment(purchases: Seen) -> ir.Value:
    """Days since a deposit, fund or pension was last bought."""
    return purchases.days_since_last(where=purchases.family.isin(INVESTED))


def risk_room(risk_level: ir.Value, product_risk_held_max: ir.Value) -> ir.Value:
    """Levels between the risk the customer may take and the riskiest product held; below 0 is too risky."""
    return risk_level - product_risk_held_max


def investments_to_wealth(holdings_value: ir.Value, balance_last: ir.Value) -> ir.Value:
    """Share of what the customer has at the bank that is invested."""
    return holdings_value / (holdings_value + (balance_last > 0).ifelse(balance_last, 0.0)).nullif(0)


def _weighted(products: Seen, weight: ir.Value, which: ir.BooleanValue) -> ir.Value:
    """Mean risk level by weight: exact sums, so the order of the rows cannot show."""
    total = weight.sum(where=which & weight.notnull() & products.risk.notnull()).cast("float64")
    return (products.risk * weight).sum(where=which).cast("float64") / total.nullif(0)


FEATURES: tuple[Feature, ...] = (
    *entry(deposit_value, "money", nothing=0),
    *entry(fund_value, "money", nothing=0),
    *entry(pension_value, "money", nothing=0),
    *entry(risky_share, "share"),
    *entry(risk_held_mean, "level"),
    *entry(risk_bought_mean, "level"),
    *entry(risk_bought_max, "level", 365),
    *entry(investments_bought, "count", 365, nothing=0),
    *entry(investment_amount, "money", 365, nothing=0),
    *entry(investment_amount_max, "money", nothing=0),
    *entry(market_purchases, "count", nothing=0),
    *entry(days_since_last_investment, "days"),
    *entry(risk_room, "level"),
    *entry(investments_to_wealth, "share"),
)
