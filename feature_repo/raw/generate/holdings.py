"""What customers hold: products taken, matured, given up."""

import numpy as np

from feature_repo.raw.contracts import FAMILIES
from feature_repo.raw.generate.accounts import CARD, CURRENT, FOREVER, SAVINGS, Accounts
from feature_repo.raw.generate.arrow import NULL, Array
from feature_repo.raw.generate.clock import DAY, HOUR
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.needs import SOLD
from feature_repo.raw.generate.people import People, Reals, Whole
from feature_repo.raw.generate.shelf import FIT, IDS, MINIMUM, MONTHS, OF_FAMILY, choose

AT_FIRST = {"savings": 0.30, "card": 0.35, "fund": 0.16, "insurance": 0.18, "pension": 0.10}
"""The share of customers of before who hold a product of the family when the story begins."""
AGAIN = 1.6
"""What a deposit that has come back adds to the log odds of the next."""
MONEY_IN = ("deposit", "fund", "pension")


class Holdings:
    """Open holdings as (n, products) matrices of opening time, due time and cents."""

    def __init__(self, crowd: People, accounts: Accounts, drafts: Drafts, rng: np.random.Generator) -> None:
        self._crowd, self._accounts, self._drafts, self._rng = crowd, accounts, drafts, rng
        self._opened = np.full(crowd.held.shape, NULL, np.int64)
        self._due = np.full(crowd.held.shape, FOREVER, np.int64)
        self._cents = np.full(crowd.held.shape, NULL, np.int64)

    def begin(self) -> None:
        """What customers hold when the story begins, and the account each gets on joining."""
        crowd, rng = self._crowd, self._rng
        self.take("current", np.arange(crowd.n), crowd.joined_at)
        old = np.flatnonzero(crowd.joined_at < crowd.calendar.start)
        for family, share in AT_FIRST.items():
            fit = FIT[OF_FAMILY[family]][:, crowd.persona[old]].max(axis=0)
            who = old[rng.random(len(old)) < share * np.where(fit > 0.5, 1.2, 0.3)]
            span = crowd.calendar.start - crowd.joined_at[who]
            self.take(family, who, crowd.joined_at[who] + (span * rng.random(len(who))).astype(np.int64))

    def buy(self, month: int, hazards: dict[str, Reals]) -> dict[str, tuple[Whole, Whole]]:
        """Draw this month's buyers: family -> (who, when). For loans and mortgages they only apply."""
        start, crowd, rng = int(self._crowd.calendar.edges[month]), self._crowd, self._rng
        bought = {}
        for family in SOLD:
            who = np.flatnonzero(rng.random(crowd.n) < hazards[family])
            at = start + rng.integers(1, 24, len(who)) * DAY + rng.integers(HOUR, 13 * HOUR, len(who))
            at = at // 1_000_000 * 1_000_000
            bought[family] = (who, at)
            if family not in ("loan", "mortgage"):
                self.take(family, who, at)
        return bought

    def take(self, family: str, who: Whole, at: Whole) -> None:
        """Each buyer takes the product of the family that suits best, unless it is held already."""
        crowd = self._crowd
        income = np.log(np.maximum(crowd.declared[who], 500) / 9000)
        product = choose(family, crowd.persona[who], income, crowd.risk[who], crowd.held[who], self._rng)
        fresh = ~crowd.held[who, product]
        who, at, product = who[fresh], at[fresh], product[fresh]
        cents = self._amount(family, who, product)
        self.open(
            who, product, at, cents, np.where(MONTHS[product] > 0, at + MONTHS[product] * 30 * DAY, FOREVER)
        )
        if family in MONEY_IN:
            self._accounts.book(CURRENT, who, at, -cents, "investment", "online")
        if family == "savings":
            self._accounts.open(SAVINGS, who, at)
        if family == "card":
            times = self._rng.choice([1, 2, 3], len(who))
            limit = np.maximum((crowd.declared[who] * times / 100).round().astype(np.int64) * 10_000, 100_000)
            self._accounts.open(CARD, who, at, limit)

    def open(self, who: Whole, product: Whole, at: Whole, cents: Whole, due: Whole) -> None:
        """Record open holdings."""
        self._crowd.held[who, product] = True
        self._opened[who, product], self._due[who, product], self._cents[who, product] = at, due, cents
        self._record(who, product, at + HOUR, np.full(len(who), NULL))

    def close(self, who: Whole, product: Whole, at: Whole) -> None:
        """Record that these holdings ended."""
        self._record(who, product, at + HOUR, at)
        self._crowd.held[who, product] = False
        self._due[who, product] = FOREVER

    def matures(self, month: int) -> Array:
        """Who has a deposit that falls due in that month, (n,)."""
        edges = self._crowd.calendar.edges
        first, last = edges[min(month, len(edges) - 1)], edges[min(month + 1, len(edges) - 1)]
        return np.asarray((self._crowd.held & (self._due >= first) & (self._due < last)).any(axis=1))

    def mature(self, month: int) -> None:
        """Deposits that fall due this month come back, and tempt their owners to go on."""
        edges = self._crowd.calendar.edges
        due = self._crowd.held & (self._due < edges[month + 1])
        who, product = np.nonzero(due & (self._crowd.leaving < 0)[:, None])
        at = np.maximum(self._due[who, product], edges[month]) // 1_000_000 * 1_000_000
        self._accounts.book(CURRENT, who, at, self._cents[who, product] * 1.015, "investment", "transfer")
        self._crowd.pulse[who, FAMILIES.index("deposit")] += AGAIN
        self.close(who, product, at)

    def sell(self, month: int, share: float = 0.012) -> None:
        """Some funds are sold each month, at whatever they have become worth."""
        funds = OF_FAMILY["fund"]
        there = self._crowd.present(month) & (self._crowd.leaving < 0)
        chosen = (
            self._crowd.held[:, funds]
            & there[:, None]
            & (self._rng.random((self._crowd.n, len(funds))) < share)
        )
        who, number = np.nonzero(chosen)
        product = funds[number]
        at = int(self._crowd.calendar.edges[month]) + self._rng.integers(1, 26, len(who)) * DAY + 3 * HOUR
        after = self._opened[who, product] < at
        who, product, at = who[after], product[after], at[after]
        worth = self._cents[who, product] * np.exp(self._rng.normal(0.04, 0.12, len(who)))
        self._accounts.book(CURRENT, who, at, worth, "investment", "online")
        self.close(who, product, at)

    def leave(self, who: Whole, at: Whole) -> None:
        """Whoever leaves the bank gives up everything."""
        row, product = np.nonzero(self._crowd.held[who])
        self.close(who[row], product, at[row])

    def _amount(self, family: str, who: Whole, product: Whole) -> Whole:
        """Cents put in: a share of what is there, in whole hundreds; NULL for a product without money."""
        if family not in MONEY_IN:
            return np.full(len(who), NULL)
        wealth = np.maximum(self._accounts.balance[who] / 100.0, 0)
        share = {"deposit": 0.45, "fund": 0.30, "pension": 0.12}[family]
        part = wealth * share * self._rng.uniform(0.5, 1.3, len(who))
        least = np.minimum(MINIMUM[product], 1000)
        return np.asarray(np.maximum(part, least) // 100, np.int64) * 10_000

    def _record(self, who: Whole, product: Whole, recorded: Whole, closed: Whole) -> None:
        due, cents = self._due[who, product], self._cents[who, product]
        self._drafts.add(
            "holdings", customer_id=who, product_id=IDS[product], opened_at=self._opened[who, product],
            recorded_at=recorded, closed_at=closed, matures_at=np.where(due == FOREVER, NULL, due),
            amount=cents, value=cents, currency="CNY",
        )  # fmt: skip
