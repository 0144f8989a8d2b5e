"""Answers of the protocol: redirects to the application, JSON errors, and a page where nobody may be redirected."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from cerbere.audit.context import current_origin, reference_of
from cerbere.core.redirects import SeeOther
from cerbere.provider.errors import OAuthError

TOO_MANY = 429


def add_query(uri: str, **parameters: str | None) -> str:
    """The registered URI, its own query untouched, with these parameters behind it; None are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{query}" if query else uri


def origin_of_uri(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def to_client(request: HttpRequest, asked: Mapping[str, str], **answer: str | None) -> HttpResponse:
    """An authorization response (RFC 6749 §4.1.2) with its issuer (RFC 9207), in the response_mode that was asked."""
    answer |= {"state": asked.get("state"), "iss": settings.PUBLIC_URL}
    if asked.get("response_mode") == "form_post":
        return _form_post(request, asked["redirect_uri"], {k: v for k, v in answer.items() if v is not None})
    return SeeOther(add_query(asked["redirect_uri"], **answer))


def _form_post(request: HttpRequest, redirect_uri: str, answer: dict[str, str]) -> HttpResponse:
    """OAuth 2.0 Form Post Response Mode §2; a button does it where scripts do not run."""
    context = {"redirect_uri": redirect_uri, "fields": answer.items()}
    response = render(request, "provider/form_post.html", context)
    response.form_action_origin = origin_of_uri(redirect_uri)  # type: ignore[attr-defined]
    return response


def json_error(error: OAuthError) -> JsonResponse:
    """RFC 6749 §5.2."""
    body: dict[str, Any] = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    response = JsonResponse(body, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    return response


def error_page(request: HttpRequest, error: OAuthError) -> HttpResponse:
    """For the agent, when the application cannot be trusted with the answer."""
    origin = current_origin.get()
    context = {
        "message": _message(error.error), "error": error.error, "description": error.description,
        "reference": reference_of(origin.request_id),
    }  # fmt: skip
    template = "429.html" if error.status == TOO_MANY else "provider/error.html"
    response = render(request, template, context, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    return response


def _message(error: str) -> str:
    messages = {
        "invalid_client": _("Ce service n’est pas connu de Cerbère."),
        "expired": _("Votre demande d’accès a expiré ou a déjà servi. Ouvrez le service de nouveau."),
    }
    return messages.get(error, _("La demande de ce service n’est pas conforme à ce qui est enregistré."))
