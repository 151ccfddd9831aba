"""The relations that features read, each as a snapshot sees it. A feature's first argument names one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import ibis
import ibis.expr.types as ir

from feature_repo.engine import Engine
from feature_repo.raw.contracts import BY_NAME
from feature_repo.snapshot import WINDOWS, Seen, latest, until_replaced, visible

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

    engine: Engine
    spine: ir.Table
    base_currency: str
    _seen: dict[str, Seen] = field(default_factory=dict)
    _rows: dict[str, ir.Table] = field(default_factory=dict)

    def see(self, source: str) -> Seen:
        """The rows of that source."""
        if source not in self._seen:
            self._seen[source] = SOURCES[source].see(self)
        return self._seen[source]

    def rows(self, table: str) -> ir.Table:
        """A raw table with the time each row was replaced."""
        if table not in self._rows:
            raw, key = self.engine.read(table), BY_NAME[table].key
            # Finding what was corrected takes a pass; only bookings are many, and read twice.
            keep = self.engine.keep if table == "bookings" else _as_it_is
            self._rows[table] = until_replaced(raw, key, keep)
        return self._rows[table]

    def of_customers(self, table: str, longest: int | None = None) -> ir.Table:
        """The visible rows of a table whose rows belong to a customer."""
        return visible(self.spine, self.rows(table), "customer_id", BY_NAME[table].event, longest)

    @cached_property
    def own_accounts(self) -> ir.Table:
        """Accounts on which customers keep money and which they own, one row to each."""
        accounts = self.see("accounts")
        keeps_money = accounts.type.notin(DEBT_ACCOUNTS).fill_null(True)
        mine = accounts.table.filter((accounts.role == "owner") & keeps_money)
        return self.engine.keep(mine.select(*self.spine.columns, "account_id"))

    def in_base_currency(self, table: str, seen: ir.Table, *amounts: str) -> ir.Table:
        """These rows with amounts at the rate last known as of the date; no known rate is null."""
        foreign = seen.currency.fill_null(self.base_currency) != self.base_currency
        raw = self.engine.read(table)
        if not self.engine.arrow(raw.filter(raw.currency != self.base_currency).limit(1)).num_rows:
            return seen
        if not self.engine.has("fx_rates"):
            nothing = ibis.null(MONEY)
            return seen.mutate(**{name: foreign.ifelse(nothing, seen[name]) for name in amounts})
        rated = seen.left_join(self._rates, ["as_of", "currency"], rname="{name}_fx")
        converted = {
            name: foreign.ifelse(
                (rated[name].cast("float64") * rated.rate_fx).round(2).cast(MONEY), rated[name]
            )
            for name in amounts
        }
        return rated.mutate(**converted).select(*seen.columns)

    @cached_property
    def _rates(self) -> ir.Table:
        """The rate of every currency as of every date."""
        rates = self.rows("fx_rates").mutate(every=1)
        dates = self.spine.select("as_of").distinct().mutate(every=1)
        known = visible(dates, rates.rename(set_at="as_of"), "every", "set_at")
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
    versions = visible(rights, snapshot.rows("accounts"), "account_id", "valid_from")
    return Seen(snapshot.engine.keep(latest(versions, "account_id")))


def bookings(snapshot: Snapshot) -> Seen:
    """Bookings of the last year on the accounts where the customer keeps money."""
    rows = snapshot.rows("bookings")
    seen = visible(snapshot.own_accounts, rows, "account_id", "booked_at", max(WINDOWS))
    seen = seen.mutate(is_foreign=seen.counterparty_country.notin(home_countries(snapshot.base_currency)))
    return Seen(snapshot.in_base_currency("bookings", seen, "amount", "balance_after"))


def account_histories(snapshot: Snapshot) -> Seen:
    """One row an account: `first_booked_at`, `last_booked_at`, and the balance after the last one.

    Of bookings at the same last moment the one recorded last counts; if that is the same too, the
    one with the greatest booking_id.
    """
    rows = snapshot.rows("bookings")
    seen = visible(snapshot.own_accounts, rows, "account_id", "booked_at")
    spans = seen.group_by("row", "account_id").agg(
        first_booked_at=seen.booked_at.min(), last_booked_at=seen.booked_at.max()
    )
    spans = snapshot.engine.keep(snapshot.own_accounts.inner_join(spans, ["row", "account_id"]))
    moments = rows.select(
        "account_id", "booking_id", "recorded_at", "superseded_at", "balance_after", "currency",
        last_booked_at=rows.booked_at,
    )  # fmt: skip
    visible_then = [moments.recorded_at < spans.as_of, moments.superseded_at >= spans.as_of]
    moments = spans.inner_join(moments, ["account_id", "last_booked_at", *visible_then])
    final = ibis.row_number().over(
        group_by=["row", "account_id"], order_by=[moments.recorded_at.desc(), moments.booking_id.desc()]
    )
    ends = moments.mutate(final=final, event=moments.last_booked_at).filter(ibis._.final == 0)
    return Seen(snapshot.in_base_currency("bookings", ends, "balance_after"))


def loans(snapshot: Snapshot) -> Seen:
    """Loans granted, with `running`, `instalment` (else amount by term) and `paid` so far."""
    seen = snapshot.in_base_currency("loans", snapshot.of_customers("loans"), "amount", "instalment")
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
    granted = granted.select(*snapshot.spine.columns, "loan_id", "running")
    return visible(granted, snapshot.rows("repayments"), "loan_id", "due_at")


def applications(snapshot: Snapshot) -> Seen:
    """Applications for credit, of the last year."""
    return Seen(snapshot.of_customers("applications", max(WINDOWS)))


def bureau(snapshot: Snapshot) -> Seen:
    """The last bureau report."""
    return Seen(latest(snapshot.of_customers("bureau")), single=True)


def holdings(snapshot: Snapshot) -> Seen:
    """Products the customer ever bought, with `is_open`."""
    seen = snapshot.of_customers("holdings")
    return Seen(seen.mutate(is_open=(seen.closed_at >= seen.as_of).fill_null(True)))


def held_products(snapshot: Snapshot) -> Seen:
    """Products held, with their version in force: `family`, and `risk` 1-5, the higher of two ratings."""
    seen = snapshot.see("holdings").table.filter(ibis._.is_open)
    seen = snapshot.in_base_currency("holdings", seen, "amount", "value")
    worth = seen.value.fill_null(seen.amount)
    seen = seen.select(*snapshot.spine.columns, "product_id", "opened_at", worth=worth)
    versions = latest(
        visible(seen, snapshot.rows("products"), "product_id", "valid_from"), "product_id", "opened_at"
    )
    issuer, seller = (level(versions[name]) for name in ("risk_level", "seller_risk_level"))
    return Seen(versions.mutate(risk=ibis.greatest(issuer, seller)))


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


def _as_it_is(table: ir.Table) -> ir.Table:
    return table


def level(code: ir.StringColumn) -> ir.IntegerColumn:
    """A risk level as a number: 'C3' or 'R3' is 3."""
    return code.substr(1, 1).cast("int64")


SOURCES: dict[str, Source] = {
    "customers": Source(customers, ("customers",)),
    "accounts": Source(accounts, ("accounts", "account_owners")),
    "bookings": Source(bookings, ("bookings", "accounts", "account_owners")),
    "account_histories": Source(account_histories, ("bookings", "accounts", "account_owners")),
    "loans": Source(loans, ("loans",)),
    "repayments": Source(repayments, ("loans", "repayments")),
    "applications": Source(applications, ("applications",)),
    "bureau": Source(bureau, ("bureau",)),
    "holdings": Source(holdings, ("holdings",)),
    "held_products": Source(held_products, ("holdings", "products")),
    "interactions": Source(interactions, ("interactions",)),
    "offers": Source(offers, ("offers",)),
    "consents": Source(consents, ("consents",)),
}
