"""The authentication backend: mozilla-django-oidc's exchange of a code for an agent, with the checks that it lacks."""

import time
from typing import Any
from urllib.parse import quote

from django.contrib.auth import get_user_model
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from piag_gateway.conf import settings
from piag_gateway.faults import Interrupted, ProviderFault
from piag_gateway.models import Visitor
from piag_gateway.oidc.fetch import BearerAuth, Response, fetch
from piag_gateway.oidc.id_token import (
    Claims,
    Expectations,
    check_access_token,
    check_strength,
    check_userinfo,
    decode_id_token,
)
from piag_gateway.oidc.provider import get_provider
from piag_gateway.oidc.sign_in import get_redirect_uri

MAXIMUM_NAME_LENGTH = 200  # characters, as the column has
MAXIMUM_EMAIL_LENGTH = 254


class CerbereBackend(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Raise a Fault where the library returns None: the page and the log need the reason of a refusal."""

    def __init__(self) -> None:
        """Set what the library's methods read.

        The library's own constructor is not called: it demands endpoints in the settings, and PIAG discovers them.
        """
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID
        self.OIDC_RP_CLIENT_SECRET = settings.OIDC_RP_CLIENT_SECRET
        self.UserModel = get_user_model()

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Request the tokens with client_secret_basic and return the token response (RFC 6749 §2.3.1 and §5.1)."""
        form = {**payload, "redirect_uri": get_redirect_uri()}
        del form["client_secret"]
        credentials = (quote(form["client_id"], safe=""), quote(self.OIDC_RP_CLIENT_SECRET, safe=""))
        return _parse_token_response(fetch("POST", get_provider().token_endpoint, data=form, auth=credentials))

    def verify_token(self, token: str, **kwargs: Any) -> Claims:
        expected = Expectations(
            issuer=settings.ISSUER,
            client_id=settings.OIDC_RP_CLIENT_ID,
            nonce=kwargs.get("nonce") or "",
            now=time.time(),
            max_age=settings.MAX_AGE,
        )
        return decode_id_token(token, get_provider().keys.find, expected)

    def get_or_create_user(self, access_token: str, id_token: str, payload: Claims) -> Visitor:
        """Return the visitor of `iss` and `sub`, with the name and e-mail address that Cerbère gives now.

        Nothing is asked or stored before the ID token has proved two factors.
        """
        check_access_token(payload, access_token)
        check_strength(payload, settings.ACCEPTED_ACR)
        userinfo = self.get_userinfo(access_token, id_token, payload)
        check_userinfo(payload, userinfo)
        profile = {
            "name": _read_text(userinfo, "name", MAXIMUM_NAME_LENGTH),
            "email": _read_text(userinfo, "email", MAXIMUM_EMAIL_LENGTH),
        }
        visitor, _ = Visitor.objects.update_or_create(issuer=payload["iss"], subject=payload["sub"], defaults=profile)
        self.request.id_token, self.request.id_token_claims = id_token, payload
        return visitor

    def get_userinfo(self, access_token: str, id_token: str, payload: Claims) -> dict[str, Any]:
        response = fetch("GET", get_provider().userinfo_endpoint, auth=BearerAuth(access_token))
        if response.status != 200:
            raise ProviderFault(f"userinfo_status_{response.status}")
        return response.parse_json_object()

    def get_user(self, user_id: int) -> Visitor | None:
        """Return the session's visitor, or None once the account is closed: the library would still return it."""
        return Visitor.objects.filter(pk=user_id, is_active=True).first()


def _parse_token_response(response: Response) -> dict[str, Any]:
    document = response.parse_json_object()
    if response.status == 400 and document.get("error") == "invalid_grant":
        raise Interrupted("invalid_grant")
    if response.status != 200:
        raise ProviderFault(f"token_status_{response.status}")
    if not all(_is_token(document.get(name)) for name in ("id_token", "access_token")):
        raise ProviderFault("token_incomplete")
    return document


def _is_token(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _read_text(claims: Claims, name: str, maximum_length: int) -> str:
    """Return a claim as one line of text, without control characters: databases and logs do not take all of them."""
    value = claims.get(name)
    return "".join(filter(str.isprintable, value))[:maximum_length] if isinstance(value, str) else ""
