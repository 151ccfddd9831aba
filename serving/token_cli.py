"""`bank token`: tokens that open the service, and the keys they are signed with."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serving.tokens.issued import Issued

token = typer.Typer(no_args_is_help=True, help="Tokens that open the service.")
keys = typer.Typer(no_args_is_help=True, help="The keys tokens are signed with; a worker follows at once.")
token.add_typer(keys, name="keys")
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="a key's id, as `bank token keys list` prints it")]


@token.command("issue")
def issue_token(
    caller: Annotated[str, typer.Argument(help="name of the app the token is for")],
    scope: Annotated[
        list[str] | None, typer.Option(help="a scope; every scope in the demo without it")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="only for what this customer may see and do; an app's token without it")
    ] = None,
    hours: Annotated[int, typer.Option(min=1, max=24 * 90)] = 12,
) -> None:
    """Print a token for an app, or for one customer of it; its id goes to the error output."""
    from feature_repo.settings import Settings
    from serving.tokens.issued import Issued
    from serving.tokens.office import TokenOffice
    from serving.tokens.scopes import CUSTOMER_SCOPES, EVERY_SCOPE

    settings, allowed = Settings(), EVERY_SCOPE if customer is None else CUSTOMER_SCOPES
    if settings.profile != "demo" and not scope:
        raise typer.BadParameter(f"name what it may do; there are {', '.join(allowed)}.",
                                 param_hint="--scope")  # fmt: skip
    if unknown := sorted(set(scope or ()) - set(allowed)):
        raise typer.BadParameter(f"{unknown}; there are {', '.join(allowed)}.", param_hint="--scope")
    try:
        made = TokenOffice.of(settings).issue(caller, scope, hours, _now(), customer)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(made)
    said = Issued.of(made)
    typer.echo(f"Token {said.token_id} until {_time(said)}; `bank token revoke` takes it back.", err=True)


@token.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="JTI", help="the token's id, or the token itself")],
) -> None:
    """Take a token back; every worker refuses it within a second. This cannot be undone."""
    from feature_repo.settings import Settings
    from serving.tokens.office import TokenOffice

    office = TokenOffice.of(Settings())
    try:
        entry = office.revoke(token_id, _now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"Revoked: token {entry.token_id} at {entry.at[:19]}Z (entry {entry.number}).")
    if not office.knows(entry.token_id):
        typer.echo("No token of this id was issued here: check it with `bank token list`.", err=True)


@token.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """The tokens issued here and whether they count, the newest first; never the tokens themselves."""
    import json
    from dataclasses import asdict

    from feature_repo.settings import Settings
    from serving.tokens.office import TokenOffice

    found = TokenOffice.of(Settings()).listed(_now())
    if as_json:
        typer.echo(json.dumps({"tokens": [asdict(issued) | {"state": state} for issued, state in found]}))
        return
    for issued, state in found:
        whose = f"customer {issued.customer}" if issued.customer else "app"
        typer.echo(f"{issued.token_id:<34}{issued.subject:<20} {whose:<24} {_time(issued)}  {state}")
    if not found:
        typer.echo("No token was issued here. Issue one: bank token issue APP")


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Every key whose tokens count, and which one signs."""
    import json

    from feature_repo.settings import Settings
    from serving.tokens.office import TokenOffice

    found = TokenOffice.of(Settings()).trusted()
    if as_json:
        typer.echo(json.dumps({"keys": [{"kid": name, "signs": signs} for name, signs in found]}))
        return
    for name, signs in found:
        typer.echo(f"{name}  {'signs new tokens' if signs else 'its tokens count until it is retired'}")


@keys.command("add")
def add_key(
    public: Annotated[
        str | None, typer.Option(help="trust this public key (base64 of 32 bytes) of another issuer")
    ] = None,
) -> None:
    """Sign new tokens with a new key; tokens of the one before count until it is retired."""
    from feature_repo.settings import Settings
    from serving.tokens.office import TokenOffice

    try:
        name = TokenOffice.of(Settings()).add_key(public)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--public") from error
    typer.echo(f"Key {name} {'is trusted' if public else 'signs new tokens'}.")
    typer.echo("Once nobody holds a token of an older one: `bank token keys retire KEY`.")


@keys.command("retire")
def retire_key(key: KeyId) -> None:
    """Refuse every token signed with this key, within a second."""
    from feature_repo.settings import Settings
    from serving.tokens.office import TokenOffice

    TokenOffice.of(Settings()).retire_key(key)
    typer.echo(f"Retired: key {key}. Every token it signed is refused.")


def _now() -> datetime:
    return datetime.now(UTC)


def _time(issued: "Issued") -> str:
    return f"{datetime.fromtimestamp(issued.expires, UTC):%Y-%m-%d %H:%M} UTC"
