"""How likely a customer is to take a product of a family, or to leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from training.release.calibration import Curve, read_curve, sigmoid
from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.manifest import safe_name

FILE = "model.json"


@dataclass(frozen=True)
class PropensityMember:
    """One calibrated boosting. `family` is None for churn and for the response to an offer."""

    name: str
    family: str | None
    columns: tuple[str, ...]
    calibration: Curve
    base_rate: float

    @property
    def graph_file(self) -> str:
        """The member's ONNX file inside the part."""
        return f"{self.name}.onnx"

    @property
    def reasons_file(self) -> str:
        """The graph of what each column adds to the member's margin."""
        return f"{self.name}.reasons.onnx"


@dataclass(frozen=True)
class OfferEffect:
    """What an offer of a family does to the chance of a purchase soon after.

    The log odds are level + slope * margin, plus `effect` where the offer is shown; the margin is
    that of the family's member.
    """

    level: float
    slope: float
    effect: float

    def arms(self, margin: F64Array) -> tuple[F64Array, F64Array]:
        """The chances of a purchase with the offer shown and withheld; their difference is the uplift.

        >>> shown, withheld = OfferEffect(0.0, 1.0, 0.5).arms(np.array([-3.0, 0.0]))
        >>> np.round(shown - withheld, 3).tolist()
        [0.028, 0.122]
        """
        withheld = self.level + self.slope * np.asarray(margin, np.float64)
        return sigmoid(withheld + self.effect), sigmoid(withheld)


@dataclass(frozen=True)
class Propensity:
    """All members, by name.

    `evidence` counts, by product, the observed customers a model could learn its demand from;
    `offers` holds by family what an offer changes within `offer_days`, where that was measured.
    """

    members: tuple[PropensityMember, ...]
    evidence: Mapping[str, float] = field(default_factory=dict)
    offers: Mapping[str, OfferEffect] = field(default_factory=dict)
    offer_days: float = 0.0

    @staticmethod
    def read(files: Mapping[str, bytes]) -> "Propensity":
        """From the files of the part `propensity`."""
        fields = Fields.parse(f"parts/propensity/{FILE}", files[FILE])
        members = tuple(_member(name, member) for name, member in sorted(fields.members("members").items()))
        for member in members:
            missing = {member.graph_file, member.reasons_file} - set(files)
            if missing or not safe_name(member.name):
                raise BrokenRelease(fields.path, f"'{member.name}' lacks its files {sorted(missing)}")
        offers = _offers(fields, members)
        days = fields.number("offer_days") if offers else 0.0
        return Propensity(members, _evidence(fields), offers, days)


def _evidence(fields: Fields) -> dict[str, float]:
    if not fields.has("evidence"):
        return {}
    counts = fields.nested("evidence")
    found = {product: counts.number(product) for product in counts.raw}
    if any(count < 0 for count in found.values()):
        raise BrokenRelease(fields.path, "'evidence' should hold counts")
    return found


def _offers(fields: Fields, members: tuple[PropensityMember, ...]) -> dict[str, OfferEffect]:
    if not fields.has("offers"):
        return {}
    found = {
        family: OfferEffect(each.number("level"), each.number("slope"), each.number("effect"))
        for family, each in fields.members("offers").items()
    }
    if unknown := set(found) - {member.name for member in members}:
        raise BrokenRelease(fields.path, f"'offers' names {sorted(unknown)}, which are no members")
    return found


def _member(name: str, fields: Fields) -> PropensityMember:
    return PropensityMember(
        name,
        fields.optional_text("family"),
        fields.columns(),
        read_curve(fields.nested("calibration")),
        fields.number("base_rate"),
    )
