"""A verified release in service: its models, its rules, and how their lists of products line up."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import orjson

from crm_rules.errors import InvalidPolicy
from crm_rules.governance.stops import NONE, Kind, Stops
from crm_rules.lending.reasons import check_catalogue
from crm_rules.lending.recourse import WAY_CODES
from crm_rules.offers.targeting import check_targeting
from crm_rules.policy import Policy
from crm_rules.policy_book import PolicyBook
from serving.deciding.families import Families
from serving.deciding.online import OWNED, F64Array, Snapshot
from serving.deciding.phrases import Phrases
from serving.deciding.rulebook import Rulebook
from serving.deciding.rulebooks import Rulebooks
from serving.errors import ModelStopped
from training.release.calibration import Curves
from training.release.recommendation import Shelf
from training.release.runtime import Runtime, load
from training.release.segmentation import Segmentation
from training.release.verify import VerifiedRelease

Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
NOT_THERE = -1
MODELS = ("segmentation", "propensity", "credit_risk", "recommendation")


@dataclass(frozen=True)
class Loaded:
    """What the scoring process holds of a release under one policy, as far as `stops` lets it be used.

    Under stop switches `whole` is the same release without them; nothing is loaded twice. `rulebook` is
    that of the first policy of the book until `under_policy` names another.
    """

    runtime: Runtime
    rulebook: Rulebook
    rulebooks: Rulebooks
    stops: Stops = NONE
    whole: "Loaded | None" = None
    _others: "dict[int, Loaded]" = field(default_factory=dict, init=False, repr=False, compare=False)

    @staticmethod
    def of(release: VerifiedRelease) -> "Loaded":
        """Parse a release that was verified; BrokenRelease, InvalidPolicy or UnmappedReason says why not."""
        runtime = load(release)
        rulebooks = Rulebooks.of(release, runtime.needs.evidence if runtime.needs else {})
        for credit in runtime.risks.values():
            check_catalogue((*credit.member.columns, *WAY_CODES), rulebooks.base.reasons)
        loaded = Loaded(runtime, rulebooks.base, rulebooks)
        for policy in rulebooks.book.every:
            loaded.check_policy(policy)
        return loaded

    def check_policy(self, policy: Policy) -> None:
        """InvalidPolicy when a policy names what this release does not have."""
        _check_segments(self.runtime, self.rulebooks.under(policy))

    @property
    def book(self) -> PolicyBook:
        """Every policy of the release, by day."""
        return self.rulebooks.book

    def in_force(self, at: str) -> "Loaded":
        """The same release under the policy in force at that moment (ISO 8601)."""
        return self.under_policy(self.book.at(datetime.fromisoformat(at)))

    def under_policy(self, policy: Policy) -> "Loaded":
        """The same release under the same stop switches by another policy, whether it is its own or not."""
        if policy is self.rulebook.policy:
            return self
        found = self._others.get(id(policy))
        if found is None:
            rulebook = self.rulebooks.under(policy).under(self.stops)
            whole = self.whole.under_policy(policy) if self.whole else None
            found = self._others[id(policy)] = replace(self, rulebook=rulebook, whole=whole)
        return found

    def under(self, stops: Stops) -> "Loaded":
        """The release under exactly these stop switches: stopped models are not there, products marked."""
        whole = self.whole or self
        if stops == self.stops:
            return self
        if not stops:
            return whole
        runtime, rulebook = without(whole.runtime, stops), whole.rulebook.under(stops)
        return Loaded(runtime, rulebook, whole.rulebooks, stops, whole)

    def require(self, model: str) -> None:
        """ModelStopped when a stop switch names the model or the part it belongs to."""
        if self.stops.model(model):
            raise ModelStopped(model)

    def names(self, kind: Kind) -> tuple[str, ...]:
        """What a stop switch of that kind can name in this release."""
        if kind is Kind.MODEL:
            runtime = self.runtime
            members = runtime.needs.members if runtime.needs else ()
            named = [f"propensity/{each.name}" for each in members]
            named += [f"credit_risk/{name}" for name in runtime.risks]
            return tuple(sorted({*named, *set(MODELS) & set(runtime.part_digests)}))
        products = self.rulebook.products.product_id
        offers = sorted({*products, *self.rulebook.offers.offer_id})
        return {Kind.PRODUCT: products, Kind.OFFER: tuple(offers)}.get(kind, ())

    @cached_property
    def stopped_models(self) -> list[str]:
        """The models that an answer could not use, sorted."""
        return sorted(self.stops.names(Kind.MODEL))

    @cached_property
    def version(self) -> dict[str, object]:
        """What every answer says about where it comes from."""
        parts = {name: digest[:16] for name, digest in self.runtime.part_digests.items()}
        return {"digest": self.runtime.digest, "parts": parts, "policy": self.rulebook.policy.version}

    @cached_property
    def version_json(self) -> orjson.Fragment:
        """The same as JSON, made once."""
        return orjson.Fragment(orjson.dumps(self.version))

    @cached_property
    def parts_json(self) -> orjson.Fragment:
        """The parts of the version as JSON, made once."""
        return orjson.Fragment(orjson.dumps(self.version["parts"]))

    @cached_property
    def stops_record(self) -> list[str]:
        """The stop switches that are on, as a decision record keeps them."""
        return self.stops.as_record()

    @cached_property
    def phrases(self) -> Phrases:
        """What its answers say in the same words every time."""
        return Phrases(self.rulebook, self.runtime.segments.segments if self.runtime.segments else ())

    @cached_property
    def families(self) -> Families:
        """The products of the catalogue by family, with the propensity members that estimate them."""
        members = self.runtime.needs.members if self.runtime.needs else ()
        models = {each.family: at for at, each in enumerate(members) if each.family}
        return Families.among(self.rulebook.products.family.tolist(), models)

    @cached_property
    def curves(self) -> Curves:
        """The calibrations of the propensity members, in their order."""
        return Curves.of([each.calibration for each in self.runtime.propensity.members])

    @cached_property
    def _owned(self) -> Indices:
        columns = self.runtime.manifest.origin.feature_views.get(OWNED, ())
        offset = self._offset(OWNED)
        return self._positions(columns, offset)

    @cached_property
    def shelf(self) -> Shelf:
        """The catalogue as the recommender scores it; MissingPart when the release has none."""
        return self.runtime.recommender.shelf_of(self.rulebook.facts)

    @cached_property
    def popularity(self) -> F64Array:
        """What is said of everybody alike, (products of the catalogue,); NaN where nothing is."""
        return np.where(self.shelf.estimated, self.shelf.popularity, np.nan)

    @property
    def segments_it_learned(self) -> Segmentation | None:
        """The segmentation the recommender was trained with; None where the release has another."""
        part = self.runtime.manifest.parts.get("segmentation")
        same = part is not None and part.digest == self.runtime.recommender.segmentation
        return self.runtime.segments if same else None

    def owned(self, snapshot: Snapshot) -> Mask:
        """(n, P): which products of the catalogue each customer holds."""
        return _held(snapshot, self._owned)

    def held_by_recommender(self, snapshot: Snapshot) -> Mask:
        """(n, products of the recommender): the same in its order, withdrawn products included."""
        return _held(snapshot, self._recommended)

    @cached_property
    def _recommended(self) -> Indices:
        """The column of each product of the recommender among those that say what is held."""
        columns, offset = self.runtime.manifest.origin.feature_views.get(OWNED, ()), self._offset(OWNED)
        place = {name: offset + at for at, name in enumerate(columns)}
        products = self.runtime.recommender.products
        return np.array([place.get(each.product_id, NOT_THERE) for each in products], np.intp)

    def _offset(self, view: str) -> int:
        origin = self.runtime.manifest.origin
        return sum(len(origin.feature_views[name]) for name in origin.views if name < view)

    def _positions(self, names: tuple[str, ...], offset: int) -> Indices:
        position = {name: offset + at for at, name in enumerate(names)}
        return np.array(
            [position.get(name, NOT_THERE) for name in self.rulebook.products.product_id], np.intp
        )


def _held(snapshot: Snapshot, columns: Indices) -> Mask:
    """Where the numbers of these columns are above 0; nowhere in a column that is not there."""
    if not len(columns):
        return np.zeros((len(snapshot), 0), np.bool_)
    values = snapshot.values.take(columns, axis=1, mode="wrap")
    return np.asarray((values > 0) & (columns != NOT_THERE))


def without(runtime: Runtime, stops: Stops) -> Runtime:
    """The runtime without the models that are stopped."""
    needs = runtime.needs
    if needs is not None:
        members = tuple(each for each in needs.members if not stops.model(f"propensity/{each.name}"))
        kept = {each.name for each in members}
        offers = {family: effect for family, effect in needs.offers.items() if family in kept}
        needs = replace(needs, members=members, offers=offers)
    return replace(
        runtime,
        needs=needs,
        segments=None if stops.model("segmentation") else runtime.segments,
        affinities=None if stops.model("recommendation") else runtime.affinities,
        risks={name: risk for name, risk in runtime.risks.items() if not stops.model(f"credit_risk/{name}")},
    )


def _check_segments(runtime: Runtime, rulebook: Rulebook) -> None:
    """The policy names segments that exist; what segments by rule read is read online."""
    learned = runtime.segments.ids if runtime.segments else ()
    known = {*learned, *(segment.id for segment in rulebook.segments.segments)}
    check_targeting(rulebook.policy.targeting, known, rulebook.offers)
    if missing := set(rulebook.segments.columns) - set(runtime.manifest.origin.columns):
        raise InvalidPolicy("segments", f"reads {sorted(missing)}, which this release does not read online")
