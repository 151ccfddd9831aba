"""`bank promote holds|hold|lift`: what has to be looked at before the next promotion of a part."""

from dataclasses import asdict
from typing import Annotated

import typer

from serving.promote_cli import AsJson, By, Reason, office_now, promote, signer_now

__all__ = ["promote"]  # the group, with the commands of both files


@promote.command("holds")
def holds(as_json: AsJson = False) -> None:
    """What blocks, or will block, the next promotion of a part."""
    with office_now() as (desk, _, now):
        state = desk.state()
    blocking = {each.id: each for name in desk.rules.purpose for each in state.holds_on(name, now)}
    if as_json:
        import json

        told = [{**asdict(each), "blocks": each.id in blocking}
                for each in {**state.holds.open, **blocking}.values()]  # fmt: skip
        typer.echo(json.dumps({"holds": told}, ensure_ascii=False))
        return
    for each in {**state.holds.open, **blocking}.values():
        verdict = "blocks" if each.id in blocking else f"blocks from {each.due}"
        typer.echo(f"{each.id:<24} {each.part:<15} {verdict:<24} {each.reason} ({each.by})")
    if found := list({**state.holds.open, **blocking}):
        typer.echo(
            f"Next: somebody else lifts one after the review, `bank promote lift {found[0]} --reason ...`."
        )
    if not state.holds.open and not blocking:
        typer.echo("No hold.")


@promote.command("hold")
def hold(
    part: Annotated[str, typer.Argument(help="the part, or * for every one")],
    reason: Reason,
    days: Annotated[int, typer.Option(min=0, max=365, help="from how many days on it blocks")] = 0,
    by: By = None,
) -> None:
    """Hold the next promotion of a part until somebody else lifts it; what runs goes on."""
    from crm_rules.governance.holding import place_hold

    with office_now() as (desk, settings, now):
        signer = signer_now(settings, desk, by, now)
        placed = place_hold(desk.journal, desk.trust, desk.rules, signer, part, reason, now, days)
        typer.echo(
            f"Hold {placed} on {part}. Next: another person lifts it after the review, "
            f"`bank promote lift {placed} --reason ...`."
        )


@promote.command("lift")
def lift(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="such as H9 or validation-credit_risk")],
    reason: Reason,
    by: By = None,
) -> None:
    """Lift a hold after its review, or validate again what runs (`validation-PART`)."""
    from crm_rules.governance.holding import lift as lift_hold

    with office_now() as (desk, settings, now):
        signer = signer_now(settings, desk, by, now)
        lifted = lift_hold(desk.journal, desk.trust, desk.rules, hold_id, signer, now, reason, desk.customers)
        until = f", valid until {lifted.due}" if hold_id.startswith("validation-") else ""
        typer.echo(f"{lifted.id} on {lifted.part} is lifted{until}.")
