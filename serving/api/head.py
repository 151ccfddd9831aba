"""The headers of a request, read once: those the service knows, each at most once, all of them bounded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from serving.api.language import language_of
from serving.api.problems import Problem, invalid
from serving.errors import InvalidToken

MOST_BYTES = 16 * 1024
MOST_DEADLINE_MS = 30_000
KNOWN = frozenset({
    b"accept-language", b"authorization", b"content-encoding", b"content-length", b"content-type",
    b"idempotency-key", b"traceparent", b"transfer-encoding", b"x-deadline-ms", b"x-request-id",
})  # fmt: skip
ONCE = frozenset({
    b"content-encoding", b"content-length", b"content-type", b"transfer-encoding", b"x-deadline-ms",
})  # fmt: skip
REQUEST_ID = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
JSON_TYPE = re.compile(rb"application/json(\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE)
DEADLINE = re.compile(rb"[1-9][0-9]{0,4}")
TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
BEARER = b"bearer "
NONE = frozenset[bytes]()
JSON = b"application/json"


class Refused(Exception):
    """A request stops at the gate."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


@dataclass(frozen=True, slots=True)
class Head:
    """The headers the service knows, as they were sent; `several` are names that came more than once."""

    values: dict[bytes, bytes]
    several: frozenset[bytes] = NONE
    size: int = 0

    @property
    def request_id(self) -> str | None:
        """The caller's id of the request, where it is one."""
        given = self.values.get(b"x-request-id")
        if given is None or b"x-request-id" in self.several or not REQUEST_ID.fullmatch(given):
            return None
        return given.decode("ascii")

    @property
    def language(self) -> str | None:
        """The language that Accept-Language asks for; None without it."""
        given = self.values.get(b"accept-language")
        return None if given is None else language_of(given.decode("latin-1"))

    @property
    def trace(self) -> str | None:
        """The trace id of a well-formed W3C traceparent; any other is passed over, as the standard says."""
        given = self.values.get(b"traceparent")
        if given is None or b"traceparent" in self.several:
            return None
        found = TRACEPARENT.fullmatch(given)
        if not found or found[1] == b"ff" or (found[1] == b"00" and found[4] is not None):
            return None
        if not found[2].strip(b"0") or not found[3].strip(b"0"):
            return None
        return found[2].decode("ascii")

    @property
    def token(self) -> str:
        """The bearer token; InvalidToken when there is none, or not exactly one."""
        given = self.values.get(b"authorization")
        if given is None:
            raise InvalidToken("there is no Authorization header")
        if b"authorization" in self.several:
            raise InvalidToken("there are several")
        if given[:7].lower() != BEARER or len(given) == 7:
            raise InvalidToken("the Authorization header is not 'Bearer TOKEN'")
        return given[7:].decode("latin-1")

    def require_sane(self) -> None:
        """Refused when the headers are too large, or one that decides how a body is read came twice."""
        if self.size > MOST_BYTES:
            detail = f"The headers are larger than {MOST_BYTES} bytes."
            raise Refused(Problem(431, "headers-too-large", "The headers are too large", detail))
        if twice := sorted(self.several & ONCE):
            name = twice[0].decode("ascii")
            raise Refused(Problem(400, "header-twice", "A header came twice", f"Send {name} once."))

    def wait_ms(self) -> int | None:
        """How long the caller waits for the answer, in milliseconds; Refused when that is out of bounds."""
        given = self.values.get(b"x-deadline-ms")
        if given is None:
            return None
        if not DEADLINE.fullmatch(given) or int(given) > MOST_DEADLINE_MS:
            raise Refused(invalid(f"X-Deadline-Ms is a whole number from 1 to {MOST_DEADLINE_MS}."))
        return int(given)

    def require_json(self) -> None:
        """Refused unless the body is JSON in UTF-8, not compressed."""
        given = self.values.get(b"content-type", b"")
        packed = b"content-encoding" in self.values or (
            b"transfer-encoding" in self.values and self.values[b"transfer-encoding"].lower() != b"chunked"
        )
        if packed or (given != JSON and not JSON_TYPE.fullmatch(given)):
            detail = "Send application/json in UTF-8, not compressed."
            raise Refused(Problem(415, "media-type", "Not JSON", detail))

    def require_length(self, limit: int) -> None:
        """Refused when a longer body than that is announced."""
        given = self.values.get(b"content-length", b"0")
        if not given.isdigit() or len(given) > 12 or int(given) > limit:
            raise Refused(too_large(limit))


def read_head(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """One pass over the raw headers of an ASGI scope, whose names are in lower case."""
    values: dict[bytes, bytes] = {}
    several: set[bytes] = set()
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if name in KNOWN:
            if name in values:
                several.add(name)
            values[name] = value
    return Head(values, frozenset(several) if several else NONE, size)


def too_large(limit: int) -> Problem:
    """413: more than is read here."""
    return Problem(413, "too-large", "The body is too large", f"At most {limit} bytes are read here.")
