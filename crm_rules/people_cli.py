"""`bank people`: who may do what, and how two administrators change it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from crm_rules.cli import AsJson, print_table
from crm_rules.login_cli import Id, ask_new_passphrase, ask_passphrase

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as PrivateKey

    from crm_rules.governance.changes import Change
    from crm_rules.governance.person import Role
    from crm_rules.governance.proposals import Desk
    from crm_rules.governance.roll import Version
    from crm_rules.governance.session import Signer
    from feature_repo.settings import Settings

people = typer.Typer(help="The people of the trust file.", no_args_is_help=True)

By = Annotated[
    str | None, typer.Option(help="the administrator whose key signs; who is logged in, if not given")
]
RoleNames = Annotated[list[str], typer.Option("--role", help="a role; give it again for more")]
Subject = Annotated[str | None, typer.Option(help="`sub` of the person at the identity provider")]


@people.command("list")
def list_people(
    as_json: AsJson = False,
    at: Annotated[str | None, typer.Option(help="as of that time, ISO 8601; now unless given")] = None,
) -> None:
    """Who may do what, from the verified trust file."""
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings

    settings = Settings()
    trust, when = Trust.of(settings), _time(at) or datetime.now(UTC)
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
                "changes": " ".join(said),
            }
        )
    print_table(rows, as_json)


@people.command("found")
def found(
    administrator: Annotated[list[str], typer.Option(help="ID=PUBLIC_KEY, at least twice")],
    by: Annotated[str, typer.Option(help="the administrator of these whose key on this machine signs first")],
) -> None:
    """Begin a bank's own trust file with its administrators; another of them signs next."""
    from crm_rules.governance import proposals

    desk, settings, now = _desk()
    if any("=" not in each for each in administrator):
        raise typer.BadParameter("--administrator is ID=PUBLIC_KEY, see `bank keys show ID`")
    founders = dict(each.split("=", 1) for each in administrator)
    if len(founders) != len(administrator):
        raise typer.BadParameter("--administrator names one id twice")
    _waits(desk, proposals.found(desk, founders, by, _founder_key(settings, by), now))


@people.command("join")
def join(
    person: Id,
    name: Annotated[str, typer.Option(help="as colleagues read it")],
    role: RoleNames,
    public_key: Annotated[str, typer.Option(help="what `bank keys new` printed on the person's machine")],
    by: By = None,
    oidc_subject: Subject = None,
) -> None:
    """Propose somebody new."""
    from crm_rules.governance.changes import Join

    _propose(Join(person, name, _roles(role), public_key, oidc_subject), by)


@people.command("leave")
def leave(person: Id, by: By = None) -> None:
    """Propose that somebody leaves for good; what they signed before stays true."""
    from crm_rules.governance.changes import Leave

    _propose(Leave(person), by)


@people.command("roles")
def roles(person: Id, role: RoleNames, by: By = None) -> None:
    """Propose all roles of a person from now on."""
    from crm_rules.governance.changes import ChangeRoles

    _propose(ChangeRoles(person, _roles(role)), by)


@people.command("key")
def key(
    person: Id,
    replace: Annotated[str | None, typer.Option(help="the new public key; the ones before end now")] = None,
    revoke: Annotated[str | None, typer.Option(help="the public key that ends")] = None,
    since: Annotated[
        str | None, typer.Option(help="with --revoke: a key stolen before now ends then, ISO 8601")
    ] = None,
    by: By = None,
) -> None:
    """Propose another key for a person, or the end of one."""
    from crm_rules.governance.changes import NewKey, RevokeKey

    if (replace is None) == (revoke is None) or (since is not None and revoke is None):
        raise typer.BadParameter("give --replace KEY, or --revoke KEY with or without --since")
    _propose(NewKey(person, replace) if replace else RevokeKey(person, revoke or "", _time(since)), by)


@people.command("subject")
def subject(person: Id, oidc_subject: Subject = None, by: By = None) -> None:
    """Propose who a person is at the identity provider; nobody when no --oidc-subject is given."""
    from crm_rules.governance.changes import ChangeSubject

    _propose(ChangeSubject(person, oidc_subject), by)


@people.command("sign")
def sign(
    by: By = None, yes: Annotated[bool, typer.Option("--yes", help="sign without being asked")] = False
) -> None:
    """Show what the waiting draft changes, and sign it as the second administrator."""
    import sys

    from crm_rules.governance import proposals

    desk, settings, now = _desk()
    version = proposals.waiting(desk)
    _say(desk, version)
    if not yes and sys.stdin.isatty():
        typer.confirm("Sign this?", abort=True)
    signer, private = _second(desk, settings, by, now)
    trust = proposals.countersign(desk, signer, private, now)
    typer.echo(f"Version {trust.number} of {desk.trust_file} is in force, digest {trust.digest}.")
    if trust.number == 1:
        typer.echo(f"Pin its root on every machine: BANK_TRUST_ROOT={trust.root}")


@people.command("withdraw")
def withdraw(by: By = None) -> None:
    """Take the waiting draft away."""
    from crm_rules.governance import proposals

    desk, settings, now = _desk()
    signer, private = _second(desk, settings, by, now)
    proposals.withdraw(desk, signer, private, now)
    typer.echo("The draft is withdrawn; the people are as they were.")


@people.command("password")
def password(person: Id) -> None:
    """Set a password, which also locks the key; the key is the proof at first, then the old password."""
    from crm_rules.governance.login import set_password
    from crm_rules.governance.passwords import Passwords
    from crm_rules.governance.people import Trust

    _, settings, now = _desk()
    passwords = Passwords(settings.passwords)
    set_password(settings, Trust.of(settings), passwords, person, ask_passphrase, ask_new_passphrase, now)
    typer.echo(f"The password of '{person}' is set. Next: bank login {person}")


def _desk() -> "tuple[Desk, Settings, datetime]":
    from crm_rules.governance.proposals import Desk
    from feature_repo.settings import Settings

    settings = Settings()
    return Desk.of(settings), settings, datetime.now(UTC)


def _propose(change: "Change", by: str | None) -> None:
    from crm_rules.governance import proposals
    from crm_rules.governance.people import Trust
    from crm_rules.governance.session import acting

    desk, settings, now = _desk()
    signer: Signer = acting(settings, Trust.of(settings), by, now, ask_passphrase)
    _waits(desk, proposals.propose(desk, change, signer.person.id, signer.key, now))


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


def _waits(desk: "Desk", version: "Version") -> None:
    _say(desk, version)
    typer.echo(f"It waits in {desk.draft} for a second administrator: bank people sign")
    if version.number == 1:
        typer.echo(f"Its digest, to be pinned as BANK_TRUST_ROOT, is {version.digest}")


def _say(desk: "Desk", version: "Version") -> None:
    from crm_rules.governance import proposals

    typer.echo(f"Version {version.number}, signed by {version.signatures[0].by} at {version.at.isoformat()}:")
    for words in proposals.explain(desk, version):
        typer.echo(f"  {words}")


def _roles(names: list[str]) -> "tuple[Role, ...]":
    from crm_rules.governance.person import Role

    if unknown := sorted(set(names) - set(Role)):
        raise typer.BadParameter(f"there is no role {unknown}; roles are {', '.join(Role)}")
    return tuple(Role(name) for name in dict.fromkeys(names))


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no ISO 8601 time such as 2026-03-01T12:00+00:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
