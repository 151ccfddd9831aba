"""`bank people`: who may do what, since when, and the second signature under a change of it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from crm_rules.cli import AsJson, print_table
from crm_rules.login_cli import Id, ask_new_passphrase, ask_passphrase

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as PrivateKey

    from crm_rules.governance.proposals import Desk
    from crm_rules.governance.roll import Version
    from feature_repo.settings import Settings

people = typer.Typer(help="The people of the trust file.", no_args_is_help=True)

By = Annotated[
    str | None, typer.Option(help="the administrator whose key signs; who is logged in, if not given")
]


@people.command("list")
def list_people(
    as_json: AsJson = False,
    at: Annotated[str | None, typer.Option(help="as of that time, ISO 8601; now unless given")] = None,
) -> None:
    """Who may do what, from the verified trust file."""
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings

    settings = Settings()
    trust, when = Trust.of(settings), time_of(at) or datetime.now(UTC)
    listed = [(person.id, trust.as_of(person.id, when)) for person in trust.people]
    rows = [
        {
            "id": person.id,
            "name": person.name,
            "roles": ", ".join(person.roles),
            "state": "left" if person.left_at else "in force" if person.keys else "no key in force",
        }
        for _, person in listed
        if person is not None
    ]
    print_table(rows, as_json)
    if not as_json and trust.demo:
        typer.echo(
            f"These are demo people; their keys lie in {settings.keys} and count in profile demo only."
        )


@people.command("history")
def history(as_json: AsJson = False) -> None:
    """Every version of the trust file: when, what it changed, who signed it."""
    from crm_rules.governance.changes import in_words
    from crm_rules.governance.people import Trust
    from crm_rules.governance.person import Person
    from feature_repo.settings import Settings

    trust, known, rows = Trust.of(Settings()), dict[str, Person](), []
    for version in trust.versions:
        said = [words for after in version.changes for words in in_words(known.get(after.id), after)]
        known |= {after.id: after for after in version.changes}
        rows.append(
            {
                "version": str(version.number),
                "at": version.at.isoformat(),
                "signed by": " and ".join(each.by for each in version.signatures),
                "digest": version.digest if as_json else version.digest[:16],
                "changes": (" " if as_json else "\n").join(said),
            }
        )
    if as_json:
        print_table(rows, as_json)
        return
    for row in rows:
        typer.echo(f"{row['version']:>3}  {row['at'][:19]}  {row['digest']}  signed by {row['signed by']}")
        for words in row["changes"].split("\n"):
            typer.echo(f"     {words}")


@people.command("found")
def found(
    administrator: Annotated[list[str], typer.Option(help="ID=PUBLIC_KEY, at least twice")],
    by: Annotated[str, typer.Option(help="the administrator of these whose key on this machine signs first")],
) -> None:
    """Begin a bank's own trust file with its administrators; another of them signs next."""
    from crm_rules.governance import proposals

    desk, settings, now = desk_now()
    if any("=" not in each for each in administrator):
        raise typer.BadParameter("--administrator is ID=PUBLIC_KEY, see `bank keys show ID`")
    founders = dict(each.split("=", 1) for each in administrator)
    if len(founders) != len(administrator):
        raise typer.BadParameter("--administrator names one id twice")
    tell_waiting(desk, proposals.found(desk, founders, by, _founder_key(settings, by), now))


@people.command("sign")
def sign(
    by: By = None, yes: Annotated[bool, typer.Option("--yes", help="sign without being asked")] = False
) -> None:
    """Show what the waiting draft changes, and sign it as the second administrator."""
    import sys

    from crm_rules.governance import proposals
    from crm_rules.governance.heads import Heads

    desk, settings, now = desk_now()
    version = proposals.waiting(desk)
    _say(desk, version)
    if not yes and sys.stdin.isatty():
        typer.confirm("Sign this?", abort=True)
    signer, private = _second(desk, settings, by, now)
    trust = proposals.countersign(desk, version, signer, private, now)
    trust.anchor(Heads(settings.heads))
    typer.echo(f"Version {trust.number} of {desk.trust_file} is in force, digest {trust.digest}.")
    if trust.number == 1:
        typer.echo(f"Pin its root on every machine: BANK_TRUST_ROOT={trust.root}")


@people.command("withdraw")
def withdraw(by: By = None) -> None:
    """Take the waiting draft away."""
    from crm_rules.governance import proposals

    desk, settings, now = desk_now()
    signer, private = _second(desk, settings, by, now)
    proposals.withdraw(desk, signer, private, now)
    typer.echo("The draft is withdrawn; the people are as they were.")


@people.command("password")
def password(person: Id) -> None:
    """Set a password, which also locks the key; the key is the proof at first, then the old password."""
    from crm_rules.governance.login import set_password
    from crm_rules.governance.passwords import Passwords
    from crm_rules.governance.people import Trust

    _, settings, now = desk_now()
    passwords = Passwords(settings.passwords)
    set_password(settings, Trust.of(settings), passwords, person, ask_passphrase, ask_new_passphrase, now)
    typer.echo(f"The password of '{person}' is set. Next: `bank login {person}`.")


def desk_now() -> "tuple[Desk, Settings, datetime]":
    """Where the trust file and its draft lie, the settings, and the time of this command."""
    from crm_rules.governance.proposals import Desk
    from feature_repo.settings import Settings

    settings = Settings()
    return Desk.of(settings), settings, datetime.now(UTC)


def _second(desk: "Desk", settings: "Settings", by: str | None, now: datetime) -> "tuple[str, PrivateKey]":
    from crm_rules.governance.session import acting

    trust = desk.trust()
    if trust is not None:
        signer = acting(settings, trust, by, now, ask_passphrase)
        return signer.person.id, signer.key
    if by is None:
        raise typer.BadParameter("name the founder who signs: --by ID")
    return by, _founder_key(settings, by)


def _founder_key(settings: "Settings", person: str) -> "PrivateKey":
    from crm_rules.governance import keys
    from crm_rules.governance.demo import key_path

    path = key_path(settings.keys, person)
    return keys.load(path, ask_passphrase(person) if keys.encrypted(path) else None)


def tell_waiting(desk: "Desk", version: "Version") -> None:
    """Print what a draft changes and what comes next."""
    _say(desk, version)
    typer.echo(f"It waits in {desk.draft}. Next: another administrator signs it, `bank people sign`.")
    if version.number == 1:
        typer.echo(f"Its digest, to be pinned as BANK_TRUST_ROOT, is {version.digest}")


def _say(desk: "Desk", version: "Version") -> None:
    from crm_rules.governance import proposals

    typer.echo(
        f"Version {version.number}, signed by {version.signatures[0].by} at {version.at:%Y-%m-%d %H:%M} UTC:"
    )
    for words in proposals.explain(desk, version):
        typer.echo(f"  {words}")


def time_of(text: str | None) -> datetime | None:
    """An option's ISO 8601 time, UTC unless it has an offset."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no ISO 8601 time such as 2026-03-01T12:00+00:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
