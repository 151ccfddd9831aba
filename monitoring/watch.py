"""One drift run: logged decisions against the reference frozen with the release that made them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from crm_rules.governance.materiality import MATERIALITY, Materiality
from monitoring import batch_log
from monitoring.decision_log import DecisionLogs
from monitoring.drift import ACT, INVESTIGATE, FrozenBins, Level, Shift, Verdict, shift, verdict
from monitoring.errors import NothingDecided
from monitoring.observed import Observed, observe
from monitoring.report import write_report
from monitoring.triggers import Due, due
from training.release.reading import ReleaseFiles

NEWEST = 100_000
SEED = 0
REFERENCE = "reference.json"
# Which decisions are made from which population of which part.
USE_CASES = {
    ("propensity", "propensity"): "next_best_action",
    ("segmentation", "segmentation"): "next_best_action",
    ("credit_risk", "application"): "credit",
    ("credit_risk", "behaviour"): "score_credit",
}
# What a score of the reference is called in the records.
LOGGED_AS = {"application": "probability_of_default", "behaviour": "probability_of_default"}


@dataclass(frozen=True)
class Watched:
    """A drift run: every shift, the verdict, and where the reports are."""

    release: str
    shifts: tuple[Shift, ...]
    verdict: Verdict
    left_out: Mapping[str, str]
    figures: Path
    report: Path
    due: tuple[Due, ...]


@dataclass(frozen=True)
class Population:
    """One frozen population, as its part's reference.json holds it, and the decisions made from it."""

    name: str
    reference: Mapping[str, Any]
    seen: Observed


def watch(logs: DecisionLogs, release: ReleaseFiles, features: Path, reports: Path, at: datetime) -> Watched:
    """Compare the newest decisions of `release` with its frozen reference; write both reports.

    Raises NothingDecided when the log holds none. `features` is the offline store: Evidently draws
    the reference population from it.
    """
    observed = {case: _observed(logs, case, release) for case in sorted(set(USE_CASES.values()))}
    populations, left_out = _populations(release, observed)
    if not populations:
        raise NothingDecided(release.digest, logs.folder)
    shifts = [each for found in populations for each in _shifts(found)]
    folder = reports / f"drift-{at:%Y%m%dT%H%M%SZ}"
    report = _draw(release, populations[0], features, folder / "evidently.html")
    validations = tuple(due(shifts, release, Materiality.load(MATERIALITY)))
    found = Watched(
        release.digest, tuple(shifts), verdict(shifts), left_out, folder / "drift.json", report, validations
    )
    found.figures.write_text(as_json(found) + "\n")
    return found


def _populations(
    release: ReleaseFiles, observed: Mapping[str, Observed]
) -> tuple[list[Population], dict[str, str]]:
    found, left_out = list[Population](), dict[str, str]()
    for (part, name), case in USE_CASES.items():
        references = json.loads(release.part(part)[REFERENCE]) if part in release.manifest.parts else {}
        if name not in references:
            left_out[f"{part}.{name}"] = "not in the release"
        elif not observed[case].n:
            left_out[f"{part}.{name}"] = f"no decision of use case {case} by this release"
        else:
            found.append(
                Population(f"{part}.{name}" if name != part else part, references[name], observed[case])
            )
    return found, left_out


def _observed(logs: DecisionLogs, use_case: str, release: ReleaseFiles) -> Observed:
    batch = islice(batch_log.read(logs.folder, use_case), NEWEST)
    logged: Iterable[bytes] = chain(batch, logs.payloads(use_case, NEWEST))
    return observe(logged, release.digest, release.manifest.origin)


def _shifts(population: Population) -> list[Shift]:
    reference, seen = population.reference, population.seen
    return [
        shift(population.name, name, False, FrozenBins.read(name, bins, reference["n"]), seen.columns[name])
        for name, bins in reference["columns"].items()
        if name in seen.columns
    ] + [
        shift(population.name, name, True, FrozenBins.read(name, bins, reference["n"]), seen.scores[logged])
        for name, bins in reference["scores"].items()
        if (logged := LOGGED_AS.get(name, name)) in seen.scores
    ]


def _draw(release: ReleaseFiles, population: Population, features: Path, path: Path) -> Path:
    seen = population.seen.columns
    current = pd.DataFrame({name: seen[name] for name in population.reference["columns"] if name in seen})
    window = population.reference["window"]
    return write_report(
        current, _reference_rows(features, release, window, list(current.columns)), path, SEED
    )


def _reference_rows(
    features: Path, release: ReleaseFiles, window: Mapping[str, str], columns: list[str]
) -> pd.DataFrame:
    """The offline rows at the dates the reference was frozen on."""
    frames = []
    for view, names in release.manifest.origin.feature_views.items():
        wanted = [name for name in names if name in columns]
        path = features / view / "part.parquet"
        if wanted and path.exists():
            rows = duckdb.execute(
                "SELECT * FROM read_parquet($path) WHERE event_timestamp >= $from AND event_timestamp <= $to",
                {"path": str(path), "from": window["from"], "to": window["to"]},
            ).df()
            frames.append(rows.set_index(["customer_id", "event_timestamp"])[wanted])
    joined: pd.DataFrame = pd.concat(frames, axis=1).astype(np.float64)
    return joined[joined["accounts_open"] > 0] if "accounts_open" in joined else joined


def as_json(found: Watched) -> str:
    """The run as one JSON object."""
    return json.dumps(
        {
            "release": found.release,
            "level": found.verdict.level,
            "verdict": found.verdict.sentence,
            "limits": {"investigate": INVESTIGATE, "act": ACT},
            "shifts": [{**asdict(each), "level": each.level} for each in found.shifts],
            "left_out": dict(found.left_out),
            "validation_due": [asdict(each) for each in found.due],
            "report": str(found.report),
        },
        indent=1,
    )


def as_lines(found: Watched, most: int = 6) -> list[str]:
    """The run for a person: the verdict, what moved most beside limit and noise, where to read on."""
    ranked = sorted(found.shifts, key=lambda each: (not each.is_score, -each.psi))
    scores = [each for each in ranked if each.is_score]
    columns = [each for each in ranked if not each.is_score and each.level is not Level.STABLE]
    lines = [found.verdict.sentence]
    lines += [
        f"{each.level:<12}{each.part + '.' + each.name:<46} PSI {each.psi:.3f}  "
        f"limit {INVESTIGATE:.2f}  noise {each.noise:.3f}"
        for each in [*scores[:most], *columns[:most]]
    ]
    lines += [str(each) for each in found.due]
    lines += [f"left out: {part} ({why})" for part, why in found.left_out.items()]
    return [*lines, f"figures {found.figures}", f"report  {found.report}"]
