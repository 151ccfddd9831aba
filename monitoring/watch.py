"""One drift run: logged decisions against the reference frozen with the release that made them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from monitoring import batch_log, decision_log
from monitoring.drift import ACT, INVESTIGATE, FrozenBins, Level, Shift, Verdict, shift, verdict
from monitoring.errors import NothingDecided
from monitoring.observed import Observed, observe
from monitoring.report import write_report
from training.release.reading import ReleaseFiles

NEWEST = 100_000
SEED = 0
REFERENCE = "reference.json"
# Which decisions tell about which part, and what the part's scores are called in their records.
USE_CASES = {"propensity": "next_best_action", "segmentation": "next_best_action", "credit_risk": "credit"}
RENAMED = {("credit_risk", "application"): "probability_of_default"}


@dataclass(frozen=True)
class Watched:
    """A drift run: every shift, the verdict, and where the reports are."""

    release: str
    shifts: tuple[Shift, ...]
    verdict: Verdict
    left_out: Mapping[str, str]
    figures: Path
    report: Path


def watch(decisions: Path, release: ReleaseFiles, features: Path, reports: Path, at: datetime) -> Watched:
    """Compare the newest decisions of `release` with its frozen reference; write both reports.

    Raises NothingDecided when the log holds none. `features` is the offline store: Evidently draws
    the reference population from it.
    """
    observed = {case: _observed(decisions, case, release) for case in sorted(set(USE_CASES.values()))}
    shifts, left_out = list[Shift](), dict[str, str]()
    for part, case in USE_CASES.items():
        if part not in release.manifest.parts:
            left_out[part] = "not in the release"
        elif not observed[case].n:
            left_out[part] = f"no decision of use case {case} by this release"
        else:
            shifts += _shifts(part, json.loads(release.part(part)[REFERENCE]), observed[case])
    if not shifts:
        raise NothingDecided(release.digest, decisions)
    folder = reports / f"drift-{at:%Y%m%dT%H%M%SZ}"
    report = _draw(release, observed, features, folder / "evidently.html")
    found = Watched(release.digest, tuple(shifts), verdict(shifts), left_out, folder / "drift.json", report)
    found.figures.write_text(as_json(found) + "\n")
    return found


def _observed(decisions: Path, use_case: str, release: ReleaseFiles) -> Observed:
    logged: Iterable[bytes] = chain(
        batch_log.read(decisions, use_case), decision_log.payloads(decisions, use_case, NEWEST)
    )
    return observe(logged, release.digest, release.manifest.origin)


def _shifts(part: str, reference: Mapping[str, object], seen: Observed) -> list[Shift]:
    columns, scores, n = reference["columns"], reference["scores"], reference["n"]
    assert isinstance(columns, dict)
    assert isinstance(scores, dict)
    found = [
        shift(part, name, False, FrozenBins.read(name, bins, int(str(n))), seen.columns[name])
        for name, bins in columns.items()
        if name in seen.columns
    ]
    for name, bins in scores.items():
        logged = RENAMED.get((part, str(name)), str(name))
        if logged in seen.scores:
            frozen = FrozenBins.read(name, bins, int(str(n)))
            found.append(shift(part, name, True, frozen, seen.scores[logged]))
    return found


def _draw(release: ReleaseFiles, observed: Mapping[str, Observed], features: Path, path: Path) -> Path:
    part, case = next((part, case) for part, case in USE_CASES.items() if observed[case].n)
    window = json.loads(release.part(part)[REFERENCE])["window"]
    columns = json.loads(release.part(part)[REFERENCE])["columns"]
    current = pd.DataFrame(
        {name: observed[case].columns[name] for name in columns if name in observed[case].columns}
    )
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
                "SELECT * FROM read_parquet($path) WHERE event_timestamp >= $from AND event_timestamp < $to",
                {"path": str(path), "from": window["from"], "to": window["to"]},
            ).df()
            frames.append(rows.set_index(["customer_id", "event_timestamp"])[wanted])
    joined: pd.DataFrame = pd.concat(frames, axis=1).astype(np.float64)
    return joined


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
    lines += [f"left out: {part} ({why})" for part, why in found.left_out.items()]
    return [*lines, f"figures {found.figures}", f"report  {found.report}"]
