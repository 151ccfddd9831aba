"""Features by replay: a clerk writes down each row when the bank learns of it, and adds up by hand.

Nothing here is shared with the code it checks: the clerk has one card for each key, and a row
recorded later replaces the card. Whatever lies on the desk when a date comes is what was known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

DAY = 86_400_000_000  # microseconds
OWNER = {
    "bookings": "account_id", "accounts": "account_id", "repayments": "loan_id", "products": "product_id",
    "fx_rates": "currency",
}  # fmt: skip
KEYS = {
    "customers": ("customer_id", "valid_from"), "accounts": ("account_id", "valid_from"),
    "account_owners": ("account_id", "customer_id", "valid_from"), "bookings": ("booking_id",),
    "products": ("product_id", "valid_from"), "holdings": ("customer_id", "product_id", "opened_at"),
    "loans": ("loan_id",), "repayments": ("loan_id", "due_at"), "applications": ("application_id",),
    "fx_rates": ("currency", "as_of"), "interactions": ("interaction_id",), "offers": ("offer_id",),
    "bureau": ("customer_id", "as_of"), "consents": ("customer_id", "channel", "purpose", "at"),
}  # fmt: skip
EVENTS = {
    "customers": "valid_from", "accounts": "valid_from", "account_owners": "valid_from",
    "bookings": "booked_at", "products": "valid_from", "holdings": "opened_at", "loans": "granted_at",
    "repayments": "due_at", "applications": "at", "fx_rates": "as_of", "interactions": "at", "offers": "at",
    "bureau": "as_of", "consents": "at",
}  # fmt: skip
Row = Mapping[str, Any]
Values = dict[str, float | None]


def replayed(
    tables: Mapping[str, Iterable[Row]], spine: Iterable[tuple[str, int]]
) -> Iterator[tuple[str, int, Values | None]]:
    """Each spine row in order of its date, with the features then; None for a customer not yet known."""
    learnt = sorted(
        ((row["recorded_at"], table, row) for table, rows in tables.items() for row in rows),
        key=itemgetter(0),
    )
    clerk, at = Clerk(), 0
    for who, date in sorted(spine, key=itemgetter(1)):
        while at < len(learnt) and learnt[at][0] < date:
            clerk.learn(*learnt[at][1:])
            at += 1
        yield who, date, clerk.features(who, date)


@dataclass
class Clerk:
    """What is on the desk: the last recorded row of each key, by whom it belongs to."""

    place: dict[tuple[Any, ...], dict[tuple[Any, ...], Row]] = field(default_factory=dict)
    desk: dict[tuple[str, Any], dict[tuple[Any, ...], Row]] = field(default_factory=dict)

    def learn(self, table: str, row: Row) -> None:
        """Put a row in the place of the one of the same key, wherever that lies."""
        if table not in KEYS:
            return
        key = (table, *(row[name] for name in KEYS[table]))
        if key in self.place:
            del self.place[key][key]
        pile = self.desk.setdefault((table, row[OWNER.get(table, "customer_id")]), {})
        pile[key] = row
        self.place[key] = pile

    def known(self, table: str, owner: Any, date: int, days: int = 10**6) -> list[Row]:
        """What was known to have happened before the date, in the last so many days."""
        when = EVENTS[table]
        pile = self.desk.get((table, owner), {})
        return [row for row in pile.values() if date - days * DAY <= row[when] < date]

    def last(self, table: str, owner: Any, date: int) -> Row | None:
        """The version of something in force."""
        return max(self.known(table, owner, date), key=itemgetter(EVENTS[table]), default=None)

    def money(self, row: Row, name: str, date: int) -> int | None:
        """An amount in cents of the base currency, at the rate known."""
        if row[name] is None or row.get("currency") != "USD":
            return row[name]
        rate = self.last("fx_rates", "USD", date)
        return None if rate is None else int(row[name] * rate["rate"])

    def features(self, who: str, date: int) -> Values | None:
        """A few features of every view."""
        me = self.last("customers", who, date)
        if me is None:
            return None
        accounts = self.accounts(who, date)
        return {
            **self.profile(me, who, date),
            **_rights(accounts, date),
            **self.activity(accounts, date),
            **self.cards(accounts, date),
            **self.credit(who, date),
            **self.holdings(who, date),
            **self.engagement(who, date),
        }

    def profile(self, me: Row, who: str, date: int) -> Values:
        """Views profile and life."""
        versions = sorted(self.known("customers", who, date), key=itemgetter("valid_from"))
        steps = [(a, b) for a, b in pairwise(versions) if b["valid_from"] >= date - 365 * DAY]
        return {
            "income_monthly": _units(me["income_monthly"]),
            "risk_level": None if me["risk_level"] is None else int(me["risk_level"][1]),
            "tenure_months": _days(me["joined_at"], date) / 30.4375,
            "has_relationship_manager": float(me["relationship_manager"] is not None),
            "record_changes_365d": len(steps),
            "moves_365d": sum(a["region"] != b["region"] for a, b in steps),
            "occupation_changes_365d": sum(a["occupation"] != b["occupation"] for a, b in steps),
        }

    def accounts(self, who: str, date: int) -> list[tuple[str, Row]]:
        """The role of the customer and the account, for each account known to be theirs to use."""
        rights: dict[str, Row] = {}
        for right in sorted(self.known("account_owners", who, date), key=itemgetter("valid_from")):
            rights[right["account_id"]] = right
        found = [(right["role"], self.last("accounts", name, date)) for name, right in rights.items()]
        return [(role, account) for role, account in found if account is not None]

    def activity(self, accounts: list[tuple[str, Row]], date: int) -> Values:
        """Views activity and spending."""
        kept = [row["account_id"] for role, row in accounts if role == "owner" and row["type"] != "card"]
        year = [row for name in kept for row in self.known("bookings", name, date, 365)]
        inflow = {days: 0 for days in (30, 90, 365)}
        outflow = {days: 0 for days in (30, 90, 365)}
        for row in year:
            amount = self.money(row, "amount", date) or 0
            for days in inflow:
                if row["booked_at"] >= date - days * DAY:
                    inflow[days] += max(amount, 0)
                    outflow[days] += max(-amount, 0)
        quarter = [row for row in year if row["booked_at"] >= date - 90 * DAY]
        half = [row for row in year if row["booked_at"] >= date - 180 * DAY]
        balances = [b for row in quarter if (b := self.money(row, "balance_after", date)) is not None]
        fees = [
            self.money(row, "amount", date) or 0
            for row in year
            if row["category"] == "fee" and row["amount"] < 0
        ]
        return {
            **{f"inflow_{days}d": _units(cents) for days, cents in inflow.items()},
            **{f"outflow_{days}d": _units(cents) for days, cents in outflow.items()},
            "bookings_30d": sum(row["booked_at"] >= date - 30 * DAY for row in year),
            "bookings_365d": len(year),
            "balance_min_90d": _units(min(balances, default=None)),
            "balance_mean_90d": sum(balances) / 100 / len(balances) if balances else None,
            "cash_share_90d": _share([row["is_cash"] for row in quarter]),
            "mobile_share_365d": _share([r["channel"] and r["channel"] == "mobile" for r in year]),
            "foreign_share_90d": _share([
                r["counterparty_country"] and r["counterparty_country"] != "CN" for r in quarter
            ]),
            "fees_365d": _units(-sum(fees)),
            "counterparties_180d": len({r["counterparty_id"] for r in half} - {None}),
            "salary_months_365d": self.salary_months(year, date),
            **self.balances(kept, date),
        }  # fmt: skip

    def salary_months(self, year: list[Row], date: int) -> int:
        """Months back from the date, the thirteenth of five days, in which salaries came to more than 0."""
        by_month = dict.fromkeys(range(13), 0)
        for row in year:
            if row["category"] == "salary":
                by_month[(date - row["booked_at"] - 1) // (30 * DAY)] += self.money(row, "amount", date) or 0
        return sum(cents > 0 for cents in by_month.values())

    def balances(self, kept: list[str], date: int) -> Values:
        """The last balance of every account, and when the first and the last booking were."""
        piles = [pile for name in kept if (pile := self.known("bookings", name, date))]
        if not piles:
            return dict.fromkeys(("balance_last", "days_since_last_booking", "history_days"))
        finals = [max(pile, key=itemgetter("booked_at", "recorded_at", "booking_id")) for pile in piles]
        money = [b for row in finals if (b := self.money(row, "balance_after", date)) is not None]
        times = [row["booked_at"] for pile in piles for row in pile]
        return {
            "balance_last": _units(sum(money)) if money else None,
            "days_since_last_booking": _days(max(times), date),
            "history_days": min(_days(min(times), date), 365),
        }

    def cards(self, accounts: list[tuple[str, Row]], date: int) -> Values:
        """What is owed on cards."""
        cards = [row["account_id"] for role, row in accounts if role == "owner" and row["type"] == "card"]
        debt = 0
        for name in cards:
            if pile := self.known("bookings", name, date):
                final = max(pile, key=itemgetter("booked_at", "recorded_at", "booking_id"))
                debt += max(-(self.money(final, "balance_after", date) or 0), 0)
        return {"card_debt": _units(debt)}

    def credit(self, who: str, date: int) -> Values:
        """View credit, but for limits and cards."""
        loans = self.known("loans", who, date)
        running = {
            loan["loan_id"] for loan in loans if loan["status"] in ("running", "running_in_debt", None)
        }
        dues = [row for loan in loans for row in self.known("repayments", loan["loan_id"], date)]
        unpaid = [
            row
            for row in dues
            if row["loan_id"] in running and (row.get("paid_at") is None or row["paid_at"] >= date)
        ]
        late = [
            row
            for row in dues
            if row["due_at"] >= date - 365 * DAY
            and _days(row["due_at"], min(row.get("paid_at") or date, date)) >= 1
        ]
        asked = self.known("applications", who, date, 180)
        report = self.last("bureau", who, date)
        return {
            "loans_running": len(running),
            "instalments_monthly": _units(sum(r["instalment"] for r in loans if r["loan_id"] in running)),
            "days_past_due": max((_days(row["due_at"], date) for row in unpaid), default=0),
            "instalments_unpaid": len(unpaid),
            "arrears_amount": _units(sum(row["due_amount"] for row in unpaid)),
            "payments_late_365d": len(late),
            "applications_180d": len(asked),
            "applications_refused_365d": sum(
                row["outcome"] == "refused" for row in self.known("applications", who, date, 365)
            ),
            "bureau_score": report and report["score"],
        }

    def holdings(self, who: str, date: int) -> Values:
        """Views holdings and investment."""
        bought = self.known("holdings", who, date)
        held = [row for row in bought if row.get("closed_at") is None or row["closed_at"] >= date]
        versions = [(row, self.last("products", row["product_id"], date)) for row in held]
        known = [(row, version) for row, version in versions if version is not None]
        worth = [(version["family"], self.worth(row, date)) for row, version in known]
        risks = [
            int(level[1])
            for _, v in known
            for level in (v["risk_level"], v["seller_risk_level"])
            if level is not None
        ]
        return {
            "products_held": len({row["product_id"] for row in held}),
            "products_ever": len({row["product_id"] for row in bought}),
            "products_bought_365d": len(self.known("holdings", who, date, 365)),
            "has_fund": float(any(version["family"] == "fund" for _, version in known)),
            "holdings_value": _units(sum(cents for family, cents in worth if family != "card")),
            "fund_value": _units(sum(cents for family, cents in worth if family == "fund")),
            "product_risk_held_max": max(risks, default=None),
        }

    def worth(self, row: Row, date: int) -> int:
        """The value of a holding, else the amount put in."""
        value = None if row.get("value") is None else self.money(row, "value", date)
        return (self.money(row, "amount", date) if value is None else value) or 0

    def engagement(self, who: str, date: int) -> Values:
        """View engagement."""
        said = self.known("interactions", who, date)
        year = self.known("interactions", who, date, 365)
        made = [row for row in self.known("offers", who, date, 365) if row["arm"] != "control"]
        answered = [row for row in made if row["outcome_at"] is None or row["outcome_at"] < date]
        return {
            "interactions_90d": len(self.known("interactions", who, date, 90)),
            "complaints_365d": sum(row["topic"] == "complaint" for row in year),
            "rating_min_365d": min((row["rating"] for row in year if row["rating"]), default=None),
            "days_since_last_contact": (date - max(row["at"] for row in said)) / DAY if said else None,
            "offers_180d": sum(row["at"] >= date - 180 * DAY for row in made),
            "offers_accepted_365d": sum(row["outcome"] == "accepted" for row in answered),
            "consent_profiling": self.consent(who, date, "profiling", ("email", "app")),
            "consent_marketing_email": self.consent(who, date, "marketing", ("email",)),
        }

    def consent(self, who: str, date: int, purpose: str, channels: tuple[str, ...]) -> float | None:
        """The last word on that purpose; where two were said at once, no."""
        said = [
            row
            for row in self.known("consents", who, date)
            if row["purpose"] == purpose and row["channel"] in channels
        ]
        if not said:
            return None
        last = max(row["at"] for row in said)
        return float(all(row["state"] == "given" for row in said if row["at"] == last))


def _rights(accounts: list[tuple[str, Row]], date: int) -> Values:
    """View profile, what it says of accounts."""
    usable = [(role, a) for role, a in accounts if a["closed_at"] is None or a["closed_at"] >= date]
    mine = [account for role, account in usable if role == "owner"]
    return {
        "accounts_open": len(mine),
        "accounts_authorised": sum(role == "authorised" for role, _ in usable),
        "credit_limit_total": _units(sum(account["credit_limit"] or 0 for account in mine)),
    }


def _days(earlier: int, later: int) -> float:
    """Days between two times, each in whole seconds."""
    return (later // 1_000_000 - earlier // 1_000_000) / 86_400


def _units(cents: int | None) -> float | None:
    return None if cents is None else cents / 100


def _share(flags: list[bool | None]) -> float | None:
    known = [flag for flag in flags if flag is not None]
    return sum(known) / len(known) if known else None
