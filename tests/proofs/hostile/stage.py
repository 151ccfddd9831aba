"""Where a hostile release is put: a copy of the tiny bank, a marker that no file may make, the way in."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from crm_rules.governance.chain import canonical, digest
from crm_rules.governance.people import Profile, Trust
from feature_repo.errors import BankError
from serving.deciding.asking import OfferRequest
from serving.deciding.loaded import Loaded
from serving.deciding.scoring import Scorer
from tests.conftest import Tiny, evidence_for, make_scorer, make_tiny, stamp
from training.release import assemble as assembling
from training.release import verify as verifying
from training.release.assemble import write_evidence
from training.release.current import current
from training.release.manifest import Part
from training.release.trees import Trees

Files = dict[str, bytes]
PARSED, RUN = "parsed", "run"


class Plant:
    """What a hostile pickle holds: loading it makes the marker file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.marker), "w")


@dataclass
class Stage:
    """A tiny bank of its own; `tiny.release` is its honest release, `release` the one that is tried."""

    tiny: Tiny
    marker: Path
    release: str
    least: int = 0
    profile: Profile = "demo"
    reached: set[str] = field(default_factory=set)

    @property
    def releases(self) -> Path:
        return self.tiny.releases

    @property
    def folder(self) -> Path:
        return self.releases / self.release

    @property
    def pickle(self) -> bytes:
        return pickle.dumps(Plant(self.marker))

    def forge(
        self,
        change: Callable[[Files], object] = lambda files: None,
        manifest: Callable[[dict[str, dict[str, object]]], object] = lambda raw: None,
        written: Callable[[bytes], bytes] = lambda content: content,
        signed: bool = True,
    ) -> None:
        """A release with all digests right; `signed`: its approvers were fooled as well as its operator."""
        files = {path: (self.folder / path).read_bytes() for path in _paths(self.folder)}
        raw = json.loads(files.pop("manifest.json"))
        change(files)
        evidence = {path: files.pop(path) for path in list(files) if path.startswith("evidence/")}
        for name, entry in raw["parts"].items():
            start = f"parts/{name}/"
            mine = {p.removeprefix(start): digest(c) for p, c in files.items() if p.startswith(start)}
            entry["files"], entry["digest"] = mine, Part(name, mine).digest
        for name in ("derived", "enclosed"):
            raw[name] = {path: digest(files[path]) for path in raw[name]}
        manifest(raw)
        content = written(canonical(raw))
        self.release = digest(content)
        _put(self.folder, {**files, "manifest.json": content, **({} if signed else evidence)})
        for name, entry in raw["parts"].items() if signed else ():
            write_evidence(self.folder, evidence_for(name, str(entry["digest"]), self.tiny))
        self.tiny.switch(self.release, 2)

    def start(self) -> Loaded:
        """As the scoring process starts: trust, the signed record, the release, its models."""
        trust = Trust.load(self.tiny.home / "trust.json", self.profile)
        named = current(self.releases, trust, self.least)
        return Loaded.of(verifying.verify(self.releases, named.release, trust))

    def refusal(self) -> BankError | None:
        """What starting says; `reached` tells whether a file was parsed, or a model run, before that."""
        watched = mock.patch.object(verifying, "derive", self._watch(PARSED, assembling.derive))
        run = mock.patch.object(Trees, "load", staticmethod(self._watch(RUN, Trees.load)))
        with watched, run:
            try:
                self.start()
            except BankError as error:
                return error
        return None

    def _watch(self, name: str, work: Callable[..., object]) -> Callable[..., object]:
        def watched(*given: object) -> object:
            self.reached.add(name)
            return work(*given)

        return watched


@dataclass(frozen=True)
class House:
    """The honest bank that goes on: what its scorer answered first, and whether it still does."""

    tiny: Tiny
    scorer: Scorer
    answer: bytes

    @staticmethod
    def build(home: Path) -> "House":
        tiny = make_tiny(home)
        scorer = make_scorer(tiny)
        return House(tiny, scorer, ask(scorer))

    def stage(self, home: Path) -> Stage:
        shutil.copytree(self.tiny.home, home)
        parts = {name: home / "parts" / name for name in self.tiny.parts}
        tiny = Tiny(home, parts, self.tiny.origin, self.tiny.trust, self.tiny.release)
        return Stage(tiny, home / "marker", tiny.release)

    def answers(self) -> bool:
        return ask(self.scorer) == self.answer


def ask(scorer: Scorer) -> bytes:
    return scorer.next_best_action([OfferRequest("ann")], [stamp()])[0].record


def _paths(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _put(folder: Path, files: Files) -> None:
    for path, content in files.items():
        if os.path.normpath(path) == path and not path.startswith(("/", "..")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
