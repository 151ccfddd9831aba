"""Writes down, while the bank lives, what only its maker can know."""

import numpy as np

from feature_repo.raw.contracts import FAMILIES
from feature_repo.raw.generate.accounts import FOREVER
from feature_repo.raw.generate.arrow import NULL, Array
from feature_repo.raw.generate.economy import Economy
from feature_repo.raw.generate.loans import Loans
from feature_repo.raw.generate.needs import SOLD, Needs, sigmoid
from feature_repo.raw.generate.outlook import Outlook, arms
from feature_repo.raw.generate.people import People, Reals
from feature_repo.raw.generate.shelf import PERSONAS
from feature_repo.raw.generate.truth import Truth

FAREWELLS = 6
"""Months ahead for which farewells are foretold; labels look 180 days ahead."""


class Witness:
    """Fills the truth tables of one partition."""

    def __init__(
        self, crowd: People, needs: Needs, loans: Loans, outlook: Outlook, economy: Economy, truth: Truth
    ) -> None:
        self._crowd, self._needs, self._loans, self._outlook = crowd, needs, loans, outlook
        self._economy, self._truth = economy, truth
        self._persona_at_first = crowd.persona.copy()

    def foretell(self, month: int) -> None:
        """The oracle's view at the month's start."""
        who, edge = np.flatnonzero(self._crowd.present(month)), self._crowd.calendar.edges[month]
        soon, _ = self._outlook.farewells(month, 3)
        later, stays = self._outlook.farewells(month, FAREWELLS)
        sold = self._outlook.purchases(month, stays)
        self._truth.add(
            "outlook", customer_id=who, as_of=np.full(len(who), edge), churn_3=soon[who], churn_6=later[who],
            **{name: sold[name][who] for name in SOLD},
        )  # fmt: skip
        live, book = self._loans.live(month), self._loans.book
        loan, borrower, behind = live["loan"], live["customer"], live["behind"]
        trouble = book["trouble"][loan]
        pd = self._outlook.default(month, borrower, trouble, live["due"], behind)
        odds = trouble + (self._crowd.jobless[borrower] > 1) + self._economy.arrears[month]
        self._truth.add(
            "behaviour", loan_id=loan, customer_id=borrower, as_of=np.full(len(loan), edge),
            hazard=np.where(behind > 0, self._loans.stays_behind(loan), sigmoid(odds)),
            pd=np.where(book["default_at"][loan] < edge, np.nan, pd),
        )  # fmt: skip

    def judge(self, month: int, asked: dict[str, Array]) -> None:
        """The true risk of each application, were it granted: its instalments begin next month."""
        none = np.zeros(len(asked["customer"]), np.int64)
        pd = self._outlook.default(month + 1, asked["customer"], asked["trouble"], asked["term"], none)
        self._truth.add("applications", application_id=asked["application"], pd=pd)

    def remember(
        self, month: int, hazards: dict[str, Reals], leaving: Reals, offers: list[dict[str, Array]]
    ) -> None:
        """The chances this month's draws are made with, and what each offer changes."""
        crowd, edge = self._crowd, self._crowd.calendar.edges[month]
        who = np.flatnonzero(crowd.present(month))
        self._truth.add(
            "hazards", customer_id=who, month=np.full(len(who), edge), churn=leaving[who],
            leaves_in=np.where(crowd.leaving[who] < 0, NULL, crowd.leaving[who]),
            **{name: hazards[name][who] for name in SOLD},
        )  # fmt: skip
        odds = self._needs.odds(month, crowd.moved, crowd.pulse, crowd.complaints) if offers else {}
        for sent in offers:
            family, who = (
                FAMILIES[int(sent["family"][0])] if len(sent["family"]) else SOLD[0],
                sent["customer_id"],
            )
            stays = self._outlook.taken(family)[who] * (1 - leaving[who])
            treated, control = arms(odds[family][who], sent["treated"], family, stays)
            self._truth.add(
                "offers", offer_id=sent["offer_id"], customer_id=who, family=np.full(len(who), family),
                month=np.full(len(who), edge), treated=treated, control=control,
            )  # fmt: skip

    def reveal(self) -> None:
        """Hidden traits and outcomes, when the story ends."""
        crowd, book, names = self._crowd, self._loans.book, np.array(PERSONAS)
        needs = {f"need_{name}": crowd.need[:, number] for number, name in enumerate(FAMILIES)}
        self._truth.add(
            "customers", customer_id=np.arange(crowd.n), persona=names[self._persona_at_first],
            persona_last=names[crowd.persona], stress=crowd.stress, grievance=crowd.grievance,
            digital=crowd.digital, appetite=crowd.appetite, **needs,
        )  # fmt: skip
        self._truth.add(
            "loans", loan_id=np.arange(len(book["customer"])), application_id=book["application"],
            trouble=book["trouble"],
            default_at=np.where(book["default_at"] == FOREVER, NULL, book["default_at"]),
        )  # fmt: skip
