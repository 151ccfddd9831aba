"""The Evidently report beside our own figures. Only this module knows Evidently.

Evidently cuts its PSI bins over reference and current together, so one bad record hides a
doubled balance; its PSI is off here. It draws the distributions with the Wasserstein distance,
and the official PSI on frozen bins stands in drift.json. Reports hold raw values: they are
personal data and stay under BANK_HOME.
"""

import warnings
from pathlib import Path

import pandas as pd

SAMPLE = 5_000


def write_report(current: pd.DataFrame, reference: pd.DataFrame, path: Path, seed: int) -> Path:
    """Draw both populations, columns in common, at most 5,000 rows each, into one HTML file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Evidently's own deprecations; nothing a user could act on
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        columns = [
            c for c in reference.columns if c in current.columns and _drawable(current[c], reference[c])
        ]
        definition = DataDefinition(numerical_columns=columns)
        frames = [
            Dataset.from_pandas(frame[columns].sample(min(SAMPLE, len(frame)), random_state=seed), definition)
            for frame in (current, reference)
        ]
        snapshot = Report([DataDriftPreset(method="wasserstein")]).run(*frames)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".draft")
        snapshot.save_html(str(draft))
    draft.replace(path)
    return path


def _drawable(current: "pd.Series[float]", reference: "pd.Series[float]") -> bool:
    return bool(current.notna().any() and reference.notna().any())
