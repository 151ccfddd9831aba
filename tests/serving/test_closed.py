"""A served bank is closed: over HTTP on loopback, to everybody who may not, and to whatever is no HTTP."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from feature_repo.settings import Settings
from serving.api.connection import DRAIN_SECONDS, HEAD_SECONDS
from serving.api.gate import BODY_SECONDS, SECURITY
from serving.auth import CLOSED, OPEN, ROUTES, token_key
from serving.bootstrap.edge import now
from serving.tokens.keyring import key_id
from serving.tokens.office import TokenOffice
from tests.authorisation import ROWS, meet, surprises
from tests.conftest import make_tiny
from tests.proofs.authorisation import Client, until_refused
from tests.proofs.stream import serving

PATIENCE = 20.0
NBA = "POST /v1/decisions/next-best-action HTTP/1.1\r\nHost: bank\r\n"
JSON, CHUNKED = "Content-Type: application/json", "Transfer-Encoding: chunked"
BODY = '{"customer_id":"ann"}'


@dataclass(frozen=True)
class Served:
    """A tiny bank that is served, and who issues its tokens."""

    port: int
    token: str
    office: TokenOffice
    client: Client
    slow: "dict[str, Talk]" = field(default_factory=dict)


class Talk:
    """A connection that says what it is told to, and hears until the other end is silent or closes."""

    def __init__(self, port: int, *said: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.reset = False
        try:
            for each in said:
                self._socket.sendall(each)
        except OSError:
            self.reset = True

    def close(self) -> None:
        self._socket.close()

    def hear(self, until_closed: bool = False) -> bytes:
        """What was answered, with `<closed>` when the connection ended."""
        heard = b""
        try:
            while part := self._socket.recv(65_536):
                heard += part
                if not until_closed and b"\r\n\r\n" in heard:
                    return heard
        except ConnectionResetError:
            pass
        finally:
            self._socket.close()
        return heard + b"<closed>"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = make_tiny(tmp_path_factory.mktemp("closed")).home
    with serving(home, clients=0) as (stream, _):
        office = TokenOffice.of(Settings(home=home, profile="demo"))
        bank = Served(stream.port, stream.token, office, Client(stream.port))
        bank.slow.update({name: Talk(stream.port, *said) for name, said in slow(stream.token).items()})
        yield bank
        bank.client.close()
        for talk in bank.slow.values():
            talk.close()
        assert "Traceback" not in Path(home / "server.log").read_text()


def slow(token: str) -> dict[str, list[bytes]]:
    """Those who never come to an end; they begin before all other tests, so that nobody waits for them."""
    head = f"{NBA}Authorization: Bearer {token}\r\n{JSON}\r\n".encode()
    return {
        "nothing": [],
        "no end of the head": [b"GET /livez HTTP/1.1\r\nHost: bank\r\n"],
        "HTTP/0.9": [b"GET /livez\r\n"],
        "no end of the body": [head + b'Content-Length: 100\r\n\r\n{"customer_id"'],
        "no end of the chunks": [head + CHUNKED.encode() + b"\r\n\r\n1\r\n{\r\n"],
        "no end, and no token": [f"{NBA}{JSON}\r\n{CHUNKED}\r\n\r\n1\r\n{{\r\n".encode()],
    }


def test_every_route_of_the_service_is_in_the_matrix() -> None:
    assert {(row.method, row.path) for row in ROWS if row.scope not in ("open", "none")} == {*ROUTES, *CLOSED}
    assert {(row.method, row.path) for row in ROWS if row.scope == "open"} == OPEN
    table = {**ROUTES, **CLOSED}
    assert all(row.scope == table[row.method, row.path] for row in ROWS if row.scope not in ("open", "none"))


def test_everybody_finds_at_every_route_what_the_table_says(served: Served) -> None:
    key, client = token_key(served.office.keys), served.client
    taken = served.office.issue("app", None, 1, now())
    served.office.revoke(taken, now())
    time.sleep(1)
    count, found = surprises(client, meet(client, key, now()), taken, share=8)
    assert found == []
    assert count > 20 * len(ROWS)


def test_a_token_taken_back_and_a_key_retired_are_refused_within_a_second(served: Served) -> None:
    office, client = served.office, served.client
    token = office.issue("app", None, 1, now())
    assert until_refused(client, token, lambda: office.revoke(token, now())) < 1.0
    office.add_key(None)
    old = key_id(token_key(office.keys).public_key())
    token = office.issue("app", None, 1, now())
    office.add_key(None)
    assert until_refused(client, token, lambda: office.retire_key(old)) < 1.0


MULTIPART, PICKLE = "Content-Type: multipart/form-data", "Content-Type: application/vnd.bentoml+pickle"
LENGTH, PACKED = "Content-Length: ", "Transfer-Encoding: gzip, chunked"


def post(*lines: str, body: str = BODY) -> str:
    """A question about ann with these headers, which say themselves how long its body is."""
    return NBA + "{token}" + "".join(f"{line}\r\n" for line in lines) + "\r\n" + body


def sized(*lines: str, body: str = BODY) -> str:
    """The same with its true length."""
    return post(*lines, f"{LENGTH}{len(body)}", body=body)


def get(target: str, method: str = "GET", version: str = "1.1", ahead: str = "Accept: */*") -> str:
    return f"{method} {target} HTTP/{version}\r\nHost: bank\r\n{ahead}\r\n{{token}}\r\n"


UNSOUND: dict[str, tuple[str, int]] = {
    "two-lengths-alike": (post(JSON, f"{LENGTH}21", f"{LENGTH}21"), 400),
    "two-lengths": (post(JSON, f"{LENGTH}21", f"{LENGTH}5"), 400),
    "length-and-chunks": (sized(JSON, CHUNKED), 400),
    "length-below-zero": (post(JSON, f"{LENGTH}-1"), 400),
    "length-in-words": (post(JSON, f"{LENGTH}abc"), 400),
    "length-beyond-all": (post(JSON, f"{LENGTH}{10**17}"), 413),
    "length-too-short": (post(JSON, f"{LENGTH}5"), 400),
    "chunk-of-zz": (post(JSON, CHUNKED, body="zz\r\nx\r\n0\r\n\r\n"), 400),
    "chunk-beyond-all": (post(JSON, CHUNKED, body="F" * 17 + "\r\nx"), 400),
    "packed-chunks": (post(JSON, PACKED, body="0\r\n\r\n"), 415),
    "unknown-transfer": (post(JSON, "Transfer-Encoding: xchunked"), 400),
    "gzip": (sized(JSON, "Content-Encoding: gzip"), 415),
    "multipart-without-boundary": (sized(MULTIPART), 415),
    "multipart-with-a-large-boundary": (sized(f"{MULTIPART}; boundary={'b' * 9_000}"), 415),
    "pickle": (sized(PICKLE), 415),
    "text": (sized("Content-Type: text/plain"), 415),
    "no-type": (sized(), 415),
    "utf-16": (sized(f"{JSON}; charset=utf-16"), 415),
    "two-types": (sized(JSON, "Content-Type: text/plain"), 400),
    "body-of-70-kB": (sized(JSON, body=" " * 70_000), 413),
    "body-of-3-MB": (sized(JSON, body=" " * 3_000_000), 413),
    "header-of-20-kB": (sized(JSON, f"X-A: {'a' * 20_000}"), 431),
    "header-of-64-kB": (sized(JSON, f"X-A: {'a' * 65_536}"), 431),
    "header-of-5-MB": (sized(JSON, f"X-A: {'a' * 5_000_000}"), 431),
    "9999-headers": (sized(JSON, *(f"X-{number}: a" for number in range(9_999))), 431),
    "NUL-in-a-header": (sized(JSON, "X-A: a\0b"), 400),
    "folded-header": (sized(JSON, "X-A: a\r\n b"), 400),
    "space-before-a-colon": (sized(JSON, "X-A : a"), 400),
    "two-slashes": (get("//v1/status"), 404),
    "spelt-otherwise": (get("/v1/%73tatus"), 404),
    "slash-spelt-otherwise": (get("/v1%2Fstatus"), 404),
    "bad-percent": (get("/v1/%zz%ff%00"), 404),
    "query-of-2-kB": (get(f"/v1/status?{'a' * 2_000}"), 422),
    "path-of-70-kB": (get(f"/{'a' * 70_000}"), 400),
    "asterisk": (get("*", "OPTIONS"), 404),
    "connect": (get("bank:1", "CONNECT"), 400),
    "HTTP/9.9": (get("/v1/status", version="9.9"), 400),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": ("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + "\0" * 60, 400),
    "unknown-method": (get("/pot", "BREW"), 400),
}


@pytest.mark.parametrize(("sent", "status"), UNSOUND.values(), ids=UNSOUND)
def test_what_is_no_sound_request_is_a_problem_or_the_end(served: Served, sent: str, status: int) -> None:
    token = f"Authorization: Bearer {served.token}\r\n"
    talk = Talk(served.port, sent.replace("{token}", token, 1).encode("latin-1"))
    heard = talk.hear()
    if heard == b"<closed>":  # cut off while it was still sending
        assert len(sent) > 1_000_000
        return
    head = heard.split(b"\r\n\r\n")[0].lower()
    assert head.startswith(f"http/1.1 {status} ".encode())
    assert b"content-type: application/problem+json" in head
    assert all(name + b": " + value.lower() in head for name, value in SECURITY)
    assert b"\r\nserver:" not in head


CLOSE, UPGRADE = "Connection: close", "Connection: Upgrade, close\r\nUpgrade"
UNUSUAL = {
    "HTTP/1.0": (sized(JSON).replace("HTTP/1.1", "HTTP/1.0"), 1),
    "pipelined": (sized(JSON) * 4 + sized(JSON, CLOSE), 5),
    "chunks": (post(JSON, CHUNKED, CLOSE, body=f"15\r\n{BODY}\r\n0\r\n\r\n"), 1),
    "empty-lines-before": ("\r\n" * 500 + sized(JSON, CLOSE), 1),
    "websocket-is-plain-HTTP": (get("/v1/status", ahead=f"{UPGRADE}: websocket"), 1),
    "HTTP/2-is-plain-HTTP": (get("/v1/status", ahead=f"{UPGRADE}: h2c"), 1),
}


@pytest.mark.parametrize(("sent", "answers"), UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_sound_if_unusual_is_answered(served: Served, sent: str, answers: int) -> None:
    token = f"Authorization: Bearer {served.token}\r\n"
    heard = Talk(served.port, sent.replace("{token}", token).encode()).hear(until_closed=True)
    assert heard.count(b"HTTP/1.1 200 OK\r\n") == answers
    assert heard.endswith(b"}<closed>")


def test_who_reads_no_answers_keeps_nobody_waiting(served: Served) -> None:
    asked = get("/v1/status").replace("{token}", f"Authorization: Bearer {served.token}\r\n").encode()
    with socket.create_connection(("127.0.0.1", served.port)) as greedy:
        greedy.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while sent < 50_000_000:
                sent += greedy.send(asked * 100)
        assert served.client.status(served.token) == 200


@pytest.mark.parametrize(
    ("who", "answer"),
    [
        pytest.param("nothing", b"<closed>", id="nothing-is-said"),
        pytest.param("no end of the head", b"<closed>", id="no-end-of-the-head"),
        pytest.param("HTTP/0.9", b"<closed>", id="HTTP/0.9"),
        pytest.param("no end of the body", b"HTTP/1.1 408", id="no-end-of-the-body"),
        pytest.param("no end of the chunks", b"HTTP/1.1 408", id="no-end-of-the-chunks"),
        pytest.param("no end, and no token", b"HTTP/1.1 401", id="no-end-and-no-token"),
    ],
)
def test_who_never_comes_to_an_end_is_cut_off(served: Served, who: str, answer: bytes) -> None:
    assert max(HEAD_SECONDS, BODY_SECONDS, DRAIN_SECONDS) < PATIENCE
    heard = served.slow[who].hear(until_closed=True)
    assert heard.startswith(answer)
    assert heard.endswith(b"<closed>")
