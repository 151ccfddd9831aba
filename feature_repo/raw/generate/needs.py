"""What customers need: monthly hazards that observable history drives, hidden needs and offers."""

import numpy as np

from feature_repo.raw.contracts import FAMILIES
from feature_repo.raw.generate.accounts import Accounts
from feature_repo.raw.generate.people import FAMILY, RETIRED, STUDENT, People, Reals

SOLD = ("savings", "deposit", "card", "loan", "mortgage", "fund", "insurance", "pension")
RATES = dict(zip(SOLD, (0.012, 0.013, 0.016, 0.022, 0.0055, 0.014, 0.011, 0.007), strict=True))
"""Mean monthly hazard in the first month."""
INTERCEPT = dict(zip(SOLD, (-4.667, -5.135, -4.358, -4.474, -5.342, -5.266, -5.252, -5.61), strict=True))
"""Solved from RATES on 100,000 customers: the same in every partition, whoever it holds."""
EFFECT = dict(zip(SOLD, (0.9, 0.7, 0.8, 0.5, 0.4, 0.8, 0.6, 0.5), strict=True))
"""What a treated offer adds to the log odds of its family in that month and, fading, after."""


def sigmoid(x: Reals) -> Reals:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-x)), np.float64)


MOVED = {"loan": 0.8, "mortgage": 1.6, "insurance": 1.0}
"""What having just moved house adds to the log odds."""


class Needs:
    """The monthly probability of buying from each family."""

    def __init__(self, crowd: People, accounts: Accounts) -> None:
        self._crowd, self._accounts = crowd, accounts

    def hazards(self, month: int) -> dict[str, Reals]:
        """The probability that each customer wants each family this month, offers included."""
        there = self._crowd.present(month) & (self._crowd.leaving < 0)
        odds = self.odds(month, self._crowd.moved, self._crowd.pulse, self._crowd.complaints)
        return {name: np.where(there, sigmoid(odds[name]), 0.0) for name in SOLD}

    def odds(self, month: int, moved: Reals, pulse: Reals, complaints: Reals) -> dict[str, Reals]:
        """Log odds of each family, given what fades: a move, (n, families) pulses and complaints."""
        need = self._crowd.need
        return {
            name: INTERCEPT[name] + value + need[:, latent] + pulse[:, latent]
            + MOVED.get(name, 0.0) * moved - 0.3 * complaints
            for name, value in self.lasting(month).items() for latent in (FAMILIES.index(name),)
        }  # fmt: skip

    def lasting(self, month: int) -> dict[str, Reals]:
        """The part of the log odds that does not fade, without intercept and hidden need."""
        crowd = self._crowd
        age = (crowd.age(month) - 40) / 15
        income = np.clip(np.log(crowd.declared / 9000), -2, 2.5)
        rich = np.log1p(np.maximum(self._accounts.wealth(), 0) / np.maximum(crowd.declared, 500)) - 1.0
        has = {name: crowd.holds(name).astype(np.float64) for name in SOLD}
        company, student = crowd.company * 1.0, (crowd.persona == STUDENT) * 1.0
        home, old = (crowd.persona == FAMILY) * 1.0, (crowd.persona == RETIRED) * 1.0
        risk, screen = crowd.risk - 3.0, np.clip(crowd.digital, -1.5, 1.5)
        return {
            "savings": 0.9 * rich - 0.5 * age - 2.4 * has["savings"] + 0.5 * screen - company,
            "deposit": 1.3 * rich + 0.6 * age + 0.4 * has["deposit"] - 0.5 * student - 0.3 * risk,
            "card": -0.5 * age + 0.5 * income + 0.7 * screen - 2.4 * has["card"] - 0.8 * old - 0.6 * company,
            "loan": -1.2 * rich - 0.4 * age + 0.7 * home - 1.5 * has["loan"] + 0.7 * company - 1.5 * old
            - 0.4 * student,
            "mortgage": 0.9 * income + 0.7 * home - 1.1 * (age + 0.3) ** 2 - 3.0 * has["mortgage"]
            - 2.0 * student - 1.5 * company,
            "fund": 1.3 * rich + 0.5 * income + 0.5 * risk + 0.5 * screen + 0.7 * has["fund"] - 0.8 * company,
            "insurance": 1.2 * home + 0.7 * income + 0.5 * age - 1.4 * has["insurance"] - 1.2 * student
            + 0.8 * has["mortgage"],
            "pension": 1.4 * np.clip(age + 0.4, -1.2, 1.0) + 0.5 * income + 0.4 * rich - 2.0 * has["pension"]
            - 2.5 * company - 1.5 * student - 2.5 * old,
        }  # fmt: skip
