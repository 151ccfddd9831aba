"""Log in through the bank's identity provider: OpenID Connect by the device flow (RFC 8628).

The provider replaces the password, never the key: its verified `sub` names a person of the trust file,
and the session is signed with that person's key on this machine.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from crm_rules.errors import LoginRefused
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Person

ALGORITHMS = ("RS256", "ES256", "EdDSA")
KINDS = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
MOST_BYTES = 1_000_000
TIMEOUT_S = 10.0
SLACK = timedelta(seconds=60)
LONGEST = timedelta(minutes=15)
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class Client:
    """This platform at an identity provider; an empty secret is a public client."""

    issuer: str
    client_id: str
    client_secret: str = ""


@dataclass(frozen=True)
class Waiting:
    """A login that its person confirms in a browser, on any device: the address and the code to type."""

    address: str
    user_code: str
    device_code: str
    every_s: float
    lasts_s: float


class Provider:
    """An identity provider as its discovery document tells it; only https, or http on loopback."""

    def __init__(self, client: Client) -> None:
        if not client.issuer or not client.client_id:
            raise LoginRefused("no identity provider is set (BANK_OIDC_ISSUER and BANK_OIDC_CLIENT_ID)")
        self._client = client
        where = _safe(client.issuer.rstrip("/") + "/.well-known/openid-configuration")
        self._told = _json(where)
        if self._told.get("issuer") != client.issuer:
            raise LoginRefused(f"{where} speaks for {self._told.get('issuer')!r}, not for {client.issuer!r}")

    def begin(self) -> Waiting:
        """Ask for a code that the person confirms."""
        told = self._post("device_authorization_endpoint", {"scope": "openid"})
        try:
            return Waiting(
                str(told.get("verification_uri_complete", told["verification_uri"])),
                str(told["user_code"]),
                str(told["device_code"]),
                min(max(float(told.get("interval", 5)), 0.0), 60.0),
                min(float(told["expires_in"]), LONGEST.total_seconds()),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LoginRefused(f"the identity provider gave no code ({error!r})") from error

    def wait(self, login: Waiting, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> str:
        """The subject who confirmed, from a verified token; `clock` and `sleep` come from the caller."""
        end, every = clock() + timedelta(seconds=login.lasts_s), login.every_s
        while clock() < end:
            told = self._post("token_endpoint", {"grant_type": DEVICE, "device_code": login.device_code})
            if "error" not in told:
                return self.subject(told.get("id_token"), clock())
            if told["error"] == "slow_down":
                every += 5
            elif told["error"] != "authorization_pending":
                raise LoginRefused(f"the identity provider answered {str(told['error'])[:80]!r}")
            sleep(every)
        raise LoginRefused("nobody confirmed the code in time")

    def subject(self, token: object, now: datetime) -> str:
        """`sub` of an id token: signature, issuer, audience, authorised party and times verified."""
        if not isinstance(token, str):
            raise LoginRefused("the identity provider sent no id_token")
        try:
            claims = jwt.decode(
                token,
                self._key(jwt.get_unverified_header(token)),
                algorithms=list(ALGORITHMS),
                audience=self._client.client_id,
                issuer=self._client.issuer,
                options={
                    "require": ["iss", "aud", "sub", "exp", "iat"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise LoginRefused(f"the id_token is not valid ({error})") from error
        self._in_time(claims, now)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._client.client_id) != self._client.client_id:
            raise LoginRefused(f"the id_token is for {claims.get('azp')!r}, not for this platform")
        return str(claims["sub"])

    @staticmethod
    def _in_time(claims: Mapping[str, Any], now: datetime) -> None:
        times = {name: claims.get(name, 0) for name in ("exp", "iat", "nbf")}
        if any(type(at) not in (int, float) for at in times.values()):
            raise LoginRefused("the id_token has a time that is no number")
        at = now.timestamp()
        if at >= times["exp"]:
            raise LoginRefused("the id_token is expired")
        if max(times["iat"], times["nbf"]) > at + SLACK.total_seconds():
            raise LoginRefused("the id_token is of the future; check the clock of this machine")

    def _key(self, header: Mapping[str, Any]) -> Any:
        """The provider's key that the header names; asked for at every login, so a rotated key is found."""
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise LoginRefused(f"the id_token is signed by {algorithm!r}, not by one of {list(ALGORITHMS)}")
        listed = _json(self._endpoint("jwks_uri")).get("keys")
        fitting = [
            key
            for key in (listed if isinstance(listed, list) else ())
            if isinstance(key, dict)
            and key.get("kty") == KINDS[algorithm]
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and ("kid" not in header or key.get("kid") == header["kid"])
        ]
        if len(fitting) != 1:
            raise LoginRefused(f"the identity provider lists {len(fitting)} keys for the id_token, not one")
        try:
            return jwt.PyJWK(fitting[0], algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError) as error:
            raise LoginRefused(f"the identity provider lists a broken key ({error})") from error

    def _endpoint(self, name: str) -> str:
        address = self._told.get(name)
        if not isinstance(address, str):
            raise LoginRefused(f"the identity provider has no {name}")
        return _safe(address)

    def _post(self, endpoint: str, fields: Mapping[str, str]) -> dict[str, Any]:
        form = {"client_id": self._client.client_id, **fields}
        if self._client.client_secret:
            form["client_secret"] = self._client.client_secret
        return _json(self._endpoint(endpoint), urllib.parse.urlencode(form).encode())


def person_of(trust: Trust, subject: str, now: datetime) -> Person:
    """The person of the trust file whose subject it is, in force now; LoginRefused when there is none."""
    for person in trust.people:
        if person.oidc_subject == subject and person.public_keys(now):
            return person
    raise LoginRefused(f"nobody in force on the trust file has the subject {subject[:80]!r}")


def _safe(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise LoginRefused(f"{address} is neither https nor on this machine")
    return address


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing: a provider answers where its document says."""


def _json(address: str, form: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(address, data=form, headers={"Accept": "application/json"})
    loopback = urllib.parse.urlsplit(address).scheme == "http"
    proxies = urllib.request.ProxyHandler({} if loopback else None)
    try:
        with urllib.request.build_opener(_NoRedirect, proxies).open(request, timeout=TIMEOUT_S) as answer:
            data = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            data = error.read(MOST_BYTES + 1) if error.code in (400, 401) else b""
    except (OSError, ValueError) as error:
        raise LoginRefused(f"{address} does not answer ({error})") from error
    try:
        told = json.loads(data[:MOST_BYTES])
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise LoginRefused(f"{address} answered no JSON object")
    return told
