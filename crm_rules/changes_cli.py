"""`bank people join|leave|roles|key|subject`: an administrator proposes a change; another one signs it."""

from typing import TYPE_CHECKING, Annotated

import typer

from crm_rules.login_cli import Id, ask_passphrase
from crm_rules.people_cli import By, desk_now, people, tell_waiting, time_of

if TYPE_CHECKING:
    from crm_rules.governance.changes import Change
    from crm_rules.governance.person import Role

__all__ = ["people"]  # the group, with the commands of both files

RoleNames = Annotated[list[str], typer.Option("--role", help="a role; give it again for more")]
Subject = Annotated[str | None, typer.Option(help="`sub` of the person at the identity provider")]


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
    _propose(NewKey(person, replace) if replace else RevokeKey(person, revoke or "", time_of(since)), by)


@people.command("subject")
def subject(person: Id, oidc_subject: Subject = None, by: By = None) -> None:
    """Propose who a person is at the identity provider; nobody when no --oidc-subject is given."""
    from crm_rules.governance.changes import ChangeSubject

    _propose(ChangeSubject(person, oidc_subject), by)


def _propose(change: "Change", by: str | None) -> None:
    from crm_rules.governance import proposals
    from crm_rules.governance.people import Trust
    from crm_rules.governance.session import acting

    desk, settings, now = desk_now()
    signer = acting(settings, Trust.of(settings), by, now, ask_passphrase)
    tell_waiting(desk, proposals.propose(desk, change, signer.person.id, signer.key, now))


def _roles(names: list[str]) -> "tuple[Role, ...]":
    from crm_rules.governance.person import Role

    if unknown := sorted(set(names) - set(Role)):
        raise typer.BadParameter(f"there is no role {unknown}; roles are {', '.join(Role)}")
    return tuple(Role(name) for name in dict.fromkeys(names))
