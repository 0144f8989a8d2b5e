"""The units of work: what a browser and an application do, from the first request to verified claims."""

import base64
import hashlib
import hmac
import itertools
import json
import secrets
import struct
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet

from bench.client import Answer, Browser

CALLBACK = "http://127.0.0.1:9/callback"  # nobody listens there: the flow ends at this redirect
TURNS = 50  # agents a second that a run may use: the next run finds others, whose codes of this half minute are unburnt
STEPS = 12  # redirects and pages at most, between the request and the code


class FlowError(Exception):
    """The server has not done what a good one does."""


@dataclass(frozen=True)
class Target:
    """One running server: where it is, its client, its accounts. Goes to the load generator as JSON."""

    name: str
    base: str
    client_id: str
    client_secret: str
    password: str
    discovery: str = "/.well-known/openid-configuration"
    user: str = "agent%05d"
    users: int = 1000
    user_field: str = "username"
    password_field: str = "password"
    code_client_id: str = ""  # a client that demands the second factor; empty: none
    otp_secret: str = ""


class Flows:
    def __init__(self, target: Target, configuration: dict[str, Any], keys: dict[str, Any]) -> None:
        self.target, self.endpoints = target, configuration
        self.keys = KeySet.import_key_set(keys)
        self.turn = itertools.count(int(time.time() * TURNS) % target.users)

    def authorization(self, client_id: str) -> tuple[str, str, str]:
        """Address, nonce and code verifier of a new request."""
        nonce, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid profile email",
            "state": nonce, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self.endpoints['authorization_endpoint']}?{urlencode(query)}", nonce, verifier

    async def sso(self, browser: Browser) -> None:
        """With a live session; the first flow of a browser opens it, and is not measured."""
        client_id = self.target.code_client_id or self.target.client_id
        tokens = await self.sign_on(browser, client_id)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        answer = await browser.get(self.endpoints["userinfo_endpoint"], bearer, jar=False)
        if answer.status != 200 or json.loads(answer.body)["sub"] != tokens["sub"]:
            raise FlowError(f"userinfo: {answer.status} {answer.body[:100]!r}")

    async def login(self, browser: Browser) -> None:
        browser.jar.clear()
        await self.sign_on(browser, self.target.client_id)

    async def code(self, browser: Browser) -> None:
        browser.jar.clear()
        await self.sign_on(browser, self.target.code_client_id)

    async def sign_on(self, browser: Browser, client_id: str) -> dict[str, Any]:
        """From the request to a verified ID token. Returns the tokens with their `sub`."""
        address, nonce, verifier = self.authorization(client_id)
        code = await self._walk(browser, await browser.get(address))
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        secret = base64.b64encode(f"{client_id}:{self.target.client_secret}".encode()).decode()
        basic = {"Authorization": f"Basic {secret}"}
        answer = await browser.post(self.endpoints["token_endpoint"], fields, basic, jar=False)
        if answer.status != 200:
            raise FlowError(f"token: {answer.status} {answer.body[:200]!r}")
        tokens: dict[str, Any] = json.loads(answer.body)
        return tokens | {"sub": self._verified(tokens["id_token"], client_id, nonce)["sub"]}

    def _verified(self, id_token: str, client_id: str, nonce: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(id_token, self.keys, algorithms=["RS256", "ES256"]).claims
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        sound = claims["iss"] == self.endpoints["issuer"] and claims["nonce"] == nonce and claims["exp"] > time.time()
        if not sound or client_id not in audience:
            raise FlowError(f"ID token: {claims}")
        return claims

    async def _walk(self, browser: Browser, answer: Answer) -> str:
        """Follow redirects and fill in forms until the application gets its code."""
        number = next(self.turn) % self.target.users
        for _ in range(STEPS):
            if answer.location and answer.location.startswith(CALLBACK):
                given = parse_qs(urlsplit(answer.location).query)
                if "code" not in given:
                    raise FlowError(f"no code: {answer.location}")
                return given["code"][0]
            answer = await (browser.get(answer.location) if answer.location else self._fill(browser, answer, number))
        raise FlowError("too many steps")

    async def _fill(self, browser: Browser, answer: Answer, number: int) -> Answer:
        target = self.target
        if form := answer.form(target.password_field):
            address, fields = form
            typed = {target.user_field: target.user % number, target.password_field: target.password}
            return await browser.post(address, fields | typed, {"Referer": answer.url})
        if target.otp_secret and (form := answer.form("code")):
            address, fields = form
            return await browser.post(address, fields | {"code": _code(target.otp_secret)}, {"Referer": answer.url})
        raise FlowError(f"{answer.status} at {answer.url}: {answer.body[-300:]!r}")


def _code(secret: str) -> str:
    """RFC 6238, as a phone shows it now."""
    digest = hmac.new(secret.encode(), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
