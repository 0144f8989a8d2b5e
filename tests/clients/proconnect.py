"""ProConnect as an identity provider meets it, by hand: no PKCE, client_secret_post, an essential acr, signed userinfo.

From its documentation for identity providers; the state, the nonce and what comes back are checked as it does.
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import KeySet

CALLBACK = "https://proconnect.example.fr/api/v2/oidc-callback"
AFTER_LOGOUT = "https://proconnect.example.fr/api/v2/client/logout-callback"
SCOPES = "openid uid given_name usual_name email siret siren organizational_unit belonging_population phone"
ACR = {"id_token": {"acr": {"essential": True, "values": ["eidas2", "eidas3"]}}}
TIMEOUT = 10  # seconds


class RefusedError(Exception):
    """The identity provider answered an error, or something that ProConnect does not accept."""


@dataclass
class ProConnect:
    issuer: str
    client_secret: str
    client_id: str = "proconnect"
    asked: dict[str, str] = field(default_factory=dict)
    essential: list[str] = field(default_factory=list)

    def get(self, url: str, **options: Any) -> requests.Response:
        answer = requests.get(url, timeout=TIMEOUT, **options)
        answer.raise_for_status()
        return answer

    @property
    def metadata(self) -> dict[str, Any]:
        return self.get(f"{self.issuer}/.well-known/openid-configuration").json()

    def start(self, claims: dict[str, Any] = ACR, **more: str) -> str:
        """Return the authorization URL to which the browser is sent."""
        self.asked = {"state": secrets.token_hex(32), "nonce": secrets.token_hex(32)}
        self.essential = claims["id_token"]["acr"]["values"]
        request = {
            "client_id": self.client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": SCOPES,
            "claims": json.dumps(claims), **self.asked, **more,
        }  # fmt: skip
        return f"{self.metadata['authorization_endpoint']}?{urlencode(request)}"

    def finish(self, location: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the token response and the ID token's claims for this redirect. Raises RefusedError."""
        assert location.startswith(CALLBACK), location
        given = dict(parse_qsl(urlsplit(location).query))
        if given.get("state") != self.asked["state"] or given.get("iss", self.issuer) != self.issuer:
            raise RefusedError("state or iss")
        if "error" in given:
            raise RefusedError(given["error"])
        tokens = self.redeem(given["code"])
        claims = self.verified(tokens["id_token"])
        if (claims["iss"], claims["aud"], claims["nonce"]) != (self.issuer, self.client_id, self.asked["nonce"]):
            raise RefusedError("iss, aud or nonce")
        if claims["acr"] not in self.essential:
            raise RefusedError("acr")
        return tokens, claims

    def redeem(self, code: str) -> dict[str, Any]:
        body = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
            "client_id": self.client_id, "client_secret": self.client_secret,
        }  # fmt: skip
        answer = requests.post(self.metadata["token_endpoint"], body, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def verified(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.get(self.metadata["jwks_uri"]).json())
        return jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims

    def userinfo(self, access_token: str) -> dict[str, Any]:
        answer = self.get(self.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {access_token}"})
        if answer.headers["Content-Type"].startswith("application/jwt"):
            return self.verified(answer.text)
        return answer.json()

    def log_out(self, id_token: str) -> str:
        self.asked = {"state": secrets.token_hex(32)}
        request = {"id_token_hint": id_token, "post_logout_redirect_uri": AFTER_LOGOUT, **self.asked}
        return f"{self.metadata['end_session_endpoint']}?{urlencode(request)}"
