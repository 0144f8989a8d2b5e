"""Make the responses of the protocol: redirects to the application, JSON errors and error pages."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from cerbere.audit.context import current_origin, make_reference
from cerbere.core.redirects import SeeOther
from cerbere.provider.errors import OAuthError

TOO_MANY = 429


def add_query(uri: str, **parameters: str | None) -> str:
    """Return the URL with these parameters added to its query; those that are None are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{query}" if query else uri


def get_origin_of_url(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


def make_authorization_response(
    request: HttpRequest, parameters: Mapping[str, str], **answer: str | None
) -> HttpResponse:
    """Return an authorization response (RFC 6749 §4.1.2) with `iss` (RFC 9207), in the requested response_mode."""
    answer |= {"state": parameters.get("state"), "iss": settings.PUBLIC_URL}
    if parameters.get("response_mode") == "form_post":
        return _render_form_post(
            request, parameters["redirect_uri"], {k: v for k, v in answer.items() if v is not None}
        )
    return SeeOther(add_query(parameters["redirect_uri"], **answer))


def _render_form_post(request: HttpRequest, redirect_uri: str, answer: dict[str, str]) -> HttpResponse:
    """Return a page that posts the answer (OAuth 2.0 Form Post Response Mode §2), by a button without scripts."""
    context = {"redirect_uri": redirect_uri, "fields": answer.items()}
    response = render(request, "provider/form_post.html", context)
    response.form_action_origin = get_origin_of_url(redirect_uri)  # type: ignore[attr-defined]
    return response


def make_json_error(error: OAuthError) -> JsonResponse:
    """Return an error response of the token endpoint and its likes (RFC 6749 §5.2)."""
    body: dict[str, Any] = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    response = JsonResponse(body, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    return response


def render_error_page(request: HttpRequest, error: OAuthError) -> HttpResponse:
    """Return an error page for the agent, when the error must not be sent to the application."""
    origin = current_origin.get()
    context = {
        "message": _choose_message(error.error), "error": error.error, "description": error.description,
        "reference": make_reference(origin.request_id),
    }  # fmt: skip
    template = "429.html" if error.status == TOO_MANY else "provider/error.html"
    response = render(request, template, context, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    return response


def _choose_message(error: str) -> str:
    messages = {
        "invalid_client": _("Ce service n’est pas connu de Cerbère."),
        "expired": _("Votre demande d’accès a expiré ou a déjà servi. Ouvrez le service de nouveau."),
    }
    return messages.get(error, _("La demande de ce service n’est pas conforme à ce qui est enregistré."))
