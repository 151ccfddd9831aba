"""What the commands of this room do once their arguments are parsed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import typer

from feature_repo.raw.mapping import find as find_mapping
from feature_repo.settings import Settings
from monitoring.finding import Finder
from serving.bootstrap.releases import open_archive
from serving.pipeline import closing
from serving.pipeline.bootstrap import demo_people
from serving.pipeline.journal import Journal
from serving.pipeline.progress import Progress, Stopwatch
from serving.pipeline.run import TITLES, Run, main_job
from serving.pipeline.serving import require_free_port, serve_in_foreground
from serving.pipeline.step import Wanted

INTERRUPTED = 130


@dataclass(frozen=True)
class Options:
    """How `bank run` ends."""

    serve: bool
    json: bool


def run_main_job(settings: Settings, wanted: Wanted, options: Options) -> None:
    """Take every step, show a decision, then serve or end."""
    if options.serve and not options.json:
        require_free_port(settings)
    if wanted.data is not None:
        find_mapping(wanted.data, wanted.mapping).present(wanted.data)  # or nothing is begun
    progress, watch = Progress(to_stderr=options.json), Stopwatch()
    run = Run(settings, demo_people(settings), progress, Journal(settings.home / "run.json"))
    try:
        main_job(run, wanted)
    except KeyboardInterrupt:
        progress.say("\nInterrupted. Finished steps are kept: the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    found = closing.examples(settings)
    progress.say(f"\nDone in {watch.seconds:.1f} s. Everything is under {settings.home.absolute()}.")
    closing.show(progress, found)
    serving = options.serve and not options.json
    token = closing.demo_token(settings)
    closing.farewell(progress, settings, closing.example_customer(settings), token, serving)
    if options.json:
        typer.echo(json.dumps(_as_data(run, found, watch.seconds), ensure_ascii=False))
    elif serving:
        progress.heading(f"Serving on http://{settings.host}:{settings.port}, Ctrl-C ends it")
        serve_in_foreground(settings)


def _as_data(run: Run, found: Mapping[str, closing.Answer], seconds: float) -> dict[str, object]:
    figures = {name: done.figures for name, done in run.done.items()}
    return {
        "seconds": seconds,
        "steps": [
            {"name": name, "seconds": done.seconds, "rows": done.rows, "again": name in run.again}
            for name, done in run.done.items()
        ],
        "models": {name: _metrics(figures[name]) for name in TITLES},
        "release": figures["release"]["release"],
        "promotion": figures["release"],
        "decision": found.get("credit") or found.get("next_best_action"),
        "decisions": {**found},
        "drift": figures["drift"],
    }


def _metrics(figures: Mapping[str, object]) -> object:
    """A model's own figures, then those of each member by its name."""
    if "left_out" in figures:
        return {"left_out": figures["left_out"]}
    found = figures["metrics"]
    assert isinstance(found, dict)
    return {**{k: v for k, v in found.items() if k != "members"}, **found.get("members", {})}


def replay(settings: Settings, decision_id: str) -> tuple[bool, str]:
    """Compute a decision again from its record alone; whether it is the same to the bit."""
    payload = Finder.of(settings).find(decision_id)
    again = open_archive(settings).replay(payload)
    if again.same:
        return True, f"Decision {decision_id} computes again to the same bytes."
    return (
        False,
        f"Decision {decision_id} does NOT compute again to the same bytes; it said:\n{again.body.decode()}",
    )
