"""The step that watches: the logged decisions against the reference frozen with the release."""

from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from monitoring.errors import NothingDecided
from monitoring.watch import as_lines, watch
from serving.bootstrap.releases import current_release
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome


def watch_decisions(settings: Settings) -> Outcome:
    """One drift run; its verdict is a sentence a person can act on. Left out when nothing was decided."""
    release = current_release(settings).release
    try:
        found = watch(DecisionLogs.of(settings), release, settings.features, settings.reports, now())
    except NothingDecided as nothing:
        return Outcome(0, (f"left out: {nothing}",), {"left_out": str(nothing)})
    figures: dict[str, object] = {
        "level": str(found.verdict.level),
        "verdict": found.verdict.sentence,
        "largest_psi": round(max(each.psi for each in found.shifts), 4),
        "report": str(found.report),
        "figures": str(found.figures),
        "left_out": dict(found.left_out),
    }
    return Outcome(max(each.n for each in found.shifts), tuple(as_lines(found)), figures)
