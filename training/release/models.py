"""The models a release describes, each parsed once: what verifying derives from and loading serves."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.release.credit import CreditRisk
from training.release.errors import BrokenRelease
from training.release.graph import TreeFile
from training.release.propensity import Propensity
from training.release.recommendation import Recommender
from training.release.segmentation import Segmentation

PartFiles = Mapping[str, bytes]
FILE = "model.json"
MODELS = ("segmentation", "propensity", "credit_risk", "recommendation")


@dataclass(frozen=True)
class Models:
    """What `model.json` of each part says. A model that was left out of the release is None."""

    segmentation: Segmentation | None
    propensity: Propensity | None
    credit_risk: CreditRisk | None
    recommendation: Recommender | None

    @staticmethod
    def read(parts: Mapping[str, PartFiles]) -> "Models":
        """From the files of every part; BrokenRelease names what cannot be used."""
        for name in MODELS:
            if name in parts and FILE not in parts[name]:
                raise BrokenRelease(f"parts/{name}/{FILE}", "it is not there")
        return Models(
            Segmentation.read(parts["segmentation"]) if "segmentation" in parts else None,
            Propensity.read(parts["propensity"]) if "propensity" in parts else None,
            CreditRisk.read(parts["credit_risk"]) if "credit_risk" in parts else None,
            Recommender.read(parts["recommendation"]) if "recommendation" in parts else None,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of every model, sorted: the order of the one matrix that scoring fills."""
        columns: set[str] = set()
        for member in self.propensity.members if self.propensity else ():
            columns.update(member.columns)
        for credit in self.credit_risk.members.values() if self.credit_risk else ():
            columns.update(credit.columns)
        columns.update(self.segmentation.reads if self.segmentation else ())
        columns.update(self.recommendation.columns if self.recommendation else ())
        return tuple(sorted(columns))

    def margins(self, parts: Mapping[str, PartFiles]) -> dict[str, TreeFile]:
        """Every tree model whose margin is scored, by the name of the margin, sorted."""
        return dict(sorted(self._graphs(parts, "").items()))

    def reasons(self, parts: Mapping[str, PartFiles]) -> dict[str, TreeFile]:
        """For each of them the graph of what every column adds to it."""
        return self._graphs(parts, ".reasons")

    def _graphs(self, parts: Mapping[str, PartFiles], kind: str) -> dict[str, TreeFile]:
        columns = {
            f"propensity/{each.name}": each.columns
            for each in (self.propensity.members if self.propensity else ())
        } | {
            f"credit_risk/{name}": each.boosting.columns
            for name, each in (self.credit_risk.members.items() if self.credit_risk else ())
            if each.boosting is not None
        }
        found = {}
        for name, mine in columns.items():
            part, _, member = name.partition("/")
            file = f"{member}{kind}.onnx"
            found[name] = TreeFile(f"parts/{part}/{file}", parts[part][file], mine)
        return found
