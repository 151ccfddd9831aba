"""Who asks for money, and whom the policy of the time grants it."""

import numpy as np

from feature_repo.raw.generate.accounts import Accounts
from feature_repo.raw.generate.arrow import Array
from feature_repo.raw.generate.clock import DAY, HOUR
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.loans import Loans
from feature_repo.raw.generate.people import FAMILY, People, Reals, Whole
from feature_repo.raw.generate.shelf import RATE, choose

TROUBLE = -4.5
"""Log odds a month that an average loan gets into trouble."""
TERMS = {"loan": np.array([6, 12, 18, 24, 36, 48, 60]), "mortgage": np.array([120, 180, 240, 300])}
ASKED = {"loan": (3.6, 0.75), "mortgage": (55.0, 0.35)}
"""Amount asked for in monthly incomes: median, spread of its logarithm."""
SEEN, BLUR, CUT_OFF = 0.6, 0.9, 1.45
"""The policy sees so much of the true log odds, blurred so much, and refuses beyond the cut-off."""
UNSEEN = 0.25
"""Spread of what nobody sees in a loan's log odds."""
WITHDRAWN = 0.03
"""The share of customers who think better of it."""
STRANGERS = 500_000
"""Customer numbers from here on belong to applicants whom the bank does not know."""


class Credit:
    """Applications of customers and strangers, decided by the historical policy."""

    def __init__(
        self, crowd: People, accounts: Accounts, loans: Loans, drafts: Drafts, rng: np.random.Generator
    ) -> None:
        self._crowd, self._accounts, self._loans = crowd, accounts, loans
        self._drafts, self._rng, self._asked = drafts, rng, 0

    def apply(self, family: str, month: int, who: Whole, at: Whole) -> dict[str, Array]:
        """Customers ask for money; the policy of the time, noisy, grants most of it.

        Returned is what only the maker knows of each application: who, term and trouble.
        """
        crowd, rng = self._crowd, self._rng
        income = np.log(np.maximum(crowd.declared[who], 500) / 9000)
        product = choose(family, crowd.persona[who], income, crowd.risk[who], crowd.held[who], rng)
        times, spread = ASKED[family]
        amount = times * crowd.declared[who] * np.exp(rng.normal(0, spread, len(who)))
        term = TERMS[family][rng.integers(0, len(TERMS[family]), len(who))]
        cents = np.clip((amount / 1000).round(), 2, 5000).astype(np.int64) * 100_000
        rate = RATE[product] / 12
        instalment = np.ceil(cents * rate / (1 - (1 + rate) ** -term)).astype(np.int64)
        declared = crowd.declared[who] * np.exp(
            rng.normal(0.04 + 0.04 * np.maximum(crowd.stress[who], 0), 0.08)
        )
        partner = rng.random(len(who)) < np.where(crowd.persona[who] == FAMILY, 0.4, 0.08)
        trouble = self.trouble(who, instalment, partner) + rng.normal(0, UNSEEN, len(who))
        seen = SEEN * (trouble - TROUBLE) + rng.normal(0, BLUR, len(who))
        withdrawn = rng.random(len(who)) < WITHDRAWN
        granted = (seen < CUT_OFF) & ~crowd.held[who, product] & ~withdrawn
        verdict = np.select([withdrawn, granted], ["withdrawn", "approved"], "refused")
        number = self._number(len(who))
        decided = at + (1 + rng.integers(0, 2, len(who))) * DAY // 2
        paid_out = np.maximum(decided + DAY // 2, crowd.joined_at[who] + HOUR)
        for recorded, outcome in ((at, None), (decided, verdict)):
            self._drafts.add(
                "applications", application_id=number, customer_id=who, at=at, recorded_at=recorded,
                amount=cents, currency="CNY", term_months=term,
                purpose={"loan": "consumption", "mortgage": "home"}[family],
                declared_income=(declared / 10).round().astype(np.int64) * 1000,
                co_applicant=partner, outcome=outcome,
            )  # fmt: skip
        offered = {
            "customer": who, "product": product, "application": number, "granted": paid_out, "cents": cents,
            "term": term, "instalment": instalment, "trouble": trouble,
        }  # fmt: skip
        self._loans.grant(month, {name: values[granted] for name, values in offered.items()})
        return offered

    def strangers(self, month: int, count: int) -> None:
        """People the bank does not know ask too; it refused them, and they never became customers."""
        rng = self._rng
        start = int(self._crowd.calendar.edges[month])
        at = (
            (start + rng.integers(1, 26, count) * DAY + rng.integers(HOUR, 12 * HOUR, count))
            // 1_000_000
            * 1_000_000
        )
        number = self._number(count)
        cents, term = rng.integers(2, 120, count) * 100_000, rng.choice(TERMS["loan"], count)
        income, partner = rng.integers(200, 1500, count) * 1000, rng.random(count) < 0.1
        outcome = np.where(rng.random(count) < 0.75, "refused", "withdrawn")
        for recorded, said in ((at, None), (at + DAY, outcome)):
            self._drafts.add(
                "applications", application_id=number, customer_id=STRANGERS + number, at=at,
                recorded_at=recorded,
                amount=cents, currency="CNY", term_months=term, purpose="consumption", declared_income=income,
                co_applicant=partner, outcome=said,
            )  # fmt: skip

    def trouble(self, who: Whole, instalment: Whole, partner: Array) -> Reals:
        """Log odds a month that such a loan gets into trouble, without what nobody sees."""
        crowd = self._crowd
        burden = np.log(instalment / 100 / np.maximum(crowd.income[who], 500) / 0.22)
        poor = np.log1p(np.maximum(self._accounts.wealth()[who], 0) / np.maximum(crowd.income[who], 500))
        return np.asarray(
            TROUBLE + 0.9 * crowd.stress[who] + 1.35 * np.clip(burden, -2, 2.5) - 1.15 * (poor - 1.0)
            + 0.8 * crowd.jobless_before[who] - 0.4 * partner, np.float64
        )  # fmt: skip

    def _number(self, count: int) -> Whole:
        self._asked += count
        return np.arange(self._asked - count, self._asked)
