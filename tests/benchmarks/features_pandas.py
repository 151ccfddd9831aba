"""All features in vectorised pandas, written by hand for one date and every customer known then.

Columns are read as needed, strings as categories, money as floats; corrections are dropped by key, and
bookings are summed by month of 30 days (a month at a time, which keeps 46 aggregates in the caches) before
windows are taken. No Python runs for a row.
"""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from feature_repo.features.catalogue import FEATURES
from feature_repo.features.columns import COLUMNS
from feature_repo.raw.contracts import BY_NAME, CONTACT_CHANNELS, Kind
from feature_repo.zones import ZONES

DAY_US = 86_400_000_000
CHANNELS = ("branch", "atm", "card", "online", "mobile", "standing_order")
SPENT_ON = (
    "rent", "household", "insurance", "card_payment", "loan_payment", "investment", "transfer_out", "fee",
)  # fmt: skip
SPENT_90 = tuple(name for name in SPENT_ON if name not in ("investment", "fee"))
SPENT_365 = ("investment", "card_payment", "transfer_out")
INVESTED = ("deposit", "fund", "pension")
# Counts and sums: nothing there is 0. Of the others nothing is known.
ZERO = tuple(feature.name for feature in FEATURES if feature.nothing == 0)


class Bank:
    """The raw tables as known at one date, and the features found so far, indexed by customer_id."""

    def __init__(self, raw: Path, as_of: datetime) -> None:
        self.raw, self.as_of = raw, pd.Timestamp(as_of).as_unit("us")
        self.customers = self.known("customers").sort_values(["customer_id", "valid_from"])
        self.found = pd.DataFrame(index=pd.Index(self.customers["customer_id"].unique(), name="customer_id"))
        rates = self.known("fx_rates").sort_values("as_of").drop_duplicates("currency", keep="last")
        self.rates = rates.set_index("currency")["rate"]

    def read(self, table: str, columns: tuple[str, ...] = ()) -> pd.DataFrame:
        """Rows recorded before the date; money as floats, codes as categories, ids as strings."""
        contract = BY_NAME[table]
        kinds = {column.name: column.kind for column in contract.columns}
        codes = [name for name, kind in kinds.items() if kind is Kind.CODE and name not in contract.key]
        form = ds.ParquetFileFormat(dictionary_columns=[name for name in codes if name in columns])
        rows = ds.dataset(self.raw / table, format=form).to_table(
            columns=list(columns) or list(kinds),
            filter=pc.field("recorded_at") < pa.scalar(self.as_of.to_pydatetime(), pa.timestamp("us", "UTC")),
        )
        for at, name in enumerate(rows.column_names):
            if kinds[name] is Kind.MONEY:
                rows = rows.set_column(at, name, rows[name].cast(pa.float64()))
        return rows.unify_dictionaries().to_pandas(self_destruct=True, split_blocks=True)

    def known(self, table: str) -> pd.DataFrame:
        """Of every key the row recorded last, if its event lies before the date, with `ago` in days."""
        contract = BY_NAME[table]
        rows = self.read(table).sort_values("recorded_at").drop_duplicates(list(contract.key), keep="last")
        rows = rows[rows[contract.event] < self.as_of]
        return rows.assign(ago=self.ago(rows[contract.event]))

    def ago(self, times: pd.Series) -> pd.Series:
        """Days from these times to the date."""
        return (self.as_of - times) / pd.Timedelta(days=1)

    def in_cny(self, amounts: pd.Series, currency: pd.Series) -> pd.Series:
        """Amounts at the last known rate of their currency, in whole cents."""
        foreign = (currency != "CNY") & currency.notna()
        rate = currency[foreign].astype(object).map(self.rates).astype("float64")
        amounts = amounts.copy()
        amounts[foreign] = (amounts[foreign] * rate).round(2)
        return amounts

    def add(self, **columns: pd.Series) -> None:
        """Features by customer_id; customers that are not there have none."""
        self.found = self.found.join(pd.DataFrame(columns))


def features(raw: Path, as_of: datetime) -> pd.DataFrame:
    """A row for every customer known at the date, sorted; COLUMNS as floats, NaN where unknown."""
    bank = Bank(raw, as_of)
    _profile(bank)
    accounts = _accounts(bank)
    _bookings(bank, accounts)
    _credit(bank)
    _applications(bank)
    _products(bank)
    _contact(bank)
    _consents(bank)
    zero = list(ZERO)
    bank.found[zero] = bank.found[zero].astype("float64").fillna(0)
    _derived(bank)
    return bank.found[list(COLUMNS)].astype("float64").sort_index()


def _count(rows: pd.DataFrame, which: pd.Series | None = None) -> pd.Series:
    return (rows if which is None else rows[which]).groupby("customer_id").size()


def _of(rows: pd.DataFrame, column: str, how: str, which: pd.Series | None = None) -> pd.Series:
    return (rows if which is None else rows[which]).groupby("customer_id")[column].agg(how)


def _level(codes: pd.Series) -> pd.Series:
    return codes.astype(object).str[1].astype("float64")


def _profile(bank: Bank) -> None:
    rows = bank.customers
    by = rows.groupby("customer_id")
    before = by[["region", "occupation"]].shift()
    first, year = ~rows["customer_id"].duplicated(), rows["ago"] <= 365
    moved = (rows["region"] != before["region"]) & ~first
    other_work = (rows["occupation"] != before["occupation"]) & ~first
    rows = rows.assign(level=_level(rows["risk_level"]))
    rows["rise"] = rows["level"] - rows.groupby("customer_id")["level"].shift()
    now = rows.drop_duplicates("customer_id", keep="last").set_index("customer_id")
    then = rows[~year].drop_duplicates("customer_id", keep="last").set_index("customer_id")["income_monthly"]
    assessed, digital = bank.ago(now["assessed_at"]), now["preferred_channel"].isin(["app", "chat", "email"])
    bank.add(
        age_years=bank.as_of.year - now["birth_year"],
        is_female=(now["gender"] == "female").where(now["gender"].notna()),
        is_company=(now["party_type"] == "company").where(now["party_type"].notna()),
        tenure_months=bank.ago(now["joined_at"]) / 30.4375,
        income_monthly=now["income_monthly"],
        risk_level=now["level"],
        risk_assessment_age_days=assessed.where(assessed >= 0),
        prefers_digital=digital.where(now["preferred_channel"].notna()),
        has_relationship_manager=now["relationship_manager"].notna(),
        preferred_channel=now["preferred_channel"].map({name: i for i, name in enumerate(CONTACT_CHANNELS)}),
        time_zone=now["time_zone"].map({name: code for code, name in enumerate(ZONES)}),
        record_changes_365d=_count(rows, year & ~first),
        moves_365d=_count(rows, year & moved),
        occupation_changes_365d=_count(rows, year & other_work),
        income_change_365d=(now["income_monthly"] / then.where(then != 0) - 1).clip(upper=10),
        risk_level_changes_365d=_of(rows, "rise", "sum", year),
        days_since_last_move=_of(rows, "ago", "min", moved),
    )


def _accounts(bank: Bank) -> pd.DataFrame:
    """Accounts that customers own; the features of all they may use on the way."""
    rights = bank.known("account_owners").sort_values("valid_from")
    rights = rights.drop_duplicates(["customer_id", "account_id"], keep="last")
    states = bank.known("accounts").sort_values("valid_from").drop_duplicates("account_id", keep="last")
    rows = rights[["customer_id", "account_id", "role"]].merge(states, on="account_id")
    rows["credit_limit"] = bank.in_cny(rows["credit_limit"], rows["currency"])
    mine, is_open = rows["role"] == "owner", ~(rows["closed_at"] < bank.as_of)
    rows["age"], closed = bank.ago(rows["opened_at"]), bank.ago(rows["closed_at"])
    bank.add(
        accounts_open=_count(rows, mine & is_open),
        accounts_authorised=_count(rows, ~mine & is_open),
        accounts_opened_365d=_count(rows, mine & (rows["age"] <= 365)),
        accounts_closed_365d=_count(rows, mine & (closed > 0) & (closed <= 365)),
        account_age_days=_of(rows, "age", "max", mine),
        account_types=_of(rows, "type", "nunique", mine & is_open),
        credit_limit_total=_of(rows, "credit_limit", "sum", mine & is_open),
    )
    return rows[mine][["customer_id", "account_id", "type"]]


def _bookings(bank: Bank, accounts: pd.DataFrame) -> None:
    rows = bank.read("bookings", tuple(BY_NAME["bookings"].schema.names))
    ids = pa.array(rows.pop("booking_id")).dictionary_encode()
    rows["id"] = ids.indices.to_numpy()
    twice = rows["id"].duplicated(keep=False)
    again = rows[twice].sort_values("recorded_at")
    rows = rows.drop(again.index[again["id"].duplicated(keep="last")])
    rows = rows[rows["booked_at"] < bank.as_of]
    _histories(bank, accounts, rows, ids.dictionary)
    keeps = accounts[~accounts["type"].isin(["card", "loan"])]
    rows = rows[rows["booked_at"] >= bank.as_of - pd.Timedelta(days=365)].merge(
        keeps[["account_id", "customer_id"]], on="account_id"
    )
    rows["customer_id"] = rows["customer_id"].astype("category")
    rows["ago"] = bank.ago(rows["booked_at"])
    for name in ("amount", "balance_after"):
        rows[name] = bank.in_cny(rows[name], rows["currency"])
    rows["month"] = np.minimum(np.ceil(rows["ago"] / 30).astype("int64") - 1, 12)
    _windows(bank, pd.concat([_month(rows[rows["month"] == month], month) for month in range(13)]))
    _counterparties(bank, rows[(rows["month"] < 6) & rows["counterparty_id"].notna()])


def _histories(bank: Bank, accounts: pd.DataFrame, rows: pd.DataFrame, ids: pa.Array) -> None:
    """First and last booking of every account; of bookings at one moment the last recorded, then by id."""
    times = rows.groupby("account_id")["booked_at"].agg(["min", "max"])
    last = rows[rows["booked_at"] == rows["account_id"].map(times["max"])]
    last = last.assign(name=ids.take(pa.array(last["id"])).to_pandas().to_numpy())
    last = last.sort_values(["booked_at", "recorded_at", "name"]).drop_duplicates("account_id", keep="last")
    ends = accounts.merge(last, on="account_id").merge(times, left_on="account_id", right_index=True)
    ends["balance"] = bank.in_cny(ends["balance_after"], ends["currency"])
    keeps, owed = ~ends["type"].isin(["card", "loan"]), (ends["type"] == "card") & (ends["balance"] < 0)
    bank.add(
        balance_last=_of(ends, "balance", "sum", keeps),
        days_since_last_booking=bank.ago(_of(ends, "max", "max", keeps)),
        history_days=bank.ago(_of(ends, "min", "min", keeps)).clip(upper=365),
        card_debt=-_of(ends, "balance", "sum", owed),
    )


def _month(rows: pd.DataFrame, month: int) -> pd.DataFrame:
    """One row a customer: sums, extremes and counts of one month."""
    amount, balance = rows["amount"], rows["balance_after"]
    came, left = amount > 0, amount < 0
    paid, cash = (-amount).where(left, 0.0), rows["is_cash"].eq(True)
    by_person = left & rows["channel"].isin(["card", "online", "mobile", "branch"])
    salary = came & rows["category"].isin(["salary", "pension"])
    sums = {
        "inflow": amount.where(came, 0.0), "outflow": paid, "cash_in": amount.where(came & cash, 0.0),
        "cash_out": paid.where(cash, 0.0), "salary": amount.where(salary, 0.0),
        "penalty_interest": paid.where(rows["category"] == "penalty_interest", 0.0),
        "balance_sum": balance, "balance_known": balance.notna(), "balance_squares": balance * balance,
        "bookings": pd.Series(1, rows.index), "left": left, "payments": by_person, "overdrawn": balance < 0,
        "cash": cash, "cash_known": rows["is_cash"].notna(), "channel_known": rows["channel"].notna(),
        "foreign": (rows["counterparty_country"] != "CN") & rows["counterparty_country"].notna(),
        "foreign_known": rows["counterparty_country"].notna(),
        **{f"by_{name}": rows["channel"] == name for name in CHANNELS},
        **{f"spent_{name}": paid.where(rows["category"] == name, 0.0) for name in SPENT_ON},
    }  # fmt: skip
    most = {"largest_in": amount.where(came), "largest_out": (-amount).where(left), "balance_max": balance}
    least = {
        "balance_min": balance, "salary_ago": rows["ago"].where(salary),
        "paid_ago": rows["ago"].where(by_person),
    }  # fmt: skip
    by = rows["customer_id"]
    parts = [
        pd.DataFrame(columns).groupby(by, observed=True).agg(how)
        for columns, how in ((sums, "sum"), (most, "max"), (least, "min"))
    ]
    return pd.concat(parts, axis=1).assign(month=month)


def _windows(bank: Bank, months: pd.DataFrame) -> None:
    """Every feature that is sums over whole windows of months."""
    months.index = months.index.astype(object)
    by = {d: months[months["month"] < n].groupby(level=0) for d, n in ((30, 1), (90, 3), (180, 6), (365, 13))}
    pairs = {30: (months["month"] == 1), 90: months["month"].between(3, 5)}
    before = {d: months[which].groupby(level=0).sum().reindex(bank.found.index) for d, which in pairs.items()}
    sums = {d: group.sum().reindex(bank.found.index) for d, group in by.items()}
    new = {f"{x}_{d}d": w[x] for d, w in sums.items() for x in ("inflow", "outflow", "bookings")}
    for d, w in sums.items():
        new[f"balance_mean_{d}d"] = w["balance_sum"] / w["balance_known"].replace(0, np.nan)
    for d in (30, 90):
        new |= {f"{x}_trend_{d}d": _trend(sums[d][x], before[d][x]) for x in ("inflow", "outflow")}
    for d in (30, 90, 365):
        new[f"payments_{d}d"] = sums[d]["payments"]
    for d in (180, 365):
        paid = months[(months["salary"] > 0) & (months["month"] < (13 if d == 365 else d // 30))]
        new[f"salary_months_{d}d"] = paid.groupby(level=0).size()
    for d in (90, 365):
        new |= _two_windows(sums[d], d)
        new |= {
            f"balance_min_{d}d": by[d]["balance_min"].min(),
            f"balance_max_{d}d": by[d]["balance_max"].max(),
        }
    now, then = (
        new["balance_mean_90d"],
        before[90]["balance_sum"] / before[90]["balance_known"].replace(0, np.nan),
    )
    was_mobile = before[90]["by_mobile"] / before[90]["channel_known"].replace(0, np.nan)
    quarter, year = sums[90], sums[365]
    bank.add(
        **new,
        **{f"{name}_share_90d": _share(quarter, f"by_{name}", "channel_known") for name in CHANNELS},
        **{f"{x}_share_365d": _share(year, f"by_{x}", "channel_known") for x in ("mobile", "branch", "card")},
        **{f"{x}_share_90d": _share(quarter, f"spent_{x}", "outflow") for x in SPENT_90},
        **{f"{x}_share_365d": _share(year, f"spent_{x}", "outflow") for x in SPENT_365},
        largest_inflow_90d=by[90]["largest_in"].max(),
        largest_outflow_90d=by[90]["largest_out"].max(),
        months_active_365d=by[365].size(),
        days_since_last_salary=by[365]["salary_ago"].min(),
        salary_trend_90d=_trend(quarter["salary"], before[90]["salary"]),
        balance_trend_90d=(now - then) / (now.abs() + then.abs()).replace(0, np.nan),
        penalty_interest_365d=year["penalty_interest"],
        cash_in_90d=quarter["cash_in"],
        cash_out_share_90d=_share(quarter, "cash_out", "outflow"),
        mobile_trend_90d=_share(quarter, "by_mobile", "channel_known") - was_mobile,
        fees_365d=year["spent_fee"],
        payment_recency_days=by[365]["paid_ago"].min(),
        outflow_per_booking_90d=quarter["outflow"] / quarter["left"].replace(0, np.nan),
        **{f"{x}_volatility_365d": _volatility(bank, months, x) for x in ("inflow", "outflow")},
    )  # fmt: skip


def _two_windows(w: pd.DataFrame, d: int) -> dict[str, pd.Series]:
    """What is asked of 90 and of 365 days."""
    n = w["balance_known"].replace(0, np.nan)
    spread = (n * w["balance_squares"] - w["balance_sum"] ** 2).clip(lower=0)
    return {
        f"net_flow_{d}d": (w["inflow"] - w["outflow"]).round(2),
        f"savings_rate_{d}d": 1 - w["outflow"] / w["inflow"].replace(0, np.nan),
        f"salary_monthly_{d}d": w["salary"] / (d / 30),
        f"balance_volatility_{d}d": np.sqrt(spread) / n,
        f"negative_balance_bookings_{d}d": w["overdrawn"],
        f"cash_share_{d}d": _share(w, "cash", "cash_known"),
        f"foreign_share_{d}d": _share(w, "foreign", "foreign_known"),
        f"cash_out_{d}d": w["cash_out"],
        f"invested_{d}d": w["spent_investment"],
    }


def _share(window: pd.DataFrame, part: str, whole: str) -> pd.Series:
    return window[part] / window[whole].replace(0, np.nan)


def _trend(now: pd.Series, then: pd.Series) -> pd.Series:
    now, then = now.fillna(0), then.fillna(0)
    return (now - then) / (now + then).replace(0, np.nan)


def _volatility(bank: Bank, months: pd.DataFrame, flow: str) -> pd.Series:
    by_month = months[months["month"] < 12].pivot(columns="month", values=flow)
    by_month = by_month.reindex(columns=range(12), fill_value=0).fillna(0)
    mean = by_month.mean(axis=1)
    return (by_month.std(axis=1, ddof=0) / mean).where(mean > 0)


def _counterparties(bank: Bank, rows: pd.DataFrame) -> None:
    came = rows["amount"] > 0
    rows = rows.assign(paid_in=rows["amount"].where(came, 0.0))
    keys = ["customer_id", "counterparty_id"]
    payers = rows.groupby(keys, observed=True)["paid_in"].sum().to_frame()
    months = rows.loc[came, [*keys, "month"]].drop_duplicates().groupby(keys, observed=True).size()
    payers["months"] = months.reindex(payers.index).fillna(0)
    payers = payers.reset_index()
    payers["customer_id"] = payers["customer_id"].astype(object)
    most, total = _of(payers, "paid_in", "max"), _of(payers, "paid_in", "sum")
    bank.add(
        counterparties_180d=_count(payers),
        regular_payer_months_180d=_of(payers, "months", "max"),
        regular_inflow_monthly_180d=_of(payers, "paid_in", "max", payers["months"] >= 3) / 6,
        inflow_concentration_180d=most / total.replace(0, np.nan),
    )


def _credit(bank: Bank) -> None:
    loans = bank.known("loans")
    loans["running"] = loans["status"].isna() | loans["status"].isin(["running", "running_in_debt"])
    by_term = (loans["amount"] / loans["term_months"]).round(2)
    loans["due"] = bank.in_cny(loans["instalment"].fillna(by_term), loans["currency"])
    loans["amount"] = bank.in_cny(loans["amount"], loans["currency"])
    dues = bank.known("repayments").merge(
        loans[["loan_id", "customer_id", "running", "currency"]], on="loan_id"
    )
    for name in ("due_amount", "paid_amount"):
        dues[name] = bank.in_cny(dues[name], dues["currency"])
    settled = dues["paid_at"] < bank.as_of
    until = dues["paid_at"].where(settled, bank.as_of)
    dues["late"] = (until - dues["due_at"]) / pd.Timedelta(days=1)
    unpaid, late = dues["running"] & ~settled, dues["late"] >= 1
    share = loans["loan_id"].map(dues.groupby("loan_id")["paid_amount"].sum())
    share = (share / (loans["due"] * loans["term_months"]).replace(0, np.nan)).fillna(0).clip(0, 1)
    loans["left"] = (loans["amount"] * (1 - share)).round(2)
    loans["months_left"] = (loans["term_months"] - loans["ago"] / 30.4375).clip(lower=0)
    bank.add(
        loans_running=_count(loans, loans["running"]),
        loan_amount_outstanding=_of(loans, "left", "sum", loans["running"]),
        instalments_monthly=_of(loans, "due", "sum", loans["running"]),
        loans_repaid=_count(loans, loans["status"] == "repaid"),
        loans_written_off=_count(loans, loans["status"] == "written_off"),
        loans_granted_365d=_count(loans, loans["ago"] <= 365),
        loan_tenure_days=_of(loans, "ago", "max"),
        loan_months_left=_of(loans, "months_left", "max", loans["running"]),
        days_past_due=_of(dues, "late", "max", unpaid),
        instalments_unpaid=_count(dues, unpaid),
        arrears_amount=_of(dues, "due_amount", "sum", unpaid),
        days_since_last_late=_of(dues, "ago", "min", late),
        payments_in_time_365d=_count(dues, (dues["ago"] <= 365) & settled & ~late),
    )
    for days in (90, 365):
        within = dues["ago"] <= days
        due = _of(dues, "due_amount", "sum", within)
        paid = _of(dues, "paid_amount", "sum", within & settled).reindex(due.index).fillna(0)
        bank.add(**{
            f"days_past_due_max_{days}d": _of(dues, "late", "max", within).clip(lower=0),
            f"payments_late_{days}d": _count(dues, within & late),
            f"payment_ratio_{days}d": paid / due.replace(0, np.nan),
        })  # fmt: skip


def _applications(bank: Bank) -> None:
    rows = bank.known("applications")
    rows["amount"] = bank.in_cny(rows["amount"], rows["currency"])
    rows = rows[rows["ago"] <= 365]
    reports = bank.known("bureau").sort_values("as_of").drop_duplicates("customer_id", keep="last")
    reports = reports.set_index("customer_id")
    bank.add(
        **{f"applications_{days}d": _count(rows, rows["ago"] <= days) for days in (90, 180, 365)},
        applications_refused_365d=_count(rows, rows["outcome"] == "refused"),
        days_since_last_application=_of(rows, "ago", "min"),
        amount_applied_365d=_of(rows, "amount", "max"),
        bureau_score=reports["score"],
        bureau_delinquencies=reports["delinquencies"],
        bureau_inquiries=reports["inquiries"],
        bureau_age_days=reports["ago"],
    )


def _products(bank: Bank) -> None:
    rows = bank.known("holdings")
    rows["closed"], left = bank.ago(rows["closed_at"]), -bank.ago(rows["matures_at"])
    is_open = ~(rows["closed_at"] < bank.as_of)
    rows["age"] = np.floor(rows["ago"])
    bank.add(
        products_held=_of(rows, "product_id", "nunique", is_open),
        products_ever=_of(rows, "product_id", "nunique"),
        days_since_last_purchase=_of(rows, "ago", "min"),
        days_since_first_purchase=_of(rows, "ago", "max"),
        days_since_last_closing=_of(rows, "closed", "min", ~is_open),
        products_bought_90d=_count(rows, rows["ago"] <= 90),
        products_bought_365d=_count(rows, rows["ago"] <= 365),
        products_closed_365d=_count(rows, ~is_open & (rows["closed"] <= 365)),
        holding_days_mean=_of(rows, "age", "mean", is_open),
        products_maturing_90d=_count(rows, is_open & left.between(0, 90)),
    )
    rows["put_in"] = bank.in_cny(rows["amount"], rows["currency"])
    rows["worth"] = bank.in_cny(rows["value"].fillna(rows["amount"]), rows["currency"])
    shelf = bank.known("products").sort_values("valid_from").drop_duplicates("product_id", keep="last")
    shelf["risk"] = np.fmax(_level(shelf["risk_level"]), _level(shelf["seller_risk_level"]))
    _investments(
        bank, rows.assign(is_open=is_open).merge(shelf[["product_id", "family", "risk"]], on="product_id")
    )


def _investments(bank: Bank, rows: pd.DataFrame) -> None:
    held, invested = rows[rows["is_open"]], rows[rows["family"].isin(INVESTED)]
    invested = invested.assign(
        weighed=invested["worth"] * invested["risk"], weighed_in=invested["put_in"] * invested["risk"]
    )
    kept, recent = invested[invested["is_open"]], invested["ago"] <= 365
    whole = _of(kept, "worth", "sum")
    families = ("savings", "deposit", "card", "loan", "mortgage", "fund", "insurance", "pension")
    known, known_in = (x[x["risk"].notna()] for x in (kept, invested))
    bank.add(
        **{f"has_{name}": (_count(held, held["family"] == name) > 0).astype("float64") for name in families},
        **{f"{name}_value": _of(held, "worth", "sum", held["family"] == name) for name in INVESTED},
        families_held=_of(held, "family", "nunique"),
        holdings_value=_of(held, "worth", "sum", held["family"].isin(["savings", *INVESTED])),
        product_risk_held_max=_of(held, "risk", "max"),
        risky_share=_of(kept, "worth", "sum", kept["risk"] >= 4).reindex(whole.index).fillna(0)
        / whole.replace(0, np.nan),
        risk_held_mean=_of(kept, "weighed", "sum") / _of(known, "worth", "sum").replace(0, np.nan),
        risk_bought_mean=_of(invested, "weighed_in", "sum")
        / _of(known_in, "put_in", "sum").replace(0, np.nan),
        risk_bought_max_365d=_of(rows, "risk", "max", rows["ago"] <= 365),
        investments_bought_365d=_count(invested, recent),
        investment_amount_365d=_of(invested, "put_in", "sum", recent),
        investment_amount_max=_of(invested, "put_in", "max"),
        market_purchases=_count(invested, invested["family"].isin(["fund", "pension"])),
        days_since_last_investment=_of(invested, "ago", "min"),
    )


def _contact(bank: Bank) -> None:
    rows = bank.known("interactions")
    month, quarter, year = (rows["ago"] <= days for days in (30, 90, 365))
    complaint, begun = rows["topic"] == "complaint", year & (rows["direction"] == "inbound")
    known = _count(rows, year & rows["direction"].notna())
    offers = bank.known("offers")
    offers = offers[(offers["ago"] <= 365) & (offers["arm"] != "control")]
    answered = ~(offers["outcome_at"] >= bank.as_of)
    accepted, made = _count(offers, answered & (offers["outcome"] == "accepted")), _count(offers)
    topics, channels = ("loan", "mortgage", "investment"), ("app", "phone", "branch")
    bank.add(
        interactions_30d=_count(rows, month),
        interactions_90d=_count(rows, quarter),
        interactions_365d=_count(rows, year),
        complaints_90d=_count(rows, quarter & complaint),
        complaints_365d=_count(rows, year & complaint),
        **{f"{c}_interactions_90d": _count(rows, quarter & (rows["channel"] == c)) for c in channels},
        **{f"asked_about_{t}_90d": _count(rows, quarter & (rows["topic"] == t)) for t in topics},
        inbound_share_365d=_count(rows, begun).reindex(known.index).fillna(0) / known,
        unresolved_90d=_count(rows, quarter & (rows["outcome"] == "open")),
        rating_mean_365d=_of(rows, "rating", "mean", year),
        rating_min_365d=_of(rows, "rating", "min", year),
        ratings_365d=_of(rows, "rating", "count", year),
        days_since_last_complaint=_of(rows, "ago", "min", complaint),
        days_since_last_contact=_of(rows, "ago", "min"),
        offers_30d=_count(offers, offers["ago"] <= 30),
        offers_180d=_count(offers, offers["ago"] <= 180),
        offers_accepted_365d=accepted,
        offers_ignored_365d=_count(offers, answered & (offers["outcome"] == "ignored")),
        offer_acceptance_365d=accepted.reindex(made.index).fillna(0) / made,
        days_since_last_offer=_of(offers, "ago", "min"),
    )


def _consents(bank: Bank) -> None:
    """The last word counts; of two at one moment, withdrawn."""
    rows = bank.known("consents")
    rows["given"] = (rows["state"] == "given").astype("float64")
    rows = rows.sort_values(["at", "given"], ascending=[True, False])
    marketing = rows["purpose"] == "marketing"
    which = {f"consent_marketing_{c}": marketing & (rows["channel"] == c) for c in ("email", "phone", "app")}
    which["consent_profiling"] = rows["purpose"] == "profiling"
    bank.add(**{
        name: rows[rule].drop_duplicates("customer_id", keep="last").set_index("customer_id")["given"]
        for name, rule in which.items()
    })  # fmt: skip


def _derived(bank: Bank) -> None:
    """Features made of features."""
    f = bank.found
    income, came = f["income_monthly"].replace(0, np.nan), f["inflow_90d"]
    exposure = f["loan_amount_outstanding"] + f["credit_limit_total"]
    idle = pd.Series(np.where(f["instalments_monthly"] > 0, 100.0, 0.0), f.index)
    bank.add(
        salary_stopped=(f["salary_months_180d"] >= 3) & (f["days_since_last_salary"] > 60),
        instalment_to_inflow_90d=(f["instalments_monthly"] / (came / 3))
        .clip(upper=100)
        .where(came > 0, idle),
        instalment_to_income=(f["instalments_monthly"] / income).clip(upper=100),
        credit_utilisation=f["card_debt"] / f["credit_limit_total"].replace(0, np.nan),
        exposure_total=exposure,
        debt_to_income=(exposure / (income * 12)).clip(upper=100),
        risk_room=f["risk_level"] - f["product_risk_held_max"],
        investments_to_wealth=f["holdings_value"]
        / (f["holdings_value"] + f["balance_last"].clip(lower=0).fillna(0)).replace(0, np.nan),
    )
