"""Errors of the serving room."""

from collections.abc import Iterable
from pathlib import Path

from feature_repo.errors import BankError


class UnknownCustomer(BankError, LookupError):
    """No online row is kept for that customer."""

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id
        super().__init__(
            f"Customer '{customer_id}' has no feature row. "
            f"Check the id; new customers appear after the next `bank features build`."
        )


class NothingPlanned(BankError, ValueError):
    """No other policy was named, and the one in force plans no change and no trial."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        super().__init__(
            f"Policy {policy} plans no change beyond today and no trial. Name another one: --from FILE."
        )


class RowsUnreachable(BankError, OSError):
    """Online rows cannot be read, so nothing but a referral can be answered."""

    def __init__(self, found: str) -> None:
        super().__init__(f"Online rows cannot be read ({found}). Ask again in a moment.")


class RowsOfAnotherRelease(BankError, ValueError):
    """Online rows hold other columns than the release was made for."""

    def __init__(self, missing: Iterable[str], release: str) -> None:
        self.missing = sorted(missing)
        super().__init__(
            f"Online rows lack {self.missing[:5]}, which release {release[:16]} reads. "
            f"Write them again: `bank features build`."
        )


class ModelStopped(BankError, RuntimeError):
    """A score is asked of a model that a stop switch keeps from being used."""

    def __init__(self, model: str) -> None:
        self.model = model
        super().__init__(
            f"The bank has stopped the model '{model}'. Ask again once two people have taken the switch off; "
            f"`bank stop-switch list` tells why it is on."
        )


class SameNumber(BankError, ValueError):
    """Two signed records name different releases under one number."""

    def __init__(self, number: int) -> None:
        self.found = f"number {number} named another release before"
        super().__init__(
            f"The record of the current release is refused: {self.found}. "
            f"Switch again: `bank promote rollback`."
        )


class NotReplayable(BankError, ValueError):
    """A decision record cannot be recomputed with this release."""

    def __init__(self, decision_id: str, found: str) -> None:
        self.decision_id = decision_id
        super().__init__(f"Decision {decision_id} cannot be replayed: {found}. Load the release it names.")


class BrokenCatalogue(BankError, ValueError):
    """The product catalogue of a release cannot be used."""

    def __init__(self, found: str) -> None:
        super().__init__(f"products.json cannot be used: {found}. Export the part again and promote it.")


class InvalidToken(BankError, PermissionError):
    """A token is missing, malformed, expired, or made for something else."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"The request carries no valid token: {found}. Get one with `bank token issue`.")


class MissingScope(BankError, PermissionError):
    """A valid token does not allow this route."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"The token lacks the scope '{scope}'. Ask for a token that has it.")


class OtherCustomer(BankError, PermissionError):
    """A token asks about somebody it was not made for."""

    def __init__(self) -> None:
        super().__init__("The token does not allow to ask about this customer. Ask with a token made for it.")


class Overloaded(BankError, RuntimeError):
    """More questions wait than can be answered in time."""

    def __init__(self) -> None:
        super().__init__("More is asked than can be answered in time. Ask again in a second.")


class Ending(BankError, RuntimeError):
    """The process is about to end and takes no question."""

    def __init__(self) -> None:
        super().__init__("This worker is about to end. Ask again: another one answers.")


class KeysUnavailable(BankError, OSError):
    """Idempotency keys cannot be read or kept."""

    def __init__(self, found: str) -> None:
        super().__init__(f"Idempotency keys cannot be kept ({found}). Ask again with the same key.")


class StillDeciding(BankError, RuntimeError):
    """The same question with the same key is being answered elsewhere."""

    def __init__(self) -> None:
        super().__init__("The request with this key is still being decided. Ask again with the same key.")


class BrokenRevocations(BankError, ValueError):
    """The list of tokens taken back was altered, cut or cannot be read."""

    def __init__(self, path: Path, found: str) -> None:
        self.path, self.found = path, found
        super().__init__(
            f"The list of revoked tokens {path} is refused: {found}. Restore it from its backup."
        )


class DeadlineExceeded(BankError, TimeoutError):
    """The moment until which the caller waits has passed; nothing was decided."""

    def __init__(self) -> None:
        super().__init__("The deadline of the request has passed, nothing was decided. Ask again, give more.")


class LedgerUnavailable(BankError, OSError):
    """The loyalty ledger cannot be opened or written."""

    def __init__(self, where: Path | str, why: str) -> None:
        self.where = where
        super().__init__(
            f"The loyalty ledger {where} cannot be used ({why}). "
            f"Free the disk or the lock, or restore the file."
        )


class NotReady(BankError, RuntimeError):
    """The scoring process cannot start."""

    def __init__(self, what: str, where: Path, way_out: str) -> None:
        self.what, self.where = what, where
        super().__init__(f"{what} is not at {where}. {way_out}")


class CasesUnavailable(BankError, OSError):
    """The case store cannot be opened, read or written."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(
            f"The case store cannot be used ({why}). Free the disk or the lock, or restore the file; "
            f"`bank cases collect` opens what is missing."
        )


class UnknownProduct(BankError, LookupError):
    """A product is asked about that is not on sale."""

    def __init__(self, product_id: str) -> None:
        self.product_id = product_id
        super().__init__(
            f"Product '{product_id}' is not on sale. `bank release show` lists the products of the release."
        )


class NotOffered(BankError, LookupError):
    """An outcome is told of something that the decision did not offer."""

    def __init__(self, offer_id: str, decision_id: str) -> None:
        self.offer_id, self.decision_id = offer_id, decision_id
        super().__init__(
            f"Decision {decision_id} did not offer '{offer_id}'. Name an offer of its answer by offer_id."
        )


class NoLongerPossible(BankError, ValueError):
    """An offer was accepted that may not be made to this customer any more."""

    def __init__(self, offer_id: str, codes: Iterable[str]) -> None:
        self.offer_id, self.codes = offer_id, tuple(codes)
        super().__init__(
            f"Offer '{offer_id}' is no longer possible for this customer ({', '.join(self.codes)}). "
            f"Nothing was recorded; ask what to offer again."
        )


class OutcomesUnavailable(BankError, OSError):
    """The store of what customers said to offers cannot be written."""

    def __init__(self, found: str) -> None:
        super().__init__(f"What the customer said could not be recorded ({found}). Say it again in a moment.")


class MixedSandbox(BankError, ValueError):
    """One request asks about sandbox customers and about others."""

    def __init__(self) -> None:
        super().__init__(
            "Sandbox customers and others are in one request. Ask about them in requests of their own."
        )


class PortInUse(BankError, OSError):
    """Something else listens on the port."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        super().__init__(
            f"Port {port} on {host} is in use. Stop what listens there, or take another: "
            f"bank serve --port {port + 1} (or BANK_PORT={port + 1})."
        )


class CannotListen(BankError, OSError):
    """The address is none of this machine's, or not for everybody."""

    def __init__(self, host: str, port: int, found: str) -> None:
        self.host, self.port = host, port
        super().__init__(
            f"Nothing can listen on {host}, port {port} ({found}). "
            f"Take an address of this machine: bank serve --host 127.0.0.1 --port 3000."
        )


class AlreadyServed(BankError, RuntimeError):
    """Another process serves the home."""

    def __init__(self, home: Path, pid: int, port: int) -> None:
        self.home, self.pid, self.port = home, pid, port
        super().__init__(
            f"{home} is served already, by process {pid} on port {port}. End it first: bank stop."
        )


class DidNotStart(BankError, RuntimeError):
    """A service that was started behind ended before it was ready."""

    def __init__(self, found: str, log: Path) -> None:
        self.found, self.log = found, log
        super().__init__(f"{found} All it said is in {log}.")


class InboxFull(BankError, RuntimeError):
    """So many events wait to be taken that no more are kept."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        super().__init__(
            f"{waiting} events wait to be taken, and no more are kept; none of this request was. "
            f"Send it again later, with the same ids."
        )


class CannotBuild(BankError, RuntimeError):
    """The bento cannot be built."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"The bento cannot be built: {found}.")
