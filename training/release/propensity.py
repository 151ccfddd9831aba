"""How likely a customer is to take a product of a family, or to leave."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.release.calibration import Calibration
from training.release.errors import BrokenRelease
from training.release.fields import Fields
from training.release.manifest import safe_name

FILE = "model.json"


@dataclass(frozen=True)
class PropensityMember:
    """One calibrated boosting. `family` is None for churn."""

    name: str
    family: str | None
    columns: tuple[str, ...]
    calibration: Calibration
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
class Propensity:
    """All members, by name."""

    members: tuple[PropensityMember, ...]

    @staticmethod
    def read(files: Mapping[str, bytes]) -> "Propensity":
        """From the files of the part `propensity`."""
        fields = Fields.parse(f"parts/propensity/{FILE}", files[FILE])
        members = tuple(_member(name, member) for name, member in sorted(fields.members("members").items()))
        for member in members:
            missing = {member.graph_file, member.reasons_file} - set(files)
            if missing or not safe_name(member.name):
                raise BrokenRelease(fields.path, f"'{member.name}' lacks its files {sorted(missing)}")
        return Propensity(members)


def _member(name: str, fields: Fields) -> PropensityMember:
    return PropensityMember(
        name,
        fields.optional_text("family"),
        fields.columns(),
        Calibration.read(fields.nested("calibration")),
        fields.number("base_rate"),
    )
