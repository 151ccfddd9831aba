"""The propensity's member `uplift`: what an offer of each family changes, on top of the families' models."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training.dataset import TooLittleData, iso
from training.gates import Gate, at_least
from training.labels import I64, RESPONSE
from training.learning.trees import F32
from training.proof import Array, MemberProof
from training.propensity.effect import EffectOnOdds
from training.propensity.figures import bounds
from training.propensity.member import Member
from training.propensity.offers import Offers
from training.propensity.qini import Arms, Tenth, by_tenth, qini_interval, random_qini
from training.propensity.uplift import METHODS, Choice, choose
from training.release.propensity import OfferEffect
from training.set_aside import set_aside
from training.trained import Trial
from training.validation import F64, scores

LEAST_BOUGHT = 30  # purchases in either arm before an effect is worth estimating
MOST_CHOSEN = 90_000  # so many offers choose the method
BESIDE = 6  # columns the tree learners see beside propensity and kind
NAME = "uplift"
EXPORTED = ("effect",)  # the other methods need graphs of their own


@dataclass(frozen=True)
class Uplift:
    """Effects by family, how the method was chosen, and the test offers with what was said of them."""

    effects: Mapping[str, OfferEffect]
    choice: Choice
    arms: Arms
    at: I64
    family: npt.NDArray[np.str_]
    said: F64
    propensity: F64
    metrics: Mapping[str, object]
    window: Mapping[str, str]
    tenths: tuple[Tenth, ...]
    proof: MemberProof | None = None

    def as_json(self) -> dict[str, object]:
        """As the release keeps it, by family."""
        return {
            family: {"level": each.level, "slope": each.slope, "effect": each.effect}
            for family, each in self.effects.items()
        }

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Each method's Qini on later training offers, by thousand offers."""
        return tuple(
            Trial(f"{NAME} {name}", {"method": name}, "purchases by 1,000 offers", 1000 * found.value)
            for name, found in self.choice.found.items()
        )


def uplift(members: Mapping[str, Member], offers: Offers, tested_from: int, seed: int) -> Uplift:
    """Choose and fit on the offers before `tested_from`, test on those after. Raises TooLittleData.

    Only families with a member take part; the others' offers have no propensity to build on.
    """
    families = [name for name, member in members.items() if member.family and (offers.family == name).any()]
    split = offers.split(tested_from)
    if not families or split is None:
        raise TooLittleData(NAME, "no offers of a family with a model before and after the test begins")
    known = np.isin(offers.family, families)
    train, test = known & (split.train | split.calibrate), known & split.test
    for rows, what in ((train, "learn from"), (test, "test on")):
        bought = [int(offers.y[rows & side].sum()) for side in (offers.treated, ~offers.treated)]
        if min(bought) < LEAST_BOUGHT:
            found = f"{bought[0]} purchases in the treated and {bought[1]} in the control arm to {what}"
            raise TooLittleData(NAME, f"{found}; {LEAST_BOUGHT} each are needed")
    matrix = _matrix(members, families, offers)
    choice = _chosen(matrix, offers, train, seed)
    fitted = EffectOnOdds(0, 1)(matrix[train], offers.y[train], offers.treated[train],
                                offers.chance[train], seed)  # fmt: skip
    effects = {families[kind]: effect for kind, effect in fitted.effects.items()}
    said, propensity = fitted.uplift(matrix[test]), _withheld(effects, matrix[test], families)
    measured = _measured(offers, test, effects, choice, said, propensity, seed)
    return replace(measured, proof=_proof(members, effects, offers, test, measured.window, seed))


def _matrix(members: Mapping[str, Member], families: list[str], offers: Offers) -> F32:
    """Columns: the offered family's margin, its number, and what the families' models use most."""
    most: dict[str, float] = {}
    for name in families:
        for column, gain in members[name].model.gains():
            most[column] = most.get(column, 0.0) + gain
    beside = offers.rows.only(sorted(most, key=lambda column: -most[column])[:BESIDE])
    margin = np.full(len(offers.y), np.nan, np.float32)
    kind = np.full(len(offers.y), -1, np.float32)
    for number, name in enumerate(families):
        rows = offers.family == name
        columns = members[name].model.columns
        margin[rows] = members[name].model.margin(offers.rows.rows(rows).only(columns))
        kind[rows] = number
    matrix: F32 = np.c_[margin, kind, beside].astype(np.float32)
    return matrix


def _chosen(matrix: F32, offers: Offers, train: npt.NDArray[np.bool_], seed: int) -> Choice:
    rows = np.flatnonzero(train)
    if len(rows) > MOST_CHOSEN:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_CHOSEN, replace=False))
    chosen = np.zeros(len(train), np.bool_)
    chosen[rows] = True
    return choose(matrix[rows], offers.arms(chosen), offers.at[rows], 0, 1, seed, RESPONSE.horizon)


def _withheld(effects: Mapping[str, OfferEffect], matrix: F32, families: list[str]) -> F64:
    """The chance to buy anyway: the baseline "propensity as uplift"."""
    found = np.empty(len(matrix))
    for number, name in enumerate(families):
        rows = matrix[:, 1] == number
        if rows.any():
            found[rows] = effects[name].arms(matrix[rows, 0].astype(np.float64))[1]
    return found


def _measured(
    offers: Offers, test: npt.NDArray[np.bool_], effects: Mapping[str, OfferEffect], choice: Choice,
    said: F64, propensity: F64, seed: int,
) -> Uplift:  # fmt: skip
    arms, at = offers.arms(test), offers.at[test]
    found, gain = qini_interval(said, arms, seed), qini_interval(said, arms, seed, propensity)
    rates = [float(arms.y[side].mean()) for side in (arms.treated, ~arms.treated)]
    thousand = {
        "qini": found, "qini_over_propensity": gain, "qini_of_random": random_qini(arms, seed),
        "qini_of_propensity": qini_interval(propensity, arms, seed),
    }  # fmt: skip
    metrics: dict[str, object] = {
        "method": METHODS[0], "chosen_method": choice.chosen, "n_test": len(said),
        "treated_rate": round(rates[0], 5), "control_rate": round(rates[1], 5),
        "uplift_said": round(float(said.mean()), 5), "uplift_measured": round(rates[0] - rates[1], 5),
    }  # fmt: skip
    for (
        name,
        interval,
    ) in thousand.items():  # further purchases by 1,000 offers, as the docstring of qini says
        metrics[name] = round(1000 * interval.value, 4)
        metrics[f"{name}_interval"] = [round(1000 * interval.low, 4), round(1000 * interval.high, 4)]
    mine = arms.treated
    metrics["response_by_family"] = dict(scores(arms.y[mine], (said + propensity)[mine]))
    window = {"from": iso(int(at.min())), "to": iso(int(at.max()) + RESPONSE.horizon)}
    return Uplift(effects, choice, arms, at, offers.family[test], said, propensity, metrics, window,
                  tuple(by_tenth(said, arms)))  # fmt: skip


def _proof(
    members: Mapping[str, Member], effects: Mapping[str, OfferEffect], offers: Offers,
    test: npt.NDArray[np.bool_], window: Mapping[str, str], seed: int,
) -> MemberProof:  # fmt: skip
    """The test offers over every column; `family` is the place of the offered family among the sorted."""
    names, columns = sorted(effects), offers.rows.columns
    places = {name: [columns.index(each) for each in members[name].model.columns] for name in names}

    def says(matrix: F32, given: Mapping[str, Array]) -> F64:
        found = np.zeros(len(matrix))
        for at, name in enumerate(names):
            mine = given["family"] == at
            if mine.any():
                shown, withheld = effects[name].arms(
                    members[name].model.margin(matrix[mine][:, places[name]])
                )
                found[mine] = shown - withheld
        return found

    reads = dict.fromkeys(column for name in names for column in members[name].model.columns)
    return set_aside(columns, tuple(reads), offers.rows.matrix[test], offers.y[test], says, window, seed,
                     given={"family": np.searchsorted(names, offers.family[test]),
                            "treated": offers.treated[test]})  # fmt: skip


def gates(found: Uplift) -> list[Gate]:
    """It must rank better than chance, and nothing it was not chosen over may be clearly better."""
    return [
        at_least(
            "discrimination",
            f"{NAME}: lower bound of the Qini, purchases by 1,000 offers",
            bounds(found.metrics, "qini_interval")[0],
            0.0001,
        ),
        at_least(
            "discrimination",
            f"{NAME}: upper bound of the Qini gain over propensity as uplift",
            bounds(found.metrics, "qini_over_propensity_interval")[1],
            0.0,
        ),
    ]
