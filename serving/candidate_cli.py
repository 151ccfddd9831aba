"""`bank promote candidate`: the release tried beside the current one, its share of customers, its end."""

from typing import TYPE_CHECKING, Annotated

import typer

from serving.promote_cli import AsJson, By, Reason, follow_registry, office_now, say_switched, signer_now

if TYPE_CHECKING:
    from crm_rules.governance.candidates import Named

candidate = typer.Typer(
    no_args_is_help=True, help="The release tried on some customers, or in the shadow: show, change, end it."
)

WIDE = 50


@candidate.command("show")
def show(as_json: AsJson = False) -> None:
    """What is tried, on how many customers, since when. `bank score batch` stays on the current release."""
    with office_now() as (desk, _, _now):
        found = desk.state().candidate
    if as_json:
        from json import dumps

        from serving.pipeline.history import candidate_as_data

        typer.echo(dumps({"candidate": candidate_as_data(found) if found else None}, ensure_ascii=False))
    elif found is None:
        typer.echo("No release is tried. Next: `bank promote request PART --canary 10`, or `--shadow 10`.")
    else:
        _say(found)


@candidate.command("percent")
def percent(share: Annotated[int, typer.Argument(metavar="PERCENT", min=1, max=100)], by: By = None) -> None:
    """Try it on another share of the customers; who is on it stays on it when the share rises."""
    from training.trying import change_share

    with office_now() as (desk, settings, now):
        _say(change_share(desk, share, signer_now(settings, desk, by, now), now))


@candidate.command("finish")
def finish(by: By = None) -> None:
    """Make current what is tried: a switch like any other."""
    from training.trying import make_current

    with office_now() as (desk, settings, now):
        say_switched(make_current(desk, signer_now(settings, desk, by, now), now))
        follow_registry(settings, desk)
        typer.echo("Running workers follow by themselves. Next: `bank release show`.")


@candidate.command("end")
def end(reason: Reason, by: By = None) -> None:
    """Drop what is tried, at once, by one person; what is current answers everybody."""
    from training.trying import end as end_it

    with office_now() as (desk, settings, now):
        ended = end_it(desk, signer_now(settings, desk, by, now), now, reason)
        typer.echo(f"{ended.subject} is no longer tried. Running workers follow by themselves.")


def _say(found: "Named") -> None:
    typer.echo(f"Release {found.release[:16]} of {found.subject} is tried: {found.tryout}.")
    typer.echo(f"Since {found.at[:19]}, record {found.number}, by {found.by} ({found.role}).")
    before = "`bank monitor shadow`, then "
    if found.tryout.mode != "shadow":
        before = "`bank promote candidate percent 50`, then " if found.tryout.percent < WIDE else ""
    typer.echo(f"Next: {before}`bank promote candidate finish`, or `end --reason ...`.")
