"""The points that single bookings earn as they come, by the policy that is in force then."""

from collections.abc import Callable, Sequence
from datetime import datetime

from crm_rules.loyalty.accrual import Earned
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.limits import Loyalty
from crm_rules.policy_book import PolicyBook
from feature_repo.errors import BankError
from feature_repo.live.tables import LiveTables
from feature_repo.settings import Settings
from serving.bootstrap.releases import current_release
from serving.worker.following import Mark, mark
from training.release.current import FILE as CURRENT

# As the nightly earning sees them: the last version of a booking, the first owner of its account.
SPENDING = """
with latest as (
  select * from bookings
  where account_id in (select unnest($accounts)) and booking_id in (select unnest($ids))
  qualify row_number() over (partition by booking_id order by recorded_at desc) = 1),
owners as (
  select account_id, min(customer_id) as customer_id from account_owners
  where role = 'owner' and account_id in (select unnest($accounts)) group by account_id)
select booking_id, customer_id, booked_at, cast(amount * 100 as bigint), coalesce(category, 'other')
from latest join owners using (account_id) where currency = $currency order by booked_at, booking_id
"""


class PolicyInForce:
    """What the released policy says about points, read again when another release is made current."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: Mark | None = None
        self._book: PolicyBook | None = None

    def loyalty(self, at: datetime) -> Loyalty:
        """The rules of points at that time; BankError while there is no release that verifies."""
        seen = mark(self._settings.releases / CURRENT)
        if self._book is None or seen != self._seen:
            policy = current_release(self._settings).release.part("policy")["policy.toml"]
            self._book, self._seen = PolicyBook.parse(policy), seen
        return self._book.at(at).loyalty


class Points:
    """Books what bookings earn; where that cannot be, they wait and the others go on."""

    def __init__(
        self, tables: LiveTables, currency: str, loyalty: Callable[[datetime], Loyalty],
        ledger: Callable[[], Ledger],
    ) -> None:  # fmt: skip
        self._tables, self._currency, self._loyalty, self._open = tables, currency, loyalty, ledger
        self._ledger: Ledger | None = None
        self.problem = ""

    def settle(self, at: datetime) -> Earned:
        """Book the points that are owed; `problem` says why they still are."""
        owed = self._tables.owed("points")
        if not owed:
            return Earned()
        try:
            self._ledger = self._ledger or self._open()
            earned = self._ledger.earn(self._bookings(owed), self._loyalty(at))
        except BankError as error:
            self.close()
            self.problem = str(error)
            return Earned()
        self._tables.settle("points", owed)
        self.problem = ""
        return earned

    def close(self) -> None:
        """Close the ledger; it is opened again when it is needed."""
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def _bookings(self, ids: Sequence[str]) -> list[Booking]:
        keys = self._tables.rows_of("booking_keys", "booking_id", ids)
        accounts = sorted({str(row["account_id"]) for row in keys})
        given = {"accounts": accounts, "ids": list(ids), "currency": self._currency}
        return [Booking(*row) for row in self._tables.connection.execute(SPENDING, given).fetchall()]
