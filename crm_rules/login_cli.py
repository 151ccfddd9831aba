"""Commands of one machine's person: `bank login`, `bank logout`, `bank keys`."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crm_rules.governance.people import Trust
    from crm_rules.governance.session import Signer
    from feature_repo.settings import Settings

keys = typer.Typer(help="Signing keys of this machine.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="id of the person")]


def ask_passphrase(person: str) -> str:
    """The password of a person: typed unseen, or BANK_PASSPHRASE where nobody can type."""
    return _secret(f"Password of {person}", "BANK_PASSPHRASE")


def ask_new_passphrase() -> str:
    """A new password: typed unseen, twice, or BANK_NEW_PASSPHRASE where nobody can type."""
    return _secret("New password", "BANK_NEW_PASSPHRASE", twice=True)


def _secret(text: str, variable: str, twice: bool = False) -> str:
    from crm_rules.errors import PasswordRefused

    if sys.stdin.isatty():
        return str(typer.prompt(text, hide_input=True, confirmation_prompt=twice))
    if not (given := os.environ.get(variable)):
        raise PasswordRefused(f"There is no terminal to ask for a password. Set {variable}.")
    return given


@keys.command("new")
def new_key(
    person: Id,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="keep it unencrypted, for a machine nobody else uses")
    ] = False,
) -> None:
    """Make a signing key; the private part stays on this machine, encrypted with a password."""
    from crm_rules.governance import keys as ed25519
    from crm_rules.governance.passwords import fit
    from feature_repo.settings import Settings

    path = _key_path(Settings().keys, person)
    passphrase = None
    if not no_passphrase and not path.exists():
        fit(passphrase := ask_new_passphrase())
    public = ed25519.public(ed25519.generate(path, passphrase))
    typer.echo(
        f"Private key  {path} (mode 0600, {'encrypted' if passphrase else 'unencrypted'}; keep a backup)"
    )
    typer.echo(f"Public key   {public}")
    typer.echo(
        "Next: two administrators list the public key, `bank people join` or `bank people key`; "
        "the first two found the list, `bank people found`."
    )


@keys.command("show")
def show_key(person: Id) -> None:
    """Print the public part of a key on this machine."""
    from crm_rules.governance import keys as ed25519
    from feature_repo.settings import Settings

    path = _key_path(Settings().keys, person)
    passphrase = ask_passphrase(person) if ed25519.encrypted(path) else None
    typer.echo(ed25519.public(ed25519.load(path, passphrase)))


@keys.command("path")
def path_of_key(person: Id) -> None:
    """Print where a person's key lies on this machine."""
    from feature_repo.settings import Settings

    typer.echo(str(_key_path(Settings().keys, person)))


def _key_path(folder: Path, person: str) -> Path:
    from crm_rules.governance.demo import key_path
    from crm_rules.governance.person import safe_id

    if not safe_id(person):
        raise typer.BadParameter("an id has 1 to 64 of a-z, 0-9, '_', '.' and '-'")
    return key_path(folder, person)


def login(
    person: Annotated[str | None, typer.Argument(help="your id on the trust file")] = None,
    oidc: Annotated[bool, typer.Option("--oidc", help="through the bank's identity provider")] = False,
) -> None:
    """Log in for 8 hours on this machine: what you do is signed with your key."""
    from crm_rules.governance.login import by_password
    from crm_rules.governance.passwords import Passwords
    from crm_rules.governance.people import Trust
    from crm_rules.governance.session import open_session
    from feature_repo.settings import Settings

    settings, now = Settings(), datetime.now(UTC)
    trust = Trust.of(settings)
    if oidc:
        signer = _by_provider(settings, trust, person)
    else:
        if person is None and not sys.stdin.isatty():
            raise typer.BadParameter("name who logs in: bank login ID")
        person = person or str(typer.prompt("Your id"))
        signer = by_password(settings, trust, Passwords(settings.passwords), person, ask_passphrase, now)
    until = open_session(settings.session, signer, datetime.now(UTC))
    roles = ", ".join(signer.person.roles)
    typer.echo(f"{signer.person.name} is logged in as {roles} until {until:%Y-%m-%d %H:%M} UTC.")


def logout() -> None:
    """Log out on this machine."""
    from crm_rules.governance.session import close_session
    from feature_repo.settings import Settings

    was = close_session(Settings().session)
    typer.echo("Logged out." if was else "Nobody was logged in.")


def _by_provider(settings: "Settings", trust: "Trust", wanted: str | None) -> "Signer":
    import time

    from crm_rules.errors import LoginRefused
    from crm_rules.governance.oidc import Client, Provider, person_of
    from crm_rules.governance.session import unlocked

    secret = settings.oidc_client_secret.get_secret_value()
    provider = Provider(Client(settings.oidc_issuer, settings.oidc_client_id, secret))
    begun = provider.begin()
    typer.echo(f"Open {begun.address} and confirm the code {begun.user_code}.")
    subject = provider.wait(begun, lambda: datetime.now(UTC), time.sleep)
    now = datetime.now(UTC)
    person = person_of(trust, subject, now)
    if wanted not in (None, person.id):
        raise LoginRefused(f"the identity provider confirmed '{person.id}', not '{wanted}'")
    return unlocked(settings.keys, person, now, ask_passphrase)
