"""An exported part as it will be scored: its members through the release's own code, from bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from training.proof import MemberProof
from training.release.credit import CreditRuntime
from training.release.errors import BrokenRelease
from training.release.fields import F64Array
from training.release.propensity import Propensity, PropensityMember
from training.release.recommendation import Recommender
from training.release.runtime import credit_runtimes
from training.release.segmentation import Segmentation
from training.release.trees import Trees

Files = Mapping[str, bytes]
Score = Callable[[MemberProof], F64Array]


@dataclass(frozen=True)
class Exported:
    """One member. `reads` are its columns, in the order its files name them.

    `score` answers (n,), or (n, P) in the order of the rows' outcomes; `told` is the one number a row
    that drift watches. `beside` is what else has to be the same for two parts to be compared on the same
    rows; `popular` (P) what is said of everybody alike.
    """

    name: str
    reads: tuple[str, ...]
    score: Score
    told: Callable[[MemberProof, F64Array], F64Array]
    watched: tuple[str, str]  # population and score in reference.json
    runtime: CreditRuntime | None = None
    beside: str = ""
    popular: F64Array | None = None


def exported(part: str, files: Files) -> dict[str, Exported]:
    """The members of a part by name; BrokenRelease where it cannot be read, or nothing reads such a part."""
    readers: Mapping[str, Callable[[Files], dict[str, Exported]]] = {
        "credit_risk": _credit, "propensity": _propensity, "segmentation": _segmentation,
        "recommendation": _recommendation,
    }  # fmt: skip
    if part not in readers:
        raise BrokenRelease(f"parts/{part}", "no release has a reader for such a part")
    try:
        return readers[part](files)
    except KeyError as lack:
        raise BrokenRelease(f"parts/{part}", f"it lacks {lack}") from lack


def _credit(files: Files) -> dict[str, Exported]:
    found = {}
    for name, runtime in credit_runtimes(files).items():
        models = (runtime.member.boosting, runtime.member.scorecard)
        reads = tuple(column for model in models if model is not None for column in model.columns)
        found[name] = Exported(name, reads, _credit_score(runtime), _itself, (name, name), runtime)
    return found


def _credit_score(runtime: CreditRuntime) -> Score:
    return lambda rows: runtime.probability(rows.only(runtime.member.columns))


def _propensity(files: Files) -> dict[str, Exported]:
    needs, graphs = Propensity.read(files), dict[str, Trees]()
    found = {}
    for member in needs.members:
        path = f"parts/propensity/{member.graph_file}"
        graphs[member.name] = Trees.load(path, files[member.graph_file], len(member.columns), 1)
        score = _need_score(member, graphs[member.name])
        found[member.name] = Exported(
            member.name, member.columns, score, _itself, ("propensity", member.name)
        )
    if needs.offers:
        found["uplift"] = _uplift(needs, graphs)
    return found


def _margin(member: PropensityMember, trees: Trees, rows: MemberProof) -> F64Array:
    return trees.run(rows.only(member.columns))[:, 0].astype(np.float64)


def _need_score(member: PropensityMember, trees: Trees) -> Score:
    return lambda rows: member.calibration.probability(_margin(member, trees, rows))


def _uplift(needs: Propensity, graphs: Mapping[str, Trees]) -> Exported:
    """What an offer changes; `family` of the rows is the place among the sorted families with an effect."""
    members = {member.name: member for member in needs.members}
    families = sorted(needs.offers)

    def score(rows: MemberProof) -> F64Array:
        found = np.zeros(len(rows))
        for at, family in enumerate(families):
            mine = np.flatnonzero(rows.given["family"] == at)
            if len(mine):
                margin = _margin(members[family], graphs[family], rows.rows(mine))
                shown, withheld = needs.offers[family].arms(margin)
                found[mine] = shown - withheld
        return found

    reads = dict.fromkeys(column for family in families for column in members[family].columns)
    return Exported("uplift", tuple(reads), score, _itself, ("propensity", "uplift"))


def _segmentation(files: Files) -> dict[str, Exported]:
    model = Segmentation.read(files)

    def score(rows: MemberProof) -> F64Array:
        return model.assign(rows.only(model.columns)).astype(np.float64)

    def told(rows: MemberProof, said: F64Array) -> F64Array:
        return np.array([segment.number - 1 for segment in model.segments], np.float64)[said.astype(np.intp)]

    return {"segment": Exported("segment", model.columns, score, told, ("segmentation", "segment"))}


def _recommendation(files: Files) -> dict[str, Exported]:
    model = Recommender.read(files)
    own = {each.product_id: at for at, each in enumerate(model.products)}

    def score(rows: MemberProof) -> F64Array:
        """A product the model does not know is never said anything of."""
        there = [at for at, name in enumerate(rows.outcomes) if name in own]
        held = np.zeros((len(rows), len(own)), bool)
        held[:, [own[rows.outcomes[at]] for at in there]] = rows.given["held"][:, there].astype(bool)
        segments = rows.given.get("segment") if model.layout.segments else None
        known = None if segments is None else segments.astype(np.intp)
        said = model.probabilities(model.shelf, held, rows.only(model.columns), known)
        found = np.full((len(rows), len(rows.outcomes)), np.nan)
        found[:, there] = said[:, [own[rows.outcomes[at]] for at in there]]
        return found

    return {"recommendation": Exported(
        "recommendation", model.columns, score, _best, ("recommendation", "recommendation"),
        beside=model.segmentation or "", popular=model.popularity,
    )}  # fmt: skip


def _itself(rows: MemberProof, said: F64Array) -> F64Array:
    return said


def _best(rows: MemberProof, said: F64Array) -> F64Array:
    """The best chance of anything not held: what the recommendation's drift is measured on."""
    open_ = np.where(rows.given["held"].astype(bool), 0.0, said)
    best: F64Array = np.nan_to_num(open_).max(axis=1)
    return best
