"""What passes between bank and customer: talk, complaints, offers, consents, dates."""

import numpy as np

from feature_repo.raw.contracts import FAMILIES
from feature_repo.raw.generate.arrow import NULL, Array
from feature_repo.raw.generate.clock import DAY, HOUR
from feature_repo.raw.generate.drafts import Drafts
from feature_repo.raw.generate.economy import Economy
from feature_repo.raw.generate.needs import EFFECT, SOLD, sigmoid
from feature_repo.raw.generate.people import CONTACTS, Flags, People, Reals, Whole
from feature_repo.raw.generate.shelf import FAMILY, IDS, OF_FAMILY

TOPICS = np.array(["balance", "card", "transfer", "app_help", "loan", "mortgage", "investment", "complaint"])
ASKED = {"loan": "loan", "mortgage": "mortgage", "investment": "fund"}
TALKS, INTEREST = 0.30, 0.9
"""Conversations a month, and what asking about a family adds to its log odds from the next month on."""
TREATED = 0.7
"""The share of a campaign's chosen customers who really get the offer; the rest is the control arm."""


class Contact:
    """Books interactions, offers, consents and important dates."""

    def __init__(self, crowd: People, drafts: Drafts, economy: Economy, rng: np.random.Generator) -> None:
        self._crowd, self._drafts, self._economy, self._rng = crowd, drafts, economy, rng
        self._talks = self._offers = 0
        self._open: list[dict[str, Array]] = []
        self._marketing = np.zeros(crowd.n, np.bool_)

    def begin(self) -> None:
        """Consents asked on joining, and birthdays."""
        crowd, rng = self._crowd, self._rng
        for channel, asked, yes in (("email", 0.8, 0.62), ("phone", 0.7, 0.48), ("app", 0.75, 0.7)):
            who = np.flatnonzero(rng.random(crowd.n) < asked)
            given = rng.random(len(who)) < yes
            self._consent(who, channel, "marketing", crowd.joined_at[who] + HOUR, given)
            self._marketing[who[given]] = True
        who = np.flatnonzero(rng.random(crowd.n) < 0.85)
        self._consent(who, "app", "profiling", crowd.joined_at[who] + HOUR, rng.random(len(who)) < 0.8)
        who = np.flatnonzero(~crowd.company & (rng.random(crowd.n) < 0.6))
        self._drafts.add(
            "important_dates", customer_id=who, kind="birthday", valid_from=crowd.joined_at[who],
            recorded_at=crowd.joined_at[who] + HOUR, month=rng.integers(1, 13, len(who)),
            day=rng.integers(1, 29, len(who)),
            calendar=np.where(rng.random(len(who)) < 0.25, "lunar", "solar"),
        )  # fmt: skip

    def month(self, month: int) -> None:
        """A month of talk; what customers ask about they often buy soon, and complaints add up."""
        crowd, rng = self._crowd, self._rng
        there = crowd.present(month)
        start = int(crowd.calendar.edges[month])
        who = np.repeat(np.arange(crowd.n), rng.poisson(np.where(there, TALKS * crowd.activity, 0)))
        angry = np.flatnonzero(there & (rng.random(crowd.n) < complaint(crowd)))
        weights = _topic_weights(crowd)[who].cumsum(axis=1)
        topic = (rng.random(len(who))[:, None] * weights[:, -1:] > weights).sum(axis=1)
        for name, family in ASKED.items():
            asked = who[TOPICS[topic] == name]
            crowd.pulse[asked, FAMILIES.index(family)] += INTEREST
        crowd.complaints[angry] += 1.0
        who, topic = np.concatenate([who, angry]), np.concatenate([topic, np.full(len(angry), 7)])
        self._talk(start, who, TOPICS[topic])
        quits = np.flatnonzero(there & self._marketing & (rng.random(crowd.n) < 0.003))
        at = start + rng.integers(1, 26, len(quits)) * DAY
        self._consent(quits, "email", "marketing", at, np.zeros(len(quits), np.bool_))
        self._marketing[quits] = False

    def able(self, month: int) -> Flags:
        """Who may be written to: agreed, is no company, and is not on the way out."""
        crowd = self._crowd
        return crowd.present(month) & self._marketing & ~crowd.company & (crowd.leaving < 0)

    def families(self, month: int) -> list[str]:
        """The families of this month's campaigns, by turns."""
        campaigns = int(self._economy.campaigns[month])
        return [SOLD[(2 * month + turn) % len(SOLD)] for turn in range(campaigns)]

    def offer(self, month: int) -> list[dict[str, Array]]:
        """This month's campaigns, each to customers chosen at random; the offers, a batch a campaign."""
        crowd, rng = self._crowd, self._rng
        start, able = int(crowd.calendar.edges[month]), self.able(month)
        sent: list[dict[str, Array]] = []
        for family in self.families(month):
            who = np.flatnonzero(able & (rng.random(crowd.n) < self._economy.reach[month]))
            treated = rng.random(len(who)) < TREATED
            shelf = OF_FAMILY[family]
            product = shelf[rng.integers(0, len(shelf), len(who))]
            crowd.pulse[who[treated], FAMILIES.index(family)] += EFFECT[family]
            number = np.arange(self._offers, self._offers + len(who))
            self._offers += len(who)
            rows: dict[str, Array] = {
                "offer_id": number, "customer_id": who, "product_id": IDS[product],
                "at": start + HOUR * (1 + number % 9),
                "channel": np.array(["email", "phone", "app"])[number % 3],
                "arm": np.where(treated, "treated", "control"),
                "selection_probability": np.full(len(who), TREATED),
            }  # fmt: skip
            self._drafts.add("offers", **rows, recorded_at=rows["at"])
            sent.append(
                {**rows, "family": FAMILY[product], "treated": treated, "month": np.full(len(who), month)}
            )
        self._open.extend(sent)
        return sent

    def answers(self, month: int, bought: dict[str, tuple[Whole, Whole]]) -> None:
        """Treated offers of this month and the last that were taken up; the older ones lapse."""
        rng, calendar = self._rng, self._crowd.calendar
        waiting = []
        for rows in self._open:
            family = FAMILIES[int(rows["family"][0])] if len(rows["family"]) else SOLD[0]
            when = np.full(self._crowd.n, NULL)
            when[bought[family][0]] = bought[family][1]
            at = when[rows["customer_id"]]
            yes = rows["treated"] & (at > rows["at"])
            no = rows["treated"] & ~yes & (rng.random(len(at)) < 0.12)
            said = np.where(
                yes, at, int(calendar.edges[month]) + 20 * DAY + rng.integers(0, 5 * DAY, len(at))
            )
            self._answer(rows, yes, said, "accepted")
            self._answer(rows, no, said, "declined")
            left = {name: values[~yes & ~no] for name, values in rows.items()}
            if int(left["month"][0] if len(left["month"]) else month) < month - 1:
                end = np.full(len(left["at"]), calendar.edges[month + 1] - HOUR)
                self._answer(left, left["treated"].astype(np.bool_), end, "ignored")
            else:
                waiting.append(left)
        self._open = waiting

    def _answer(self, rows: dict[str, Array], which: Flags, at: Whole, outcome: str) -> None:
        chosen = {
            name: values[which] for name, values in rows.items() if name not in ("family", "treated", "month")
        }
        self._drafts.add("offers", **chosen, recorded_at=at[which], outcome=outcome, outcome_at=at[which])

    def _talk(self, start: int, who: Whole, topic: Array) -> None:
        crowd, rng = self._crowd, self._rng
        rows = len(who)
        at = (
            start
            + rng.integers(0, 27, rows) * DAY
            + rng.integers(HOUR, 12 * HOUR, rows) // 1_000_000 * 1_000_000
        )
        screen = sigmoid(1.6 * crowd.digital[who])
        near = rng.random(rows) < screen
        channel = CONTACTS[
            np.where(near, rng.choice([3, 2, 1, 4], rows, p=[0.6, 0.2, 0.12, 0.08]), rng.choice([0, 5], rows))
        ]
        angry = topic == "complaint"
        rating = np.clip(
            np.round(4.1 - 1.8 * angry - 0.5 * crowd.grievance[who] + rng.normal(0, 0.8, rows)), 1, 5
        )
        rated = rng.random(rows) < 0.45
        number = np.arange(self._talks, self._talks + rows)
        self._talks += rows
        self._drafts.add(
            "interactions", interaction_id=number, customer_id=who, at=at, recorded_at=at + HOUR // 4,
            channel=channel,
            direction=np.where(angry | (rng.random(rows) < 0.8), "inbound", "outbound"), topic=topic,
            outcome=np.where(rng.random(rows) < 0.8, "solved", "open"),
            rating=np.where(rated, rating, NULL).astype(np.int64),
        )  # fmt: skip

    def _consent(self, who: Whole, channel: str, purpose: str, at: Whole, given: Flags) -> None:
        self._drafts.add("consents", customer_id=who, channel=channel, purpose=purpose,
                         state=np.where(given, "given", "withdrawn"), at=at, recorded_at=at)  # fmt: skip


def asks(crowd: People) -> dict[str, Reals]:
    """How often a month each customer asks about the families one asks about."""
    weights = _topic_weights(crowd)
    share = weights / weights.sum(axis=1, keepdims=True)
    return {
        family: TALKS * crowd.activity * share[:, 4 + place] for place, family in enumerate(ASKED.values())
    }


def _topic_weights(crowd: People) -> Reals:
    wish = crowd.need[:, [FAMILIES.index(name) for name in ASKED.values()]]
    return np.hstack([np.tile([3.0, 2.0, 2.0, 2.2], (crowd.n, 1)), 0.7 * np.exp(wish)])


def complaint(crowd: People) -> Reals:
    """The chance a month to complain."""
    return sigmoid(-4.1 + 0.75 * crowd.grievance)


class Bureau:
    """Half-yearly reports of the credit bureau about a third of the customers."""

    def __init__(self, crowd: People, drafts: Drafts, rng: np.random.Generator) -> None:
        self._crowd, self._drafts, self._rng = crowd, drafts, rng
        self._known = rng.random(crowd.n) < 1 / 3

    def month(self, month: int) -> None:
        """The reports that arrive this month."""
        crowd, rng = self._crowd, self._rng
        who = np.flatnonzero(crowd.present(month) & self._known & (np.arange(crowd.n) % 6 == month % 6))
        stress: Reals = crowd.stress[who]
        at = int(crowd.calendar.edges[month]) + rng.integers(0, 20, len(who)) * DAY
        self._drafts.add(
            "bureau", customer_id=who, as_of=at, recorded_at=at + 2 * DAY,
            score=np.clip(np.round(650 - 52 * stress + rng.normal(0, 48, len(who))), 350, 950),
            delinquencies=rng.poisson(np.exp(-1.5 + 0.75 * stress)),
            inquiries=rng.poisson(np.exp(-0.4 + 0.35 * stress)),
        )  # fmt: skip
