"""The people and companies of the generated bank: what they are, and what nobody sees."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_repo.raw.contracts import FAMILIES, PARTY_TYPES
from feature_repo.raw.generate.clock import DAY, Calendar
from feature_repo.raw.generate.shelf import PERSONAS, SHELF

Reals = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

STUDENT, WORKER, FAMILY, AFFLUENT, RETIRED, COMPANY = range(6)
SHARES = np.array([0.13, 0.34, 0.22, 0.10, 0.13, 0.08])
INCOME = np.array([2600.0, 8500.0, 12500.0, 36000.0, 5200.0, 48000.0])  # median, CNY a month
INCOME_SPREAD = np.array([0.35, 0.40, 0.40, 0.50, 0.40, 0.80])
AGES = np.array([[18, 25], [23, 54], [28, 55], [32, 68], [58, 85], [18, 18]])
OCCUPATIONS = np.array(
    ["student", "employee", "self_employed", "executive", "retired", "homemaker", "trade", "services"]
)
WORKS_AS = np.array([
    [0.86, 0.10, 0.04, 0, 0, 0, 0, 0],
    [0.02, 0.80, 0.15, 0.03, 0, 0, 0, 0],
    [0, 0.68, 0.16, 0.05, 0, 0.11, 0, 0],
    [0, 0.32, 0.26, 0.42, 0, 0, 0, 0],
    [0, 0.03, 0.03, 0, 0.92, 0.02, 0, 0],
    [0, 0, 0, 0, 0, 0, 0.45, 0.55],
])  # fmt: skip
REGIONS = np.array(["beijing", "shanghai", "guangdong", "zhejiang", "jiangsu", "sichuan", "hubei", "shaanxi"])
LEVELS = np.array(["C1", "C2", "C3", "C4", "C5"], dtype=object)
ZONES = np.array(["Europe/London", "America/New_York", "Asia/Shanghai"])
CONTACTS = np.array(["phone", "email", "chat", "app", "social", "branch"])


@dataclass
class People:
    """State of n customers; arrays are (n,) unless said. Money is in CNY a month."""

    calendar: Calendar
    persona: Whole
    birth_year: Whole
    female: Flags
    region: Whole
    occupation: Whole
    income: Reals
    declared: Reals
    risk: Whole  # 1-5, as assessed
    joined_at: Whole
    payday: Whole
    stress: Reals  # latent, drifts
    digital: Reals  # latent
    grievance: Reals  # latent dissatisfaction
    need: Reals  # latent, (n, families)
    spend_rate: Reals  # latent: share of income spent at an even balance
    rent_share: Reals
    appetite: Whole  # latent 1-5
    jobless: Whole  # months still without work
    jobless_before: Reals  # fades after a spell
    activity: Reals  # 1 is normal
    dip: Whole  # months of a passing dip left
    leaving: Whole  # months until the accounts close; -1 stays
    decline: Whole
    closed_at: Whole
    redirected: Flags
    moved: Reals  # fades after a move or a wedding
    pulse: Reals  # (n, families), fades: asked, matured, was offered
    complaints: Reals  # fades
    held: Flags  # (n, products)

    @property
    def n(self) -> int:
        """How many customers there will ever be."""
        return len(self.persona)

    @property
    def company(self) -> Flags:
        """Whether the customer is a company."""
        return np.asarray(self.persona == COMPANY, np.bool_)

    def age(self, month: int) -> Reals:
        """Age in years, by the calendar year."""
        return (self.calendar.first_days[month].year - self.birth_year).astype(np.float64)

    def present(self, month: int) -> Flags:
        """Joined before the month begins, and not gone."""
        edge = self.calendar.edges[month]
        return np.asarray((self.joined_at < edge) & (self.closed_at > edge), np.bool_)

    def holds(self, family: str) -> Flags:
        """Whether each customer holds a product of the family."""
        own = [number for number, product in enumerate(SHELF) if product.family == family]
        return np.asarray(self.held[:, own].any(axis=1), np.bool_)


def people(n: int, calendar: Calendar, rng: np.random.Generator, newcomers_from: int | None = None) -> People:
    """Draw n customers; a third of them join while the calendar runs, or all from that month on."""
    persona = rng.choice(len(PERSONAS), n, p=SHARES)
    low, high = AGES[persona].T
    year = calendar.first_days[calendar.months // 2].year
    age = rng.integers(low, high + 1)
    stress, thrift = rng.normal(size=n), rng.normal(size=n)
    income = INCOME[persona] * np.exp(INCOME_SPREAD[persona] * rng.normal(size=n))
    income *= np.exp(-0.10 * stress)
    appetite = np.clip(
        np.round(3.0 + 0.4 * (persona == AFFLUENT) - 0.9 * (persona == RETIRED) + rng.normal(0, 1.0, n)), 1, 5
    )
    assessed = np.clip(np.round(appetite + rng.normal(0, 0.6, n)), 1, 5)
    new = rng.random(n) < (1 / 3 if newcomers_from is None else 1)
    first = calendar.start if newcomers_from is None else int(calendar.edges[newcomers_from])
    before = calendar.start - (rng.gamma(1.6, 900, n) * DAY).astype(np.int64) - 60 * DAY
    during = first + (rng.random(n) * (calendar.end - first - 20 * DAY)).astype(np.int64)
    cumulated = WORKS_AS[persona].cumsum(axis=1)
    spare = np.full(n, -1, np.int64)
    return People(
        calendar=calendar,
        persona=persona,
        birth_year=year - age,
        female=rng.random(n) < 0.5,
        region=rng.choice(len(REGIONS), n, p=[0.14, 0.15, 0.2, 0.13, 0.13, 0.1, 0.08, 0.07]),
        occupation=(rng.random(n)[:, None] > cumulated).sum(axis=1).clip(0, len(OCCUPATIONS) - 1),
        income=income,
        declared=income * np.exp(rng.normal(0, 0.12, n)),
        risk=assessed.astype(np.int64),
        joined_at=np.where(new, during, before) // 1_000_000 * 1_000_000,
        payday=rng.choice([5, 8, 10, 15, 20, 25], n, p=[0.1, 0.12, 0.3, 0.28, 0.1, 0.1]),
        stress=stress,
        digital=rng.normal(0.3 - 0.025 * (age - 40), 0.7, n),
        grievance=rng.normal(size=n),
        need=rng.normal(0, 0.55, (n, len(FAMILIES))),
        spend_rate=np.exp(0.36 * stress - 0.08 * thrift - 0.06),
        rent_share=np.where(rng.random(n) < 0.42, rng.uniform(0.15, 0.32, n), 0.0),
        appetite=appetite.astype(np.int64),
        jobless=np.zeros(n, np.int64),
        jobless_before=np.zeros(n),
        activity=np.exp(rng.normal(0, 0.25, n)),
        dip=np.zeros(n, np.int64),
        leaving=spare.copy(),
        decline=np.zeros(n, np.int64),
        closed_at=np.full(n, np.iinfo(np.int64).max),
        redirected=np.zeros(n, np.bool_),
        moved=np.zeros(n),
        pulse=np.zeros((n, len(FAMILIES))),
        complaints=np.zeros(n),
        held=np.zeros((n, len(SHELF)), np.bool_),
    )


def version(crowd: People, who: Whole) -> dict[str, npt.NDArray[np.generic]]:
    """The customers-table columns of `who`, as they are now (times excluded)."""
    company = crowd.company[who]
    nobody = np.array(None, dtype=object)
    return {
        "customer_id": who,
        "joined_at": crowd.joined_at[who],
        "party_type": np.array(PARTY_TYPES)[company.astype(int)],
        "legal_entity": np.full(len(who), "CN01"),
        "birth_year": np.where(company, np.iinfo(np.int64).min, crowd.birth_year[who]),
        "gender": np.where(company, nobody, np.where(crowd.female[who], "female", "male").astype(object)),
        "region": REGIONS[crowd.region[who]],
        "occupation": OCCUPATIONS[crowd.occupation[who]],
        "income_monthly": (crowd.declared[who] / 10).round().astype(np.int64) * 1000,
        "risk_level": np.where(who % 17 == 3, nobody, LEVELS[crowd.risk[who] - 1]),  # never assessed
        "preferred_channel": CONTACTS[_channel(crowd.digital[who])],
        "preferred_language": np.where(who % 19 == 0, "en", "zh"),
        "time_zone": ZONES[
            np.where(who % 19 == 0, who % 57 // 19, 2)
        ],  # of English speakers two thirds abroad
        "branch": np.char.add("branch-", (crowd.region[who] * 4 + who % 4).astype(str)),
        "relationship_manager": np.where(
            (crowd.persona[who] == AFFLUENT) | company & (who % 2 == 0), who % 23, np.iinfo(np.int64).min
        ),
    }


def _channel(digital: Reals) -> Whole:
    """Those at home with screens like the app and chat, the others phone and branch."""
    order = np.array([5, 0, 1, 4, 2, 3])
    return order[np.clip(np.digitize(digital, [-0.6, -0.1, 0.2, 0.4, 0.6]), 0, 5)]
