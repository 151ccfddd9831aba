"""All that a training run logged of itself, as files; card, pack and comparison are made from it alone."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from training.evidence.exhibit import Exhibit
from training.evidence.lineage import Lineage
from training.export import as_json, finite
from training.gates import Gate
from training.trained import Account, Note, Trained, Trial

FILE, FOLDER = "record.json", "exhibits"


@dataclass(frozen=True)
class Record:
    """A trained model without its part: figures, verdicts, plots, account, what was tried, lineage."""

    name: str
    service: str
    chosen: str
    window: Mapping[str, str]
    metrics: Mapping[str, object]
    gates: tuple[Gate, ...]
    parameters: Mapping[str, object]
    left_out: Mapping[str, str]
    warnings: tuple[str, ...]
    account: Account
    trials: tuple[Trial, ...]
    exhibits: Mapping[str, Exhibit]
    lineage: Lineage

    @property
    def members(self) -> tuple[str, ...]:
        """The members of the model, none where it is one."""
        held = self.metrics.get("members")
        return tuple(map(str, held)) if isinstance(held, Mapping) else ()

    @staticmethod
    def of(trained: Trained, lineage: Lineage) -> "Record":
        """What a training run hands on, with where it comes from."""
        return Record(
            trained.name, trained.service, trained.chosen, trained.window, finite(trained.metrics),
            trained.gates, trained.parameters, trained.left_out, trained.warnings, trained.account,
            trained.trials, trained.exhibits, lineage,
        )  # fmt: skip

    def write(self, folder: Path) -> Path:
        """Write record.json, metrics.json, gates.json, and each exhibit as PNG, JSON and CSV."""
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_bytes(as_json(self.metrics))
        (folder / "gates.json").write_bytes(as_json({"gates": [gate.as_json() for gate in self.gates]}))
        (folder / FILE).write_bytes(as_json(finite(self._told())))
        for name, exhibit in self.exhibits.items():
            write_exhibit(exhibit, folder / FOLDER / name)
        return folder

    def _told(self) -> dict[str, object]:
        return {
            "name": self.name, "service": self.service, "chosen": self.chosen, "window": dict(self.window),
            "parameters": _plain(self.parameters), "left_out": dict(self.left_out),
            "warnings": list(self.warnings), "account": asdict(self.account),
            "trials": [_plain(asdict(trial)) for trial in self.trials],
            "exhibits": list(self.exhibits), "lineage": self.lineage.as_json(),
        }  # fmt: skip

    @staticmethod
    def read(folder: Path) -> "Record":
        """What `write` left in that folder."""
        held = json.loads((folder / FILE).read_text())
        gates = json.loads((folder / "gates.json").read_text())["gates"]
        account = {part: tuple(Note(**note) for note in notes) for part, notes in held["account"].items()}
        return Record(
            held["name"], held["service"], held["chosen"], held["window"],
            json.loads((folder / "metrics.json").read_text()), tuple(Gate.from_json(gate) for gate in gates),
            held["parameters"], held["left_out"], tuple(held["warnings"]), Account(**account),
            tuple(Trial(**trial) for trial in held["trials"]),
            {name: read_exhibit(folder / FOLDER / name) for name in held["exhibits"]},
            Lineage.read(held["lineage"]),
        )  # fmt: skip


def write_exhibit(exhibit: Exhibit, stem: Path) -> None:
    """A plot as STEM.png where there is one, its table as STEM.json and STEM.csv."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    if exhibit.image:
        _beside(stem, ".png").write_bytes(exhibit.image)
    table = {"title": exhibit.title, "title_zh": exhibit.title_zh, "header": list(exhibit.header),
             "rows": [list(map(_cell, row)) for row in exhibit.rows]}  # fmt: skip
    _beside(stem, ".json").write_bytes(as_json(finite(table)))
    _beside(stem, ".csv").write_text(as_csv(exhibit), encoding="utf-8")


def read_exhibit(stem: Path) -> Exhibit:
    """What `write_exhibit` wrote."""
    held, image = json.loads(_beside(stem, ".json").read_text()), _beside(stem, ".png")
    rows = tuple(tuple(row) for row in held["rows"])
    drawn = image.read_bytes() if image.exists() else b""
    return Exhibit(held["title"], held["title_zh"], drawn, tuple(held["header"]), rows)


def as_csv(exhibit: Exhibit) -> str:
    r"""The table as CSV; a text that a spreadsheet would run as a formula gets an apostrophe.

    >>> as_csv(Exhibit("", "", b"", ("a", "b"), (("=1+1", 2),)))
    "a,b\n'=1+1,2\n"
    """
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(map(_tame, exhibit.header))
    writer.writerows([_tame(cell) for cell in row] for row in exhibit.rows)
    return held.getvalue()


def _cell(cell: object) -> object:
    """A number of numpy as Python's own, which is all that JSON knows."""
    return cell.item() if isinstance(cell, np.generic) else cell


def _tame(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """Parameters as JSON can keep them: nested mappings stay, what JSON does not know becomes text."""
    return {
        key: _plain(value) if isinstance(value, Mapping)
        else value if isinstance(value, str | int | float | bool | None) else str(value)
        for key, value in values.items()
    }  # fmt: skip
