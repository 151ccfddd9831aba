"""A served bank against the authorisation matrix, over HTTP on loopback, while honest clients go on asking.

Every route by every scope, by a customer about another, without a token, and with every token that must
open nothing; a token taken back and a key retired while it serves. Runs on a tiny bank of its own.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path

from feature_repo.settings import Settings
from serving.auth import ROUTES, issue, token_key
from serving.bootstrap.edge import now
from serving.tokens.keyring import key_id
from serving.tokens.office import TokenOffice
from tests.authorisation import ROWS, meet, surprises
from tests.conftest import make_tiny
from tests.proofs.stream import serving, until

ROUNDS, PATIENCE = 5, 10.0


class Client:
    """One connection to a served bank, opened again when it ends."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        """Send one request; the status and the body of its answer."""
        sent = {name: value.encode("utf-8") for name, value in headers.items()}
        self._connection.request(method, path, body, sent)
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def status(self, token: str) -> int:
        """What GET /v1/status says to a token."""
        return self("GET", "/v1/status", {"Authorization": f"Bearer {token}"}, None)[0]


def until_refused(client: Client, token: str, act: Callable[[], object]) -> float:
    """Seconds from the end of `act` until a token is refused, once it was seen to open."""
    until(lambda: client.status(token) == 200)  # its key may be a new one
    act()
    start = time.monotonic()
    while client.status(token) == 200:
        if time.monotonic() - start > PATIENCE:
            return float("inf")
        time.sleep(0.01)
    return time.monotonic() - start


def taken_back(client: Client, office: TokenOffice) -> tuple[list[float], list[float]]:
    """How long a token lived after it was revoked, and after its key was retired, each several times."""
    revoked, retired = [], []
    for _ in range(ROUNDS):
        token = office.issue("app", None, 1, now())
        revoked.append(until_refused(client, token, lambda token=token: office.revoke(token, now())))
        old = key_id(token_key(office.keys).public_key())
        token = office.issue("app", None, 1, now())
        office.add_key(None)
        retired.append(until_refused(client, token, lambda old=old: office.retire_key(old)))
    return revoked, retired


def main() -> int:
    """Run it, print one line; 1 when anything found another answer than the table's."""
    missing = sorted(set(ROUTES) - {(row.method, row.path) for row in ROWS})
    with tempfile.TemporaryDirectory(prefix="bank-prove-") as folder:
        home = make_tiny(Path(folder)).home
        office = TokenOffice.of(Settings(home=home, profile="demo"))
        with serving(home) as (stream, _):
            client, key = Client(stream.port), token_key(home / "keys")
            back = issue(key, "app", ["status:read"], 1, now())
            until_refused(client, back, lambda: office.revoke(back, now()))
            count, found = surprises(client, meet(client, key, now()), back)
            failed = list(stream.failed)  # before keys change, theirs included
            revoked, retired = taken_back(client, office)
    slow = max(*revoked, *retired)
    sys.stdout.write(
        f"authorisation: {len(ROWS)} routes, {count:,} requests, {len(found)} not as the table says, "
        f"{len(missing)} routes not in it, {len(failed)} honest requests failed; a token is refused "
        f"{statistics.median(revoked) * 1000:.0f} ms after it is revoked, "
        f"{statistics.median(retired) * 1000:.0f} ms after its key is retired (most {slow * 1000:.0f} ms)\n"
    )
    for problem in (*found[:20], *(f"not in the table: {route}" for route in missing), *failed[:5]):
        sys.stderr.write(f"  {problem}\n")
    return 1 if found or missing or failed or slow > 1.0 else 0


if __name__ == "__main__":
    sys.exit(main())
