"""Errors of the rules room. Each names the thing, what was found, and the way out."""

from collections.abc import Iterable
from pathlib import Path

from feature_repo.errors import BankError

MOST_TOLD = 1_000  # signs of what a file holds


class InvalidPolicy(BankError, ValueError):
    """A policy file cannot be read (no key), or holds something its schema does not know or allow."""

    def __init__(self, key: str, problem: str, file: Path | None = None) -> None:
        self.key, self.problem, self.file = _shown(key), _shown(problem), file
        named = f" {file}" if file else ""
        what = f"Policy key '{self.key}'{named and ' of' + named}" if key else f"Policy file{named}"
        super().__init__(f"{what} {self.problem}. Correct the file and try again.")


def _shown(text: str) -> str:
    """A text of a file as a terminal may show it: its first thousand signs, `?` for one not seen."""
    seen = "".join(each if each.isprintable() else "?" for each in text[:MOST_TOLD])
    return seen if len(text) <= MOST_TOLD else f"{seen}..."


class UnmappedReason(BankError, LookupError):
    """A model uses columns for which no customer-readable reason is written."""

    def __init__(self, columns: Iterable[str]) -> None:
        self.columns = sorted(columns)
        super().__init__(
            f"No reason is written for {self.columns}. "
            f"Add en and zh texts to reasons.toml, or take the columns out of the model."
        )


class InvalidNotice(BankError, ValueError):
    """A notice of a credit decision cannot be written from what was given."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"The notice cannot be written: {field} {problem}. Correct it and write it again.")


class NotCanonical(BankError, ValueError):
    """A value cannot be written as canonical JSON."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"The record cannot be signed or hashed: {problem}. Use finite JSON values only.")


class DatabaseUnavailable(BankError, OSError):
    """A database cannot be opened, read or written."""

    def __init__(self, where: str, problem: str) -> None:
        self.where, self.problem = where, problem
        super().__init__(
            f"Database {where} cannot be used: {problem}. Nothing was changed. "
            f"Check that it is there, its rights and its disk, and try again."
        )


class OtherTables(BankError, ValueError):
    """A database holds tables that another version of this product made."""

    def __init__(self, where: str, problem: str) -> None:
        self.where, self.problem = where, problem
        super().__init__(
            f"Database {where} holds tables of another version ({problem}). "
            f"Move it away, and a new one is made."
        )


class BrokenChain(BankError, ValueError):
    """A chain is not the one its head says; nothing is appended to it."""

    def __init__(self, chain: str, problem: str) -> None:
        self.chain, self.problem = chain, problem
        super().__init__(
            f"Chain '{chain}' {problem}. Nothing was appended. "
            f"`bank audit verify` names every difference; restore the database from its backup."
        )


class ClockSetBack(BankError, ValueError):
    """The clock of this machine is behind what was recorded already."""

    def __init__(self, chain: str, now: str, newest: str) -> None:
        self.chain, self.now, self.newest = chain, now, newest
        super().__init__(
            f"The clock says {now}, but the last entry of chain '{chain}' was made at {newest}. "
            f"Set the clock right; nothing was recorded."
        )


class BrokenHead(BankError, ValueError):
    """The file with a chain's head cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"The head {path} cannot be read. Restore it from a copy; "
            f"without it a cut chain could not be told from a whole one."
        )


class InvalidKey(BankError, ValueError):
    """A private key is missing, unreadable, locked, or would be overwritten."""

    def __init__(self, path: Path, problem: str, way_out: str = "") -> None:
        self.path = path
        super().__init__(f"Key {path} {problem}. {way_out or 'Restore the key from its backup.'}")


class Untrusted(BankError, ValueError):
    """The trust file is missing, altered, or not signed by two of its administrators."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"Trust file {path} {problem}. "
            f"Restore it, or have two administrators sign the list again; nothing is trusted until then."
        )


class NoTrust(Untrusted):
    """There is no trust file yet, or it is gone."""

    def __init__(self, path: Path, profile: str) -> None:
        self.path = path
        way_out = (
            "Restore it from its backup; in a new BANK_HOME `bank run` makes one of demo people."
            if profile == "demo"
            else "Restore it from its backup; a new bank begins with `bank keys new ID` on each of two "
            "administrators' machines, then `bank people found`."
        )
        BankError.__init__(self, f"Trust file {path} is not there, so nobody may act. {way_out}")


class DemoTrust(Untrusted):
    """A demo trust file was given to a bank profile, where demo people count for nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        BankError.__init__(
            self,
            f"Trust file {path} lists demo people, who count for nothing in profile 'bank'. "
            f"Set BANK_PROFILE=demo, or take another BANK_HOME: `bank people found` begins a list there.",
        )


class UnknownPerson(BankError, LookupError):
    """Nobody of that id is on the trust file."""

    def __init__(self, person: str, known: Iterable[str]) -> None:
        self.person = person
        super().__init__(
            f"Person '{person}' is not on the trust file; known are {sorted(known)}. "
            f"Use one of these, or have two administrators add the person."
        )


class NotHeld(BankError, PermissionError):
    """Somebody on the trust file did not hold a role, with a key that counted, at that time."""

    def __init__(self, person: str, role: str, at: str, why: str) -> None:
        self.person, self.role, self.at = person, role, at
        what = f"the role {role} with a valid key" if role else "a valid key"
        super().__init__(
            f"Person '{person}' did not hold {what} at {at}: {why}. "
            f"Let somebody else act, or have two administrators change the trust file."
        )


class RuleBroken(BankError, ValueError):
    """A new version of the trust file breaks a rule of its history."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The change is refused: it {problem}. Nothing was changed.")


class DraftRefused(BankError, ValueError):
    """The draft of a change is missing, waits already, is altered, or was made on an older version."""

    def __init__(self, path: Path, problem: str, way_out: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"The draft {path} {problem}. {way_out}")


class PasswordRefused(BankError, PermissionError):
    """A password is wrong or locked, or may not be set."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)


class SessionRefused(BankError, PermissionError):
    """Nobody is logged in, or the session is expired, forged, or of somebody who may not act any more."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}. Run `bank login`.")


class KeyRefused(BankError, PermissionError):
    """A key on this machine is none of the person's keys that count now."""

    def __init__(self, path: Path, person: str) -> None:
        self.path, self.person = path, person
        super().__init__(
            f"Key {path} is none of the keys of '{person}' that count now. Restore the right key, "
            f"or have two administrators list this one (`bank people key`)."
        )


class LoginRefused(BankError, PermissionError):
    """The identity provider, or what it said, is not to be trusted."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"Nobody was logged in: {problem}. Try again, or log in with a password.")


class NotApproved(BankError, PermissionError):
    """A part or record lacks what two people, or one operator, must have signed."""

    def __init__(self, thing: str, reason: str) -> None:
        self.thing, self.reason = thing, reason
        super().__init__(
            f"{thing} is not approved: {reason}. A validator and a risk approver have to sign it as it is; "
            f"in the demo `bank run` has them sign."
        )


class Conflict(BankError, ValueError):
    """One idempotency key came with two different bodies."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(
            f"Key '{key}' was used before with another request; nothing was done. Use a new key."
        )


class NotEnoughPoints(BankError, ValueError):
    """A redemption asks for more points than are there, or for fewer than the minimum."""

    def __init__(self, customer_id: str, asked: int, problem: str) -> None:
        self.customer_id, self.asked = customer_id, asked
        super().__init__(
            f"Customer {customer_id} cannot redeem {asked} points: {problem}. Ask for another sum."
        )


class UnknownRequest(BankError, LookupError):
    """A promotion was named that nobody asked for."""

    def __init__(self, request_id: str, waiting: Iterable[str]) -> None:
        self.request_id = request_id
        found = ", ".join(waiting) or "none"
        super().__init__(
            f"There is no request '{request_id}'; waiting are: {found}. "
            f"`bank promote history` lists them all."
        )


class NotAllowed(BankError, PermissionError):
    """Somebody tried what the rules of promotion do not let them do; nothing was changed."""

    def __init__(self, thing: str, why: str) -> None:
        self.thing, self.why = thing, why
        super().__init__(f"{thing} is not possible: {why}. Nothing was changed.")


class BrokenSwitches(BankError, ValueError):
    """The signed file of stop switches was altered, cut, or does not follow from what was anchored."""

    def __init__(self, path: Path, found: str) -> None:
        self.path, self.found = path, found
        super().__init__(
            f"The stop switches {path} are refused: {found}. Running workers keep the ones they know. "
            f"`bank stop-switch list` writes the file again from the journal."
        )


class UnknownCase(BankError, LookupError):
    """No case of that id was opened."""

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        super().__init__(f"There is no case '{case_id[:100]}'. `bank cases list` names those that are open.")


class CaseRefused(BankError, PermissionError):
    """Somebody tried what the rules of cases do not let them do; nothing was changed."""

    def __init__(self, case_id: str, why: str) -> None:
        self.case_id, self.why = case_id, why
        super().__init__(f"Case {case_id[:100]}: {why}. Nothing was changed.")


class NotReviewable(BankError, ValueError):
    """A person cannot look at that decision again."""

    def __init__(self, decision_id: str, why: str) -> None:
        self.decision_id, self.why = decision_id, why
        super().__init__(f"Decision {decision_id[:64]} cannot be contested: {why}. Quote a credit decision.")


class TooLate(BankError, ValueError):
    """A decision is contested after the last day to do so."""

    def __init__(self, decision_id: str, until: str) -> None:
        self.decision_id, self.until = decision_id, until
        super().__init__(
            f"Decision {decision_id[:64]} could be contested until {until}. "
            f"Apply again, or write to the bank."
        )


class UsedUp(BankError, ValueError):
    """An offer was accepted of which nothing is left."""

    def __init__(self, offer_id: str, why: str) -> None:
        self.offer_id, self.why = offer_id, why
        super().__init__(f"Offer '{offer_id}' cannot be taken: {why}. Nothing was recorded; ask for another.")


class AnsweredOtherwise(BankError, ValueError):
    """One offer of a decision was answered twice, differently."""

    def __init__(self, offer_id: str, before: str) -> None:
        self.offer_id, self.before = offer_id, before
        super().__init__(
            f"Offer '{offer_id}' of this decision was answered '{before}' before; nothing was changed. "
            f"Ask for a new decision and answer that."
        )
