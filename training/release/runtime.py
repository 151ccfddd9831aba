"""A release ready to score: everything loaded from checked bytes, nothing that can run code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from feature_repo.identity import by_identity
from training.release.credit import CreditRisk, CreditRuntime
from training.release.errors import MissingPart
from training.release.manifest import GRAPH, Manifest
from training.release.propensity import Propensity
from training.release.recommendation import Recommender
from training.release.segmentation import F32Array, Segmentation
from training.release.trees import Trees
from training.release.verify import VerifiedRelease

T = TypeVar("T")
Places = np.ndarray[tuple[int], np.dtype[np.intp]]


@dataclass(frozen=True)
class Runtime:
    """The models of one verified release. A model that was left out of it is None.

    `drivers` are, by propensity member, the graphs of what each column adds to its margin.
    """

    digest: str
    manifest: Manifest
    trees: Trees | None
    segments: Segmentation | None
    needs: Propensity | None
    drivers: Mapping[str, Trees]
    risks: Mapping[str, CreditRuntime]
    affinities: Recommender | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the one matrix that scoring fills, in order."""
        return self.manifest.columns

    @property
    def part_digests(self) -> dict[str, str]:
        """Every part's digest, by name: the versions an answer carries."""
        return {name: part.digest for name, part in self.manifest.parts.items()}

    def positions(self, columns: tuple[str, ...]) -> Places:
        """Where a model's columns lie in the global matrix."""
        return _positions(self.columns, columns)

    def margins(self, matrix: F32Array) -> dict[str, F32Array]:
        """Every tree model's margin (n,), by name, from the global matrix (n, columns)."""
        if self.trees is None:
            return {}
        answer = np.ascontiguousarray(self.trees.run(matrix).T)
        return dict(zip(self.manifest.outputs, answer, strict=True))

    @property
    def segmentation(self) -> Segmentation:
        """The segmentation; MissingPart when the release has none."""
        return _present(self.segments, "segmentation", self.digest)

    @property
    def propensity(self) -> Propensity:
        """The propensity models; MissingPart when the release has none."""
        return _present(self.needs, "propensity", self.digest)

    @property
    def recommender(self) -> Recommender:
        """The recommender; MissingPart when the release has none."""
        return _present(self.affinities, "recommendation", self.digest)

    def credit(self, member: str) -> CreditRuntime:
        """`application` or `behaviour`; MissingPart when the release has none."""
        return _present(self.risks.get(member), f"credit_risk/{member}", self.digest)


def load(release: VerifiedRelease) -> Runtime:
    """Parse the models of a release that `verify` accepted; BrokenRelease names what cannot be used."""
    manifest, models = release.manifest, release.models
    return Runtime(
        release.digest,
        manifest,
        Trees.load(GRAPH, release.files[GRAPH], len(manifest.columns), len(manifest.outputs))
        if GRAPH in manifest.derived
        else None,
        models.segmentation,
        models.propensity,
        _drivers(models.propensity, release.part("propensity")) if models.propensity else {},
        _credit(models.credit_risk, release.part("credit_risk")) if models.credit_risk else {},
        models.recommendation,
    )


def _drivers(propensity: Propensity, files: Mapping[str, bytes]) -> dict[str, Trees]:
    graphs = {}
    for member in propensity.members:
        path, width = member.reasons_file, len(member.columns)
        graphs[member.name] = Trees.load(f"parts/propensity/{path}", files[path], width, width)
    return graphs


def credit_runtimes(files: Mapping[str, bytes]) -> dict[str, CreditRuntime]:
    """The members of the part `credit_risk`, by name, from its files."""
    return _credit(CreditRisk.read(files), files)


def _credit(credit: CreditRisk, files: Mapping[str, bytes]) -> dict[str, CreditRuntime]:
    runtimes = {}
    for name, member in credit.members.items():
        margin = reasons = None
        if member.boosting is not None:
            width, folder = len(member.boosting.columns), "parts/credit_risk"
            margin = Trees.load(f"{folder}/{name}.onnx", files[f"{name}.onnx"], width, 1)
            path = f"{name}.reasons.onnx"
            reasons = Trees.load(f"{folder}/{path}", files[path], width, width)
        runtimes[name] = CreditRuntime(member, margin, reasons)
    return runtimes


@by_identity
def _positions(columns: tuple[str, ...], of: tuple[str, ...]) -> Places:
    return np.array([columns.index(column) for column in of], np.intp)


def _present(model: T | None, part: str, digest: str) -> T:
    if model is None:
        raise MissingPart(part, digest)
    return model
