"""From an authorization code to an agent whom PIAG knows: the library's flow, with every check that it lacks."""

import time
from typing import Any
from urllib.parse import quote

from django.contrib.auth import get_user_model
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from piag_gateway.conf import settings
from piag_gateway.faults import Interrupted, ProviderFault
from piag_gateway.models import Visitor
from piag_gateway.oidc import id_token as tokens
from piag_gateway.oidc.fetch import Answer, Bearer, fetch
from piag_gateway.oidc.provider import provider
from piag_gateway.oidc.sign_in import redirect_uri


class CerbereBackend(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Raises a Fault instead of answering None: the reason of a refusal must reach the page and the log."""

    def __init__(self) -> None:
        """Without the library's own: it would ask for addresses at each request, and those come from discovery."""
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID
        self.OIDC_RP_CLIENT_SECRET = settings.OIDC_RP_CLIENT_SECRET
        self.UserModel = get_user_model()

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The token response (RFC 6749 §5.1), asked with client_secret_basic (§2.3.1)."""
        form = {**payload, "redirect_uri": redirect_uri()}
        del form["client_secret"]
        credentials = (quote(form["client_id"], safe=""), quote(self.OIDC_RP_CLIENT_SECRET, safe=""))
        return _tokens(fetch("POST", provider().token_endpoint, data=form, auth=credentials))

    def verify_token(self, token: str, **kwargs: Any) -> tokens.Claims:
        expected = tokens.Expected(
            issuer=settings.ISSUER,
            client_id=settings.OIDC_RP_CLIENT_ID,
            nonce=kwargs.get("nonce") or "",
            now=time.time(),
            max_age=settings.MAX_AGE,
        )
        return tokens.claims_of(token, provider().keys.find, expected)

    def get_or_create_user(self, access_token: str, id_token: str, payload: tokens.Claims) -> Visitor:
        """The agent of (iss, sub), with the name and address of today. Two factors are demanded before."""
        tokens.check_access_token(payload, access_token)
        tokens.check_strength(payload, settings.ACCEPTED_ACR)
        userinfo = self.get_userinfo(access_token, id_token, payload)
        tokens.check_userinfo(payload, userinfo)
        visitor, _created = Visitor.objects.update_or_create(
            issuer=payload["iss"],
            subject=payload["sub"],
            defaults={"name": _text(userinfo, "name", 200), "email": _text(userinfo, "email", 254)},
        )
        self.request.accepted = payload, id_token
        return visitor

    def get_userinfo(self, access_token: str, id_token: str, payload: tokens.Claims) -> dict[str, Any]:
        answer = fetch("GET", provider().userinfo_endpoint, auth=Bearer(access_token))
        if answer.status != 200:
            raise ProviderFault(f"userinfo_status_{answer.status}")
        return answer.document()

    def get_user(self, user_id: int) -> Visitor | None:
        """Nobody once the account is closed: the library would go on with it."""
        return Visitor.objects.filter(pk=user_id, is_active=True).first()


def _tokens(answer: Answer) -> dict[str, Any]:
    document = answer.document()
    if answer.status == 400 and document.get("error") == "invalid_grant":
        raise Interrupted("invalid_grant")
    if answer.status != 200:
        raise ProviderFault(f"token_status_{answer.status}")
    if not all(_is_token(document.get(name)) for name in ("id_token", "access_token")):
        raise ProviderFault("token_incomplete")
    return document


def _is_token(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _text(claims: tokens.Claims, name: str, length: int) -> str:
    """A claim as a line of text: no control character, which a database or a log might stumble over."""
    value = claims.get(name)
    return "".join(filter(str.isprintable, value))[:length] if isinstance(value, str) else ""
