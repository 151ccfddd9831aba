"""What every raw table holds: columns, kinds, keys, times, references.

Every table is bitemporal. `event` names the column that says when a fact holds;
`recorded_at` says when the bank knew it. A changed fact is a new row: the same `key`
recorded again is a correction, and a snapshot as of a date sees only rows recorded before it.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

PARTY_TYPES = ("person", "company")
CUSTOMER_RISK = ("C1", "C2", "C3", "C4", "C5")
PRODUCT_RISK = ("R1", "R2", "R3", "R4", "R5")
FAMILIES = (
    "current", "savings", "deposit", "card", "loan", "mortgage", "fund", "insurance", "pension",
)  # fmt: skip
BOOKING_CHANNELS = ("branch", "atm", "card", "online", "mobile", "standing_order", "transfer")
BOOKING_CATEGORIES = (
    "salary", "pension", "transfer_in", "cash_in", "cash_out", "card_payment", "rent",
    "household", "insurance", "loan_payment", "interest", "penalty_interest", "fee",
    "transfer_out", "investment", "other",
)  # fmt: skip
CONTACT_CHANNELS = ("phone", "email", "chat", "app", "social", "branch")
LOAN_STATES = ("running", "running_in_debt", "repaid", "written_off")


class Kind(StrEnum):
    """What a column holds; each kind has one Arrow type."""

    ID = "id"  # pseudonymous identifier
    CODE = "code"  # one of a short list
    TEXT = "text"
    MONEY = "money"  # exact, two decimals
    NUMBER = "number"  # rate, probability, score
    INTEGER = "integer"
    FLAG = "flag"
    TIME = "time"  # UTC, microseconds


@cache
def arrow(kind: Kind) -> "pa.DataType":
    """The Arrow type of a kind; Arrow is loaded here, so that who only reads contracts does without it."""
    import pyarrow as pa

    types = {
        Kind.ID: pa.string(), Kind.CODE: pa.string(), Kind.TEXT: pa.string(),
        Kind.MONEY: pa.decimal128(18, 2), Kind.NUMBER: pa.float64(), Kind.INTEGER: pa.int64(),
        Kind.FLAG: pa.bool_(), Kind.TIME: pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    return types[kind]


@dataclass(frozen=True)
class Column:
    """One column. `required` columns must be present and never null."""

    name: str
    kind: Kind
    required: bool = False
    allowed: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Table:
    """One raw table. `references` maps a column to the table whose id it must hold."""

    name: str
    key: tuple[str, ...]
    event: str
    columns: tuple[Column, ...]
    required: bool = False
    references: tuple[tuple[str, str], ...] = ()

    @property
    def schema(self) -> "pa.Schema":
        """The Arrow schema of this table's Parquet files."""
        import pyarrow as pa

        return pa.schema([pa.field(c.name, arrow(c.kind), nullable=not c.required) for c in self.columns])

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _id(name: str, required: bool = True) -> Column:
    return Column(name, Kind.ID, required)


def _time(name: str, required: bool = True) -> Column:
    return Column(name, Kind.TIME, required)


def _money(name: str, required: bool = False, least: float | None = None) -> Column:
    return Column(name, Kind.MONEY, required, least=least)


def _code(name: str, *allowed: str, required: bool = False) -> Column:
    return Column(name, Kind.CODE, required, allowed)


RECORDED = _time("recorded_at")
CURRENCY = _code("currency", required=True)

CUSTOMERS = Table(
    "customers", ("customer_id", "valid_from"), "valid_from",
    (
        _id("customer_id"), _time("valid_from"), RECORDED, _time("joined_at"),
        _code("party_type", *PARTY_TYPES), _code("legal_entity"),
        Column("birth_year", Kind.INTEGER, least=1880, most=2100),
        _code("gender", "female", "male", "other"), _code("region"), _code("occupation"),
        _money("income_monthly", least=0), _code("risk_level", *CUSTOMER_RISK),
        _time("assessed_at", False), _code("preferred_channel", *CONTACT_CHANNELS),
        _code("preferred_language"), _code("time_zone"), _code("branch"),
        _id("relationship_manager", False),
    ),
    required=True,
)  # fmt: skip

ACCOUNTS = Table(
    "accounts", ("account_id", "valid_from"), "valid_from",
    (
        _id("account_id"), _time("valid_from"), RECORDED,
        _code("type", "current", "savings", "card", "loan", "other"), CURRENCY,
        _money("credit_limit", least=0), _time("opened_at"), _time("closed_at", False),
    ),
    required=True,
)  # fmt: skip

ACCOUNT_OWNERS = Table(
    "account_owners", ("account_id", "customer_id", "valid_from"), "valid_from",
    (
        _id("account_id"), _id("customer_id"), _time("valid_from"), RECORDED,
        _code("role", "owner", "authorised", required=True),
    ),
    required=True,
    references=(("account_id", "accounts"), ("customer_id", "customers")),
)  # fmt: skip

BOOKINGS = Table(
    "bookings", ("booking_id",), "booked_at",
    (
        _id("booking_id"), _id("account_id"), _time("booked_at"), RECORDED,
        _money("amount", required=True), CURRENCY, Column("is_cash", Kind.FLAG),
        _code("channel", *BOOKING_CHANNELS), _code("category", *BOOKING_CATEGORIES),
        _id("counterparty_id", False), _code("counterparty_country"), _money("balance_after"),
    ),
    required=True,
    references=(("account_id", "accounts"),),
)  # fmt: skip

PRODUCTS = Table(
    "products", ("product_id", "valid_from"), "valid_from",
    (
        _id("product_id"), _time("valid_from"), RECORDED, _code("family", *FAMILIES, required=True),
        Column("title_en", Kind.TEXT), Column("title_zh", Kind.TEXT),
        _code("risk_level", *PRODUCT_RISK), _code("seller_risk_level", *PRODUCT_RISK),
        Column("rate", Kind.NUMBER), _money("minimum_amount", least=0), _code("tier_required"),
        _money("value", least=0), Column("attributes", Kind.TEXT), _time("withdrawn_at", False),
    ),
)  # fmt: skip

HOLDINGS = Table(
    "holdings", ("customer_id", "product_id", "opened_at"), "opened_at",
    (
        _id("customer_id"), _id("product_id"), _time("opened_at"), RECORDED,
        _time("closed_at", False), _time("matures_at", False), _money("amount"), _money("value"),
        _code("currency"),
    ),
    references=(("customer_id", "customers"), ("product_id", "products")),
)  # fmt: skip

LOANS = Table(
    "loans", ("loan_id",), "granted_at",
    (
        _id("loan_id"), _id("customer_id"), _id("account_id", False), _id("application_id", False),
        _time("granted_at"), RECORDED, _money("amount", required=True, least=0), CURRENCY,
        Column("term_months", Kind.INTEGER, True, least=1, most=600), Column("rate", Kind.NUMBER),
        _money("instalment", least=0), _code("purpose"), _code("status", *LOAN_STATES),
    ),
    references=(("customer_id", "customers"),),
)  # fmt: skip

REPAYMENTS = Table(
    "repayments", ("loan_id", "due_at"), "due_at",
    (
        _id("loan_id"), _time("due_at"), RECORDED, _money("due_amount", required=True, least=0),
        _time("paid_at", False), _money("paid_amount", least=0),
    ),
    references=(("loan_id", "loans"),),
)  # fmt: skip

APPLICATIONS = Table(
    "applications", ("application_id",), "at",
    (
        _id("application_id"), _id("customer_id"), _time("at"), RECORDED,
        _money("amount", required=True, least=0), CURRENCY,
        Column("term_months", Kind.INTEGER, True, least=1, most=600), _code("purpose"),
        _money("declared_income", least=0), Column("co_applicant", Kind.FLAG),
        _code("outcome", "approved", "refused", "withdrawn"),
    ),
)  # fmt: skip

FX_RATES = Table(
    "fx_rates", ("currency", "as_of"), "as_of",
    (CURRENCY, _time("as_of"), RECORDED, Column("rate", Kind.NUMBER, True, least=0)),
)  # fmt: skip

INTERACTIONS = Table(
    "interactions", ("interaction_id",), "at",
    (
        _id("interaction_id"), _id("customer_id"), _time("at"), RECORDED,
        _code("channel", *CONTACT_CHANNELS), _code("direction", "inbound", "outbound"),
        _code("topic"), _id("campaign_id", False), _code("outcome"),
        Column("rating", Kind.INTEGER, least=1, most=5),
    ),
    references=(("customer_id", "customers"),),
)  # fmt: skip

OFFERS = Table(
    "offers", ("offer_id",), "at",
    (
        _id("offer_id"), _id("customer_id"), _id("product_id"), _time("at"), RECORDED,
        _code("channel", *CONTACT_CHANNELS), _code("arm", "treated", "control"),
        Column("selection_probability", Kind.NUMBER, least=0, most=1),
        _code("outcome", "accepted", "declined", "ignored"), _time("outcome_at", False),
    ),
    references=(("customer_id", "customers"), ("product_id", "products")),
)  # fmt: skip

BUREAU = Table(
    "bureau", ("customer_id", "as_of"), "as_of",
    (
        _id("customer_id"), _time("as_of"), RECORDED, Column("score", Kind.NUMBER),
        Column("delinquencies", Kind.INTEGER, least=0), Column("inquiries", Kind.INTEGER, least=0),
    ),
)  # fmt: skip

CONSENTS = Table(
    "consents", ("customer_id", "channel", "purpose", "at"), "at",
    (
        _id("customer_id"), _code("channel", *CONTACT_CHANNELS, required=True),
        _code("purpose", "marketing", "profiling", "service", required=True),
        _code("state", "given", "withdrawn", required=True), _time("at"), RECORDED,
    ),
    references=(("customer_id", "customers"),),
)  # fmt: skip

IMPORTANT_DATES = Table(
    "important_dates", ("customer_id", "kind", "valid_from"), "valid_from",
    (
        _id("customer_id"), _code("kind", required=True), _time("valid_from"), RECORDED,
        Column("month", Kind.INTEGER, True, least=1, most=12),
        Column("day", Kind.INTEGER, True, least=1, most=31), _code("calendar", "solar", "lunar"),
    ),
    references=(("customer_id", "customers"),),
)  # fmt: skip

TABLES: tuple[Table, ...] = (
    CUSTOMERS, ACCOUNTS, ACCOUNT_OWNERS, BOOKINGS, PRODUCTS, HOLDINGS, LOANS, REPAYMENTS,
    APPLICATIONS, FX_RATES, INTERACTIONS, OFFERS, BUREAU, CONSENTS, IMPORTANT_DATES,
)  # fmt: skip
BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
