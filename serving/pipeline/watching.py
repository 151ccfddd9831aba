"""The step that watches: the logged decisions against the reference frozen with the release."""

from feature_repo.settings import Settings
from monitoring.watch import as_lines, watch
from serving.bootstrap import current_release
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome


def watch_decisions(settings: Settings) -> Outcome:
    """One drift run; its verdict is a sentence a person can act on."""
    found = watch(
        settings.decisions, current_release(settings).release, settings.features, settings.reports, now()
    )
    figures: dict[str, object] = {
        "level": str(found.verdict.level),
        "verdict": found.verdict.sentence,
        "largest_psi": round(max(each.psi for each in found.shifts), 4),
        "report": str(found.report),
        "figures": str(found.figures),
        "left_out": dict(found.left_out),
    }
    return Outcome(max(each.n for each in found.shifts), tuple(as_lines(found)), figures)
