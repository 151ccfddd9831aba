"""The relations that features read, each as a snapshot sees it. A feature's first argument names one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from feature_repo.engine import Engine
from feature_repo.history import History, Span, latest, visible
from feature_repo.months import counterparties_of, months_of
from feature_repo.raw.contracts import BY_NAME
from feature_repo.snapshot import WINDOWS, Monthly, Seen

MONEY = "decimal(18, 2)"
MONTH_DAYS = 30.4375
DEBT_ACCOUNTS = ("card", "loan")  # their balance is owed, not had
EURO_AREA = (
    "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MT",
    "NL", "PT", "SI", "SK",
)  # fmt: skip
RUNNING = ("running", "running_in_debt")


@dataclass(frozen=True)
class Snapshot:
    """Raw tables of one engine as seen from one spine; amounts in the bank's base currency."""

    history: History
    spine: ir.Table
    span: Span
    base_currency: str
    _seen: dict[str, Seen] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        """Where it is computed."""
        return self.history.engine

    def see(self, source: str) -> Seen:
        """The rows of that source."""
        if source not in self._seen:
            self._seen[source] = SOURCES[source].see(self)
        return self._seen[source]

    def rows(self, table: str) -> ir.Table:
        """A raw table with the time each row was replaced."""
        return self.history.rows(table)

    def beside(
        self, near: ir.Table, table: str, on: str, event: str = "", longest: int | None = None
    ) -> ir.Table:
        """Rows of `near` beside the rows of a raw table they see, matched by the column `on`."""
        event = event or BY_NAME[table].event
        return visible(self.engine, near, self.span, self.rows(table), on, event, longest)

    def of_customers(self, table: str, longest: int | None = None) -> ir.Table:
        """The visible rows of a table whose rows belong to a customer."""
        return self.beside(self.spine, table, "customer_id", longest=longest)

    @cached_property
    def own_accounts(self) -> ir.Table:
        """Accounts that customers own, one row to each: `type`, `credit_limit`, and if it `keeps_money`."""
        accounts = self.see("accounts")
        mine = accounts.table.filter(accounts.role == "owner")
        keeps = mine.type.notin(DEBT_ACCOUNTS).fill_null(True)
        columns = (*self.spine.columns, "account_id", "type", "credit_limit")
        return self.engine.keep(mine.select(*columns, keeps_money=keeps))

    def in_base_currency(self, seen: ir.Table, *amounts: str) -> ir.Table:
        """These rows with amounts at the rate last known as of the date; no known rate is null."""
        if not self.engine.has("fx_rates"):
            rated = seen.mutate(rate_fx=ibis.null("float64"))
        else:
            joined = seen.left_join(self._rates, ["as_of", "currency"], rname="{name}_fx")
            rated = joined.select(*seen.columns, "rate_fx")
        foreign = rated.currency.fill_null(self.base_currency) != self.base_currency
        converted = {
            name: (rated[name].cast("float64") * rated.rate_fx).round(2).cast(MONEY) for name in amounts
        }
        kept = {name: foreign.ifelse(value, rated[name]) for name, value in converted.items()}
        return rated.mutate(**kept).select(*seen.columns)

    @cached_property
    def _rates(self) -> ir.Table:
        """The rate of every currency as of every date."""
        rates = self.rows("fx_rates").mutate(every=1)
        dates = self.spine.select("as_of", "as_of_us").distinct().mutate(every=1)
        set_at = rates.rename(set_at="as_of")
        known = visible(self.engine, dates, self.span, set_at, "every", "set_at", None)
        last = known.group_by("as_of", "currency").agg(rate_fx=known.rate.argmax(known.event))
        return self.engine.keep(last)


@dataclass(frozen=True)
class Source:
    """A relation: the raw tables it needs, and how a snapshot sees it."""

    see: Callable[[Snapshot], Seen]
    needs: tuple[str, ...]


def customers(snapshot: Snapshot) -> Seen:
    """The version of the customer in force."""
    return Seen(snapshot.engine.keep(latest(snapshot.of_customers("customers"))), single=True)


def accounts(snapshot: Snapshot) -> Seen:
    """Accounts the customer owns or may use, with the version in force and the `role`."""
    rights = latest(snapshot.of_customers("account_owners"), "account_id")
    rights = rights.select(*snapshot.spine.columns, "account_id", "role")
    versions = latest(snapshot.beside(rights, "accounts", "account_id"), "account_id")
    return Seen(snapshot.engine.keep(snapshot.in_base_currency(versions, "credit_limit")))


def bookings(snapshot: Snapshot) -> Seen:
    """Bookings of the last year on the accounts where the customer keeps money."""
    kept = snapshot.own_accounts.filter(snapshot.own_accounts.keeps_money)
    near = kept.select(*snapshot.spine.columns, "account_id")
    seen = snapshot.beside(near, "bookings", "account_id", longest=max(WINDOWS))
    seen = seen.mutate(is_foreign=seen.counterparty_country.notin(home_countries(snapshot.base_currency)))
    return Seen(snapshot.in_base_currency(seen, "amount", "balance_after"))


def booking_months(snapshot: Snapshot) -> Monthly:
    """The same, summed by months of 30 days back from the date: what all windows are made of."""
    return Monthly(snapshot.engine.keep(months_of(snapshot.see("bookings"))))


def counterparties(snapshot: Snapshot) -> Seen:
    """Who paid the customer or was paid, one row each, over the last 180 days."""
    return Seen(snapshot.engine.keep(counterparties_of(snapshot.see("bookings"))))


def account_histories(snapshot: Snapshot) -> Seen:
    """One row an own account: `first_booked_at`, `last_booked_at`, and the balance after the last booking.

    Of bookings at the same last moment the one recorded last counts; if that is the same too, the
    one with the greatest booking_id.
    """
    near = snapshot.own_accounts
    seen = snapshot.beside(near, "bookings", "account_id")
    order = ("event", "recorded_at", "booking_id")
    final = ibis.struct({name: seen[name] for name in (*order, "balance_after", "currency")})
    ends = seen.group_by("row", "account_id").agg(
        first_booked_at=seen.event.min(), last_booked_at=seen.event.max(), final=ops.Max(final).to_expr()
    )
    ends = ends.mutate(balance_after=ends.final.balance_after, currency=ends.final.currency).drop("final")
    whole = near.inner_join(ends, ["row", "account_id"])
    whole = whole.select(
        *near.columns, "first_booked_at", "last_booked_at", "balance_after", currency=ends.currency
    )
    return Seen(snapshot.engine.keep(snapshot.in_base_currency(whole, "balance_after")))


def loans(snapshot: Snapshot) -> Seen:
    """Loans granted, with `running`, `instalment` (else amount by term) and `paid` so far."""
    seen = snapshot.in_base_currency(snapshot.of_customers("loans"), "amount", "instalment")
    by_term = (seen.amount.cast("float64") / seen.term_months).round(2).cast(MONEY)
    seen = seen.mutate(
        running=seen.status.fill_null("running").isin(RUNNING), instalment=seen.instalment.fill_null(by_term)
    )
    if not snapshot.engine.has("repayments"):
        months = (
            (seen.as_of.epoch_seconds() - seen.granted_at.epoch_seconds()) / (86_400 * MONTH_DAYS)
        ).floor()
        due = ibis.least(months.cast("int64"), seen.term_months)
        return Seen(snapshot.engine.keep(seen.mutate(paid=(seen.instalment * due).cast(MONEY))))
    dues = _repayments(snapshot)
    paid = dues.group_by("row", "loan_id").agg(paid=dues.paid_amount.sum())
    joined = seen.left_join(paid, ["row", "loan_id"]).select(*seen.columns, "paid")
    return Seen(snapshot.engine.keep(joined.mutate(paid=joined.paid.fill_null(0).cast(MONEY))))


def repayments(snapshot: Snapshot) -> Seen:
    """Instalments fallen due on the customer's loans, with `running` of their loan and `settled_at`."""
    dues = _repayments(snapshot)
    settled = (dues.paid_at < dues.as_of).fill_null(False)
    return Seen(dues.mutate(settled_at=settled.ifelse(dues.paid_at, dues.as_of), settled=settled))


def _repayments(snapshot: Snapshot) -> ir.Table:
    granted = snapshot.of_customers("loans")
    granted = granted.mutate(running=granted.status.fill_null("running").isin(RUNNING))
    granted = granted.select(*snapshot.spine.columns, "loan_id", "running", "currency")
    dues = snapshot.beside(granted, "repayments", "loan_id")
    return snapshot.engine.keep(snapshot.in_base_currency(dues, "due_amount", "paid_amount"))


def applications(snapshot: Snapshot) -> Seen:
    """Applications for credit, of the last year."""
    seen = snapshot.of_customers("applications", max(WINDOWS))
    return Seen(snapshot.in_base_currency(seen, "amount"))


def bureau(snapshot: Snapshot) -> Seen:
    """The last bureau report."""
    return Seen(latest(snapshot.of_customers("bureau")), single=True)


def holdings(snapshot: Snapshot) -> Seen:
    """Products the customer ever bought, with `is_open`."""
    seen = snapshot.of_customers("holdings")
    return Seen(seen.mutate(is_open=(seen.closed_at >= seen.as_of).fill_null(True)))


def purchases(snapshot: Snapshot) -> Seen:
    """Products ever bought, with their version in force: `family`, `worth`, `put_in`, and `risk` 1-5.

    The risk is the higher of the issuer's and the seller's rating.
    """
    seen = snapshot.see("holdings").table
    seen = snapshot.in_base_currency(seen, "amount", "value")
    bought = seen.select(
        *snapshot.spine.columns, "product_id", "opened_at", "closed_at", "matures_at", "is_open",
        bought_ago=seen.ago, put_in=seen.amount, worth=seen.value.fill_null(seen.amount),
    )  # fmt: skip
    versions = latest(snapshot.beside(bought, "products", "product_id"), "product_id", "opened_at")
    issuer, seller = (level(versions[name]) for name in ("risk_level", "seller_risk_level"))
    risk = ibis.greatest(issuer, seller)
    columns = (*bought.columns, "family")
    return Seen(snapshot.engine.keep(versions.select(*columns, risk=risk, ago=versions.bought_ago)))


def held_products(snapshot: Snapshot) -> Seen:
    """The purchases still held."""
    bought = snapshot.see("purchases").table
    return Seen(bought.filter(bought.is_open))


def customer_changes(snapshot: Snapshot) -> Seen:
    """Every version of the customer's record, beside what it changed: `<column>_before`."""
    seen = snapshot.of_customers("customers")
    earlier = {
        f"{name}_before": seen[name].lag().over(group_by="row", order_by=[seen.event, seen.recorded_at])
        for name in ("region", "occupation", "income_monthly", "risk_level")
    }
    return Seen(snapshot.engine.keep(seen.mutate(**earlier)))


def interactions(snapshot: Snapshot) -> Seen:
    """Conversations, in any channel and either direction."""
    return Seen(snapshot.of_customers("interactions"))


def offers(snapshot: Snapshot) -> Seen:
    """Offers made in the last year; those held back for comparison are left out."""
    seen = snapshot.of_customers("offers", max(WINDOWS))
    return Seen(seen.filter((seen.arm != "control").fill_null(True)))


def consents(snapshot: Snapshot) -> Seen:
    """Every consent given or withdrawn."""
    return Seen(snapshot.of_customers("consents"))


def home_countries(currency: str) -> tuple[str, ...]:
    """The countries (ISO 3166) where that currency (ISO 4217) is at home.

    >>> home_countries("CNY")
    ('CN',)
    """
    return EURO_AREA if currency == "EUR" else (currency[:2],)


def level(code: ir.StringColumn) -> ir.IntegerColumn:
    """A risk level as a number: 'C3' or 'R3' is 3."""
    return code.substr(1, 1).cast("int64")


SOURCES: dict[str, Source] = {
    "customers": Source(customers, ("customers",)),
    "customer_changes": Source(customer_changes, ("customers",)),
    "accounts": Source(accounts, ("accounts", "account_owners")),
    "bookings": Source(bookings, ("bookings", "accounts", "account_owners")),
    "booking_months": Source(booking_months, ("bookings", "accounts", "account_owners")),
    "counterparties": Source(counterparties, ("bookings", "accounts", "account_owners")),
    "account_histories": Source(account_histories, ("bookings", "accounts", "account_owners")),
    "loans": Source(loans, ("loans",)),
    "repayments": Source(repayments, ("loans", "repayments")),
    "applications": Source(applications, ("applications",)),
    "bureau": Source(bureau, ("bureau",)),
    "holdings": Source(holdings, ("holdings",)),
    "purchases": Source(purchases, ("holdings", "products")),
    "held_products": Source(held_products, ("holdings", "products")),
    "interactions": Source(interactions, ("interactions",)),
    "offers": Source(offers, ("offers",)),
    "consents": Source(consents, ("consents",)),
}
