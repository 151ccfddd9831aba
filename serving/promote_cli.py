"""`bank promote`: put a part forward, sign it, turn it down, take it back; what was live when, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crm_rules.governance.promotions import Request, Switch
    from crm_rules.governance.session import Signer
    from training.promotion import Office

promote = typer.Typer(
    no_args_is_help=True, help="Put a part forward, sign it, take it back; what was live when."
)
By = Annotated[
    str | None, typer.Option("--by", help="whose key on this machine signs; else who is logged in")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]
Reason = Annotated[str, typer.Option("--reason", help="why; it is kept and signed")]
RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="such as R7")]
Part = Annotated[str, typer.Argument(help="a part of the release, such as credit_risk or policy")]
GATE_SAID_NO = 3


@promote.command("request")
def request(
    parts: Annotated[list[str], typer.Argument(help="models, policy, products, reasons; together or one")],
    version: Annotated[
        str | None, typer.Option("--version", help="of a model; the newest unless given")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="the policy or reasons; the shipped ones without",
        ),
    ] = None,
    segments: Annotated[
        Path | None,
        typer.Option(
            "--segments",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="the segments by rule that go with a policy",
        ),
    ] = None,
    offers: Annotated[
        Path | None,
        typer.Option(
            "--offers",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="the offers that go with the products; the live ones without",
        ),
    ] = None,
    pia: Annotated[
        str, typer.Option(help="reference of the privacy impact assessment; the live one's without")
    ] = "",
    waive: Annotated[
        list[str] | None,
        typer.Option(metavar="GATE=REASON", help="a soft gate that said no, by its name or kind"),
    ] = None,
    note: Annotated[str, typer.Option(help="what changes, for those who sign")] = "",
    canary: Annotated[
        int | None, typer.Option(metavar="PERCENT", min=1, max=100, help="it first answers so many customers")
    ] = None,
    shadow: Annotated[
        int | None,
        typer.Option(metavar="PERCENT", min=1, max=100, help="it first decides unseen about so many"),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Run the gates of each part and put it forward; exit 3 when a gate said no."""
    from crm_rules.governance.promotions import Status
    from serving.pipeline.requesting import Wish, candidates

    tryout = _tryout(canary, shadow)
    wish = Wish(tuple(parts), version, source, segments, offers, pia, _pairs(waive or ()))
    with office_now() as (desk, settings, now):
        signer = signer_now(settings, desk, by, now)
        made, origin = candidates(settings, desk, wish, signer, now)
        found = desk.ask(made, origin, signer, now, note, tryout)
        _say(desk, found, as_json)
    if found.status is Status.REFUSED:
        raise typer.Exit(GATE_SAID_NO)


@promote.command("show")
def show(request_id: RequestId, as_json: AsJson = False) -> None:
    """One request: every gate with candidate, champion, limit and verdict; who signed, who has to."""
    with office_now() as (desk, _, _now):
        _say(desk, desk.state().request(request_id), as_json)


@promote.command("approve")
def approve(
    request_id: RequestId,
    role: Annotated[str | None, typer.Option(help="in which role, where somebody has several")] = None,
    by: By = None,
) -> None:
    """Sign a request; with the last signature its release is made, and becomes current or is tried."""
    chosen = _role(role)
    with office_now() as (desk, settings, now):
        found, switch = desk.approve(request_id, signer_now(settings, desk, by, now), now, chosen)
        if switch is not None:
            say_switched(switch)
        elif (tried := desk.state().candidate) is not None and tried.subject == found.id:
            typer.echo(f"Release {tried.release[:16]} of {found.id} is tried: {tried.tryout}.")
            typer.echo("Running workers follow by themselves. Next: `bank promote candidate show`.")
        elif found.open_roles:
            typer.echo(f"{found.id} is signed by {_signed(found)}; it waits for {_roles(found.open_roles)}.")
            typer.echo(f"Next: `bank promote approve {found.id}` by another person.")
        else:
            typer.echo(f"{found.id} is approved; a first release waits for policy, products and reasons.")
            typer.echo("Next: `bank promote request` those that are missing.")
        if switch is not None:
            follow_registry(settings, desk)
            typer.echo("Running workers follow by themselves. Next: `bank release show`.")


@promote.command("reject")
def reject(request_id: RequestId, reason: Reason, by: By = None) -> None:
    """Turn a request down; the reason is kept."""
    with office_now() as (desk, settings, now):
        found = desk.reject(request_id, signer_now(settings, desk, by, now), now, reason)
        typer.echo(f"{found.id} is rejected ({found.why}). What was live goes on.")


@promote.command("rollback")
def rollback(
    part: Part,
    reason: Reason,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DIGEST", help="which; the one before without it")
    ] = None,
    by: By = None,
) -> None:
    """One part back to an earlier version, at once, by one operator; a review is due within days."""
    with office_now() as (desk, settings, now):
        switch = desk.roll_back(part, signer_now(settings, desk, by, now), now, reason, to)
        say_switched(switch)
        typer.echo(f"{part} is {switch.parts[part][:16]} again, as before; `bank promote history` lists all.")
        review = desk.state().holds.open
        newest = [each for each in review.values() if each.part == part][-1]
        typer.echo(
            f"Review {newest.id} is due on {newest.due}. Next: another person reviews it, "
            f"`bank promote lift {newest.id} --reason ...`."
        )
        follow_registry(settings, desk)


@promote.command("history")
def history(
    at: Annotated[
        str | None, typer.Option("--at", metavar="DATE", help="what decided on that day (UTC)")
    ] = None,
    part: Annotated[str | None, typer.Option(help="of this part alone")] = None,
    as_json: AsJson = False,
) -> None:
    """Every request and switch, newest last; with --at which version of what decided, and who let it."""
    from serving.pipeline.history import as_data, on_day, whole

    with office_now() as (desk, _, _now):
        state = desk.state()
    if as_json:
        import json

        typer.echo(json.dumps(as_data(state, None if at is None else _day(at), part), ensure_ascii=False))
        return
    for line in whole(state, part) if at is None else on_day(state, _day(at), part):
        typer.echo(line)


@contextmanager
def office_now() -> "Iterator[tuple[Office, Settings, datetime]]":
    """Office, settings and time of this command; a switch that was cut short is finished first."""
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings
    from serving.pipeline.bootstrap import now, office

    settings = Settings()
    with office(settings, Trust.of(settings)) as desk:
        desk.finish()
        yield desk, settings, now()


if TYPE_CHECKING:
    from feature_repo.settings import Settings


def signer_now(settings: "Settings", desk: "Office", by: str | None, now: datetime) -> "Signer":
    """Who signs: `by`, or else who is logged in, with their key on this machine."""
    from crm_rules.governance.session import acting
    from crm_rules.login_cli import ask_passphrase

    return acting(settings, desk.trust, by, now, ask_passphrase)


def _say(desk: "Office", found: "Request", as_json: bool) -> None:
    from serving.pipeline.changing import changes
    from serving.pipeline.history import request_as_data, request_lines

    if as_json:
        import json

        typer.echo(json.dumps(request_as_data(found), ensure_ascii=False))
        return
    for line in request_lines(found, desk.state(), changes(desk, found)):
        typer.echo(line)


def say_switched(switch: "Switch") -> None:
    """Which release is current now, and why."""
    typer.echo(
        f"Release {switch.release[:16]} is current (switch {switch.number}, {switch.cause} {switch.subject})."
    )


def follow_registry(settings: "Settings", desk: "Office") -> None:
    """Let MLflow's alias `champion` follow a model that became live; loading MLflow takes seconds."""
    state = desk.state()
    before = state.switches[-2].parts if len(state.switches) > 1 else {}
    changed = {name for name, digest in state.live.items() if before.get(name) != digest}
    if changed & set(state.versions) and (settings.mlflow / "mlflow.db").exists():
        from training.registry import Registry

        for line in Registry(settings).follow(state.versions):
            typer.echo(line)


def _signed(found: "Request") -> str:
    return ", ".join(f"{person} ({role})" for role, person in found.signed.items())


def _roles(roles: "tuple[Role, ...]") -> str:
    return " and ".join(str(role).replace("_", " ") for role in roles)


if TYPE_CHECKING:
    from crm_rules.governance.candidates import Tryout
    from crm_rules.governance.person import Role


def _role(name: str | None) -> "Role | None":
    from crm_rules.governance.person import Role

    if name is not None and name not in list(Role):
        raise typer.BadParameter(f"{name} is no role; there are {', '.join(Role)}", param_hint="--role")
    return None if name is None else Role(name)


def _tryout(canary: int | None, shadow: int | None) -> "Tryout | None":
    from crm_rules.governance.candidates import Mode, Tryout

    if canary is not None and shadow is not None:
        raise typer.BadParameter("a release answers customers or is in the shadow", param_hint="--shadow")
    if canary is not None:
        return Tryout(Mode.CANARY, canary)
    return None if shadow is None else Tryout(Mode.SHADOW, shadow)


def _pairs(given: "list[str] | tuple[()]") -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, sign, reason in pairs if not sign or not name.strip() or not reason.strip()]:
        raise typer.BadParameter(f"{wrong[0]!r}; write GATE=REASON", param_hint="--waive")
    return {name.strip(): reason.strip() for name, _, reason in pairs}


def _day(text: str) -> datetime:
    """The end of that day, or the moment itself where a time is given; UTC."""
    from datetime import UTC

    try:
        if len(text) == len("2026-05-03"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, microseconds=-1)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write 2026-05-03", param_hint="--at") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
