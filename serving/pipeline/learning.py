"""The training steps: each of the four models, tracked, with its figures beside a baseline."""

from collections.abc import Mapping

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import exported, now
from serving.pipeline.releasing import keep_candidate, kept_candidate
from serving.pipeline.step import Outcome
from training.dataset import TooLittleData
from training.promotion import Candidate
from training.specs import train_model

TITLES = {
    "segmentation": "Segmentation",
    "propensity": "Propensity, one model a family, and churn",
    "credit_risk": "Credit risk: application and behaviour",
    "recommendation": "Recommendation",
}


def train(settings: Settings, source: Source, name: str, author: str, seed: int) -> Outcome:
    """Train, track and export one model; left out by name when the source has too little for it."""
    try:
        result = train_model(name, settings, source, author, now(), seed)
    except TooLittleData as reason:
        return Outcome(0, (str(reason),), {"left_out": reason.reason})
    run = {"mlflow_run": result.run_id, "version": result.version, "author": author}
    made = Candidate(name, result.folder, tuple(result.gates), author, run)
    keep_candidate(exported(settings, "candidates"), made)
    figures = {
        "metrics": dict(result.metrics),
        "left_out_members": dict(result.left_out),
        "version": result.version,
    }
    return Outcome(result.rows, tuple(result.lines), figures)


def candidate(settings: Settings, name: str) -> Candidate:
    """The candidate the step left for promotion."""
    return kept_candidate(exported(settings, "candidates"), name)


def metrics(figures: Mapping[str, object]) -> object:
    """The figures of a model as `bank run --json` prints them."""
    return {"left_out": figures["left_out"]} if "left_out" in figures else figures["metrics"]
