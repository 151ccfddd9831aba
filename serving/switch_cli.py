"""`bank stop-switch`: one person stops a model, a product, an offer or a campaign; two start it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crm_rules.governance.session import Signer
    from crm_rules.governance.switches import Order, Switches
    from crm_rules.governance.switching import Switch, Switchboard
    from feature_repo.settings import Settings

stop_switch = typer.Typer(
    no_args_is_help=True, help="Stop a model, product, offer or campaign at once; two people start it again."
)
KindName = Annotated[str, typer.Argument(metavar="KIND", help="model, product, offer or campaign")]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="such as propensity, credit_risk/application or card-gold")
]
Reason = Annotated[str, typer.Option("--reason", help="why; it is kept and signed")]
By = Annotated[
    str | None, typer.Option("--by", help="whose key on this machine signs; else who is logged in")
]


@stop_switch.command("on")
def on(kind: KindName, name: Name, reason: Reason, by: By = None) -> None:
    """Stop it, at once: an operator, risk approver or compliance, alone."""
    with _board() as (board, settings, now):
        switch = _switch(kind, name)
        order = board.stop(switch, _signer(settings, board, by, now), now, reason)
    typer.echo(f"Stopped: {kind} '{name}' by {order.by} at {order_time(order.at)} (order {order.number}).")
    typer.echo(f"Two people start it again: `bank stop-switch off {kind} {name} --reason ...`, each.")
    _warn(settings, switch)


@stop_switch.command("off")
def off(kind: KindName, name: Name, reason: Reason, by: By = None) -> None:
    """Ask to start it again; the same command by a second person starts it."""
    with _board() as (board, settings, now):
        order, done = board.start(_switch(kind, name), _signer(settings, board, by, now), now, reason)
    if done:
        typer.echo(f"Started again: {kind} '{name}' by {order.by} (order {order.number}).")
        return
    typer.echo(f"{order.by} asks to start {kind} '{name}' again (order {order.number}); it is still stopped.")
    typer.echo(f"Another person signs: `bank stop-switch off {kind} {name} --reason ... --by ID`.")


@stop_switch.command("list")
def list_switches(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """What is stopped, since when, by whom and why, and who asks to start it again."""
    with _board() as (board, _, _now):
        state = board.finish()
    rows = [_row(order, state) for order in state.on]
    if as_json:
        import json

        typer.echo(json.dumps({"number": state.number, "stopped": rows}, ensure_ascii=False))
        return
    for row in rows:
        asked = f"; {row['asked_by']} asks to start it again" if row["asked_by"] else ""
        since = order_time(str(row["at"]))
        typer.echo(f"{row['kind']:<9} {row['name']:<26} since {since} by {row['by']}: {row['reason']}{asked}")
    if not rows:
        typer.echo("Nothing is stopped.")


def order_time(text: str) -> str:
    """A time as a person reads it, to the second.

    >>> order_time("2026-11-28T19:47:50.535978+00:00")
    '2026-11-28 19:47:50 UTC'
    """
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"


def _row(order: "Order", state: "Switches") -> dict[str, object]:
    asked = state.asked(order.switch)
    return {
        "kind": str(order.kind), "name": order.name, "at": order.at, "by": order.by, "reason": order.reason,
        "asked_by": asked.by if asked else None,
    }  # fmt: skip


@contextmanager
def _board() -> "Iterator[tuple[Switchboard, Settings, datetime]]":
    """Nothing of scoring is imported before the order is given: a stop must not wait for it."""
    from datetime import UTC

    from crm_rules.governance.heads import Heads
    from crm_rules.governance.journal import Journal
    from crm_rules.governance.people import Trust
    from crm_rules.governance.switching import Switchboard
    from feature_repo.settings import Settings

    settings = Settings()
    trust, url = Trust.of(settings), settings.database.get_secret_value()
    with Journal.open(settings.governance, url, settings.heads) as journal:
        board = Switchboard(settings.releases, journal, trust, Heads(settings.heads))
        yield board, settings, datetime.now(UTC)


def _switch(kind: str, name: str) -> "Switch":
    from crm_rules.governance.stops import Kind

    if kind not in list(Kind):
        raise typer.BadParameter(f"{kind!r}; there are {', '.join(Kind)}", param_hint="KIND")
    return Kind(kind), name


def _signer(settings: "Settings", board: "Switchboard", by: str | None, now: datetime) -> "Signer":
    from crm_rules.governance.session import acting
    from crm_rules.login_cli import ask_passphrase

    return acting(settings, board.trust, by, now, ask_passphrase)


def _warn(settings: "Settings", switch: "Switch") -> None:
    """Say so where the current release knows nothing of that name: it may be meant for a later one."""
    from crm_rules.governance.stops import Kind
    from feature_repo.errors import BankError
    from serving.bootstrap.releases import current_release
    from serving.deciding.loaded import Loaded

    kind, name = switch
    if kind is Kind.CAMPAIGN:
        return
    try:
        known = Loaded.of(current_release(settings).release).names(kind)
    except BankError as error:
        typer.secho(f"The name was not checked: {error}", fg="yellow", err=True)
        return
    if name not in known:
        told = f"Warning: the current release has no {kind} '{name}'; it is stopped once one has. "
        typer.secho(f"{told}There are {', '.join(known)}.", fg="yellow", err=True)
