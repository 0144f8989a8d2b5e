"""An OpenID Provider on a real socket that lies on request: each knob of Forgery is one lie, and the rest is right."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.support.servers.threads import running_in_thread

CLIENT_ID = "piag"
CLIENT_SECRET = "a-client-secret-that-no-log-may-hold"
SUBJECT = "0f6d1c3e-camille"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS256"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig", "alg": "ES256"})
STRANGER_KEY = RSAKey.generate_key(2048, {"kid": "rsa-1"})
SLOW_SECONDS = 12  # longer than any client may wait


@dataclass
class Forgery:
    """What is told differently from the truth; nothing by default."""

    claims: dict[str, Any] = field(default_factory=dict)  # of the ID token; None removes one
    algorithm: str = "RS256"  # none, HS256 (with the public key as secret), RS384, ES256
    header: dict[str, Any] = field(default_factory=dict)  # None removes one
    stranger: bool = False  # signed by a key that is not published, under the name of one that is
    id_token: str | None = None
    userinfo: dict[str, Any] = field(default_factory=dict)
    userinfo_status: int = 200
    token: str = "right"  # a name of _Handler.token_*
    keys: list[Any] | None = None  # instead of those published
    discovery: dict[str, Any] = field(default_factory=dict)  # None removes one
    discovery_status: int = 200
    before_discovery: Callable[[], object] = bool  # what happens meanwhile
    response: dict[str, str | None] = field(default_factory=dict)  # of the authorization; None removes one


@dataclass
class Seen:
    authorizations: list[dict[str, str]] = field(default_factory=list)
    tokens: list[dict[str, str]] = field(default_factory=list)
    logouts: list[dict[str, str]] = field(default_factory=list)
    sids: list[str] = field(default_factory=list)  # of the ID tokens, oldest first
    key_reads: int = 0
    bytes_sent: int = 0


class ForgingProvider:
    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.over = threading.Event()
        self.reset()

    def reset(self) -> Forgery:
        """Make the provider honest again, and forget the requests seen."""
        self.forge, self.seen = Forgery(), Seen()
        self.grants: dict[str, dict[str, Any]] = {}
        return self.forge

    def discovery(self) -> dict[str, Any]:
        names = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": "jwks",
            "end_session_endpoint": "logout",
        }
        document = {name: f"{self.url}/{path}" for name, path in names.items()}
        truth = {"issuer": self.url, **document, "authorization_response_iss_parameter_supported": True}
        return _present({**truth, **self.forge.discovery})

    def authorize(self, request: dict[str, str]) -> str:
        self.seen.authorizations.append(request)
        code = secrets.token_urlsafe(32)
        self.grants[code] = {**request, "token": self.forge.token}
        answer = {"code": code, "state": request["state"], "iss": self.url}
        return f"{request['redirect_uri']}?{urlencode(_present({**answer, **self.forge.response}))}"

    def redeem(self, form: dict[str, str]) -> dict[str, Any]:
        """Redeem a code (RFC 6749 §4.1.3, RFC 7636 §4.6): once, same redirect URI, right verifier."""
        grant = self.grants.pop(form.get("code", ""), None)
        if grant is None or grant["redirect_uri"] != form.get("redirect_uri"):
            return {"error": "invalid_grant"}
        if _hash(form.get("code_verifier", "")) != grant["code_challenge"]:
            return {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(32)
        id_token = self.forge.id_token or self.sign(self.claims(grant, access_token))
        return {"token_type": "Bearer", "access_token": access_token, "id_token": id_token}

    def claims(self, grant: dict[str, Any], access_token: str) -> dict[str, Any]:
        now = int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        self.seen.sids.append(secrets.token_urlsafe(16))
        truth = {
            "iss": self.url,
            "sub": SUBJECT,
            "sid": self.seen.sids[-1],
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": grant["nonce"],
            "acr": "eidas2",
            "amr": ["pwd", "otp", "mfa"],
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        return _present({**truth, **self.forge.claims})

    def logout_token(self, **claims: Any) -> str:
        """Return a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4); None removes a claim."""
        now = int(time.time())
        truth = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "sub": SUBJECT,
            "events": {LOGOUT_EVENT: {}},
        }
        return self.sign(_present({**truth, **claims}), typ="logout+jwt")

    def sign(self, claims: dict[str, Any], typ: str | None = None) -> str:
        algorithm = self.forge.algorithm
        key = STRANGER_KEY if self.forge.stranger else EC_KEY if algorithm == "ES256" else RSA_KEY
        header = _present({"alg": algorithm, "kid": key.kid, "typ": typ, **self.forge.header})
        if algorithm in {"none", "HS256"}:
            content = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
            signature = hmac.digest(RSA_KEY.as_pem(private=False), content.encode(), "sha256")
            return f"{content}.{_encode(signature) if algorithm == 'HS256' else ''}"
        unbound = type(key).import_key(key.as_pem(private=True))  # from "alg", which would hold the forger back
        return jwt.encode(header, claims, unbound, algorithms=[algorithm])

    def userinfo(self) -> dict[str, Any]:
        truth = {"sub": SUBJECT, "name": "Camille Durand", "email": "camille.durand@example.fr"}
        return _present({**truth, **self.forge.userinfo})

    def jwks(self) -> dict[str, Any]:
        self.seen.key_reads += 1
        published = [key.as_dict(private=False) for key in (RSA_KEY, EC_KEY)]
        return {"keys": published if self.forge.keys is None else self.forge.keys}


class _Handler(BaseHTTPRequestHandler):
    provider: ForgingProvider

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, _flat(urlsplit(self.path).query)
        if path == "/.well-known/openid-configuration":
            self.provider.forge.before_discovery()
            self.answer(self.provider.forge.discovery_status, self.provider.discovery())
        elif path == "/jwks":
            self.answer(200, self.provider.jwks())
        elif path == "/userinfo":
            self.answer(self.provider.forge.userinfo_status, self.provider.userinfo())
        elif path == "/authorize":
            self.redirect(self.provider.authorize(query))
        elif path == "/logout":
            self.provider.seen.logouts.append(query)
            self.redirect(f"{query['post_logout_redirect_uri']}?{urlencode({'state': query['state']})}")

    def do_POST(self) -> None:
        form = _flat(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.provider.seen.tokens.append({**form, "authorization": self.headers["Authorization"] or ""})
        name = self.provider.grants.get(form.get("code", ""), {}).get("token", "right")
        getattr(self, f"token_{name}")(form)

    def token_right(self, form: dict[str, str]) -> None:
        answer = self.provider.redeem(form)
        self.answer(400 if "error" in answer else 200, answer)

    def token_refuses(self, _: dict[str, str]) -> None:
        self.answer(400, {"error": "invalid_grant"})

    def token_denies_client(self, _: dict[str, str]) -> None:
        self.answer(401, {"error": "invalid_client"})

    def token_incomplete(self, _: dict[str, str]) -> None:
        self.answer(200, {"token_type": "Bearer", "access_token": "an-access-token"})

    def token_odd(self, _: dict[str, str]) -> None:
        self.answer(200, {"token_type": "Bearer", "access_token": "\ud800\r\nX: y", "id_token": "a.b.c"})

    def token_list(self, _: dict[str, str]) -> None:
        self.answer(200, [])

    def token_fails(self, _: dict[str, str]) -> None:
        self.answer(500, {"body": "a-body-that-no-log-may-hold"})

    def token_html(self, _: dict[str, str]) -> None:
        self.answer(200, "<html>a-body-that-no-log-may-hold</html>")

    def token_redirects(self, _: dict[str, str]) -> None:
        self.redirect(f"{self.provider.url}/userinfo")

    def token_huge(self, _: dict[str, str]) -> None:
        self.start(200)
        for _n in range(100):
            self.wfile.write(b" " * 1_000_000)
            self.provider.seen.bytes_sent += 1_000_000

    def token_hangs(self, _: dict[str, str]) -> None:
        self.provider.over.wait(SLOW_SECONDS)

    def token_drips(self, _: dict[str, str]) -> None:
        self.start(200)
        self.drip()

    def token_drips_headers(self, _: dict[str, str]) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        self.drip()

    def drip(self) -> None:
        end = time.monotonic() + SLOW_SECONDS
        while time.monotonic() < end and not self.provider.over.wait(0.1):
            self.wfile.write(b"x")

    def redirect(self, location: str) -> None:
        self.start(302, {"Location": location})

    def answer(self, status: int, document: Any) -> None:
        self.start(status, {"Content-Type": "application/json"})
        self.wfile.write((document if isinstance(document, str) else json.dumps(document)).encode())

    def start(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client has hung up, as it should on some lies
            super().handle()

    def finish(self) -> None:
        with suppress(ConnectionError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def forging_provider() -> Iterator[ForgingProvider]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.provider = ForgingProvider(server)
    with running_in_thread(server):
        try:
            yield handler.provider
        finally:
            handler.provider.over.set()


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _flat(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query).items()}


def _hash(verifier: str) -> str:
    return _encode(hashlib.sha256(verifier.encode()).digest())


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
