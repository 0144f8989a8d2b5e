"""The units of work: what a browser and an application do, from the first request to verified claims."""

from __future__ import annotations

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
from joserfc.jwk import KeySet, KeySetSerialization

from bench.client import Browser, Response

CALLBACK = "http://127.0.0.1:9/callback"  # nothing listens there: the flow ends at this redirect
# Agents a second that a run may use. The next run begins behind them, with agents whose code of this half minute is
# not used yet.
AGENTS_PER_SECOND = 50
MAX_STEPS = 12  # redirects and pages between the request and the code


class FlowError(Exception):
    """The server did not answer as a correct one does."""


@dataclass(frozen=True)
class Target:
    """One running server, its clients and its accounts. The load generator receives it as JSON."""

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
    code_client_id: str = ""  # a client that asks for the second factor, if the server has one
    code_client_secret: str = ""
    otp_secret: str = ""


class Flows:
    def __init__(self, target: Target, configuration: dict[str, Any], keys: KeySetSerialization) -> None:
        self.target, self.endpoints = target, configuration
        self.keys = KeySet.import_key_set(keys)
        self.turn = itertools.count(int(time.time() * AGENTS_PER_SECOND) % target.users)

    @classmethod
    async def discover(cls, target: Target, browser: Browser) -> Flows:
        configuration = json.loads((await browser.get(target.base + target.discovery)).body)
        keys = json.loads((await browser.get(configuration["jwks_uri"])).body)
        return cls(target, configuration, keys)

    async def sso(self, browser: Browser) -> None:
        """Sign on with a live session and read userinfo. A browser's first call opens the session."""
        if self.target.code_client_id:
            tokens = await self.sign_on(browser, self.target.code_client_id, self.target.code_client_secret)
        else:
            tokens = await self.sign_on(browser, self.target.client_id, self.target.client_secret)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        response = await browser.get(self.endpoints["userinfo_endpoint"], bearer, jar=False)
        if response.status != 200 or json.loads(response.body)["sub"] != tokens["sub"]:
            raise FlowError(f"userinfo: {response.status} {response.body[:100]!r}")

    async def login(self, browser: Browser) -> None:
        browser.jar.clear()
        await self.sign_on(browser, self.target.client_id, self.target.client_secret)

    async def code(self, browser: Browser) -> None:
        browser.jar.clear()
        await self.sign_on(browser, self.target.code_client_id, self.target.code_client_secret)

    async def sign_on(self, browser: Browser, client_id: str, client_secret: str) -> dict[str, Any]:
        """Return the tokens of one authorization, and the `sub` of its verified ID token."""
        url, nonce, verifier = self.authorization_request(client_id)
        code = await self._walk_to_code(browser, await browser.get(url))
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        basic = {"Authorization": f"Basic {credentials}"}
        response = await browser.post(self.endpoints["token_endpoint"], fields, basic, jar=False)
        if response.status != 200:
            raise FlowError(f"token: {response.status} {response.body[:200]!r}")
        tokens: dict[str, Any] = json.loads(response.body)
        return tokens | {"sub": self._verify(tokens["id_token"], client_id, nonce)["sub"]}

    def authorization_request(self, client_id: str) -> tuple[str, str, str]:
        """Return the URL, the nonce and the code verifier of a new request."""
        nonce, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid profile email",
            "state": nonce, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self.endpoints['authorization_endpoint']}?{urlencode(query)}", nonce, verifier

    def _verify(self, id_token: str, client_id: str, nonce: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(id_token, self.keys, algorithms=["RS256", "ES256"]).claims
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        is_valid = (
            claims["iss"] == self.endpoints["issuer"] and claims["nonce"] == nonce and claims["exp"] > time.time()
        )
        if not is_valid or client_id not in audience:
            raise FlowError(f"ID token: {claims}")
        return claims

    async def _walk_to_code(self, browser: Browser, response: Response) -> str:
        """Follow redirects and fill in forms until the application gets its code."""
        number = next(self.turn) % self.target.users
        for _ in range(MAX_STEPS):
            if response.location and response.location.startswith(CALLBACK):
                query = parse_qs(urlsplit(response.location).query)
                if "code" not in query:
                    raise FlowError(f"no code: {response.location}")
                return query["code"][0]
            if response.location:
                response = await browser.get(response.location)
            else:
                response = await self._fill_form(browser, response, number)
        raise FlowError("too many steps")

    async def _fill_form(self, browser: Browser, response: Response, number: int) -> Response:
        target = self.target
        if form := response.find_form(target.password_field):
            url, fields = form
            typed = {target.user_field: target.user % number, target.password_field: target.password}
            return await browser.post(url, fields | typed, {"Referer": response.url})
        if target.otp_secret and (form := response.find_form("code")):
            url, fields = form
            return await browser.post(url, fields | {"code": totp(target.otp_secret)}, {"Referer": response.url})
        raise FlowError(f"{response.status} at {response.url}: {response.body[-300:]!r}")


def totp(secret: str) -> str:
    """Return the code of this moment (RFC 6238)."""
    digest = hmac.new(secret.encode(), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
