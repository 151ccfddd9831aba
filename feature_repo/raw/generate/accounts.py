"""Accounts of the generated bank: opened, posted to month by month, closed."""

import numpy as np

from feature_repo.raw.contracts import BOOKING_CATEGORIES, BOOKING_CHANNELS
from feature_repo.raw.generate.arrow import NULL, Array
from feature_repo.raw.generate.clock import HOUR
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.people import Flags, Reals, Whole

CURRENT, SAVINGS, CARD, FOREIGN = range(4)
TYPES = np.array(["current", "savings", "card", "current"])
CATEGORY = {name: number for number, name in enumerate(BOOKING_CATEGORIES)}
CHANNEL = {name: number for number, name in enumerate(BOOKING_CHANNELS)}
COUNTRIES = np.array(["CN", "HK", "US", "JP", "GB", "SG"])
BOOKED_IN = np.array(["CNY", "USD"])
BOOKED = ("account", "at", "cents", "category", "channel", "party", "country")
EMPTY = np.zeros(0, np.int64)
FOREVER = np.iinfo(np.int64).max


class Accounts:
    """Up to four accounts a customer: account number = kind * n + customer; balances in cents."""

    def __init__(self, n: int, rng: np.random.Generator, drafts: Drafts) -> None:
        self.n, self._rng, self._drafts = n, rng, drafts
        self.opened_at = np.full(4 * n, FOREVER, np.int64)
        self.closed_at = np.full(4 * n, FOREVER, np.int64)
        self.balance = np.zeros(4 * n, np.int64)
        self.limit = np.full(4 * n, NULL, np.int64)
        self.public = rng.permutation(4 * n)  # the number tells neither owner nor kind
        self.booked = 0
        self._month: list[dict[str, Array]] = []

    def open(self, kind: int, who: Whole, at: Whole, limit: Whole | None = None) -> None:
        """Open accounts of that kind, for those who have none yet."""
        account = kind * self.n + who
        fresh = self.opened_at[account] == FOREVER
        account, who, at = account[fresh], who[fresh], at[fresh]
        self.opened_at[account] = at
        if limit is not None:
            self.limit[account] = limit[fresh]
        self._version(account, at)
        self._drafts.add(
            "account_owners", account_id=self.public[account], customer_id=who, valid_from=at,
            recorded_at=at + HOUR, role="owner",
        )  # fmt: skip

    def authorise(self, owner: Whole, other: Whole, at: Whole) -> None:
        """Let another customer use the owner's current account."""
        self._drafts.add(
            "account_owners", account_id=self.public[owner], customer_id=other, valid_from=at,
            recorded_at=at + HOUR, role="authorised",
        )  # fmt: skip

    def has(self, kind: int, at: int) -> Flags:
        """Who has an open account of that kind at that time, (n,)."""
        span = slice(kind * self.n, (kind + 1) * self.n)
        return (self.opened_at[span] < at) & (self.closed_at[span] > at)

    def wealth(self) -> Reals:
        """Balance of current and savings accounts, in currency units, (n,)."""
        own = self.balance[: 2 * self.n].reshape(2, self.n)
        return np.asarray(own.sum(axis=0) / 100.0, np.float64)

    def book(
        self, kind: int, who: Whole, at: Whole, cents: Array, category: str, channel: Whole | str, *,
        counterparty: Whole | None = None, country: Whole | None = None,
    ) -> None:  # fmt: skip
        """Note bookings of this month; `channel` is a name or an array of channel numbers."""
        if not len(who):
            return
        rows = len(who)
        codes = np.full(rows, CHANNEL[channel]) if isinstance(channel, str) else channel
        self._month.append({
            "account": kind * self.n + who,
            "at": at // 1_000_000,
            "cents": np.round(cents).astype(np.int64),
            "category": np.full(rows, CATEGORY[category], np.int8),
            "channel": codes.astype(np.int8),
            "party": np.full(rows, NULL) if counterparty is None else counterparty,
            "country": np.zeros(rows, np.int8) if country is None else country.astype(np.int8),
        })  # fmt: skip

    def close(self, who: Whole, at: Whole) -> None:
        """Close every account of these customers; what is left goes elsewhere in `post`."""
        for kind in range(4):
            account = kind * self.n + who
            open_ = self.opened_at[account] < at
            self.closed_at[account[open_]] = at[open_]
            self._version(account[open_], at[open_])

    def post(self, start: int, end: int) -> dict[str, Array]:
        """Close the month: every booking in it in time order, as numbers and codes; `Journal` writes them."""
        rows = {name: np.concatenate([part[name] for part in self._month] or [EMPTY]) for name in BOOKED}
        self._month = []
        at = rows["at"] * 1_000_000
        keep = (at >= self.opened_at[rows["account"]]) & (at < self.closed_at[rows["account"]])
        keep &= (at >= start) & (at < end)
        rows = _with_farewells({name: values[keep] for name, values in rows.items()}, self, start, end)
        order = np.argsort((rows["account"] << 34) | rows["at"], kind="stable")
        account = rows["account"][order]
        balance = np.empty(len(order), np.int64)
        balance[order] = self._settle(account, rows["cents"][order])
        rows["balance"] = balance
        order = np.lexsort((rows["account"], rows["at"]))
        rows = {name: values[order] for name, values in rows.items()}
        rows["number"] = np.arange(self.booked, self.booked + len(order))
        rows["at"] = rows["at"] * 1_000_000
        rows["currency"] = (rows["account"] >= FOREIGN * self.n).astype(np.int8)
        rows["account"] = self.public[rows["account"]]
        self.booked += len(order)
        return rows

    def _settle(self, account: Whole, cents: Whole) -> Whole:
        """Balance after each booking (sorted by account and time); carries the balances forward."""
        first = np.flatnonzero(np.diff(account, prepend=-1))
        size = np.diff(np.append(first, len(account)))
        running = np.cumsum(cents)
        before = np.where(first > 0, running[first - 1], 0)
        balance = running + np.repeat(self.balance[account[first]] - before, size)
        last = np.append(first[1:], len(account)) - 1
        self.balance[account[last]] = balance[last]
        return balance

    def _version(self, account: Whole, at: Whole) -> None:
        closed = self.closed_at[account]
        self._drafts.add(
            "accounts", account_id=self.public[account], valid_from=at, recorded_at=at + HOUR,
            type=TYPES[account // self.n], currency=np.where(account >= FOREIGN * self.n, "USD", "CNY"),
            credit_limit=self.limit[account], opened_at=self.opened_at[account],
            closed_at=np.where(closed == FOREVER, NULL, closed),
        )  # fmt: skip


def _with_farewells(rows: dict[str, Array], accounts: Accounts, start: int, end: int) -> dict[str, Array]:
    """Add a last transfer that empties each account closed this month, a second before it closes."""
    gone = np.flatnonzero((accounts.closed_at >= start) & (accounts.closed_at < end))
    moved = np.bincount(rows["account"], rows["cents"], minlength=len(accounts.balance))
    left = accounts.balance[gone] + moved[gone].astype(np.int64)
    gone, left = gone[left != 0], left[left != 0]
    last = {
        "account": gone,
        "at": accounts.closed_at[gone] // 1_000_000 - 1,
        "cents": -left,
        "category": np.where(left > 0, CATEGORY["transfer_out"], CATEGORY["transfer_in"]).astype(np.int8),
        "channel": np.full(len(gone), CHANNEL["transfer"], np.int8),
        "party": np.full(len(gone), NULL),
        "country": np.zeros(len(gone), np.int8),
    }
    return {name: np.concatenate([values, last[name]]) for name, values in rows.items()}
